"""Folders and entries within a space: created, renamed, moved and trashed, one row each."""

from time import perf_counter

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from files.errors import (
    CaseTwinError,
    EntryExistsError,
    EntryNotFoundError,
    ForbiddenError,
    InvalidNameError,
    MoveIntoSelfError,
    NotAFolderError,
    RootFolderError,
    SpaceNotFoundError,
    TooDeepError,
)
from files.models import Entry, Event, Grant, Space
from files.operations.entries import (
    create_folder,
    move_within_space,
    rename_entry,
    trash_entries,
)
from files.operations.spaces import set_case_twins
from files.operations.trash import restore_entries
from tests.factories import (
    SYSTEM,
    actor_of,
    grow,
    last_events,
    make_file,
    make_folder,
    make_member,
    make_shared_space,
    make_user,
    paths_in,
    reread,
    root_of,
)

pytestmark = pytest.mark.django_db

Kind = Event.Kind


def assert_recorded(space: Space, kind: Event.Kind, entry: Entry, before: object) -> None:
    """Check that the newest event tells one change as it is."""
    (event,) = last_events(space)
    assert (event.kind, event.entry_id) == (kind, entry.pk)
    assert event.before == before
    assert event.after == reread(entry).placement


def test_create_folder_makes_an_empty_folder(root: Entry, space: Space) -> None:
    assert space.owner is not None

    folder = create_folder(root, name="Docs", actor=actor_of(space.owner))

    stored = reread(folder)
    assert (stored.name, stored.parent, stored.is_folder, stored.size) == ("Docs", root, True, 0)
    assert (stored.created_by, stored.revision) == (space.owner, 1)
    assert_recorded(space, Kind.FOLDER_CREATED, folder, None)


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("taken", EntryExistsError),
        ("a/b", InvalidNameError),
        ("", InvalidNameError),
        ("..", InvalidNameError),
    ],
)
def test_create_folder_refuses_a_name(root: Entry, name: str, error: type[Exception]) -> None:
    make_file(root, "taken")

    with pytest.raises(error):
        create_folder(root, name=name, actor=SYSTEM)
    assert set(paths_in(root)) == {"taken"}


def test_create_folder_refuses_a_file_and_too_great_a_depth(
    root: Entry, settings: Settings
) -> None:
    settings.FILES_MAX_DEPTH = 2
    folder, file = make_folder(root, "folder"), make_file(root, "file")

    with pytest.raises(NotAFolderError):
        create_folder(file, name="a", actor=SYSTEM)
    with pytest.raises(TooDeepError):
        create_folder(folder, name="a", actor=SYSTEM)


def test_create_folder_needs_the_right_to_add(root: Entry) -> None:
    with pytest.raises(ForbiddenError):
        create_folder(root, name="a", actor=make_member(root, Grant.Role.VIEWER))
    with pytest.raises(EntryNotFoundError):
        create_folder(root, name="a", actor=actor_of(make_user("eve")))


def test_create_folder_does_not_tell_an_uploader_what_is_there(root: Entry) -> None:
    make_file(root, "taken")

    folder = create_folder(root, name="taken", actor=make_member(root, Grant.Role.UPLOADER))

    assert folder.name == "taken (2)"


def test_create_folder_in_a_space_that_is_gone_is_refused(root: Entry) -> None:
    with pytest.raises(SpaceNotFoundError):
        create_folder(Entry(pk=root.pk, space_id=10**9), name="a", actor=SYSTEM)


def test_rename_changes_the_name_and_what_is_found_by_it(root: Entry, space: Space) -> None:
    file = make_file(root, "a.txt")
    before = file.placement

    renamed = rename_entry(file, name="B\u00e4r.txt", actor=SYSTEM)

    stored = reread(file)
    assert (stored.name, stored.name_key, stored.name_fold) == (
        "B\u00e4r.txt",
        "B\u00e4r.txt",
        "b\u00e4r.txt",
    )
    assert (stored.revision, stored.modified_at) == (2, file.modified_at)
    assert renamed.placement == stored.placement
    assert_recorded(space, Kind.ENTRY_RENAMED, file, before)


def test_rename_to_the_same_name_changes_nothing(root: Entry, space: Space) -> None:
    file = make_file(root, "a")
    seq = reread(space).last_seq

    rename_entry(file, name="a", actor=SYSTEM)

    assert (reread(file).revision, reread(space).last_seq) == (1, seq)


