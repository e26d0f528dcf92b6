"""Locks: who may take one beside which others, how long it holds, and who ends it."""

from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings

from files.access import Actor, locate
from files.dav_errors import LockedError, LockNotFoundError, TooManyLocksError
from files.errors import EntryExistsError, EntryNotFoundError, ForbiddenError, InvalidValueError
from files.models import Entry, Event, Grant, Lock, Space
from files.operations import locks
from files.operations.entries import trash_entries
from files.operations.locks import (
    WantedLock,
    break_lock,
    covering_locks,
    forget_locks,
    lock_entry,
    lock_new,
    locks_below,
    refresh_lock,
    unlock,
)
from files.operations.trash import delete_entries
from tests.factories import (
    SYSTEM,
    actor_of,
    holding,
    last_events,
    make_blob,
    make_file,
    make_folder,
    make_lock,
    make_member,
    make_user,
    reread,
)

pytestmark = pytest.mark.django_db

NOBODY = 10**9  # the id of no row


@pytest.fixture
def ada(space: Space) -> Actor:
    """Give the owner of the space."""
    assert space.owner is not None
    return actor_of(space.owner)


@pytest.fixture
def bob(root: Entry) -> Actor:
    """Give an editor."""
    return make_member(root, Grant.Role.EDITOR)


@pytest.fixture
def tree(root: Entry) -> dict[str, Entry]:
    """Give the tree top/inner/leaf, with a file beside inner."""
    top = make_folder(root, "top")
    inner = make_folder(top, "inner")
    return {
        "root": root,
        "top": top,
        "inner": inner,
        "leaf": make_file(inner, "leaf"),
        "side": make_file(top, "side"),
    }


# Two locks, each with its place and whether it is deep, and whether they meet (RFC 4918, 6.2, 7.4).
type Placed = tuple[str, bool]
MEETINGS: list[tuple[Placed, Placed, bool]] = [
    (("leaf", False), ("leaf", False), True),
    (("leaf", False), ("side", False), False),
    (("inner", True), ("leaf", False), True),
    (("inner", False), ("leaf", False), False),
    (("top", True), ("leaf", False), True),
    (("top", True), ("inner", True), True),
    (("top", False), ("inner", True), False),
    (("top", False), ("top", False), True),
    (("leaf", False), ("inner", True), True),
    (("leaf", False), ("inner", False), False),
    (("leaf", False), ("top", True), True),
    (("side", False), ("inner", True), False),
    (("leaf", True), ("root", True), True),
]


@pytest.mark.parametrize("meeting", MEETINGS)
def test_two_locks_conflict_unless_both_are_shared_or_they_do_not_meet(
    meeting: tuple[Placed, Placed, bool], tree: dict[str, Entry], ada: Actor, bob: Actor
) -> None:
    (first, is_deep), (second, wants_deep), meet = meeting
    for exclusive, other in ((True, True), (True, False), (False, True), (False, False)):
        with transaction.atomic():
            make_lock(tree[first], actor=ada, exclusive=exclusive, deep=is_deep)
            conflicts = []
            try:
                make_lock(tree[second], actor=bob, exclusive=other, deep=wants_deep)
            except LockedError as error:
                conflicts = error.data["conflicts"]
            transaction.set_rollback(True)

        is_refused = meet and (exclusive or other)
        assert conflicts == ([tree[first].pk] if is_refused else []), (exclusive, other)


def test_an_exclusive_lock_is_not_taken_twice_by_the_same_user(root: Entry, bob: Actor) -> None:
    lock = make_lock(root, actor=bob)

    with pytest.raises(LockedError):
        make_lock(root, actor=holding(bob, lock))


def test_lock_entry_says_what_was_asked_for(root: Entry, bob: Actor) -> None:
    owner = "<D:href xmlns:D='DAV:'>mailto:bob@example.com</D:href>"

    lock = lock_entry(root.pk, actor=bob, exclusive=False, deep=True, owner=owner)

    kept = reread(lock)
    assert (kept.scope, kept.deep, kept.owner) == ("shared", True, owner)
    assert (kept.entry, kept.principal, kept.space) == (root, bob.user, root.space)
    assert kept.token.startswith("opaquelocktoken:")
    assert not kept.is_exclusive


def test_taking_and_giving_up_a_lock_is_no_event(root: Entry, bob: Actor) -> None:
    before = reread(root.space).last_seq

    unlock(make_lock(root, actor=bob).token, actor=bob)

    assert reread(root.space).last_seq == before


@pytest.mark.parametrize(
    ("asked", "granted"),
    [
        (None, 1800),
        (timedelta(seconds=60), 60),
        (timedelta.max, 86_400),
        (timedelta(0), 1),
        (timedelta(seconds=-5), 1),
    ],
)
def test_a_lock_holds_as_long_as_was_asked_and_the_server_allows(
    asked: timedelta | None, granted: int, root: Entry
) -> None:
    lock = make_lock(root, timeout=asked)

    left = (lock.expires_at - timezone.now()).total_seconds()
    assert granted - 5 < left <= granted
    assert lock.is_living


