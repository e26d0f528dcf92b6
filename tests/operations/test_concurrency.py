"""People who do opposite things at once: one consistent tree, clear errors, exact usage.

Real threads with connections of their own, on a database that is a file. Each round is a race that
either side may win; what is asserted holds for every winner.
"""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection

from files.errors import FilesError, FilesRefusedError
from files.models import Blob, Entry, Event, Lock, Space, Version
from files.operations.blobs import sweep_blobs
from files.operations.entries import (
    create_folder,
    move_within_space,
    rename_entry,
    trash_entries,
)
from files.operations.locks import lock_entry
from files.operations.spaces import ensure_personal_space, set_quota
from files.operations.transfer import copy_entries, move_entries
from files.operations.trash import delete_entries, empty_trash, restore_entries
from files.operations.versions import Clash, put_files
from tests.factories import (
    SYSTEM,
    actor_of,
    make_file,
    make_folder,
    make_shared_space,
    make_space,
    make_user,
    new_file,
    paths_in,
    reread,
    root_of,
)

pytestmark = pytest.mark.django_db(transaction=True)

ROUNDS = 8


@pytest.fixture
def space(transactional_db: None) -> Space:
    """Give the personal space of ada, committed."""
    return make_space()


@pytest.fixture
def root(space: Space) -> Entry:
    """Give the root folder of the space of ada."""
    return root_of(space)


def together(*calls: Callable[[], object]) -> list[str]:
    """Run all at the same moment; give "ok" or the code of the error of each."""
    start = threading.Barrier(len(calls))

    def run(call: Callable[[], object]) -> str:
        try:
            start.wait(timeout=30)
            call()
        except FilesRefusedError as error:
            return next(iter(error.refused.values())).code
        except FilesError as error:
            return error.code
        finally:
            connection.close()
        return "ok"

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


def put(folder: Entry, name: str, clash: Clash = Clash.NEW_VERSION) -> Callable[[], object]:
    """Receive a file now and give the call that puts it."""
    file = new_file(name)
    return lambda: put_files(folder, [file], actor=SYSTEM, clash=clash)


a_race = pytest.mark.parametrize("turn", range(ROUNDS))


def test_forty_writers_on_one_name_make_forty_versions(root: Entry, space: Space) -> None:
    outcomes = together(*[put(root, "a") for _ in range(40)])

    assert outcomes == ["ok"] * 40
    (entry,) = Entry.objects.filter(parent=root)
    assert (entry.revision, Version.objects.count()) == (40, 40)
    assert reread(space).used_bytes == 280
    kinds = list(Event.objects.filter(space=space).order_by("seq").values_list("kind", flat=True))
    assert kinds == ["space-created", "file-created", *["version-added"] * 39]


def test_forty_writers_who_keep_both_make_forty_names(root: Entry) -> None:
    outcomes = together(*[put(root, "a", Clash.KEEP_BOTH) for _ in range(40)])

    assert outcomes == ["ok"] * 40
    assert set(paths_in(root)) == {"a", *(f"a ({n})" for n in range(2, 41))}


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_forty_who_want_a_name_alone_are_one_and_39_refused(root: Entry, kind: str) -> None:
    def call() -> Callable[[], object]:
        if kind == "file":
            return put(root, "a", Clash.REFUSE)
        return lambda: create_folder(root, name="a", actor=SYSTEM)

    outcomes = together(*[call() for _ in range(40)])

    assert sorted(outcomes) == ["entry-exists"] * 39 + ["ok"]
    assert set(paths_in(root)) == {"a"}


@a_race
def test_move_into_a_folder_being_trashed(turn: int, root: Entry) -> None:
    folder, file = make_folder(root, "folder"), make_file(root, "file")

    moving, trashing = together(
        lambda: move_within_space([file], parent=folder, actor=SYSTEM),
        lambda: trash_entries([folder], actor=SYSTEM),
    )

    assert trashing == "ok"
    assert moving in {"ok", "entry-not-found"}
    assert reread(file).parent == (folder if moving == "ok" else root)
    assert set(paths_in(root)) == (set() if moving == "ok" else {"file"})


@a_race
def test_put_into_a_folder_being_trashed(turn: int, root: Entry) -> None:
    folder = make_folder(root, "folder")

    putting, trashing = together(
        put(folder, "d/file"), lambda: trash_entries([folder], actor=SYSTEM)
    )

    assert trashing == "ok"
    assert putting in {"ok", "entry-not-found"}
    assert paths_in(root) == {}


def test_of_twenty_who_want_to_lock_a_file_alone_one_does(root: Entry) -> None:
    file = make_file(root, "file")

    outcomes = together(*[lambda: lock_entry(file.pk, actor=SYSTEM) for _ in range(20)])

    assert sorted(outcomes) == ["locked"] * 19 + ["ok"]
    assert Lock.objects.count() == 1


