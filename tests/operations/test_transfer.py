"""Copies, and moves between spaces: what they share, keep, check and refuse."""

from collections.abc import Callable, Mapping
from contextlib import nullcontext

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from files.access import trashed_in
from files.errors import (
    ChangedMeanwhileError,
    EntryExistsError,
    EntryNotFoundError,
    FilesError,
    ForbiddenError,
    MoveIntoSelfError,
    NotAFolderError,
    QuotaExceededError,
    RootFolderError,
    TooDeepError,
    TypeRefusedError,
)
from files.models import Blob, Entry, Event, Grant, Space, Version
from files.operations.entries import trash_entries
from files.operations.overwriting import Place, copy_to
from files.operations.spaces import set_case_twins, set_quota, set_type_rules
from files.operations.transfer import (
    copy_entries,
    move_entries,
)
from files.operations.trash import delete_entries
from tests.factories import (
    SYSTEM,
    TREE,
    last_events,
    make_file,
    make_files,
    make_folder,
    make_member,
    make_tree,
    make_user,
    paths_in,
    reread,
)

pytestmark = pytest.mark.django_db

Kind = Event.Kind


def test_copy_shares_the_bytes_of_the_current_versions(root: Entry, space: Space) -> None:
    tree, target = make_tree(root), make_folder(root, "target")
    used, blobs = reread(space).used_bytes, Blob.objects.count()

    outcome = copy_entries([tree], parent=target, actor=SYSTEM)

    (copy,) = outcome.done
    assert not outcome.queued
    assert paths_in(target) == TREE
    assert paths_in(root)["tree/a"] == b"new"
    assert Blob.objects.count() == blobs
    assert reread(space).used_bytes == used + 5
    assert copy.pk != tree.pk


def test_copy_records_one_event_and_leaves_the_source_alone(root: Entry, space: Space) -> None:
    file = make_file(root, "a.txt")
    seq = reread(space).last_seq

    (copy,) = copy_entries([file], parent=root, actor=SYSTEM).done

    (event,) = last_events(space)
    assert (event.kind, event.entry_id, event.seq) == (Kind.ENTRY_COPIED, copy.pk, seq + 1)
    assert event.before == {"entry": file.pk, "space": space.pk, **file.placement}
    assert event.after == reread(copy).placement
    assert reread(file).placement == file.placement
    assert reread(copy).created_by is None


def test_copy_beside_itself_gets_a_number(root: Entry) -> None:
    file, folder = make_file(root, "a.txt"), make_folder(root, "v1.2")

    copy_entries([file, folder, file], parent=root, actor=SYSTEM)

    assert set(paths_in(root)) == {"a.txt", "a (2).txt", "a (3).txt", "v1.2", "v1.2 (2)"}


def test_copy_leaves_out_what_is_trashed(root: Entry) -> None:
    tree, target = make_tree(root), make_folder(root, "target")
    trash_entries([Entry.objects.get(name="inner")], actor=SYSTEM)

    copy_entries([tree], parent=target, actor=SYSTEM)

    assert set(paths_in(target)) == {"tree", "tree/a"}


def test_copy_outlives_its_source(root: Entry) -> None:
    tree, target = make_tree(root), make_folder(root, "target")
    copy_entries([tree], parent=target, actor=SYSTEM)

    trash_entries([tree], actor=SYSTEM)
    delete_entries([tree], actor=SYSTEM)

    assert paths_in(target) == TREE


def test_copy_needs_to_read_the_source_and_add_to_the_target(root: Entry) -> None:
    source, target = make_folder(root, "source"), make_folder(root, "target")
    file = make_file(source, "file")
    bob = make_member(target, Grant.Role.UPLOADER)

    with pytest.raises(EntryNotFoundError):
        copy_entries([file], parent=target, actor=bob)
    Grant.objects.create(entry=source, user=bob.user, role=Grant.Role.VIEWER)
    copy_entries([file], parent=target, actor=bob)
    with pytest.raises(ForbiddenError):
        copy_entries([file], parent=source, actor=bob)
    assert set(paths_in(target)) == {"file"}


@pytest.mark.parametrize("work", [copy_entries, move_entries])
def test_what_cannot_be_is_refused(
    root: Entry, there: Entry, settings: Settings, work: Callable[..., object]
) -> None:
    tree, file = make_tree(root), make_file(there, "file")
    inner = Entry.objects.get(name="inner")
    settings.FILES_MAX_DEPTH = 3

    for entry, parent, error in (
        (tree, inner, TooDeepError),
        (tree, file, NotAFolderError),
        (root, there, RootFolderError),
        (file, inner, TooDeepError),
    ):
        with pytest.raises(error):
            work([entry], parent=parent, actor=SYSTEM)


