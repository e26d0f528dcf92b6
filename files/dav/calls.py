"""One request as the methods see it: what is said, who says it, and what it is about."""

from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from typing import Final

from files.access import Actor
from files.errors import MalformedRequestError
from files.http.heads import Head

from .paths import DavPath
from .resources import Resource, find


class Depth(Enum):
    """How far below a collection a request reaches (RFC 4918, 10.2)."""

    ZERO = "0"
    ONE = "1"
    INFINITY = "infinity"


@dataclass(frozen=True)
class Call:
    """One request, by somebody; resources are looked up once, when they are asked for."""

    head: Head
    body: bytes
    path: DavPath
    actor: Actor

    @cached_property
    def resource(self) -> Resource:
        """Find what the request is about."""
        return find(self.actor, self.path)

    @property
    def depth(self) -> Depth:
        """Read how far it reaches: all the way by default. Raises MalformedRequestError."""
        try:
            return Depth(self.head.headers.get("depth", "infinity").strip().lower())
        except ValueError:
            raise MalformedRequestError(reason="depth") from None

    @property
    def overwrites(self) -> bool:
        """Read whether what is at the destination may go (RFC 4918, 10.6).

        Raises MalformedRequestError.
        """
        value = self.head.headers.get("overwrite", "T").strip().upper()
        if value not in _OVERWRITE:
            raise MalformedRequestError(reason="overwrite")
        return value == "T"


_OVERWRITE: Final = frozenset({"T", "F"})
