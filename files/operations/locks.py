"""Locks: take one, keep it, give it up, and break one that somebody forgot (RFC 4918, 6 and 9.10).

A lock changes no content, so that taking and giving it up leave no event; breaking one does.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import uuid4

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from files.access import Actor, Located, locate
from files.dav_errors import LockNotFoundError, TooManyLocksError
from files.errors import EntryNotFoundError, FilesError, ForbiddenError, InvalidValueError
from files.models import Entry, Event, Lock, Right, Space

from .blobs import NewBlob
from .journal import draft, lock_spaces, record
from .lock_rules import is_own, locked_by, may_break
from .placing import Clash, NewFile
from .versions import Refusal, put_files

MOST_LOCKS: Final = 1_000  # that one user holds at once
MOST_OWNER_BYTES: Final = 4_096


@dataclass(frozen=True, slots=True)
class WantedLock:
    """A lock that somebody wants to have."""

    exclusive: bool = True
    deep: bool = False
    owner: str = ""
    timeout: timedelta | None = None  # None: the server's own; longer than it allows is cut


def lock_entry(
    entry_id: int,
    *,
    actor: Actor,
    exclusive: bool = True,
    deep: bool = False,
    owner: str = "",
    timeout: timedelta | None = None,
) -> Lock:
    """Lock an entry and, if deep, all below it; on a file, deep says nothing more.

    Who may change the entry may lock it. Locks the space. Raises LockedError if a lock conflicts
    that covers the entry or, for a deep one, lies below it: two conflict unless both are shared.
    Raises TooManyLocksError, and InvalidValueError for an owner that is too long.
    """
    wanted = WantedLock(exclusive, deep, owner, timeout)
    _require_short(owner)
    space_id = Entry.objects.values_list("space", flat=True).filter(pk=entry_id).first()
    if space_id is None:
        raise EntryNotFoundError(entry_id=entry_id)
    with transaction.atomic():
        space = lock_spaces(space_id)[space_id]
        return _lock(locate(actor, entry_id, Right.EDIT), wanted, space, actor)


def _require_short(owner: str) -> None:
    """Raise InvalidValueError for an owner that is too long to be kept."""
    if len(owner.encode(errors="surrogatepass")) > MOST_OWNER_BYTES:
        raise InvalidValueError(field="owner", limit=MOST_OWNER_BYTES)


def _lock(located: Located, wanted: WantedLock, space: Space, actor: Actor) -> Lock:
    """Lock an entry of a locked space."""
    _require_few(actor)
    entry = located.entry
    others = Lock.objects.covering(entry.pk, [node.id for node in located.ancestors])
    if wanted.deep and entry.is_folder:
        others = others | Lock.objects.inside(space.pk, entry.pk)
    if not wanted.exclusive:
        others = others.filter(scope=Lock.Scope.EXCLUSIVE)
    if space.may_have_locks and (found := list(others)):
        raise locked_by(found)
    return Lock.objects.create(
        space=space,
        entry=entry,
        token=f"opaquelocktoken:{uuid4()}",  # RFC 4918, appendix C
        scope=Lock.Scope.EXCLUSIVE if wanted.exclusive else Lock.Scope.SHARED,
        deep=wanted.deep,
        owner=wanted.owner,
        principal=actor.user,
        expires_at=_expiry(wanted.timeout, space),
    )


def _require_few(actor: Actor) -> None:
    """Raise TooManyLocksError if somebody holds as many locks as may be."""
    if Lock.objects.living().filter(principal=actor.user).count() >= MOST_LOCKS:
        raise TooManyLocksError(limit=MOST_LOCKS)


def _expiry(timeout: timedelta | None, space: Space) -> datetime:
    """Say until when a lock of a locked space is to hold, and let the space know."""
    most = timedelta(seconds=settings.FILES_MAX_LOCK_SECONDS)
    if timeout is None:
        timeout = timedelta(seconds=settings.FILES_LOCK_SECONDS)
    expires_at = timezone.now() + max(timedelta(seconds=1), min(timeout, most))
    if space.locked_until is None or space.locked_until < expires_at:
        space.locked_until = expires_at
        space.save(update_fields=["locked_until"])
    return expires_at


@transaction.atomic
def lock_new(
    parent: Entry, name: str, blob: NewBlob, wanted: WantedLock, *, actor: Actor
) -> tuple[Entry, Lock]:
    """Put a file without content in a folder and lock it, in one transaction (RFC 4918, 7.3).

    blob is of received bytes, none; they are the caller's to remove if this is refused. Locks the
    space. Raises what put_files and lock_entry raise, and EntryExistsError.
    """
    _require_short(wanted.owner)
    new = NewFile((name,), blob)
    (entry,) = put_files(parent, [new], actor=actor, clash=Clash.REFUSE, refusal=Refusal.EACH)
    if isinstance(entry, FilesError):
        raise entry
    space = lock_spaces(parent.space_id)[parent.space_id]
    return entry, _lock(locate(actor, entry.pk, Right.EDIT), wanted, space, actor)


@transaction.atomic
def refresh_lock(token: str, *, actor: Actor, timeout: timedelta | None = None) -> Lock:
    """Let one's own lock hold for another while, from now on (RFC 4918, 9.10.2).

    Locks the space. Raises LockNotFoundError, and ForbiddenError for who may only read by now.
    """
    return _extend(Lock.objects.filter(token=token), actor, timeout)


@transaction.atomic
def extend_lock(lock_id: int, *, actor: Actor, timeout: timedelta | None = None) -> Lock:
    """Do as refresh_lock does, for who took a lock and knows it by its id."""
    return _extend(Lock.objects.filter(pk=lock_id), actor, timeout)


def _extend(seen: QuerySet[Lock], actor: Actor, timeout: timedelta | None) -> Lock:
    """Let one's own lock hold for another while."""
    lock, space = _own_lock(seen, actor)
    lock.expires_at = _expiry(timeout, space)
    lock.save(update_fields=["expires_at"])
    return lock


