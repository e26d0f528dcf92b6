"""Locks as pages show them: who works on something, until when, and who may end that."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from django.utils.translation import gettext as _

from files.access import Actor, Located
from files.models import Entry, Lock
from files.operations.lock_rules import is_own, may_break
from files.operations.locks import locks_below
from files.templatetags.files import moment


@dataclass(frozen=True, slots=True)
class ShownLock:
    """A lock that covers what a page is about."""

    lock: Lock
    is_own: bool
    is_from_above: bool  # that of a folder it lies in
    is_deep: bool  # of a folder, and so of all that is in it
    can_break: bool

    @property
    def sentence(self) -> str:
        """Say who holds it, and until when."""
        return sentence_of(self.lock, is_own=self.is_own)


@dataclass(frozen=True, slots=True)
class ShownLocks:
    """What is locked of a folder and its members, or of a file."""

    covering: list[ShownLock]
    by_member: dict[int, str] = field(default_factory=dict)  # of members locked by themselves


def sentence_of(lock: Lock, *, is_own: bool) -> str:
    """Say who holds a lock, and until when."""
    values = {"who": lock.holder_name, "until": moment(lock.expires_at)}
    if is_own:
        return _("Locked by you until %(until)s.") % values
    if not lock.holder_name:
        return _("Locked until %(until)s.") % values
    return _("Locked by %(who)s until %(until)s.") % values


def shown_locks(located: Located, actor: Actor, members: Iterable[Entry] = ()) -> ShownLocks:
    """Read what is locked of an entry and of its members on a page: one query, mostly none."""
    entry_id = located.entry.pk
    found = locks_below(located, [member.pk for member in members])
    covering = [_shown(lock, located, actor) for lock in found.pop(entry_id)]
    by_member = {}
    for member_id, locks in found.items():
        own = [lock for lock in locks if lock.entry_id == member_id]
        if own:
            by_member[member_id] = sentence_of(own[0], is_own=is_own(own[0], actor))
    return ShownLocks(covering, by_member)


def _shown(lock: Lock, located: Located, actor: Actor) -> ShownLock:
    """Show a lock to somebody."""
    own = is_own(lock, actor)
    return ShownLock(
        lock,
        is_own=own,
        is_from_above=lock.entry_id != located.entry.pk,
        is_deep=lock.deep and located.entry.is_folder,
        can_break=may_break(lock, located, actor),
    )