def test_copy_into_itself_is_refused(root: Entry) -> None:
    tree = make_tree(root)

    for parent in (tree, Entry.objects.get(name="inner")):
        with pytest.raises(MoveIntoSelfError):
            copy_entries([tree], parent=parent, actor=SYSTEM)


def test_move_within_a_space_is_not_a_copy(root: Entry) -> None:
    tree, target = make_tree(root), make_folder(root, "target")

    outcome = move_entries([tree], parent=target, actor=SYSTEM)

    assert outcome.done == [tree]
    assert paths_in(target) == TREE


def test_move_between_spaces_takes_all_versions_and_their_usage(
    root: Entry, space: Space, there: Entry, other: Space
) -> None:
    tree = make_tree(root)
    bob = make_user("bob")
    Entry.objects.filter(pk=tree.pk).update(created_by=bob, created_at="2020-02-02T00:00Z")
    before = reread(tree).placement

    (moved,) = move_entries([tree], parent=there, actor=SYSTEM).done

    assert paths_in(there) == TREE
    assert paths_in(root) == {}
    assert (reread(space).used_bytes, reread(other).used_bytes) == (0, 12)
    assert Version.objects.filter(entry__name="a").count() == 2
    stored = reread(moved)
    assert (stored.created_by, stored.created_at.year) == (bob, 2020)
    assert set(Entry.objects.filter(space=space)) == {root}
    (came,), (went,) = last_events(other), last_events(space)
    assert (came.kind, came.entry_id, came.after) == (
        Kind.ENTRY_MOVED,
        moved.pk,
        stored.placement,
    )
    assert (went.kind, went.entry_id, went.before) == (Kind.ENTRY_MOVED, tree.pk, before)
    assert went.after == {"entry": moved.pk, "space": other.pk, "parent": there.pk}


def test_move_between_spaces_leaves_in_the_trash_what_was_trashed_before(
    root: Entry, space: Space, there: Entry
) -> None:
    tree = make_tree(root)
    inner = Entry.objects.get(name="inner")
    trash_entries([inner], actor=SYSTEM)

    move_entries([tree], parent=there, actor=SYSTEM)

    assert set(paths_in(there)) == {"tree", "tree/a"}
    assert list(trashed_in(space)) == [inner]
    assert reread(inner).parent == root


def test_move_of_entries_of_both_spaces_copies_only_the_foreign_ones(
    root: Entry, there: Entry
) -> None:
    target = make_folder(there, "target")
    near, far = make_file(there, "near"), make_file(root, "far")

    outcome = move_entries([far, near], parent=target, actor=SYSTEM)

    assert set(paths_in(target)) == {"near", "far"}
    assert outcome.done[0] == near
    assert reread(near).parent == target


def test_move_between_spaces_refuses_a_taken_name_and_twins(
    root: Entry, there: Entry, other: Space
) -> None:
    make_file(there, "a")
    first, second, third = (
        make_file(root, "a"),
        make_file(make_folder(root, "d"), "a"),
        make_file(root, "A"),
    )
    set_case_twins(other, refused=True, actor=SYSTEM)

    for entry in (first, second, third):
        with pytest.raises(FilesError):
            move_entries([entry], parent=there, actor=SYSTEM)
    assert set(paths_in(there)) == {"a"}


def test_move_of_two_of_one_name_moves_none(root: Entry, there: Entry, space: Space) -> None:
    first, second = make_file(root, "a"), make_file(make_folder(root, "d"), "a")

    with pytest.raises(EntryExistsError):
        move_entries([first, second], parent=there, actor=SYSTEM)

    assert set(paths_in(root)) == {"a", "d", "d/a"}
    assert paths_in(there) == {}
    assert last_events(space)[0].kind == Kind.FILE_CREATED


def test_move_to_a_drop_folder_of_another_space_does_not_tell_what_is_there(
    root: Entry, there: Entry
) -> None:
    make_file(there, "a")
    file = make_file(root, "a")
    bob = make_member(there, Grant.Role.UPLOADER)
    Grant.objects.create(entry=root, user=bob.user, role=Grant.Role.EDITOR)

    (moved,) = move_entries([file], parent=there, actor=bob).done

    assert moved.name == "a (2)"


@pytest.mark.parametrize(("room", "expected"), [(12, TREE), (11, {})])
def test_move_is_checked_against_the_quota_with_all_versions(
    root: Entry, there: Entry, other: Space, room: int, expected: Mapping[str, object]
) -> None:
    tree = make_tree(root)
    set_quota(other, quota_bytes=room, actor=SYSTEM)

    with nullcontext() if expected else pytest.raises(QuotaExceededError):
        move_entries([tree], parent=there, actor=SYSTEM)
    assert paths_in(there) == expected