def test_the_settings_say_how_long(root: Entry, settings: Settings) -> None:
    settings.FILES_LOCK_SECONDS, settings.FILES_MAX_LOCK_SECONDS = 600, 300

    lock = make_lock(root)

    assert lock.expires_at <= timezone.now() + timedelta(seconds=300)


def test_who_may_not_change_an_entry_may_not_lock_it(root: Entry) -> None:
    with pytest.raises(ForbiddenError):
        make_lock(root, actor=make_member(root, Grant.Role.VIEWER))
    with pytest.raises(EntryNotFoundError):
        make_lock(root, actor=actor_of(make_user("eve")))
    with pytest.raises(EntryNotFoundError):
        lock_entry(NOBODY, actor=SYSTEM)


def test_an_owner_that_is_too_long_is_refused(root: Entry) -> None:
    make_lock(root, owner="é" * 2048)

    with pytest.raises(InvalidValueError):
        make_lock(root, owner="é" * 2049)


def test_a_user_holds_a_bounded_number_of_locks(
    tree: dict[str, Entry], bob: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locks, "MOST_LOCKS", 1)
    make_lock(tree["leaf"], actor=bob)

    with pytest.raises(TooManyLocksError) as caught:
        make_lock(tree["side"], actor=bob)
    make_lock(tree["side"], actor=SYSTEM)

    assert caught.value.data == {"limit": 1}


def test_refresh_lock_counts_from_now(root: Entry, bob: Actor) -> None:
    lock = make_lock(root, actor=bob, timeout=timedelta(seconds=10))

    refreshed = refresh_lock(lock.token, actor=bob, timeout=timedelta(hours=1))

    assert reread(lock).expires_at == refreshed.expires_at
    assert refreshed.expires_at > timezone.now() + timedelta(minutes=59)


def test_only_who_took_a_lock_can_use_its_token(root: Entry, ada: Actor, bob: Actor) -> None:
    lock = make_lock(root, actor=bob)

    for token, actor in ((lock.token, ada), ("opaquelocktoken:none", bob)):
        with pytest.raises(LockNotFoundError):
            refresh_lock(token, actor=actor)
        with pytest.raises(LockNotFoundError):
            unlock(token, actor=actor)

    assert Lock.objects.get() == lock


def test_who_was_shut_out_cannot_use_a_token_any_more(root: Entry, bob: Actor) -> None:
    lock = make_lock(root, actor=bob)
    Grant.objects.all().delete()

    for act in (refresh_lock, unlock):
        with pytest.raises(LockNotFoundError):
            act(lock.token, actor=bob)
    with pytest.raises(LockNotFoundError):
        break_lock(lock.pk, actor=bob)


def test_who_may_only_read_by_now_waits_until_it_is_over(root: Entry, bob: Actor) -> None:
    lock = make_lock(root, actor=bob)
    Grant.objects.update(role=Grant.Role.VIEWER)

    for act in (refresh_lock, unlock):
        with pytest.raises(ForbiddenError):
            act(lock.token, actor=bob)
    with pytest.raises(ForbiddenError):
        break_lock(lock.pk, actor=bob)


def test_a_lock_that_is_over_cannot_be_used(root: Entry, bob: Actor) -> None:
    lock = make_lock(root, actor=bob)
    Lock.objects.update(expires_at=timezone.now())

    with pytest.raises(LockNotFoundError):
        refresh_lock(lock.token, actor=bob)
    with pytest.raises(LockNotFoundError):
        break_lock(lock.pk, actor=bob)


def test_forget_locks_deletes_what_is_over(tree: dict[str, Entry]) -> None:
    over, living = make_lock(tree["leaf"]), make_lock(tree["side"])
    Lock.objects.filter(pk=over.pk).update(expires_at=timezone.now())

    assert forget_locks() == 1

    assert Lock.objects.get() == living


def test_a_space_asks_for_locks_until_the_longest_is_over(tree: dict[str, Entry]) -> None:
    long = make_lock(tree["leaf"], timeout=timedelta(hours=2))
    make_lock(tree["side"], timeout=timedelta(minutes=1))

    assert reread(long.space).locked_until == long.expires_at


def test_after_its_last_lock_a_space_asks_for_locks_no_more(tree: dict[str, Entry]) -> None:
    first, second = make_lock(tree["leaf"]), make_lock(tree["side"])

    unlock(first.token, actor=SYSTEM)
    assert reread(first.space).may_have_locks
    unlock(second.token, actor=SYSTEM)

    assert reread(first.space).locked_until is None