@transaction.atomic
def unlock(token: str, *, actor: Actor) -> None:
    """Give one's own lock up (RFC 4918, 9.11). Locks the space. Raises as refresh_lock does."""
    _remove(*_own_lock(Lock.objects.filter(token=token), actor))


def _own_lock(seen: QuerySet[Lock], actor: Actor) -> tuple[Lock, Space]:
    """Find a living lock that the actor took, and lock its space."""
    found = seen.first()
    if found is not None:
        space = lock_spaces(found.space_id)[found.space_id]
        lock = Lock.objects.living().select_related("principal").filter(pk=found.pk).first()
        if lock is not None and is_own(lock, actor):
            with _unknown_as_no_lock():
                locate(actor, lock.entry_id, Right.EDIT)
            return lock, space
    raise LockNotFoundError


def _remove(lock: Lock, space: Space) -> None:
    """Delete a lock of a locked space; with its last one, the space has none to look for."""
    lock.delete()
    if not Lock.objects.living().filter(space=space).exists():
        space.locked_until = None
        space.save(update_fields=["locked_until"])


def breakable_lock(lock_id: int, *, actor: Actor) -> Lock:
    """Find a living lock that the actor may break: one's own, or with the right to manage any.

    Raises LockNotFoundError, and ForbiddenError for who may see it and not, or no more, do that.
    """
    lock = (
        Lock.objects.living().select_related("principal", "entry__space").filter(pk=lock_id).first()
    )
    if lock is None:
        raise LockNotFoundError
    with _unknown_as_no_lock():
        located = locate(actor, lock.entry_id, Right.NONE)
    if not may_break(lock, located, actor):
        need = Right.EDIT if is_own(lock, actor) else Right.MANAGE
        raise ForbiddenError(right=need.name)
    return lock


@transaction.atomic
def break_lock(lock_id: int, *, actor: Actor) -> Lock:
    """End a lock, one's own or with the right to manage anybody's, whose event that is.

    Locks the space. Raises what breakable_lock raises.
    """
    space_id = breakable_lock(lock_id, actor=actor).space_id
    space = lock_spaces(space_id)[space_id]
    lock = breakable_lock(lock_id, actor=actor)
    _remove(lock, space)
    if not is_own(lock, actor):
        what = {"holder": lock.holder_name, "scope": lock.scope, "deep": lock.deep}
        before = {**lock.entry.placement, **what}
        record(space, [draft(Event.Kind.LOCK_BROKEN, lock.entry, before=before)], actor=actor)
    return lock


@contextmanager
def _unknown_as_no_lock() -> Iterator[None]:
    """Tell who may not know of an entry that there is no such lock."""
    try:
        yield
    except EntryNotFoundError:
        raise LockNotFoundError from None


def covering_locks(located: Located) -> list[Lock]:
    """Give the living locks that cover an entry: its own, and the deep ones above it."""
    return locks_below(located, ())[located.entry.pk]


def locks_below(located: Located, member_ids: Iterable[int]) -> dict[int, list[Lock]]:
    """Give the living locks that cover a folder and those that cover some members, by their ids.

    In one query, and in none where nothing in the space is locked.
    """
    folder, members = located.entry, list(member_ids)
    if not folder.space.may_have_locks:
        return {pk: [] for pk in (folder.pk, *members)}
    above = [node.id for node in located.ancestors]
    on: dict[int, list[Lock]] = {}
    found = Lock.objects.living().filter(entry__in=[folder.pk, *above, *members])
    for lock in found.select_related("principal").order_by("pk"):
        on.setdefault(lock.entry_id, []).append(lock)
    over = [lock for pk in above for lock in on.get(pk, ()) if lock.deep]
    own = on.get(folder.pk, [])
    inherited = [*over, *(lock for lock in own if lock.deep)]
    return {folder.pk: [*over, *own]} | {pk: [*inherited, *on.get(pk, ())] for pk in members}


@transaction.atomic
def forget_locks() -> int:
    """Delete the rows of locks whose time is over, and give how many; they hold nothing up."""
    return Lock.objects.filter(expires_at__lte=timezone.now()).delete()[0]
