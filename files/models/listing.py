"""One page of a folder: folders first, in one of four orders, by keyset and never by OFFSET.

Folders and files are read by a query each, so that either is one range of the index of its order
(models/entries.py) whichever way it runs, and a page costs the same in a folder of any size.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final, Self

from django.db.models import F, Q, QuerySet, Subquery

from files.protocol_errors import StaleCursorError

from .entries import Entry

PAGE_SIZE = 100

_COLUMNS = {
    "name": "name_fold",
    "size": "size",
    "date": "modified_at",
    "type": "media_type",
}
SHOWN: Final = ("pk", "parent_id", "kind", "name", "size", "media_type", "modified_at")
# What programs are told beside it.
TOLD: Final = (
    *SHOWN, "name_fold", "space_id", "version_id", "version__sha256", "revision", "created_at",
    "trashed_at",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Order:
    """How a folder is sorted: by which column, and which way."""

    key: str = "name"
    is_descending: bool = False

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read what the address says, "size" or "-size"; anything unknown is by name."""
        key = text.removeprefix("-")
        return cls(key, text.startswith("-")) if key in _COLUMNS else cls()

    def __str__(self) -> str:
        return f"-{self.key}" if self.is_descending else self.key

    def column_of(self, kind: Entry.Kind) -> str:
        """Name the column that sorts this kind; folders have no size or type, so go by name."""
        if kind == Entry.Kind.FOLDER and self.key in {"size", "type"}:
            return "name_fold"
        return _COLUMNS[self.key]

    def descends(self, kind: Entry.Kind) -> bool:
        """Tell which way this kind runs; folders that go by name for want of a size run upwards."""
        return self.is_descending and self.column_of(kind) == _COLUMNS[self.key]


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where a page starts: behind an entry, or before it.

    It holds the entry's id and not its value, so it is short, and compares what the database
    stores with what the database stores. mark tells whether that value is still the same; empty
    where nobody asks. Opaque to clients.
    """

    is_backward: bool
    kind: Entry.Kind
    entry_id: int
    mark: str = ""

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Read a cursor; None for anything this module has not written (the first page)."""
        match = re.fullmatch(r"([ab])([01])-([0-9]{1,18})(?:-([0-9a-f]{8}))?", text, re.ASCII)
        if match is None:
            return None
        return cls(match[1] == "b", Entry.Kind(int(match[2])), int(match[3]), match[4] or "")

    @classmethod
    def at(cls, entry: Entry, *, is_backward: bool) -> Self:
        """Give the cursor behind or before an entry."""
        return cls(is_backward, Entry.Kind(entry.kind), entry.pk)

    def __str__(self) -> str:
        place = f"{'b' if self.is_backward else 'a'}{int(self.kind)}-{self.entry_id}"
        return f"{place}-{self.mark}" if self.mark else place


@dataclass(frozen=True, slots=True)
class Page:
    """Some members of a folder, and the cursors of the pages around them."""

    entries: list[Entry]
    previous: Cursor | None = None
    next: Cursor | None = None


def list_folder(
    folder: Entry, order: Order, cursor: Cursor | None = None, size: int = PAGE_SIZE
) -> Page:
    """Read one page of a folder's live members, for who came by access.locate.

    A cursor whose entry has left the folder, or behind which nothing is left, gives the first page.
    """
    if cursor is not None and not _anchors(folder, cursor).exists():
        cursor = None
    found = _read(folder, order, cursor, size + 1)
    if cursor is not None and not found:
        cursor, found = None, _read(folder, order, None, size + 1)
    has_more, entries = len(found) > size, found[:size]
    if not entries:
        return Page([])
    backward = cursor is not None and cursor.is_backward
    if backward:
        entries.reverse()
    has_previous = has_more if backward else cursor is not None
    has_next = backward or has_more
    return Page(
        entries,
        previous=Cursor.at(entries[0], is_backward=True) if has_previous else None,
        next=Cursor.at(entries[-1], is_backward=False) if has_next else None,
    )


def list_onwards(
    folder: Entry, order: Order, cursor: Cursor | None = None, *, size: int = PAGE_SIZE
) -> Page:
    """Read one page for a program that goes on to the end, with all that it is told of an entry.

    For who came by access.locate. Raises StaleCursorError for a cursor whose entry has left the
    folder, or is sorted elsewhere since: going on from there would leave something out.
    """
    if cursor is not None:
        anchor = _anchors(folder, cursor).first()
        if anchor is None or cursor.mark != _mark_of(anchor, order):
            raise StaleCursorError
    found = _read(folder, order, cursor, size + 1, TOLD)
    if len(found) <= size:
        return Page(found)
    last = found[size - 1]
    mark = _mark_of(last, order)
    following = Cursor(is_backward=False, kind=Entry.Kind(last.kind), entry_id=last.pk, mark=mark)
    return Page(found[:size], next=following)


def _mark_of(entry: Entry, order: Order) -> str:
    """Give what tells whether an entry is still sorted as it was."""
    column = order.column_of(Entry.Kind(entry.kind))
    return sha256(f"{order} {getattr(entry, column)}".encode()).hexdigest()[:8]


def _anchors(folder: Entry, cursor: Cursor) -> QuerySet[Entry]:
    """Give the entry a cursor stands at, trashed meanwhile or not.

    Only one of this very folder will do: one of another folder would tell, by what comes behind
    it, how its name compares.
    """
    return Entry.objects.filter(pk=cursor.entry_id, parent=folder, kind=cursor.kind)


def _read(
    folder: Entry,
    order: Order,
    cursor: Cursor | None,
    count: int,
    columns: Sequence[str] = SHOWN,
) -> list[Entry]:
    """Read up to count members in the direction of the cursor, from one kind into the other."""
    backward = cursor is not None and cursor.is_backward
    kinds = [Entry.Kind.FOLDER, Entry.Kind.FILE]
    if backward:
        kinds.reverse()
    if cursor is not None:
        kinds = kinds[kinds.index(cursor.kind) :]
    found: list[Entry] = []
    for kind in kinds:
        if len(found) < count:
            start = cursor if cursor is not None and cursor.kind == kind else None
            rows = _members(folder, order, kind, start, backward=backward)
            if columns is not SHOWN:
                rows = rows.select_related("version")
            rows = rows.only(*columns)
            found.extend(rows[: count - len(found)])
    return found


def _members(
    folder: Entry, order: Order, kind: Entry.Kind, start: Cursor | None, *, backward: bool
) -> QuerySet[Entry]:
    """Give the members of one kind from a start on, in the order of one index."""
    column = order.column_of(kind)
    falls = order.descends(kind) != backward
    rows = Entry.objects.children_of(folder).filter(kind=kind)
    if start is not None:
        value = Subquery(_anchors(folder, start).values(column))
        side, edge = ("lt", "lte") if falls else ("gt", "gte")
        # The first condition is the range of the index; the second one settles ties by id.
        rows = rows.filter(**{f"{column}__{edge}": value}).filter(
            Q(**{f"{column}__{side}": value}) | Q(**{f"pk__{side}": start.entry_id})
        )
    keys = [F(column), F("pk")]
    return rows.order_by(*(key.desc() if falls else key.asc() for key in keys))