def test_rename_may_change_only_case_or_form(root: Entry, space: Space) -> None:
    set_case_twins(space, refused=True, actor=SYSTEM)
    file = make_file(root, "caf\u00e9")

    for name in ("Caf\u00e9", "Cafe\u0301"):
        rename_entry(file, name=name, actor=SYSTEM)

        assert reread(file).name == name


def test_rename_refuses_taken_and_invalid_names_and_the_root(root: Entry) -> None:
    file = make_file(root, "file")
    make_file(root, "taken")

    with pytest.raises(EntryExistsError) as caught:
        rename_entry(file, name="taken", actor=SYSTEM)
    with pytest.raises(InvalidNameError):
        rename_entry(file, name="a/b", actor=SYSTEM)
    with pytest.raises(RootFolderError):
        rename_entry(root, name="a", actor=SYSTEM)
    assert caught.value.data == {"name": "taken"}


def test_case_twin_is_refused_where_the_space_says_so(root: Entry, space: Space) -> None:
    make_file(root, "Taken")
    file = make_file(root, "file")

    rename_entry(file, name="TAKEN", actor=SYSTEM)
    set_case_twins(space, refused=True, actor=SYSTEM)

    with pytest.raises(CaseTwinError):
        rename_entry(file, name="taken", actor=SYSTEM)
    with pytest.raises(CaseTwinError):
        create_folder(root, name="taken", actor=SYSTEM)


def test_rename_needs_the_right_to_edit(root: Entry) -> None:
    file = make_file(root, "file")

    with pytest.raises(ForbiddenError):
        rename_entry(file, name="a", actor=make_member(root, Grant.Role.VIEWER))
    with pytest.raises(EntryNotFoundError):
        rename_entry(file, name="a", actor=actor_of(make_user("eve")))


def test_move_takes_along_what_is_inside(root: Entry, space: Space) -> None:
    folder, target = make_folder(root, "folder"), make_folder(root, "target")
    make_file(folder, "file")
    before = folder.placement

    move_within_space([folder], parent=target, actor=SYSTEM)

    assert set(paths_in(root)) == {"target", "target/folder", "target/folder/file"}
    assert reread(folder).revision == 2
    assert_recorded(space, Kind.ENTRY_MOVED, folder, before)


def test_move_to_where_it_is_changes_nothing(root: Entry, space: Space) -> None:
    file = make_file(root, "file")
    seq = reread(space).last_seq

    move_within_space([file], parent=root, actor=SYSTEM)

    assert (reread(file).revision, reread(space).last_seq) == (1, seq)


def test_move_into_itself_or_below_is_refused(root: Entry) -> None:
    outer = make_folder(root, "outer")
    inner = make_folder(make_folder(outer, "middle"), "inner")

    for parent in (outer, inner):
        with pytest.raises(MoveIntoSelfError):
            move_within_space([outer], parent=parent, actor=SYSTEM)


def test_move_refuses_what_cannot_be(root: Entry, settings: Settings) -> None:
    settings.FILES_MAX_DEPTH = 3
    file, folder = make_file(root, "file"), make_folder(root, "folder")
    deep = make_folder(folder, "deep")
    make_file(folder, "file")

    for entry, parent, error in (
        (file, folder, EntryExistsError),
        (folder, file, NotAFolderError),
        (file, deep, TooDeepError),
        (root, folder, RootFolderError),
    ):
        with pytest.raises(error):
            move_within_space([entry], parent=parent, actor=SYSTEM)


def test_move_into_another_space_is_not_one_row(root: Entry) -> None:
    file = make_file(root, "file")

    with pytest.raises(ValueError, match="between spaces"):
        move_within_space([file], parent=root_of(make_shared_space()), actor=SYSTEM)


def test_move_of_several_is_all_or_none(root: Entry, space: Space) -> None:
    target = make_folder(root, "target")
    make_file(target, "b")
    files = [make_file(root, name) for name in "abc"]
    seq = reread(space).last_seq

    with pytest.raises(EntryExistsError):
        move_within_space(files, parent=target, actor=SYSTEM)

    assert set(paths_in(root)) == {"target", "target/b", "a", "b", "c"}
    assert reread(space).last_seq == seq


