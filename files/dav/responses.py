"""The responses of a listing, written as text.

What all resources of one shape have in common is put together once, with places for what differs,
so that one of ten thousand costs little more than reading its row.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from operator import itemgetter
from typing import Final

from files.models.rows import Row

from .asked import Asked
from .calls import Call
from .listing import Window
from .live import (
    ALLPROP,
    LIVE,
    PLACES,
    Getter,
    Shape,
    Surroundings,
    Values,
    shape_of,
    values_of,
)
from .multistatus import propstat, response, status_line
from .xml import PropertyName

MOST_TEXT: Final = 1_048_576  # characters that are written before they are sent

type Dead = Mapping[PropertyName, str]

_NONE: Final[Dead] = {}
# A response needs one propstat at least (RFC 4918, 14.24).
_NOTHING: Final = f"<D:propstat><D:prop/>{status_line(HTTPStatus.OK)}</D:propstat>"
# Of a collection where all levels were asked for and one is told (RFC 6578, 3.3).
_NOT_BELOW: Final = (
    f"{status_line(HTTPStatus.FORBIDDEN)}<D:error><D:sync-traversal-supported/></D:error>"
)
_PLACE: Final = re.compile(r"%%|%\((\w+)\)s")
_INDEXES: Final = {place: index for index, place in enumerate(PLACES)}


def _fixed(text: str) -> str:
    """Write a text so that nothing in it is a place."""
    return text.replace("%", "%%")


class _Pattern:
    """A text with some of the PLACES, to be filled in."""

    __slots__ = ("_pick", "_text")

    def __init__(self, text: str) -> None:
        wanted = [_INDEXES[name] for name in _PLACE.findall(text) if name]
        self._text = _PLACE.sub(lambda match: "%s" if match[1] else "%%", text)
        self._pick: Callable[[Values], object] = itemgetter(*wanted) if wanted else _nothing

    def fill(self, values: Values) -> str:
        """Write the text with the values of a row."""
        return self._text % self._pick(values)


def _nothing(_values: Values) -> object:
    """Pick no value."""
    return ()


@dataclass(frozen=True, slots=True)
class _Form:
    """How resources of one shape are told of."""

    whole: _Pattern  # the response of one without dead properties
    found: _Pattern | None  # the live properties that are there; None: whole is told of all
    missing: Sequence[str]  # the elements of those that are missed


class ResponseWriter:
    """Writes the responses of a collection and its members: what is wanted of each of them."""

    def __init__(self, asked: Asked, base: str) -> None:
        self._asked, self._base = asked, base
        live = dict.fromkeys(asked.named) | (dict.fromkeys(ALLPROP) if asked.is_all else {})
        if asked.names_only:
            live = dict.fromkeys(LIVE)
        self._live: Sequence[tuple[PropertyName, Getter]] = [
            (name, LIVE[name]) for name in live if name in LIVE
        ]
        self._dead = [name for name in asked.named if name not in LIVE]

    def write(self, window: Window) -> Iterator[str]:
        """Write the responses of a window: in one text, or in several where they are long."""
        forms: dict[Shape, _Form] = {}
        around, dead = window.around, window.dead
        lines: list[str] = []
        length = 0
        for row in window.rows:
            if length > MOST_TEXT:
                yield "".join(lines)
                lines, length = [], 0
            shape = shape_of(row)
            if (form := forms.get(shape)) is None:
                form = forms[shape] = self._form(row, around)
            values = values_of(row, around)
            if row.id == window.self_id:
                values = ("", *values[1:])
            if dead and form.found is not None and row.id in dead:
                line = self._with_dead(form.found.fill(values), form, values, dead[row.id])
            else:
                line = form.whole.fill(values)
            lines.append(line)
            length += len(line)
        yield "".join(lines)

    def _form(self, row: Row, around: Surroundings) -> _Form:
        """Put together what resources of the shape of a row have in common."""
        href = f"{_fixed(self._base)}%(href)s"
        if self._asked.refuses_below and row.is_folder:
            whole = response(href, _NOT_BELOW)
            return _Form(_Pattern(whole), None, ())
        found: list[str] = []
        missing: list[str] = []
        for name, getter in self._live:
            value = getter(row, around)
            element, (opening, closing) = name.element, name.tags
            if value is None:
                missing += [element] if name in self._asked.named else ()
            elif self._asked.names_only or not value:
                found.append(_fixed(element))
            else:
                found.append(f"{_fixed(opening)}{value}{_fixed(closing)}")
        missed = [_fixed(element) for element in (*missing, *self._missing(_NONE))]
        whole = response(href, self._propstats(found, missed))
        return _Form(_Pattern(whole), _Pattern("".join(found)), missing)

    def _with_dead(self, live: str, form: _Form, values: Values, dead: Dead) -> str:
        """Write the response of a resource that has dead properties beside its live ones."""
        asked = self._asked
        found = [live]
        if asked.is_all:
            found += [name.element for name in dead] if asked.names_only else dead.values()
        else:
            found += [dead[name] for name in self._dead if name in dead]
        told = self._propstats(found, [*form.missing, *self._missing(dead)])
        return response(f"{self._base}{values[0]}", told)

    def _missing(self, dead: Dead) -> Iterable[str]:
        """Give the elements of the dead properties that are missed."""
        return (name.element for name in self._dead if name not in dead)

    def _propstats(self, found: Iterable[str], missing: Iterable[str]) -> str:
        """Write what is there, and name what is missed."""
        if self._asked.is_minimal:
            missing = ()
        told = propstat(found, HTTPStatus.OK) + propstat(missing, HTTPStatus.NOT_FOUND)
        return told or _NOTHING


def responses(call: Call, asked: Asked, found: Iterable[Window]) -> Iterator[str]:
    """Write the responses of each window."""
    base = call.path.href(is_collection=call.resource.is_collection)
    writer = ResponseWriter(asked, base)
    for window in found:
        yield from writer.write(window)