@pytest.mark.parametrize(("room", "expected"), [(5, TREE), (4, {})])
def test_copy_is_checked_against_the_quota_with_current_versions(
    root: Entry, there: Entry, other: Space, room: int, expected: Mapping[str, object]
) -> None:
    tree = make_tree(root)
    set_quota(other, quota_bytes=room, actor=SYSTEM)

    with nullcontext() if expected else pytest.raises(QuotaExceededError):
        copy_entries([tree], parent=there, actor=SYSTEM)
    assert paths_in(there) == expected


def test_copy_whose_bytes_are_going_is_refused(root: Entry, there: Entry) -> None:
    file = make_file(root, "file")
    version = file.version
    assert version is not None
    blob = version.blob
    Blob.objects.filter(pk=blob.pk).update(state=Blob.State.GOING, doomed_at="2020-02-02T00:00Z")

    with pytest.raises(ChangedMeanwhileError):
        copy_entries([file], parent=there, actor=SYSTEM)

    Blob.objects.filter(pk=blob.pk).update(state=Blob.State.LIVE, doomed_at=None)
    assert paths_in(there) == {}


type Carry = Callable[..., object]


def forbid(there: Entry, *, forbidden: str = "", allowed: str = "") -> None:
    """Say which types may come into the other space."""
    set_type_rules(there.space, allowed=allowed, forbidden=forbidden, actor=SYSTEM)


@pytest.mark.parametrize("carry", [copy_entries, move_entries])
@pytest.mark.parametrize("rules", [{"forbidden": "video/*"}, {"allowed": "text/* image/png"}])
def test_what_may_not_be_sent_to_a_space_is_not_copied_or_moved_there(
    root: Entry, there: Entry, carry: Carry, rules: dict[str, str]
) -> None:
    folder = make_folder(root, "folder")
    make_file(make_folder(folder, "deep"), "film", media_type="video/mp4")
    fine = make_file(root, "fine")
    forbid(there, **rules)

    with pytest.raises(TypeRefusedError) as caught:
        carry([fine, folder], parent=there, actor=SYSTEM)

    assert caught.value.data == {"media_type": "video/mp4"}
    assert paths_in(there) == {}
    assert paths_in(root)["folder/deep/film"] == b"content"


@pytest.mark.parametrize("carry", [copy_entries, move_entries])
def test_within_a_space_its_rules_are_not_asked(root: Entry, carry: Carry) -> None:
    film, target = make_file(root, "film", media_type="video/mp4"), make_folder(root, "target")
    forbid(root, forbidden="video/*")

    carry([film], parent=target, actor=SYSTEM)

    assert paths_in(target) == {"film": b"content"}


def test_older_versions_count_where_they_come_along(root: Entry, there: Entry) -> None:
    make_file(root, "a", b"old", media_type="video/mp4")
    file = make_file(root, "a", b"new", media_type="text/plain")
    forbid(there, forbidden="video/*")

    with pytest.raises(TypeRefusedError):
        move_entries([file], parent=there, actor=SYSTEM)
    copy_entries([file], parent=there, actor=SYSTEM)

    assert paths_in(there) == {"a": b"new"}


def test_what_is_trashed_or_stays_behind_is_not_asked_about(root: Entry, there: Entry) -> None:
    folder = make_folder(root, "folder")
    trash_entries([make_file(folder, "film", media_type="video/mp4")], actor=SYSTEM)
    shallow = make_folder(root, "shallow")
    make_file(shallow, "film", media_type="video/mp4")
    forbid(there, forbidden="video/*")

    move_entries([folder], parent=there, actor=SYSTEM)
    copy_to(shallow, Place(there, "shallow"), is_shallow=True, actor=SYSTEM)

    assert paths_in(there) == {"folder": None, "shallow": None}


def test_types_cost_a_flat_number_of_queries(root: Entry, there: Entry) -> None:
    folders = [make_folder(root, "few"), make_folder(root, "many")]
    make_files(folders[0], "one")
    make_files(folders[1], *(f"{number}" for number in range(40)))
    forbid(there, forbidden="video/*")
    asked = []

    for folder in folders:
        with CaptureQueriesContext(connection) as queries:
            copy_entries([folder], parent=there, actor=SYSTEM)
        asked.append(len(queries))

    assert asked[0] == asked[1]
    assert len(paths_in(there)) == 43
