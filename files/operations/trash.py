"""The trash: restore what lies in it, or delete it for good.

Deleting detaches the top of a tree in one row, which hides all of it at once; the rows below go in
bounded transactions, at once for a small tree and by a job for a large one.
"""

from collections.abc import Sequence
from datetime import datetime
from itertools import batched
from typing import NamedTuple

from django.db import transaction
from django.db.models import Exists, F, OuterRef, QuerySet
from django.utils import timezone

from files.access import Actor, Located, get_space, locate_trashed, trashed_in
from files.models import Entry, Event, Grant, Lock, Property, Right, Space, Version
from files.models.tree import shelters_of_newer_trash, trashed_inside

from .blobs import BATCH, doom_unreferenced
from .journal import discharge, draft, lock_spaces, record
from .lock_rules import find_locks
from .naming import free_name, set_name


@transaction.atomic
def restore_entries(entries: Sequence[Entry], *, actor: Actor) -> list[Entry]:
    """Bring entries back to where they were trashed, or none of them.

    Where that folder is gone or trashed itself, to its nearest living ancestor; where the name was
    taken meanwhile, beside it under a numbered name. Locks the spaces. Raises NotTrashedError, and
    LockedError where that folder is locked.
    """
    spaces = lock_spaces(*(entry.space_id for entry in entries))
    ids = dict.fromkeys((entry.pk, entry.space_id) for entry in entries)
    return [_restore_one(entry_id, spaces[space_id], actor) for entry_id, space_id in ids]


def _restore_one(entry_id: int, space: Space, actor: Actor) -> Entry:
    """Restore one entry of a locked space."""
    located = locate_trashed(actor, entry_id)
    entry = located.entry
    before = entry.placement
    entry.parent = _living_ancestor(located, space, actor)
    set_name(entry, free_name(entry.parent, entry.name, kind=entry.kind))
    entry.trashed_at = entry.trashed_by = None
    entry.revision += 1
    names = ["name", "name_key", "name_fold"]
    entry.save(update_fields=["parent", *names, "trashed_at", "trashed_by", "revision"])
    record(space, [draft(Event.Kind.ENTRY_RESTORED, entry, before=before)], actor=actor)
    return entry


def _living_ancestor(located: Located, space: Space, actor: Actor) -> Entry:
    """Give the folder nearest to a trashed entry that is neither trashed nor below the trash.

    Raises LockedError if that may not have another member.
    """
    nearest = located.trail[0].id
    for node in located.trail[1:]:
        if node.is_trashed:
            break
        nearest = node.id
    ids = [node.id for node in located.ancestors]
    above = ids[: ids.index(nearest)]
    find_locks(space, [*above, nearest], actor).require(nearest, above)
    return Entry.objects.select_related("space").get(pk=nearest)


@transaction.atomic
def delete_entries(entries: Sequence[Entry], *, actor: Actor) -> None:
    """Delete trashed entries for good, with what is in them, or none of them.

    What was trashed out of a folder earlier stays in the trash. Locks the spaces. Raises
    NotTrashedError. Trees of more than a batch are hidden now and removed by a job.
    """
    spaces = lock_spaces(*(entry.space_id for entry in entries))
    for entry_id in dict.fromkeys(entry.pk for entry in entries):
        entry = locate_trashed(actor, entry_id, Right.MANAGE).entry
        space, before = spaces[entry.space_id], entry.placement
        detach(entry)
        event = draft(Event.Kind.ENTRY_PURGED, entry, before=before)
        record(space, [event], actor=actor)
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
            for some in batched(trashed_inside(folder.pk), BATCH):
                newer = Entry.objects.filter(pk__in=some, trashed_at__gte=moment)
                newer.update(parent=folder.parent_id)


def detach(entry: Entry) -> None:
    """Take a tree out of sight of everybody, to be removed; the caller locked and records.

    What was trashed out of it earlier stays in the trash, as if out of the folder it lies in.
    """
    for some in batched(trashed_inside(entry.pk), BATCH):
        Entry.objects.filter(pk__in=some).update(parent=entry.parent_id)
    entry.parent = None
    entry.trashed_at = entry.trashed_at or timezone.now()
    entry.revision += 1
    entry.save(update_fields=["parent", "trashed_at", "revision"])


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
