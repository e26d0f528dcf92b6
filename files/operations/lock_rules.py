"""What a lock forbids: decided under the lock of the space, before anything is written.

A lock covers its entry and, if it is deep, all below. A change of an entry, and one of which
members a folder has, need a token of what covers the entry or the folder (RFC 4918, 7). Of several
shared locks, one suffices. A space in which nothing was locked lately costs no query at all.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import batched

from files.access import Actor, Located
from files.dav_errors import LockedError
from files.models import Lock, Right, Space

from .blobs import BATCH


@dataclass(frozen=True, slots=True)
class FoundLocks:
    """The living locks on some entries, for an actor who wants to change what they may cover."""

    actor: Actor
    by_entry: dict[int, list[Lock]] = field(default_factory=dict)

    def require(self, entry_id: int, above: Iterable[int]) -> None:
        """Make sure that the actor holds a lock that covers an entry, if there is one.

        above are the ids of the entry's ancestors. Raises LockedError.
        """
        covering = list(self.by_entry.get(entry_id, ()))
        for ancestor_id in above:
            covering += [lock for lock in self.by_entry.get(ancestor_id, ()) if lock.deep]
        require_held(covering, self.actor)


def is_own(lock: Lock, actor: Actor) -> bool:
    """Tell whether the actor took a lock."""
    return lock.principal_id == (actor.user.pk if actor.user else None)


def is_held(lock: Lock, actor: Actor) -> bool:
    """Tell whether the actor took a lock, and the request says so."""
    return lock.token in actor.held and is_own(lock, actor)


def may_break(lock: Lock, located: Located, actor: Actor) -> bool:
    """Tell whether the actor may end a lock that covers an entry: one's own, or as a manager."""
    rights = located.rights
    return Right.MANAGE in rights or (is_own(lock, actor) and Right.EDIT in rights)


def require_held(covering: Sequence[Lock], actor: Actor) -> None:
    """Raise LockedError if there are locks of which the actor holds none."""
    if covering and not any(is_held(lock, actor) for lock in covering):
        raise locked_by(covering)


def locked_by(locks: Sequence[Lock]) -> LockedError:
    """Give the error that names the entries which are locked."""
    return LockedError(conflicts=sorted({lock.entry_id for lock in locks}))


def find_locks(space: Space, entry_ids: Iterable[int], actor: Actor) -> FoundLocks:
    """Find the living locks on some entries of a space that was read under its lock."""
    found = FoundLocks(actor)
    if space.may_have_locks:
        for some in batched(sorted(set(entry_ids)), BATCH):
            for lock in Lock.objects.living().filter(entry__in=some).order_by("pk"):
                found.by_entry.setdefault(lock.entry_id, []).append(lock)
    return found


def require_unlocked(located: Located, space: Space, actor: Actor) -> None:
    """Make sure that the actor may change an entry, or which members a folder has.

    space was read under its lock. Raises LockedError.
    """
    above = [node.id for node in located.ancestors]
    find_locks(space, [located.entry.pk, *above], actor).require(located.entry.pk, above)


def require_unlocked_tree(located: Located, space: Space, actor: Actor) -> list[Lock]:
    """Make sure that the actor may take an entry away, with all that is in it, from its folder.

    Gives the locks that end with that. Each lock inside needs to be held, or a deep one that
    covers the entry. Raises LockedError.
    """
    if not space.may_have_locks:
        return []
    entry_id, above = located.entry.pk, [node.id for node in located.ancestors]
    found = find_locks(space, [entry_id, *above], actor)
    *higher, parent_id = above  # nobody takes a root away
    found.require(parent_id, higher)
    found.require(entry_id, above)
    inside = list(Lock.objects.inside(space.pk, entry_id).order_by("pk"))
    over = [lock for pk in (entry_id, *above) for lock in found.by_entry.get(pk, ()) if lock.deep]
    if not any(is_held(lock, actor) for lock in over):
        _require_each(inside, actor)
    return inside


def _require_each(inside: Sequence[Lock], actor: Actor) -> None:
    """Raise LockedError unless of each locked entry, the actor holds a lock."""
    roots = {lock.entry_id for lock in inside}
    held = {lock.entry_id for lock in inside if is_held(lock, actor)}
    if others := [lock for lock in inside if lock.entry_id in roots - held]:
        raise locked_by(others)


def take_tree(located: Located, space: Space, actor: Actor) -> None:
    """Make sure that the actor may take a tree away, and end the locks in it (RFC 4918, 7.7)."""
    for some in batched(require_unlocked_tree(located, space, actor), BATCH):
        Lock.objects.filter(pk__in=[lock.pk for lock in some]).delete()
