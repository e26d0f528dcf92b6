"""The trash: restore what lies in it, or delete it for good.

Deleting detaches the top of a tree in one row, which hides all of it at once; the rows below go in
bounded transactions, at once for a small tree and by a job for a large one.
"""

from collections.abc import Collection, Container, Mapping, Sequence
from datetime import datetime
from itertools import batched
from typing import Final, NamedTuple

from django.db import transaction
from django.db.models import Exists, F, OuterRef, QuerySet
from django.utils import timezone

from files.access import Actor, Located, get_space, locate_each_trashed, trashed_in
from files.models import Entry, Event, Grant, Lock, Property, Right, Space, Version
from files.models.tree import shelters_of_newer_trash, trashed_inside

from .blobs import BATCH, doom_unreferenced
from .journal import discharge, draft, lock_spaces, record, record_each
from .lock_rules import find_locks
from .naming import WantedName, free_names, set_name

_NAMES: Final = ("name", "name_key", "name_fold")


@transaction.atomic
def restore_entries(entries: Sequence[Entry], *, actor: Actor) -> list[Entry]:
    """Bring entries back to where they were trashed, or none of them.

    Where that folder is gone or trashed itself, and not restored along with them, to its nearest
    living ancestor; where the name was taken meanwhile, beside it under a numbered name. Locks the
    spaces. Raises NotTrashedError, and LockedError where that folder is locked.
    """
    spaces = lock_spaces(*(entry.space_id for entry in entries))
    found = locate_each_trashed(actor, [entry.pk for entry in entries])
    parents = _living_ancestors(found, spaces, actor)
    before = [located.entry.placement for located in found]
    restored = [located.entry for located in found]
    wanted = [
        WantedName(parent, entry.name, is_folder=entry.is_folder)
        for entry, parent in zip(restored, parents, strict=True)
    ]
    for entry, parent, name in zip(restored, parents, free_names(wanted), strict=True):
        entry.parent = parent
        set_name(entry, name)
        entry.trashed_at = entry.trashed_by = None
        entry.revision += 1
    columns = ["parent", *_NAMES, "trashed_at", "trashed_by", "revision"]
    Entry.objects.bulk_update(restored, columns, batch_size=BATCH)
    record_each(spaces, Event.Kind.ENTRY_RESTORED, restored, before, actor=actor)
    return restored


def _living_ancestors(
    found: Sequence[Located], spaces: Mapping[int, Space], actor: Actor
) -> list[Entry]:
    """Give the folder that each trashed entry comes back to: one instance for each folder.

    Raises LockedError if one may not have another member.
    """
    ids = {located.entry.pk for located in found}
    nearest = [_nearest(located, ids) for located in found]
    for space in spaces.values():
        ways = [
            (way[-1], way[:-1])
            for way, located in zip(nearest, found, strict=True)
            if located.entry.space_id == space.pk
        ]
        locks = find_locks(space, {pk for last, above in ways for pk in (last, *above)}, actor)
        for last, above in ways:
            locks.require(last, above)
    folders = Entry.objects.select_related("space").in_bulk({way[-1] for way in nearest})
    return [folders[way[-1]] for way in nearest]


def _nearest(located: Located, restored: Collection[int]) -> list[int]:
    """Give the way to the folder next to an entry that is visible, or is when all are restored."""
    nodes, last = located.ancestors, len(located.ancestors) - 1
    for at in range(last, -1, -1):
        if nodes[at].id in restored:
            break  # whatever is between comes along
        if nodes[at].is_trashed:
            last = at - 1  # a root never is
    return [node.id for node in nodes[: last + 1]]


@transaction.atomic
def delete_entries(entries: Sequence[Entry], *, actor: Actor) -> None:
    """Delete trashed entries for good, with what is in them, or none of them.

    What was trashed out of a folder earlier stays in the trash. Locks the spaces. Raises
    NotTrashedError. Trees of more than a batch are hidden now and removed by a job.
    """
    spaces = lock_spaces(*(entry.space_id for entry in entries))
    found = locate_each_trashed(actor, [entry.pk for entry in entries], Right.MANAGE)
    before = [located.entry.placement for located in found]
    detach(found)
    gone = [located.entry for located in found]
    record_each(spaces, Event.Kind.ENTRY_PURGED, gone, before, actor=actor)
    for space in spaces.values():
        purge_some(space)


@transaction.atomic
def empty_trash(space: Space, *, trashed_before: datetime | None = None, actor: Actor) -> int:
    """Delete what lies in the trash of a space for good, and give how many entries that were.

    All of it, or what was trashed before a moment by the wall clock. One event for all. Locks the
    space. More than a batch of rows are hidden now and removed by a job.
    """
    space = lock_spaces(space.pk)[space.pk]
    get_space(actor, space.pk, Right.MANAGE)
    going, after = trashed_in(space), {}
    if trashed_before is not None:
        _move_newer_out(space, trashed_before)
        going = going.filter(trashed_at__lt=trashed_before)
        after = {"trashed_before": trashed_before.isoformat()}
    # One inside the other, both trashed: each becomes a tree of its own.
    count = going.update(parent=None, revision=F("revision") + 1)
    if count:
        event = draft(Event.Kind.TRASH_EMPTIED, after={"entries": count, **after})
        record(space, [event], actor=actor)
    purge_some(space)
    return count


