"""The trash: back to where things were, or gone for good with their bytes."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from files.access import trashed_in
from files.errors import EntryNotFoundError, FilesError, ForbiddenError, NotTrashedError
from files.models import Blob, Entry, Event, Grant, Space, Version
from files.models.tree import measure_trash
from files.operations.entries import move_within_space, trash_entries
from files.operations.spaces import set_case_twins
from files.operations.trash import (
    delete_entries,
    detached_tops,
    empty_trash,
    purge_some,
    purge_step,
    restore_entries,
    spaces_to_purge,
)
from tests.factories import (
    SYSTEM,
    grow,
    last_events,
    make_file,
    make_folder,
    make_member,
    make_shared_space,
    make_tree,
    make_user,
    paths_in,
    reread,
    root_of,
)

pytestmark = pytest.mark.django_db

Kind = Event.Kind


def trash(*entries: Entry) -> None:
    trash_entries(entries, actor=SYSTEM)


def test_restore_brings_a_tree_back_to_where_it_was(root: Entry, space: Space) -> None:
    folder = make_folder(make_folder(root, "outer"), "folder")
    make_file(folder, "file")
    trash(folder)
    before = reread(folder).placement

    (restored,) = restore_entries([folder], actor=SYSTEM)

    stored = reread(folder)
    assert set(paths_in(root)) == {"outer", "outer/folder", "outer/folder/file"}
    assert (stored.trashed_at, stored.trashed_by, stored.revision) == (None, None, 3)
    (event,) = last_events(space)
    assert (event.kind, event.before, event.after) == (
        Kind.ENTRY_RESTORED,
        before,
        stored.placement,
    )
    assert restored.placement == stored.placement


def test_restore_beside_a_name_taken_meanwhile(root: Entry) -> None:
    file = make_file(root, "a.txt", b"old")
    trash(file)
    make_file(root, "a.txt", b"new")

    restore_entries([file], actor=SYSTEM)

    assert paths_in(root) == {"a.txt": b"new", "a (2).txt": b"old"}


def test_restore_keeps_its_own_name_beside_a_twin_that_the_space_allows(
    root: Entry, space: Space
) -> None:
    first, second = make_file(root, "README"), make_file(root, "Notes")
    make_file(root, "readme")
    make_file(root, "NOTES")
    trash(first, second)

    restore_entries([first], actor=SYSTEM)
    set_case_twins(space, refused=True, actor=SYSTEM)
    restore_entries([second], actor=SYSTEM)

    assert set(paths_in(root)) == {"README", "readme", "NOTES", "Notes (2)"}


def test_restore_out_of_a_trashed_folder_goes_to_the_nearest_living_one(root: Entry) -> None:
    a = make_folder(root, "a")
    b = make_folder(a, "b")
    c = make_folder(b, "c")
    file = make_file(c, "file")
    trash(file)
    trash(b)

    restore_entries([file], actor=SYSTEM)

    assert set(paths_in(root)) == {"a", "a/file"}


def test_restore_follows_a_folder_that_was_moved(root: Entry) -> None:
    folder, target = make_folder(root, "folder"), make_folder(root, "target")
    file = make_file(folder, "file")
    trash(file)
    move_within_space([folder], parent=target, actor=SYSTEM)

    restore_entries([file], actor=SYSTEM)

    assert "target/folder/file" in paths_in(root)


def test_restore_folder_leaves_in_the_trash_what_was_trashed_out_of_it(root: Entry) -> None:
    folder = make_folder(root, "folder")
    file = make_file(folder, "file")
    trash(file)
    trash(folder)

    restore_entries([folder], actor=SYSTEM)

    assert set(paths_in(root)) == {"folder"}
    assert set(trashed_in(reread(folder).space)) == {file}


def test_restore_of_several_is_all_or_none_and_takes_each_once(root: Entry) -> None:
    folder = make_folder(root, "folder")
    file, other = make_file(folder, "file"), make_file(root, "other")
    trash(folder, file)

    with pytest.raises(NotTrashedError):
        restore_entries([folder, other], actor=SYSTEM)
    assert set(paths_in(root)) == {"other"}

    restore_entries([folder, file, folder], actor=SYSTEM)
    assert set(paths_in(root)) == {"other", "folder", "folder/file"}


def refusal(call: Callable[[], object]) -> str:
    with pytest.raises(FilesError) as caught:
        call()
    return caught.value.code


@pytest.mark.parametrize(
    ("role", "restoring", "deleting"),
    [
        (Grant.Role.VIEWER, "forbidden", "forbidden"),
        (Grant.Role.UPLOADER, "entry-not-found", "entry-not-found"),
        (Grant.Role.EDITOR, "", "forbidden"),
    ],
)
def test_restore_and_delete_need_their_rights(
    root: Entry, role: Grant.Role, restoring: str, deleting: str
) -> None:
    file = make_file(root, "file")
    trash(file)
    bob = make_member(root, role)

    assert refusal(lambda: delete_entries([file], actor=bob)) == deleting
    if restoring:
        assert refusal(lambda: restore_entries([file], actor=bob)) == restoring
    else:
        restore_entries([file], actor=bob)


def test_delete_removes_a_tree_its_versions_and_grants_and_gives_the_bytes_back(
    root: Entry, space: Space
) -> None:
    folder = make_folder(root, "folder")
    file = make_file(make_folder(folder, "inner"), "file", b"1")
    make_file(reread(file.parent or root), "file", b"22")
    keep = make_file(root, "keep", b"333")
    Grant.objects.create(entry=folder, user=make_user("bob"), role=Grant.Role.VIEWER)
    trash(folder)
    before = reread(folder).placement

    delete_entries([folder, folder], actor=SYSTEM)

    assert set(Entry.objects.all()) == {root, keep}
    assert list(Version.objects.values_list("entry", flat=True)) == [keep.pk]
    assert reread(space).used_bytes == 3
    assert sorted(Blob.objects.values_list("state", "size")) == [
        ("doomed", 1),
        ("doomed", 2),
        ("live", 3),
    ]
    (event,) = last_events(space)
    assert (event.kind, event.entry_id, event.before) == (Kind.ENTRY_PURGED, folder.pk, before)


def test_delete_keeps_what_was_trashed_out_of_the_folder_earlier(root: Entry) -> None:
    a = make_folder(root, "a")
    b = make_folder(a, "b")
    kept, gone = make_file(b, "kept"), make_file(b, "gone")
    kept_folder = make_folder(b, "kept folder")
    make_file(kept_folder, "inside")
    trash(kept, kept_folder)
    trash(b)

    delete_entries([b], actor=SYSTEM)
    restore_entries([kept, kept_folder], actor=SYSTEM)

    assert set(paths_in(root)) == {"a", "a/kept", "a/kept folder", "a/kept folder/inside"}
    assert not Entry.objects.filter(pk=gone.pk).exists()


def test_delete_takes_a_folder_and_what_was_trashed_out_of_it_together(root: Entry) -> None:
    folder = make_folder(root, "folder")
    file = make_file(folder, "file")
    trash(file)
    trash(folder)

    delete_entries([folder, file], actor=SYSTEM)

    assert set(Entry.objects.all()) == {root}


@pytest.mark.parametrize("is_inner_first", [True, False])
def test_restoring_a_folder_and_what_is_in_it_puts_both_where_they_were(
    root: Entry, *, is_inner_first: bool
) -> None:
    outer = make_folder(root, "outer")
    inner = make_folder(make_folder(outer, "between"), "inner")
    file = make_file(inner, "file")
    for entry in (file, inner, outer):
        trash_entries([entry], actor=SYSTEM)
    both = [file, outer] if is_inner_first else [outer, file]

    restore_entries(both, actor=SYSTEM)

    assert paths_in(root) == {
        "outer": None, "outer/between": None, "outer/between/file": b"content",
    }  # fmt: skip


def test_restoring_along_goes_where_the_folder_goes(root: Entry) -> None:
    gone = make_folder(root, "gone")
    outer = make_folder(gone, "outer")
    file = make_file(outer, "file")
    for entry in (file, outer, gone):
        trash_entries([entry], actor=SYSTEM)

    restore_entries([file, outer], actor=SYSTEM)

    assert paths_in(root) == {"outer": None, "outer/file": b"content"}


def test_restored_entries_of_one_name_get_numbers_in_their_order(root: Entry) -> None:
    files = []
    for content in (b"1", b"2", b"3"):
        files.append(make_file(root, "a", content))
        trash_entries(files[-1:], actor=SYSTEM)

    restored = restore_entries(files[::-1], actor=SYSTEM)

    assert [entry.name for entry in restored] == ["a", "a (2)", "a (3)"]
    assert paths_in(root) == {"a": b"3", "a (2)": b"2", "a (3)": b"1"}


@pytest.mark.parametrize("is_inner_first", [True, False])
@pytest.mark.parametrize("is_between", [True, False])
def test_deleting_nested_trash_keeps_what_was_trashed_out_of_it(
    root: Entry, *, is_inner_first: bool, is_between: bool
) -> None:
    outer = make_folder(root, "outer")
    between = make_folder(outer, "between")
    inner = make_folder(between, "inner")
    kept = make_file(inner, "kept")
    for entry in (kept, inner, *([between] if is_between else []), outer):
        trash_entries([entry], actor=SYSTEM)
    both = [inner, outer] if is_inner_first else [outer, inner]

    delete_entries(both, actor=SYSTEM)

    # Out of what goes, or with the folder between that lies in the trash by itself.
    assert reread(kept).parent_id == (between.pk if is_between else root.pk)
    assert not Entry.objects.filter(pk__in=[inner.pk, outer.pk]).exists()
    (restored,) = restore_entries([kept], actor=SYSTEM)
    assert restored.parent_id == root.pk


def test_delete_works_across_spaces(root: Entry) -> None:
    there = make_file(root_of(make_shared_space()), "there")
    here = make_file(root, "here")
    trash(here, there)

    delete_entries([here, there], actor=SYSTEM)

    assert Blob.objects.filter(state=Blob.State.LIVE).count() == 0


def test_delete_refuses_what_is_not_in_the_trash_and_then_deletes_nothing(root: Entry) -> None:
    file, live = make_file(root, "file"), make_file(root, "live")
    trash(file)

    with pytest.raises(NotTrashedError):
        delete_entries([file, live], actor=SYSTEM)
    assert Entry.objects.filter(pk=file.pk).exists()


def test_deleted_entries_cannot_be_restored(root: Entry) -> None:
    file = make_file(root, "file")
    trash(file)
    delete_entries([file], actor=SYSTEM)

    with pytest.raises(EntryNotFoundError):
        restore_entries([file], actor=SYSTEM)


def test_empty_trash_deletes_all_of_it_under_one_event(root: Entry, space: Space) -> None:
    folder = make_folder(root, "folder")
    inner = make_file(folder, "inner")
    trash(inner)
    trash(folder, make_file(root, "file"))
    keep = make_file(root, "keep")
    seq = reread(space).last_seq

    assert empty_trash(space, actor=SYSTEM) == 3

    assert set(Entry.objects.all()) == {root, keep}
    (event,) = last_events(space)
    assert (event.kind, event.after, event.seq) == (Kind.TRASH_EMPTIED, {"entries": 3}, seq + 1)
    assert reread(space).used_bytes == keep.size


def test_empty_trash_that_is_empty_changes_nothing(space: Space) -> None:
    seq = reread(space).last_seq

    assert empty_trash(space, actor=SYSTEM) == 0
    assert reread(space).last_seq == seq


def test_empty_trash_needs_a_manager(root: Entry, space: Space) -> None:
    with pytest.raises(ForbiddenError):
        empty_trash(space, actor=make_member(root, Grant.Role.EDITOR))


def age(entry: Entry, days: int) -> None:
    """Let an entry have been trashed so many days ago."""
    Entry.objects.filter(pk=entry.pk).update(trashed_at=timezone.now() - timedelta(days=days))


def a_month_ago() -> datetime:
    return timezone.now() - timedelta(days=30)


def test_empty_trash_can_spare_what_was_trashed_since(root: Entry, space: Space) -> None:
    old, new = make_tree(root, "old"), make_tree(root, "new")
    trash(old, new)
    age(old, 31)
    moment = a_month_ago()

    assert empty_trash(space, trashed_before=moment, actor=SYSTEM) == 1

    assert set(trashed_in(space)) == {new}
    (event,) = last_events(space)
    assert event.after == {"entries": 1, "trashed_before": moment.isoformat()}
    restore_entries([new], actor=SYSTEM)
    assert set(paths_in(root)) == {"new", "new/a", "new/inner", "new/inner/b"}


def test_empty_trash_takes_the_older_out_of_the_newer(root: Entry, space: Space) -> None:
    folder = make_folder(root, "folder")
    older = make_file(folder, "older")
    make_file(folder, "kept")
    trash(older)
    age(older, 31)
    trash(folder)

    assert empty_trash(space, trashed_before=a_month_ago(), actor=SYSTEM) == 1

    restore_entries([folder], actor=SYSTEM)
    assert set(paths_in(root)) == {"folder", "folder/kept"}


def test_empty_trash_keeps_the_newer_inside_the_older_when_a_clock_was_wrong(
    root: Entry, space: Space
) -> None:
    outer = make_folder(make_folder(root, "home"), "outer")
    inner = make_folder(make_folder(outer, "live"), "inner")
    newer = make_file(make_folder(inner, "live too"), "newer")
    for entry, days in ((newer, 1), (inner, 40), (outer, 50)):
        trash(entry)
        age(entry, days)

    assert measure_trash(space.pk, before=a_month_ago()) == (4, 0)
    assert empty_trash(space, trashed_before=a_month_ago(), actor=SYSTEM) == 2

    assert set(trashed_in(space)) == {newer}
    restore_entries([newer], actor=SYSTEM)
    assert set(paths_in(root)) == {"home", "home/newer"}


def test_measure_trash_counts_whole_trees_once_and_all_their_versions(
    root: Entry, space: Space
) -> None:
    make_tree(root, "kept")
    tree = make_tree(root)  # a (two versions: 7 and 3 bytes), inner, b (2 bytes)
    trash(Entry.objects.get(parent=tree, name="inner"))
    assert measure_trash(space.pk) == (2, 2)

    trash(tree)
    assert measure_trash(space.pk) == (4, 12)

    used = reread(space).used_bytes
    empty_trash(space, actor=SYSTEM)
    assert measure_trash(space.pk) == (0, 0)
    assert used - reread(space).used_bytes == 12


def test_purge_steps_count_what_they_remove(root: Entry, space: Space) -> None:
    folder = make_folder(root, "folder")
    rows = grow(folder, folders=30, files=40) + 1
    trash(folder)
    before = Entry.objects.count()
    empty_trash(space, actor=SYSTEM)
    removed = before - Entry.objects.count()
    while not (step := purge_step(space)).is_last:
        removed += step.removed

    assert removed + step.removed == rows


def test_large_trees_go_in_bounded_steps_that_can_be_repeated(root: Entry, space: Space) -> None:
    folder = make_folder(root, "folder")
    rows = grow(folder, folders=30, files=40) + 1
    trash(folder)

    delete_entries([folder], actor=SYSTEM)

    steps = 1
    left = Entry.objects.count() - 1
    assert rows > left > rows - 1100
    assert list(spaces_to_purge()) == [space]
    while purge_some(space, limit=100):
        steps += 1
        now = Entry.objects.count() - 1
        assert left - 200 <= now <= left
        left = now
        assert reread(space).used_bytes == 7 * Version.objects.count()
    assert steps > 5
    assert set(Entry.objects.all()) == {root}
    assert list(spaces_to_purge()) == []
    assert list(detached_tops(space)) == []


def test_a_deep_chain_is_removed_at_once(root: Entry) -> None:
    top = deep = make_folder(root, "top")
    for n in range(60):
        deep = make_folder(deep, f"{n}")
    make_file(deep, "file")
    trash(top)

    delete_entries([top], actor=SYSTEM)

    assert set(Entry.objects.all()) == {root}


def test_one_purging_step_costs_the_same_beside_a_full_trash(root: Entry, space: Space) -> None:
    def cost(name: str) -> int:
        file = make_file(root, name)
        trash(file)
        with CaptureQueriesContext(connection) as queries:
            delete_entries([file], actor=SYSTEM)
        return len(queries)

    alone = cost("first")
    for n in range(50):
        trash(make_file(root, f"trashed {n}"))

    assert cost("second") == alone


def test_purging_nothing_says_so(space: Space) -> None:
    assert purge_some(space) is False