@a_race
def test_lock_on_what_is_being_trashed(turn: int, root: Entry) -> None:
    folder = make_folder(root, "folder")
    file = make_file(folder, "file")

    outcomes = together(
        lambda: lock_entry(file.pk, actor=SYSTEM),
        lambda: trash_entries([folder], actor=SYSTEM),
    )

    assert outcomes in (["ok", "locked"], ["entry-not-found", "ok"])
    assert Lock.objects.exists() == (outcomes[0] == "ok")


@a_race
def test_two_moves_that_would_make_a_cycle(turn: int, root: Entry) -> None:
    a, b = make_folder(root, "a"), make_folder(root, "b")

    outcomes = together(
        lambda: move_within_space([a], parent=b, actor=SYSTEM),
        lambda: move_within_space([b], parent=a, actor=SYSTEM),
    )

    assert sorted(outcomes) == ["move-into-self", "ok"]
    assert set(paths_in(root)) in ({"a", "a/b"}, {"b", "b/a"})


@a_race
def test_two_renames_to_one_name(turn: int, root: Entry) -> None:
    a, b = make_file(root, "a"), make_file(root, "b")

    outcomes = together(
        lambda: rename_entry(a, name="c", actor=SYSTEM),
        lambda: rename_entry(b, name="c", actor=SYSTEM),
    )

    assert sorted(outcomes) == ["entry-exists", "ok"]


@a_race
def test_trash_restore_and_purge_at_once(turn: int, root: Entry, space: Space) -> None:
    folder = make_folder(root, "folder")
    file = make_file(folder, "file")
    trash_entries([folder], actor=SYSTEM)

    restoring, deleting, trashing, _emptying = together(
        lambda: restore_entries([folder], actor=SYSTEM),
        lambda: delete_entries([folder], actor=SYSTEM),
        lambda: trash_entries([file], actor=SYSTEM),
        lambda: empty_trash(space, actor=SYSTEM),
    )

    assert restoring in {"ok", "entry-not-found"}
    assert deleting in {"ok", "entry-not-found", "not-trashed"}
    assert trashing in {"ok", "entry-not-found"}
    assert set(paths_in(root)) <= {"folder", "folder/file"}
    assert (deleting == "ok") <= (not Entry.objects.filter(pk=folder.pk).exists())


@a_race
def test_two_puts_at_a_quota_for_one(turn: int, root: Entry, space: Space) -> None:
    set_quota(space, quota_bytes=7, actor=SYSTEM)

    outcomes = together(*[put(root, name) for name in "abcd"])

    assert sorted(outcomes) == ["ok"] + ["quota-exceeded"] * 3
    assert reread(space).used_bytes == 7


@a_race
def test_first_sign_ins_at_once_make_one_space(turn: int) -> None:
    bob = make_user("bob")

    outcomes = together(*[lambda: ensure_personal_space(bob, actor=actor_of(bob))] * 8)

    assert outcomes == ["ok"] * 8
    assert Space.objects.filter(owner=bob).count() == 1
    assert Entry.objects.count() == 1


@a_race
def test_moves_between_two_spaces_in_both_directions(turn: int, root: Entry) -> None:
    there = root_of(make_shared_space())
    going, coming = make_folder(root, "going"), make_folder(there, "coming")
    make_file(going, "file")
    make_file(coming, "file")

    outcomes = together(
        lambda: move_entries([going], parent=there, actor=SYSTEM),
        lambda: move_entries([coming], parent=root, actor=SYSTEM),
    )

    assert outcomes == ["ok", "ok"]
    assert set(paths_in(root)) == {"coming", "coming/file"}
    assert set(paths_in(there)) == {"going", "going/file"}


@a_race
def test_copy_of_what_is_being_deleted_and_swept(turn: int, root: Entry) -> None:
    there = root_of(make_shared_space())
    file = make_file(root, "file")
    trash_entries([file], actor=SYSTEM)

    def rescue() -> None:
        restore_entries([file], actor=SYSTEM)
        copy_entries([file], parent=there, actor=SYSTEM)

    rescuing, deleting, _sweeping = together(
        rescue,
        lambda: delete_entries([file], actor=SYSTEM),
        lambda: [sweep_blobs(grace=timedelta()) for _ in range(3)],
    )

    assert (rescuing, deleting) in {("ok", "not-trashed"), ("entry-not-found", "ok")}
    assert paths_in(there) == ({"file": b"content"} if rescuing == "ok" else {})


@a_race
def test_puts_while_strays_are_swept_with_no_grace(turn: int, root: Entry) -> None:
    calls = [put(root, f"file {n}") for n in range(6)]

    *outcomes, _sweeping = together(
        *calls, lambda: [sweep_blobs(grace=timedelta()) for _ in range(3)]
    )

    assert set(outcomes) <= {"ok", "blob-conflict"}
    assert len(paths_in(root)) == outcomes.count("ok")
    assert Blob.objects.filter(state=Blob.State.LIVE).count() == outcomes.count("ok")
