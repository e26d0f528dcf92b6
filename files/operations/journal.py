"""The three steps that every change shares: lock its spaces, charge the quota, record the event."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from django.db import connection, transaction
from django.utils import timezone

from files.access import Actor
from files.errors import QuotaExceededError, SpaceNotFoundError
from files.models import Entry, Event, Space
from files.models.bulk import insert_rows
from files.models.reading import Reader, marks
from files.models.sql import fetch

_SPACE: Final = Reader(Space, "s")


def lock_spaces(*space_ids: int) -> dict[int, Space]:
    """Lock spaces until commit, in id order, and read them afresh, by id.

    Every write starts with this; what it decides on is read after it. On SQLite the transaction
    itself is the lock (BEGIN IMMEDIATE). Raises SpaceNotFoundError if one is gone.
    """
    wanted = sorted(set(space_ids))
    # Not FOR UPDATE: that would block every insert of a row that refers to the space.
    lock = "FOR NO KEY UPDATE" if connection.features.has_select_for_no_key_update else ""
    rows = fetch(
        f"SELECT {_SPACE.columns} FROM files_space s "  # noqa: S608 - names of our own schema
        f"WHERE s.id IN ({marks(wanted)}) ORDER BY s.id {lock}",
        wanted,
    )
    spaces = {space.pk: space for space in map(_SPACE.instance, rows)}
    for space_id in wanted:
        if space_id not in spaces:
            raise SpaceNotFoundError(space_id=space_id)
    return spaces


@contextmanager
def spaces_held(space_ids: Iterable[int]) -> Iterator[None]:
    """Hold spaces still, so that what is read of them inside is what operations inside change.

    One transaction: if anything is raised, nothing was changed. No bytes may flow in it.
    """
    with transaction.atomic():
        lock_spaces(*space_ids)
        yield


def lock_system_space() -> Space:
    """Lock the space that holds the events which belong to no other."""
    system, _created = Space.objects.get_or_create(
        kind=Space.Kind.SYSTEM, defaults={"name": "System"}
    )
    return lock_spaces(system.pk)[system.pk]


def charge(space: Space, size: int) -> None:
    """Count bytes that a locked space will hold; saved by the record that follows.

    Raises QuotaExceededError if they do not fit.
    """
    if space.quota_bytes is not None and space.used_bytes + size > space.quota_bytes:
        raise QuotaExceededError(
            quota=space.quota_bytes, used=space.used_bytes, needed=size, free=space.free_bytes
        )
    space.used_bytes += size


def discharge(space: Space, size: int) -> None:
    """Give back bytes that a locked space no longer holds; saved by the record or save after it."""
    space.used_bytes -= size


@dataclass(frozen=True, slots=True)
class Draft:
    """An event that has no number yet."""

    kind: Event.Kind
    entry_id: int | None
    before: dict[str, Any] | None
    after: dict[str, Any] | None


def draft(
    kind: Event.Kind,
    entry: Entry | None = None,
    *,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> Draft:
    """Draft an event; for an entry, after defaults to its placement of now."""
    if entry is not None and after is None:
        after = entry.placement
    return Draft(kind, entry.pk if entry is not None else None, before, after)


_COLUMNS: Final = (
    "space_id", "seq", "kind", "entry_id", "actor_id", "actor_name", "token_id", "token_name",
    "door", "at", "before", "after",
)  # fmt: skip


def record_each(
    spaces: Mapping[int, Space],
    kind: Event.Kind,
    entries: Sequence[Entry],
    before: Sequence[dict[str, Any]],
    *,
    actor: Actor,
) -> None:
    """Append one event for each of some entries of locked spaces, to what they were before."""
    drafts: dict[int, list[Draft]] = {}
    for entry, then in zip(entries, before, strict=True):
        drafts.setdefault(entry.space_id, []).append(draft(kind, entry, before=then))
    for space_id, some in drafts.items():
        record(spaces[space_id], some, actor=actor)


def record(space: Space, drafts: Sequence[Draft], *, actor: Actor) -> None:
    """Append events to a locked space, in order and gapless, and save its seq and usage."""
    user_id = actor.user.pk if actor.user else None
    by = (actor.limit.token_id, actor.limit.token_name) if actor.limit else (None, "")
    who = (user_id, actor.name, *by, str(actor.door), timezone.now())
    rows = [
        (space.pk, seq, str(event.kind), event.entry_id, *who, event.before, event.after)
        for seq, event in enumerate(drafts, start=space.last_seq + 1)
    ]
    insert_rows(Event, _COLUMNS, rows)
    space.last_seq += len(rows)
    fetch(
        "UPDATE files_space SET last_seq = %s, used_bytes = %s WHERE id = %s",
        [space.last_seq, space.used_bytes, space.pk],
    )
