"""Copies, and moves between spaces: they share blobs, check the quota first, show the top last.

A small tree is copied in the request, a large one by a job. The copy is built detached, so that
nobody sees half of it, and attached in the last transaction.
"""

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass, replace
from datetime import timedelta

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from files.access import Actor, Located, locate
from files.errors import ChangedMeanwhileError, FilesError, MoveIntoSelfError, QuotaExceededError
from files.models import Entry, Event, Right, Space
from files.models.tree import count_below, is_any_inside, size_of, types_of
from files.names import check_name

from .blobs import BATCH
from .copying import MARK, Transfer, copy_rows
from .entries import fit_name, move_within_space, refuse_root, require_folder
from .journal import draft, lock_spaces, record
from .lock_rules import require_unlocked, require_unlocked_tree, take_tree
from .naming import free_name, set_name
from .trash import detach, purge_some
from .type_rules import TypeRules

INLINE_LIMIT = 500  # entries that a request copies itself
TRIES = 3  # how often a job starts over when the source changes under it


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a request to move or copy."""

    done: list[Entry]
    queued: bool = False  # a job does it; its event is JOB_REQUESTED
    job: int | None = None  # the seq of that event in the space of the destination


def move_entries(entries: Sequence[Entry], *, parent: Entry, actor: Actor) -> Outcome:
    """Move entries into a folder: one row each within a space, a copy and a deletion between two.

    Raises what move_within_space raises; between spaces also QuotaExceededError, and
    TypeRefusedError for a version that may not be sent there. All or none is moved, but for what a
    job does later, with the lock tokens of now.
    """
    with transaction.atomic():
        lock_spaces(parent.space_id, *(entry.space_id for entry in entries))
        near = [entry for entry in entries if entry.space_id == parent.space_id]
        far = [entry for entry in entries if entry.space_id != parent.space_id]
        moved = move_within_space(near, parent=parent, actor=actor)
        if not far:
            return Outcome(moved)
        outcome = _transfer(far, Transfer(parent, actor, moves=True))
        return Outcome([*moved, *outcome.done], outcome.queued, outcome.job)


def copy_entries(entries: Sequence[Entry], *, parent: Entry, actor: Actor) -> Outcome:
    """Copy the current versions of entries into a folder; a taken name becomes a numbered one.

    From another space comes only what may be sent to this one. Raises NotAFolderError,
    TooDeepError, MoveIntoSelfError, LockedError, TypeRefusedError and QuotaExceededError.
    """
    with transaction.atomic():
        lock_spaces(parent.space_id, *(entry.space_id for entry in entries))
        return _transfer(entries, Transfer(parent, actor, moves=False))


@transaction.atomic
def transfer_entry(
    entry: Entry, *, parent: Entry, name: str, moves: bool, is_shallow: bool = False, actor: Actor
) -> Outcome:
    """Copy an entry into a folder under a name or, between spaces, move it there.

    Raises what move_entries and copy_entries raise.
    """
    lock_spaces(parent.space_id, entry.space_id)
    job = Transfer(parent, actor, moves, name=check_name(name), is_shallow=is_shallow)
    return _transfer([entry], job)


def _transfer(entries: Sequence[Entry], job: Transfer) -> Outcome:
    """Check a transfer under the lock, then do it here if it is small, or ask a job to."""
    _check([entry.pk for entry in entries], job)
    count = sum(1 + count_below(entry.pk, limit=INLINE_LIMIT) for entry in entries)
    if count > INLINE_LIMIT and not job.is_shallow:
        order = {"entries": [e.pk for e in entries], "parent": job.parent.pk, "moves": job.moves}
        if job.name:
            order["name"] = job.name
        if (limit := job.actor.limit) is not None:
            order["limit"] = {"rights": int(limit.rights), "top_id": limit.top_id}
        if job.actor.held:
            order["held"] = sorted(job.actor.held)
        space = lock_spaces(job.parent.space_id)[job.parent.space_id]
        request = draft(Event.Kind.JOB_REQUESTED, job.parent, after={"transfer": order})
        record(space, [request], actor=job.actor)
        return Outcome([], queued=True, job=space.last_seq)
    done = []
    for entry in entries:
        top = _copy_tree(entry, job)
        done.append(_attach(top, entry, job))
    return Outcome(done)


def run_transfer(request: Event, *, actor: Actor) -> list[Entry]:
    """Do what a JOB_REQUESTED event asks for, with the rights that its actor has now.

    Can be run again after a crash: what an earlier run left detached is removed first, and what it
    finished is not done twice. Raises ChangedMeanwhileError if the source of a move does not hold
    still, and what move_entries and copy_entries raise.
    """
    order = (request.after or {})["transfer"]
    actor = replace(actor, held=frozenset(order.get("held", ())))
    parent = locate(actor, order["parent"], Right.ADD).entry
    job = Transfer(parent, actor, order["moves"], request, order.get("name", ""))
    _discard(parent.space, _staged(parent.space).filter(name_key=job.mark))
    finished = _finished(job)
    left = [entry_id for entry_id in order["entries"] if entry_id not in finished]
    _check(left, job)
    for entry_id in left:
        finished[entry_id] = _transfer_steadily(entry_id, job).pk
    tops = Entry.objects.in_bulk(finished.values())
    return [tops[pk] for pk in finished.values() if pk in tops]


def discard_staged(space: Space, *, older_than: timedelta) -> None:
    """Remove unfinished copies whose job was asked for before then, and was given up.

    The age is that of the request: what is moved keeps the time that its source was made at.
    """
    marks = _staged(space).filter(name_key__startswith=MARK).values_list("pk", "name_key")
    requests = {pk: int(mark.removeprefix(MARK)) for pk, mark in marks}
    limit = timezone.now() - older_than
    young = Event.objects.filter(pk__in=requests.values(), at__gte=limit)
    kept = set(young.values_list("pk", flat=True))
    old = [pk for pk, request in requests.items() if request not in kept]
    _discard(space, _staged(space).filter(pk__in=old))


def _staged(space: Space) -> QuerySet[Entry]:
    """Give the tops of unfinished copies; the root of the space is among them."""
    return Entry.objects.live().filter(space=space, parent__isnull=True)


def _discard(space: Space, staged: QuerySet[Entry]) -> None:
    """Remove unfinished copies, and give their bytes back to the quota."""
    with transaction.atomic():
        lock_spaces(space.pk)
        staged.update(trashed_at=timezone.now())  # so that purge_some takes them
    while purge_some(space):
        pass


def _finished(job: Transfer) -> dict[int, int]:
    """Give what an earlier run of the job has transferred: the new ids by the old ones."""
    assert job.request is not None  # noqa: S101 - only jobs ask
    done = Event.objects.filter(
        space=job.request.space_id, seq__gt=job.request.seq, before__request=job.mark
    )
    return dict(done.order_by("seq").values_list("before__entry", "entry_id"))


def _transfer_steadily(entry_id: int, job: Transfer) -> Entry:
    """Copy a tree in bounded transactions and attach it, starting over if it changed meanwhile."""
    for _attempt in range(TRIES):
        source = locate(job.actor, entry_id, Right.EDIT if job.moves else Right.READ).entry
        since = Space.objects.values_list("last_seq", flat=True).get(pk=source.space_id)
        top = _stage(source, job)
        try:
            _fill(top, source, job)
            with transaction.atomic():
                lock_spaces(job.parent.space_id, source.space_id)
                if not (job.moves and _has_changed(source, since)):
                    return _attach(top, source, job)
        except FilesError:
            _discard(job.parent.space, _staged(job.parent.space).filter(pk=top.pk))
            raise
        _discard(job.parent.space, _staged(job.parent.space).filter(pk=top.pk))
    raise ChangedMeanwhileError(entry_id=entry_id)


def _has_changed(source: Entry, since: int) -> bool:
    """Tell whether an event after a seq touched a tree: what is in it now, or was before."""
    events = Event.objects.filter(space=source.space_id, seq__gt=since)
    touched: set[int] = set()
    for entry_id, before, after in events.values_list("entry_id", "before", "after").iterator():
        parents = ((placement or {}).get("parent") for placement in (before, after))
        touched.update(pk for pk in (entry_id, *parents) if pk is not None)
    return is_any_inside(touched, source.pk)


def _check(entry_ids: Sequence[int], job: Transfer) -> None:
    """Check rights, shape and room of a transfer before anything is written."""
    destination = locate(job.actor, job.parent.pk, Right.ADD)
    require_folder(destination)
    space = destination.entry.space
    require_unlocked(destination, space, job.actor)
    rules = TypeRules.of(space)
    way = {job.parent.pk, *(node.id for node in destination.ancestors)}
    needed = 0
    for entry_id in entry_ids:
        located = locate(job.actor, entry_id, Right.EDIT if job.moves else Right.READ)
        source = located.entry
        refuse_root(source, source.space, job.actor)
        if source.pk in way:
            raise MoveIntoSelfError(entry_id=source.pk)
        if job.moves:
            require_unlocked_tree(located, source.space, job.actor)
            fit_name(_named(source, job), destination, space)
        _require_types(source, rules, job)
        needed += 0 if job.is_shallow else size_of(source.pk, all_versions=job.moves)
    room = space.free_bytes
    if room is not None and needed > room:
        raise QuotaExceededError(
            quota=space.quota_bytes, used=space.used_bytes, free=room, needed=needed
        )


def _require_types(source: Entry, rules: TypeRules, job: Transfer) -> None:
    """Make sure that what comes from another space may come in, as if it were sent there.

    Advice, to refuse before a job is asked: copy_rows decides. Raises TypeRefusedError.
    """
    if source.space_id == job.parent.space_id or not rules.hold:
        return
    if not (job.is_shallow and source.is_folder):
        for media_type in types_of(source.pk, all_versions=job.moves):
            rules.require(media_type)


def _named(source: Entry, job: Transfer) -> Entry:
    """Give an entry as it is to be called; the caller does not save it."""
    named = copy(source)
    set_name(named, job.name or source.name)
    return named


def _copy_tree(source: Entry, job: Transfer) -> Entry:
    """Copy a tree, detached."""
    top = _stage(source, job)
    _fill(top, source, job)
    return top


@transaction.atomic
def _stage(source: Entry, job: Transfer) -> Entry:
    """Copy the top of a tree, detached and marked."""
    lock_spaces(job.parent.space_id, source.space_id)
    rows = list(Entry.objects.filter(pk=source.pk))
    return copy_rows(rows, job, parent_id=None)[0]


def _fill(top: Entry, source: Entry, job: Transfer) -> None:
    """Copy what is live below a folder; each batch is a transaction that locks both spaces."""
    pending = [(source.pk, top.pk)] if source.is_folder and not job.is_shallow else []
    while pending:
        folder_id, copy_id = pending.pop()
        last: int | None = 0
        while last is not None:
            last, folders = _copy_children(top, folder_id, copy_id, job, after=last)
            pending += folders


@transaction.atomic
def _copy_children(
    top: Entry, folder_id: int, copy_id: int, job: Transfer, *, after: int
) -> tuple[int | None, list[tuple[int, int]]]:
    """Copy some children of a folder; give the last one's id, and the folders with their copies."""
    source_space = Entry.objects.values_list("space", flat=True).filter(pk=folder_id)
    lock_spaces(job.parent.space_id, *source_space)
    _require_staged(top)
    children = Entry.objects.live().filter(parent=folder_id, pk__gt=after)
    rows = list(children.order_by("pk")[:BATCH])
    copies = copy_rows(rows, job, parent_id=copy_id)
    pairs = zip(rows, copies, strict=True)
    folders = [(row.pk, copy.pk) for row, copy in pairs if row.is_folder]
    return (rows[-1].pk if len(rows) == BATCH else None), folders


