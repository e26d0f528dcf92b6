"""Entries as plain tuples, for listings of thousands: read by SQL that is written once.

Times stay texts, since a listing writes most of them as they are or from memory: an object for each
would cost more than reading the row.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC
from functools import cache, partial
from typing import Any, Final, NamedTuple, Self

from django.db import connection

from .entries import Entry
from .reading import marks
from .sql import fetch

WINDOW: Final = 500  # members read by one query

_LIVE_MEMBER: Final = "e.parent_id = %s AND e.trashed_at IS NULL"
_OF_KIND: Final = f"{_LIVE_MEMBER} AND e.kind = %s"
# The rest of an index from a row on.
_BEHIND: Final = f"{_OF_KIND} AND (e.name_fold, e.id) > (%s, %s)"
_BY_NAME: Final = f"ORDER BY e.name_fold, e.id LIMIT {WINDOW}"


class Row(NamedTuple):
    """One entry as a listing shows it."""

    id: int
    kind: int
    name: str
    name_fold: str
    size: int
    modified: str  # UTC, as "2026-11-24 20:15:00"
    created: str
    version_id: int | None
    media_type: str
    sha256: str | None  # None also where digests were not asked for

    @property
    def is_folder(self) -> bool:
        """Tell a folder from a file."""
        return self.kind == Entry.Kind.FOLDER

    @classmethod
    def of(cls, entry: Entry) -> Self:
        """Give the row of an entry that was read already."""
        sha256 = entry.version.sha256 if entry.version is not None else None
        modified, created = (
            time.astimezone(UTC).isoformat(" ", "seconds")[:19]
            for time in (entry.modified_at, entry.created_at)
        )
        return cls(
            entry.pk, entry.kind, entry.name, entry.name_fold, entry.size, modified, created,
            entry.version_id, entry.media_type, sha256,
        )  # fmt: skip


def rows_of(entry_ids: Sequence[int]) -> list[Row]:
    """Read entries, whoever may know of them, in the order of their ids."""
    return _read(f"e.id IN ({marks(entry_ids)}) ORDER BY e.id", [*entry_ids])


def members_among(
    folder: Entry, entry_ids: Sequence[int], *, with_digests: bool = False
) -> list[Row]:
    """Read those of some entries that are live members of a folder, in the order of their ids."""
    where = f"{_LIVE_MEMBER} AND e.id IN ({marks(entry_ids)}) ORDER BY e.id"
    return _read(where, [folder.pk, *entry_ids], with_digests=with_digests)


def windows_of(folder: Entry, *, with_digests: bool = False) -> Iterator[list[Row]]:
    """Read the live members of a folder, folders first; for who may read the folder.

    Each window starts behind the last row of the one before, so that it costs the same wherever in
    the folder it lies, and no transaction is open while an answer is sent.
    """
    read = partial(_read, with_digests=with_digests)
    for kind in Entry.Kind.values:
        rows = read(f"{_OF_KIND} {_BY_NAME}", [folder.pk, kind])
        while rows:
            yield rows
            if len(rows) < WINDOW:
                break
            last = rows[-1]
            rows = read(f"{_BEHIND} {_BY_NAME}", [folder.pk, kind, last.name_fold, last.id])


def _read(where: str, parameters: list[Any], *, with_digests: bool = False) -> list[Row]:
    """Read the rows for which a condition holds."""
    sql = _select(with_digests=with_digests) + where
    return [Row._make(values) for values in fetch(sql, parameters)]


@cache
def _select(*, with_digests: bool) -> str:
    """Give the query up to its condition."""
    time = "substr({}, 1, 19)"  # SQLite keeps texts
    if connection.vendor == "postgresql":
        time = "to_char({} AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS')"
    modified, created = time.format("e.modified_at"), time.format("e.created_at")
    digest = "v.sha256" if with_digests else "NULL"
    versions = "LEFT JOIN files_version v ON v.id = e.version_id " if with_digests else ""
    return (
        f"SELECT e.id, e.kind, e.name, e.name_fold, e.size, {modified}, {created}, "  # noqa: S608 - ours
        f"e.version_id, e.media_type, {digest} FROM files_entry e {versions}WHERE "
    )