def _move_newer_out(space: Space, moment: datetime) -> None:
    """Keep what was trashed after a moment by the clock, though inside what was trashed before it.

    It stays in the trash as if out of the folder that the older one lies in. One step outwards a
    round, until it lies in none that was trashed before.
    """
    while shelters := shelters_of_newer_trash(space.pk, before=moment):
        for folder in Entry.objects.filter(pk__in=shelters).order_by("pk"):
            for some in batched(trashed_inside([folder.pk]), BATCH):
                newer = Entry.objects.filter(pk__in=some, trashed_at__gte=moment)
                newer.update(parent=folder.parent_id)


def detach(found: Sequence[Located]) -> None:
    """Take trees out of sight of everybody, to be removed; the caller locked and records.

    What was trashed out of them earlier stays in the trash, as if out of the folder that the
    outermost of them lies in.
    """
    tops = {located.entry.pk: located for located in found}
    moved = [
        Entry(pk=pk, parent_id=_outside(tops[top_id], tops))
        for pk, top_id in trashed_inside(tops).items()
        if pk not in tops
    ]
    Entry.objects.bulk_update(moved, ["parent"], batch_size=BATCH)
    now = timezone.now()
    for located in found:
        entry = located.entry
        entry.parent, entry.trashed_at = None, entry.trashed_at or now
        entry.revision += 1
    entries = [located.entry for located in found]
    Entry.objects.bulk_update(entries, ["parent", "trashed_at", "revision"], batch_size=BATCH)


def _outside(located: Located, tops: Container[int]) -> int | None:
    """Give the folder next to a tree that goes which does not go as well."""
    outside = located.ancestors[-1].id
    for at in range(len(located.ancestors) - 1, 0, -1):
        if located.ancestors[at].id in tops:
            outside = located.ancestors[at - 1].id
        elif located.ancestors[at].is_trashed:
            break  # which is taken out of what goes, with all that is in it
    return outside


def detached_tops(space: Space) -> QuerySet[Entry]:
    """Give the tops of trees that are deleted and not removed yet."""
    return Entry.objects.filter(space=space, parent__isnull=True, trashed_at__isnull=False)


def spaces_to_purge() -> QuerySet[Space]:
    """Give the spaces in which purge_some has something left to do."""
    tops = Entry.objects.filter(parent__isnull=True, trashed_at__isnull=False)
    found = tops.order_by("space").values_list("space", flat=True).distinct()
    return Space.objects.filter(pk__in=list(found)).order_by("pk")


def spaces_with_trash() -> QuerySet[Space]:
    """Give the spaces in which something lies in the trash, or is deleted and not removed yet."""
    trashed = Entry.objects.filter(space=OuterRef("pk"), trashed_at__isnull=False)
    return Space.objects.filter(Exists(trashed)).order_by("pk")


class PurgeStep(NamedTuple):
    """What one step of purging did."""

    removed: int  # entries
    is_last: bool


@transaction.atomic
def purge_step(space: Space, *, limit: int = BATCH) -> PurgeStep:
    """Remove about limit rows of the detached trees of a space; tell how many, and if any are left.

    Locks the space. Can be repeated, interrupted and run again: each call is a whole step. It is a
    queue and not a recursion: files go first, then the folders in a detached folder become
    detached trees themselves, and what is childless is removed.
    """
    space = lock_spaces(space.pk)[space.pk]
    done = removed = 0
    while done < limit and (tops := _ids(detached_tops(space), limit)):
        inside = Entry.objects.filter(parent__in=tops)
        files = _remove(_ids(inside.filter(kind=Entry.Kind.FILE), limit), space)
        folders = _ids(inside.filter(kind=Entry.Kind.FOLDER), limit)
        freed = Entry.objects.filter(pk__in=folders).update(parent=None, trashed_at=timezone.now())
        childless = ~Exists(Entry.objects.filter(parent=OuterRef("pk")))
        gone = _remove(_ids(Entry.objects.filter(childless, pk__in=tops), limit), space)
        done, removed = done + files + freed + gone, removed + files + gone
    return PurgeStep(removed, not _ids(detached_tops(space), 1))


def purge_some(space: Space, *, limit: int = BATCH) -> bool:
    """Remove about limit rows of the detached trees of a space; tell whether any are left."""
    return not purge_step(space, limit=limit).is_last


def _ids(entries: QuerySet[Entry], limit: int) -> list[int]:
    """Give the ids of the first of some entries."""
    return list(entries.order_by("pk").values_list("pk", flat=True)[:limit])


def _remove(entry_ids: Sequence[int], space: Space) -> int:
    """Delete childless entries with their versions, give their bytes back, and tell how many."""
    if not entry_ids:
        return 0
    versions = list(
        Version.objects.filter(entry__in=entry_ids).values_list("pk", "blob_id", "size")
    )
    Entry.objects.filter(pk__in=entry_ids).update(version=None)
    for some in batched(versions, BATCH):
        Version.objects.filter(pk__in=[pk for pk, _blob, _size in some]).delete()
    for related in (Grant, Lock, Property):
        related._default_manager.filter(entry__in=entry_ids).delete()
    Entry.objects.filter(pk__in=entry_ids).delete()
    doom_unreferenced(blob for _pk, blob, _size in versions)
    discharge(space, sum(size for _pk, _blob, size in versions))
    space.save(update_fields=["used_bytes"])
    return len(entry_ids)