def test_move_needs_edit_at_the_source_and_add_at_the_target(root: Entry) -> None:
    source, target = make_folder(root, "source"), make_folder(root, "target")
    file = make_file(source, "file")
    bob = make_member(target, Grant.Role.EDITOR)

    with pytest.raises(EntryNotFoundError):
        move_within_space([file], parent=target, actor=bob)
    Grant.objects.create(entry=source, user=bob.user, role=Grant.Role.VIEWER)
    with pytest.raises(ForbiddenError):
        move_within_space([file], parent=target, actor=bob)
    with pytest.raises(ForbiddenError):
        move_within_space([make_file(target, "x")], parent=source, actor=bob)


def test_move_to_a_drop_folder_does_not_tell_what_is_there(root: Entry) -> None:
    box, own = make_folder(root, "box"), make_folder(root, "own")
    make_file(box, "a.txt")
    file = make_file(own, "a.txt")
    bob = make_member(box, Grant.Role.UPLOADER)
    Grant.objects.create(entry=own, user=bob.user, role=Grant.Role.EDITOR)

    (moved,) = move_within_space([file], parent=box, actor=bob)

    assert moved.name == "a (2).txt"
    assert set(paths_in(box)) == {"a.txt", "a (2).txt"}


def test_trash_hides_a_tree_and_says_who_did_it(root: Entry, space: Space) -> None:
    assert space.owner is not None
    folder = make_folder(root, "folder")
    make_file(folder, "file")
    before = folder.placement

    trash_entries([folder], actor=actor_of(space.owner))

    stored = reread(folder)
    assert stored.trashed_at is not None
    assert (stored.trashed_by, stored.parent, stored.revision) == (space.owner, root, 2)
    assert paths_in(root) == {}
    assert_recorded(space, Kind.ENTRY_TRASHED, folder, before)


def test_trash_frees_the_name_and_keeps_the_usage(root: Entry, space: Space) -> None:
    trash_entries([make_file(root, "a")], actor=SYSTEM)

    make_file(root, "a", b"new")

    assert paths_in(root) == {"a": b"new"}
    assert reread(space).used_bytes == 10


def test_trash_takes_an_entry_and_one_inside_it_together(root: Entry) -> None:
    folder = make_folder(root, "folder")
    file = make_file(folder, "file")

    trashed = trash_entries([folder, file, folder], actor=SYSTEM)

    assert trashed == [folder, file]
    assert Entry.objects.filter(trashed_at__isnull=False).count() == 2


def test_trash_works_across_spaces_and_is_all_or_none(root: Entry, space: Space) -> None:
    other = make_shared_space()
    here, there = make_file(root, "here"), make_file(root_of(other), "there")

    with pytest.raises(RootFolderError):
        trash_entries([here, there, root], actor=SYSTEM)
    assert set(paths_in(root)) == {"here"}

    trash_entries([here, there], actor=SYSTEM)
    assert [last_events(each)[0].kind for each in (space, other)] == [Kind.ENTRY_TRASHED] * 2


def test_trash_twice_is_not_found(root: Entry) -> None:
    file = make_file(root, "file")
    trash_entries([file], actor=SYSTEM)

    with pytest.raises(EntryNotFoundError):
        trash_entries([file], actor=SYSTEM)


def test_trash_needs_the_right_to_edit(root: Entry) -> None:
    file = make_file(root, "file")

    with pytest.raises(ForbiddenError):
        trash_entries([file], actor=make_member(root, Grant.Role.VIEWER))


def test_move_trash_and_restore_cost_one_row_whatever_is_inside(root: Entry) -> None:
    small, large = make_folder(root, "small"), make_folder(root, "large")
    target = make_folder(root, "target")
    grow(small, folders=1, files=1)
    assert grow(large, folders=100, files=100) > 10_000
    costs = []

    for folder in (small, large):
        with CaptureQueriesContext(connection) as queries:
            started = perf_counter()
            move_within_space([folder], parent=target, actor=SYSTEM)
            seconds = perf_counter() - started
            trash_entries([folder], actor=SYSTEM)
            restore_entries([folder], actor=SYSTEM)
        writes = [q["sql"] for q in queries if q["sql"].startswith(("UPDATE", "INSERT", "DELETE"))]
        costs.append((len(queries), len(writes)))

    assert costs[0] == costs[1]
    assert costs[1][1] == 3 * 3  # each time one entry, one event, one space
    assert seconds < 0.05
