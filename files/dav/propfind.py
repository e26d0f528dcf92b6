"""PROPFIND: what is known of a resource and of the members of a collection (RFC 4918, 9.1)."""

from collections.abc import Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import Final
from urllib.parse import quote

from files.dav_errors import DepthRefusedError
from files.errors import EntryNotFoundError
from files.http.methods import Outcome

from .asked import Asked
from .calls import Call, Depth
from .listing import Window, windows
from .live import ALLPROP, LIVE, Getter, Surroundings
from .multistatus import answer_multistatus, propstat, response, status_line
from .rows import Row
from .xml import PropertyName, parse

MOST_TEXT: Final = 1_048_576  # characters that are written before they are sent
_NO_PROPERTIES: Final[Mapping[PropertyName, str]] = {}
# A response needs one propstat at least (RFC 4918, 14.24).
# Of a collection where all levels were asked for and one is told (RFC 6578, 3.3).
_NOT_BELOW: Final = (
    f"{status_line(HTTPStatus.FORBIDDEN)}<D:error><D:sync-traversal-supported/></D:error>"
)
_NOTHING: Final = f"<D:propstat><D:prop/>{status_line(HTTPStatus.OK)}</D:propstat>"


class PropertyWriter:
    """Writes what is wanted of resources, as the propstats of a response."""

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        live = dict.fromkeys(asked.named) | (dict.fromkeys(ALLPROP) if asked.is_all else {})
        if asked.names_only:
            live = dict.fromkeys(LIVE)
        # What is written of each row is made once: tags, the empty element, whether it is missed.
        self._live: Sequence[tuple[str, str, str, bool, Getter]] = [
            (*name.tags, name.element, name in asked.named, LIVE[name])
            for name in live
            if name in LIVE
        ]
        self._dead = [name for name in asked.named if name not in LIVE]

    def propstats(
        self, row: Row, around: Surroundings, dead: Mapping[PropertyName, str] = _NO_PROPERTIES
    ) -> str:
        """Write the properties of a resource that are there, and name those that are missed."""
        found: list[str] = []
        missing: list[str] = []
        for opening, closing, element, is_missed, getter in self._live:
            value = getter(row, around)
            if value is None:
                missing += [element] if is_missed else ()
            elif self._asked.names_only or not value:
                found.append(element)
            else:
                found.append(f"{opening}{value}{closing}")
        if self._asked.is_all:
            found += [name.element for name in dead] if self._asked.names_only else dead.values()
        for name in self._dead:
            if name not in dead:
                missing.append(name.element)
            elif not self._asked.is_all:
                found.append(dead[name])
        if self._asked.is_minimal:
            missing = []
        told = propstat(found, HTTPStatus.OK) + propstat(missing, HTTPStatus.NOT_FOUND)
        return told or _NOTHING


def propfind(call: Call) -> Outcome:
    """Answer a PROPFIND.

    Raises MalformedRequestError, DepthRefusedError for a whole tree, and EntryNotFoundError.
    """
    is_minimal = "return=minimal" in call.head.headers.get("prefer", "")
    asked = Asked.of(parse(call.body, "propfind"), is_minimal=is_minimal)
    depth = call.depth
    if depth is Depth.INFINITY:
        raise DepthRefusedError
    if not call.resource.is_mapped:
        raise EntryNotFoundError
    found = windows(call, asked, with_members=depth is Depth.ONE)
    return answer_multistatus(responses(call, asked, found))


def responses(call: Call, asked: Asked, found: Iterator[Window]) -> Iterator[str]:
    """Write the responses of each window: in one text, or in several where they are long."""
    writer = PropertyWriter(asked)
    base = call.path.href(is_collection=call.resource.is_collection)
    for window in found:
        lines: list[str] = []
        length = 0
        for row in window.rows:
            if length > MOST_TEXT:
                yield "".join(lines)
                lines, length = [], 0
            if row.id == window.self_id:
                href = base
            else:
                href = f"{base}{quote(row.name, safe='')}{'/' if row.is_folder else ''}"
            dead = window.dead.get(row.id, _NO_PROPERTIES)
            told = (
                _NOT_BELOW
                if asked.refuses_below and row.is_folder
                else writer.propstats(row, window.around, dead)
            )
            lines.append(response(href, told))
            length += len(lines[-1])
        yield "".join(lines)
