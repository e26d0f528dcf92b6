"""What a lock forbids: a table of changes, and of the locks that stand in the way of each."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from http import HTTPStatus

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from files.access import Actor
from files.dav_errors import LockedError
from files.errors import FilesError, FilesRefusedError
from files.models import Entry, Event, Grant, Lock, Space
from files.operations.entries import create_folder, rename_entry, trash_entries
from files.operations.folders import NewFolder, make_folders
from files.operations.locks import unlock
from files.operations.properties import PropertyChange, set_properties
from files.operations.transfer import copy_entries, move_entries, run_transfer
from files.operations.trash import restore_entries
from files.operations.versions import Clash, Member, Refusal, put_files, put_members
from tests.factories import (
    SYSTEM,
    actor_of,
    codes,
    holding,
    last_events,
    make_file,
    make_folder,
    make_lock,
    make_member,
    make_shared_space,
    make_tree,
    make_upload,
    new_file,
    paths_in,
    put_each,
    reread,
    root_of,
)

pytestmark = pytest.mark.django_db

type Tree = dict[str, Entry]

# Where a lock may lie, and whether it is deep.
EVERY_LOCK = [
    (place, deep)
    for place in ("root", "top", "inner", "leaf", "side", "elsewhere")
    for deep in (False, True)
]
LEAF = {("leaf", False), ("leaf", True)}
SIDE = {("side", False), ("side", True)}
ABOVE_TOP = {("root", True), ("top", True)}
INNER = {("inner", False), ("inner", True)}
ELSEWHERE = {("elsewhere", False), ("elsewhere", True), ("root", True)}
TAKES_INNER = INNER | LEAF | {("top", False)} | ABOVE_TOP


@pytest.fixture
def tree(root: Entry) -> Tree:
    """Give the tree top/inner/leaf, top/side and elsewhere, and what was trashed out of inner."""
    top = make_folder(root, "top")
    inner = make_folder(top, "inner")
    tree = {
        "root": root,
        "top": top,
        "inner": inner,
        "leaf": make_file(inner, "leaf"),
        "side": make_file(top, "side"),
        "elsewhere": make_folder(root, "elsewhere"),
        "gone": make_file(inner, "gone"),
    }
    trash_entries([tree["gone"]], actor=SYSTEM)
    return tree


@pytest.fixture
def bob(root: Entry) -> Actor:
    """Give who locks."""
    return make_member(root, Grant.Role.EDITOR)


def put(folder: Entry, name: str, actor: Actor) -> None:
    """Put a file, and raise what refuses it."""
    (result,) = put_files(folder, [new_file(name)], actor=actor, refusal=Refusal.EACH)
    if isinstance(result, FilesError):
        raise result


def make_missing(folder: Entry, names: Sequence[str], actor: Actor) -> None:
    """Make folders set-wise, and raise what refuses the first."""
    (result,) = make_folders(folder, [NewFolder(tuple(names))], actor=actor)
    if isinstance(result, FilesError):
        raise result


CHANGES: dict[str, tuple[Callable[[Tree, Actor], object], set[tuple[str, bool]]]] = {
    "new version": (lambda t, a: put(t["inner"], "leaf", a), LEAF | ABOVE_TOP | {("inner", True)}),
    "new version from above": (
        lambda t, a: put(t["root"], "top/inner/leaf", a),
        LEAF | ABOVE_TOP | {("inner", True)},
    ),
    "new file": (lambda t, a: put(t["inner"], "new", a), INNER | ABOVE_TOP),
    "new file in a new folder": (
        lambda t, a: put(t["top"], "inner/new/file", a),
        INNER | ABOVE_TOP,
    ),
    "new folder": (lambda t, a: create_folder(t["inner"], name="n", actor=a), INNER | ABOVE_TOP),
    "new folders": (lambda t, a: make_missing(t["top"], ["inner", "n"], a), INNER | ABOVE_TOP),
    "folders that are there": (lambda t, a: make_missing(t["root"], ["top", "inner"], a), set()),
    "property": (
        lambda t, a: set_properties(t["inner"].pk, [PropertyChange("D:", "p", "1")], actor=a),
        INNER | ABOVE_TOP,
    ),
    "rename": (lambda t, a: rename_entry(t["inner"], name="n", actor=a), TAKES_INNER),
    "trash": (lambda t, a: trash_entries([t["inner"]], actor=a), TAKES_INNER),
    "move": (
        lambda t, a: move_entries([t["inner"]], parent=t["elsewhere"], actor=a),
        TAKES_INNER | ELSEWHERE,
    ),
    "move of a file inwards": (
        lambda t, a: move_entries([t["side"]], parent=t["inner"], actor=a),
        SIDE | {("top", False)} | INNER | ABOVE_TOP,
    ),
    "copy": (
        lambda t, a: copy_entries([t["inner"]], parent=t["elsewhere"], actor=a),
        ELSEWHERE,
    ),
    "restore": (lambda t, a: restore_entries([t["gone"]], actor=a), INNER | ABOVE_TOP),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_is_refused_by_the_locks_on_what_it_changes(
    change: str, tree: Tree, bob: Actor, space: Space
) -> None:
    assert space.owner is not None
    ada = actor_of(space.owner)
    act, refusing = CHANGES[change]

    refused = set()
    for place, deep in EVERY_LOCK:
        with transaction.atomic():
            lock = make_lock(tree[place], actor=bob, deep=deep)
            for thief in (ada, holding(ada, lock), bob):
                refused |= {(place, deep)} if _is_refused(act, tree, thief, lock) else set()
            assert not _is_refused(act, tree, holding(bob, lock), lock), "the holder is refused"
            transaction.set_rollback(True)

    assert refused == refusing


def _is_refused(act: Callable[[Tree, Actor], object], tree: Tree, actor: Actor, lock: Lock) -> bool:
    """Try a change, undo it, and tell whether it was refused for the lock."""
    fresh = {name: reread(entry) for name, entry in tree.items()}
    try:
        with transaction.atomic():
            act(fresh, actor)
            transaction.set_rollback(True)
    except LockedError as error:
        return bool(error.data == {"conflicts": [lock.entry_id]})
    return False


def test_a_lock_refuses_only_its_own_member_of_a_batch(tree: Tree, bob: Actor) -> None:
    make_lock(tree["leaf"], actor=bob)

    results = put_each(tree["top"], "inner/leaf", "inner/other", "side")

    assert results == ["locked", "other", "side"]


def test_put_files_of_all_or_none_puts_none_beside_a_locked_one(tree: Tree, bob: Actor) -> None:
    make_lock(tree["leaf"], actor=bob)
    files = [new_file("leaf"), new_file("other")]

    with pytest.raises(FilesRefusedError) as caught:
        put_files(tree["inner"], files, actor=SYSTEM, refusal=Refusal.ALL)

    assert caught.value.status == HTTPStatus.LOCKED
    assert set(paths_in(tree["inner"])) == {"leaf"}


def test_members_of_a_group_commit_hold_only_their_own_tokens(tree: Tree, bob: Actor) -> None:
    lock = make_lock(tree["inner"], actor=bob)
    actors = [bob, holding(bob, lock)]
    members = [Member(tree["inner"].pk, new_file(f"{n}"), actor) for n, actor in enumerate(actors)]

    results = codes(put_members(tree["inner"].space_id, members))

    assert results == ["locked", "1"]


def test_one_of_several_shared_locks_suffices(tree: Tree, bob: Actor, space: Space) -> None:
    assert space.owner is not None
    ada = actor_of(space.owner)
    own = make_lock(tree["leaf"], actor=ada, exclusive=False)
    make_lock(tree["leaf"], actor=bob, exclusive=False)

    put(tree["inner"], "leaf", holding(ada, own))

    with pytest.raises(LockedError):
        put(tree["inner"], "leaf", ada)


def test_each_locked_member_must_be_held_to_take_a_folder_away(tree: Tree, bob: Actor) -> None:
    leaf, side = make_lock(tree["leaf"], actor=bob), make_lock(tree["side"], actor=bob)

    with pytest.raises(LockedError) as caught:
        trash_entries([tree["top"]], actor=holding(bob, leaf))
    assert caught.value.data == {"conflicts": [side.entry_id]}
    trash_entries([tree["top"]], actor=holding(bob, leaf, side))

    assert not Lock.objects.exists()


def test_a_deep_shared_lock_takes_away_what_others_share(tree: Tree, bob: Actor) -> None:
    make_lock(tree["leaf"], exclusive=False)
    own = make_lock(tree["top"], actor=bob, exclusive=False, deep=True)

    trash_entries([tree["inner"]], actor=holding(bob, own))

    assert Lock.objects.get() == own


@pytest.mark.parametrize("change", ["rename", "move", "trash"])
def test_locks_stay_behind_when_their_entry_goes(change: str, tree: Tree, bob: Actor) -> None:
    leaf, inner = make_lock(tree["leaf"], actor=bob), make_lock(tree["inner"], actor=bob)
    stays = make_lock(tree["side"], actor=bob)

    CHANGES[change][0](tree, holding(bob, leaf, inner))

    assert Lock.objects.get() == stays


def test_a_new_version_keeps_the_lock(tree: Tree, bob: Actor) -> None:
    lock = make_lock(tree["leaf"], actor=bob)

    put(tree["inner"], "leaf", holding(bob, lock))

    assert Lock.objects.get() == lock


def test_a_copy_is_not_locked(tree: Tree, bob: Actor) -> None:
    lock = make_lock(tree["leaf"], actor=bob)

    copy_entries([tree["inner"]], parent=tree["elsewhere"], actor=SYSTEM)

    assert list(Lock.objects.all()) == [lock]


def test_a_move_to_another_space_ends_the_locks(tree: Tree, bob: Actor) -> None:
    there = root_of(make_shared_space(bob=Grant.Role.EDITOR))
    lock = make_lock(tree["leaf"], actor=bob)
    with pytest.raises(LockedError):
        move_entries([tree["inner"]], parent=there, actor=bob)

    move_entries([tree["inner"]], parent=there, actor=holding(bob, lock))

    assert set(paths_in(there)) == {"inner", "inner/leaf"}
    assert not Lock.objects.exists()


def test_a_job_moves_with_the_tokens_of_its_request(
    root: Entry, bob: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("files.operations.transfer.INLINE_LIMIT", 0)
    there = root_of(make_shared_space(bob=Grant.Role.EDITOR))
    tree = make_tree(root)
    lock = make_lock(tree, actor=bob, deep=True)
    assert move_entries([tree], parent=there, actor=holding(bob, lock)).queued

    run_transfer(*last_events(there.space), actor=bob)

    assert "tree" in paths_in(there)
    assert not Lock.objects.exists()


def test_a_job_that_lost_its_lock_moves_nothing(
    root: Entry, bob: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("files.operations.transfer.INLINE_LIMIT", 0)
    there = root_of(make_shared_space(bob=Grant.Role.EDITOR))
    tree = make_tree(root)
    lock = make_lock(tree, actor=bob, deep=True)
    move_entries([tree], parent=there, actor=holding(bob, lock))
    unlock(lock.token, actor=bob)
    make_lock(tree)

    with pytest.raises(LockedError):
        run_transfer(*last_events(there.space), actor=bob)

    assert paths_in(there) == {}


def test_a_lock_that_is_over_forbids_nothing(tree: Tree, bob: Actor) -> None:
    make_lock(tree["root"], actor=bob, deep=True)
    past = timezone.now() - timedelta(seconds=1)
    Lock.objects.update(expires_at=past)

    put(tree["inner"], "leaf", SYSTEM)
    trash_entries([tree["top"]], actor=SYSTEM)

    Lock.objects.get()  # a row that holds nothing up, until the job forgets it


def test_where_nothing_is_locked_no_query_asks_for_locks(tree: Tree) -> None:
    with CaptureQueriesContext(
        connection,
    ) as queries:
        put(tree["inner"], "leaf", SYSTEM)
        rename_entry(tree["inner"], name="n", actor=SYSTEM)
        trash_entries([tree["top"]], actor=SYSTEM)

    assert [query for query in queries if "files_lock" in query["sql"]] == []


def test_what_is_locked_is_found_without_a_look_at_the_tree(
    root: Entry, bob: Actor, django_assert_num_queries: Callable[..., object]
) -> None:
    small, large = make_tree(root, "small"), make_tree(root, "large")
    for n in range(20):
        make_file(large, f"{n}")
    make_lock(make_file(root, "far"), actor=bob)

    counts = []
    for tree in (small, large):
        with CaptureQueriesContext(connection) as queries:
            trash_entries([tree], actor=SYSTEM)
        counts.append(len(queries))

    assert counts[0] == counts[1]
    assert last_events(root.space)[0].kind == Event.Kind.ENTRY_TRASHED


@pytest.mark.parametrize(
    ("place", "path", "outcome"),
    [
        ("leaf", "inner/leaf", "refused"),
        ("leaf", "inner/new", "begun"),
        ("inner", "inner/new", "refused"),
        ("inner", "inner/new/deeper/file", "refused"),
        ("inner", "inner/leaf", "begun"),
        ("top", "new", "refused"),
        ("top", "inner/new", "begun"),
        ("side", "side/new", "refused"),
    ],
)
def test_an_upload_into_a_locked_place_is_refused_before_its_first_byte(
    place: str, path: str, outcome: str, tree: Tree, bob: Actor
) -> None:
    make_lock(tree[place])

    if outcome == "refused":
        with pytest.raises(LockedError):
            make_upload(tree["top"], path, actor=bob)
    else:
        make_upload(tree["top"], path, actor=bob)


def test_an_upload_that_keeps_both_is_not_refused_for_the_file_there(
    tree: Tree, bob: Actor
) -> None:
    lock = make_lock(tree["leaf"])

    make_upload(tree["inner"], "leaf", actor=bob, clash=Clash.KEEP_BOTH)
    with pytest.raises(LockedError):
        make_upload(tree["inner"], "leaf", actor=bob)
    make_upload(tree["inner"], "leaf", actor=holding(SYSTEM, lock))