def _require_staged(top: Entry) -> None:
    """Raise ChangedMeanwhileError if another run of the job has discarded this one's copy."""
    if not _staged(top.space).filter(pk=top.pk).exists():
        raise ChangedMeanwhileError


@transaction.atomic
def _attach(top: Entry, source: Entry, job: Transfer) -> Entry:
    """Show a finished copy in its folder and, for a move, take the source away."""
    spaces = lock_spaces(job.parent.space_id, source.space_id)
    space = spaces[job.parent.space_id]
    _require_staged(top)
    if job.request and source.pk in _finished(job):
        raise ChangedMeanwhileError  # by a run of the same job at the same time
    located = locate(job.actor, source.pk, Right.EDIT if job.moves else Right.READ)
    source = located.entry
    destination = locate(job.actor, job.parent.pk, Right.ADD)
    parent = require_folder(destination)
    require_unlocked(destination, space, job.actor)
    if job.moves:
        take_tree(located, spaces[source.space_id], job.actor)
    set_name(top, job.name or source.name)
    if job.moves:
        fit_name(top, destination, space)
    else:
        set_name(top, free_name(parent, top.name, kind=source.kind))
    top.parent = parent
    top.save(update_fields=["parent", "name", "name_key", "name_fold"])
    kind = Event.Kind.ENTRY_MOVED if job.moves else Event.Kind.ENTRY_COPIED
    before = {"entry": source.pk, "space": source.space_id, **source.placement}
    if job.mark:
        before["request"] = job.mark  # so that a repeated job knows what it has done
    record(space, [draft(kind, top, before=before)], actor=job.actor)
    if job.moves:
        _take_away(located, spaces[source.space_id], top, job.actor)
    return top


def _take_away(located: Located, space: Space, copy: Entry, actor: Actor) -> None:
    """Detach the source of a finished move; what was trashed out of it stays in its trash."""
    source = located.entry
    before = source.placement
    detach([located])
    after = {"entry": copy.pk, "space": copy.space_id, "parent": copy.parent_id}
    event = draft(Event.Kind.ENTRY_MOVED, source, before=before, after=after)
    record(space, [event], actor=actor)
    purge_some(space)
