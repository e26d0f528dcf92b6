"""Changes of properties, as a document asks for them: which can be made (RFC 4918, 9.2)."""

from dataclasses import dataclass, field
from datetime import datetime
from http import HTTPStatus
from typing import Final, Self
from xml.etree.ElementTree import Element

from files.errors import MalformedRequestError
from files.http.conditional import parse_http_date
from files.http.stated import require_time, seconds_time
from files.operations.properties import PropertyChange

from .live import LIVE
from .multistatus import propstat
from .xml import DAV, PropertyName, dav, name_of, properties_in, write

_WINDOWS: Final = "urn:schemas-microsoft-com:"
# The time of modification, as clients state it: rclone and others in seconds, KDE and Windows
# Explorer as an HTTP-date. Windows reads its own back, so that it is kept as well.
_TIMES: Final = {
    PropertyName(DAV, "lastmodified"),
    PropertyName(DAV, "getlastmodified"),
    PropertyName(_WINDOWS, "Win32LastModifiedTime"),
}


@dataclass(frozen=True, slots=True)
class Why:
    """Why a property is refused: a status and, where a standard names one, the condition."""

    status: HTTPStatus
    condition: str = ""

    @property
    def error(self) -> str:
        """Write the condition as an element; nothing where there is none."""
        return f"<D:error><D:{self.condition}/></D:error>" if self.condition else ""


PROTECTED: Final = Why(HTTPStatus.FORBIDDEN, "cannot-modify-protected-property")  # RFC 4918, 16
OTHER_TYPE: Final = Why(HTTPStatus.FORBIDDEN, "valid-resourcetype")  # RFC 5689, 3.3
_NO_TIME: Final = Why(HTTPStatus.CONFLICT)


@dataclass(slots=True)
class Changes:
    """What a document wants: dead properties in order, a time, and what is refused, with why."""

    dead: list[PropertyChange] = field(default_factory=list)
    modified_at: datetime | None = None
    accepted: dict[PropertyName, None] = field(default_factory=dict)
    refused: dict[PropertyName, Why] = field(default_factory=dict)

    @classmethod
    def of(cls, root: Element, *, allowed: frozenset[PropertyName] = frozenset()) -> Self:
        """Read the set and remove elements of a document, in order.

        allowed are live properties that may be set, to what they are. Raises MalformedRequestError.
        """
        changes = cls()
        for part in root:
            if part.tag not in {dav("set"), dav("remove")}:
                continue
            for element in properties_in(part):
                name = name_of(element)
                if name not in allowed:
                    changes._take(name, element if part.tag == dav("set") else None)
        if not (changes.accepted or changes.refused or allowed):
            raise MalformedRequestError(reason="propertyupdate")
        return changes

    def _take(self, name: PropertyName, element: Element | None) -> None:
        """Take one change, in which element is None to remove the property."""
        if name in _TIMES:
            self._take_time(name, element)
        elif name in LIVE:
            self.refused[name] = PROTECTED
        else:
            value = write(element) if element is not None else None
            self.dead.append(PropertyChange(name.namespace, name.name, value))
            self.accepted[name] = None

    def _take_time(self, name: PropertyName, element: Element | None) -> None:
        """Take a time; the server's own can be set but not removed."""
        is_windows = name.namespace == _WINDOWS
        if element is None and not is_windows:
            self.refused[name] = PROTECTED
            return
        if element is not None:
            time = _time_of((element.text or "").strip())
            if time is None:
                self.refused[name] = _NO_TIME
                return
            self.modified_at = time
        if is_windows:
            value = write(element) if element is not None else None
            self.dead.append(PropertyChange(name.namespace, name.name, value))
        self.accepted[name] = None


def _time_of(text: str) -> datetime | None:
    """Read a time in seconds or as an HTTP-date; None for anything else."""
    try:
        time = parse_http_date(text)
        return seconds_time(text, "time") if time is None else require_time(time, "time")
    except MalformedRequestError:
        return None


def propstats_of(changes: Changes) -> str:
    """Write what became of changes: all of them, or none where one is refused (424 for those)."""
    if not changes.refused:
        return propstat((name.element for name in changes.accepted), HTTPStatus.OK)
    told = ""
    for reason in dict.fromkeys(changes.refused.values()):
        names = (name.element for name, why in changes.refused.items() if why == reason)
        told += propstat(names, reason.status, reason.error)
    others = (name.element for name in changes.accepted if name not in changes.refused)
    return told + propstat(others, HTTPStatus.FAILED_DEPENDENCY)
