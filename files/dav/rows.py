"""What listings read of entries: plain tuples, a window at a time, in the order of an index."""

from collections.abc import Iterator
from datetime import datetime
from typing import Final, NamedTuple

from django.db.models import Q, QuerySet

from files.models import Entry

WINDOW: Final = 500  # members read by one query

_COLUMNS: Final = (
    "pk", "kind", "name", "name_fold", "size", "modified_at", "created_at", "version_id",
    "media_type", "version__sha256",
)  # fmt: skip


class Row(NamedTuple):
    """One entry as a listing shows it."""

    id: int
    kind: int
    name: str
    name_fold: str
    size: int
    modified_at: datetime
    created_at: datetime
    version_id: int | None
    media_type: str
    sha256: str | None

    @property
    def is_folder(self) -> bool:
        """Tell a folder from a file."""
        return self.kind == Entry.Kind.FOLDER

    @classmethod
    def of(cls, entry: Entry) -> "Row":
        """Give the row of an entry that was read already."""
        sha256 = entry.version.sha256 if entry.version is not None else None
        return cls(
            entry.pk, entry.kind, entry.name, entry.name_fold, entry.size, entry.modified_at,
            entry.created_at, entry.version_id, entry.media_type, sha256,
        )  # fmt: skip


def rows_of(entries: QuerySet[Entry]) -> list[Row]:
    """Read entries."""
    return [Row(*values) for values in entries.values_list(*_COLUMNS)]


def windows_of(folder: Entry) -> Iterator[list[Row]]:
    """Read the live members of a folder, folders first; for who may read the folder.

    Each window starts behind the last row of the one before, so that it costs the same wherever in
    the folder it lies, and no transaction is open while an answer is sent.
    """
    for kind in Entry.Kind.values:
        members = Entry.objects.children_of(folder).filter(kind=kind).order_by("name_fold", "pk")
        rows = rows_of(members[:WINDOW])
        while rows:
            yield rows
            if len(rows) < WINDOW:
                break
            last = rows[-1]
            # The first condition is the range of the index; the second one settles ties by id.
            behind = members.filter(name_fold__gte=last.name_fold).filter(
                Q(name_fold__gt=last.name_fold) | Q(pk__gt=last.id)
            )
            rows = rows_of(behind[:WINDOW])