def test_a_manager_breaks_a_lock_which_is_an_event(root: Entry, ada: Actor, bob: Actor) -> None:
    lock = make_lock(root, actor=bob, deep=True)

    break_lock(lock.pk, actor=ada)

    assert not Lock.objects.exists()
    (event,) = last_events(root.space)
    assert (event.kind, event.entry_id, event.actor) == (
        Event.Kind.LOCK_BROKEN,
        root.pk,
        ada.user,
    )
    lost = {"holder": "bob", "scope": "exclusive", "deep": True}
    assert event.before == {**root.placement, **lost}
    assert event.after == root.placement


def test_ones_own_lock_is_broken_without_an_event(root: Entry, bob: Actor) -> None:
    before = reread(root.space).last_seq

    break_lock(make_lock(root, actor=bob).pk, actor=bob)

    assert not Lock.objects.exists()
    assert reread(root.space).last_seq == before


def test_an_editor_breaks_nobody_elses_lock(root: Entry, ada: Actor, bob: Actor) -> None:
    lock = make_lock(root, actor=ada)

    with pytest.raises(ForbiddenError):
        break_lock(lock.pk, actor=bob)
    with pytest.raises(LockNotFoundError):
        break_lock(lock.pk, actor=actor_of(make_user("eve")))
    with pytest.raises(LockNotFoundError):
        break_lock(NOBODY, actor=ada)

    assert Lock.objects.get() == lock


def test_the_lock_of_a_deleted_account_is_nobodys(root: Entry, bob: Actor, ada: Actor) -> None:
    lock = make_lock(root, actor=bob)
    assert bob.user is not None
    Grant.objects.filter(user=bob.user).delete()
    bob.user.delete()

    break_lock(lock.pk, actor=ada)

    (event,) = last_events(root.space)
    assert event.before is not None
    assert event.before["holder"] == ""


def test_covering_locks_are_those_of_an_entry_and_deep_ones_above(
    tree: dict[str, Entry],
) -> None:
    top = make_lock(tree["top"], deep=True, exclusive=False)
    make_lock(tree["inner"], exclusive=False)
    leaf = make_lock(tree["leaf"], exclusive=False)
    make_lock(tree["side"], exclusive=False)

    assert covering_locks(locate(SYSTEM, tree["leaf"].pk)) == [top, leaf]


def test_locks_of_members_are_read_in_one_query(tree: dict[str, Entry]) -> None:
    root = make_lock(tree["root"], deep=True, exclusive=False)
    top = make_lock(tree["top"], exclusive=False)
    side = make_lock(tree["side"], exclusive=False)
    located = locate(SYSTEM, tree["top"].pk)
    members = [tree["inner"].pk, tree["side"].pk]

    with CaptureQueriesContext(connection) as queries:
        found = locks_below(located, members)

    assert found == {
        tree["top"].pk: [root, top],
        tree["inner"].pk: [root],
        tree["side"].pk: [root, side],
    }
    assert len(queries) == 1


def test_a_deep_lock_on_a_folder_covers_its_members(tree: dict[str, Entry]) -> None:
    top = make_lock(tree["top"], deep=True)

    found = locks_below(locate(SYSTEM, tree["top"].pk), [tree["side"].pk])

    assert found == {tree["top"].pk: [top], tree["side"].pk: [top]}


def test_where_nothing_is_locked_no_query_is_made(tree: dict[str, Entry]) -> None:
    located = locate(SYSTEM, tree["top"].pk)

    with CaptureQueriesContext(connection) as queries:
        assert locks_below(located, [tree["side"].pk]) == {tree["top"].pk: [], tree["side"].pk: []}

    assert len(queries) == 0


def test_lock_new_makes_an_empty_file_that_is_locked(root: Entry, bob: Actor) -> None:
    entry, lock = lock_new(root, "new", make_blob(b""), WantedLock(owner="bob"), actor=bob)

    assert (entry.name, reread(entry).size) == ("new", 0)
    assert (lock.entry, lock.owner, lock.principal) == (entry, "bob", bob.user)


def test_lock_new_makes_nothing_where_it_is_refused(tree: dict[str, Entry], bob: Actor) -> None:
    top = make_lock(tree["top"])
    with pytest.raises(LockedError):
        lock_new(tree["top"], "new", make_blob(b""), WantedLock(), actor=bob)
    unlock(top.token, actor=SYSTEM)
    with pytest.raises(EntryExistsError):
        lock_new(tree["top"], "side", make_blob(b""), WantedLock(), actor=bob)

    assert Entry.objects.children_of(tree["top"]).count() == 2
    assert not Lock.objects.exists()


def test_a_purge_takes_rows_of_locks_that_are_over_along(tree: dict[str, Entry]) -> None:
    make_lock(tree["leaf"])
    Lock.objects.update(expires_at=timezone.now())
    trash_entries([tree["top"]], actor=SYSTEM)

    delete_entries([tree["top"]], actor=SYSTEM)

    assert not Lock.objects.exists()
