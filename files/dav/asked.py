"""Which properties a request wants of each resource (RFC 4918, 9.1 and 14.20)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Self
from xml.etree.ElementTree import Element

from files.errors import MalformedRequestError

from .live import ALLPROP, LIVE
from .xml import DAV, OWNCLOUD, PropertyName, dav, name_of, properties_in

MOST_NAMES: Final = 500  # properties that one request may name


_CHECKSUMS: Final = PropertyName(OWNCLOUD, "checksums")


@dataclass(frozen=True, slots=True)
class Asked:
    """Which properties a request wants of each resource.

    named are those that are missed where they are not there. is_all adds what allprop gives and
    every dead property; names_only leaves out the values. refuses_below is for who asks for all
    levels where one is told: the collections that are listed are refused in place of theirs.
    """

    named: tuple[PropertyName, ...] = ()
    is_all: bool = False
    names_only: bool = False
    is_minimal: bool = False  # what is missing is not told (RFC 8144, 2.1)
    refuses_below: bool = False

    @classmethod
    def of(cls, root: Element | None, *, is_minimal: bool = False) -> Self:
        """Read a propfind element; an empty body asks for all. Raises MalformedRequestError."""
        if root is None or root.find(dav("allprop")) is not None:
            included = () if root is None else tuple(root.findall(dav("include")))
            names = dict.fromkeys(name_of(element) for part in included for element in part)
            return cls(_bounded(names), is_all=True, is_minimal=is_minimal)
        if root.find(dav("propname")) is not None:
            return cls(is_all=True, names_only=True)
        if root.find(dav("prop")) is None:
            raise MalformedRequestError(reason="propfind")
        return cls.named_in(root, is_minimal=is_minimal)

    @classmethod
    def named_in(cls, root: Element, *, is_minimal: bool = False) -> Self:
        """Ask for what the prop elements of a document name. Raises MalformedRequestError."""
        names = dict.fromkeys(name_of(element) for element in properties_in(root))
        return cls(_bounded(names), is_minimal=is_minimal)

    @property
    def wants_dead(self) -> bool:
        """Tell whether dead properties have to be read."""
        return self.is_all or any(name not in LIVE for name in self.named)

    @property
    def wants_digests(self) -> bool:
        """Tell whether the digests of contents have to be read."""
        return self.names_only or _CHECKSUMS in self.named

    def wants(self, *names: str) -> bool:
        """Tell whether one of some properties in DAV: is among what is wanted."""
        of_all = LIVE if self.names_only else ALLPROP if self.is_all else ()
        return any(PropertyName(DAV, name) in (*self.named, *of_all) for name in names)


def _bounded(names: Mapping[PropertyName, None]) -> tuple[PropertyName, ...]:
    """Refuse more names than any client has use for. Raises MalformedRequestError."""
    if len(names) > MOST_NAMES:
        raise MalformedRequestError(reason="prop")
    return tuple(names)
