"""The group commit: files of several requests in one transaction, each as if it had come alone."""

import unicodedata

import pytest

from files.errors import EntryNotFoundError, FilesError, PreconditionFailedError
from files.models import Entry, Grant, Space, Version
from files.operations.versions import Clash, Member, NewFile, put_members
from tests.factories import SYSTEM, make_blob, make_file, make_folder, make_member, paths_in

pytestmark = pytest.mark.usefixtures("consistent")


def member(folder: Entry, name: str, content: bytes, **more: object) -> Member:
    """Make what one request brings."""
    return Member(folder.pk, NewFile((name,), make_blob(content), **more), SYSTEM)  # type: ignore[arg-type]


def refuse_what_is_there(there: Entry | None) -> None:
    """Be If-None-Match: *."""
    if there is not None:
        raise PreconditionFailedError


def test_files_of_the_same_path_become_versions_one_after_the_other(
    root: Entry, space: Space
) -> None:
    nfc, nfd = (unicodedata.normalize(form, "é") for form in ("NFC", "NFD"))
    contents = [b"1", b"2", b"3"]
    names = [nfc, nfd, nfc]

    results = put_members(
        space.pk, [member(root, *pair) for pair in zip(names, contents, strict=True)]
    )

    ids = {entry.pk for entry in results if isinstance(entry, Entry)}
    assert len(ids) == 1
    revisions = [entry.revision for entry in results if isinstance(entry, Entry)]
    assert revisions == [1, 2, 3]
    assert Version.objects.filter(entry__in=ids).count() == 3
    assert paths_in(root) == {nfc: b"3"}


def test_condition_sees_what_the_members_before_have_put(root: Entry, space: Space) -> None:
    members = [
        member(root, "a", b"first", condition=refuse_what_is_there),
        member(root, "b", b"other", condition=refuse_what_is_there),
        member(root, "a", b"second", condition=refuse_what_is_there),
    ]

    first, other, second = put_members(space.pk, members)

    assert isinstance(first, Entry)
    assert isinstance(other, Entry)
    assert isinstance(second, PreconditionFailedError)
    assert paths_in(root) == {"a": b"first", "b": b"other"}


def test_condition_of_who_may_not_read_finds_nothing(root: Entry, space: Space) -> None:
    make_file(root, "a", b"theirs")
    bob = make_member(root, Grant.Role.UPLOADER)
    file = NewFile(("a",), make_blob(b"mine"), condition=refuse_what_is_there)

    (result,) = put_members(space.pk, [Member(root.pk, file, bob)])

    assert isinstance(result, Entry)
    assert paths_in(root) == {"a": b"theirs", "a (2)": b"mine"}


def test_refused_member_does_not_take_the_others_with_it(root: Entry, space: Space) -> None:
    make_file(root, "taken")
    gone = make_folder(root, "gone")
    Entry.objects.filter(pk=gone.pk).update(trashed_at="2026-01-01T00:00:00Z")
    refused = NewFile(("taken",), make_blob(b"x"))
    members = [
        member(root, "a", b"1"),
        Member(root.pk, refused, SYSTEM, Clash.REFUSE),
        member(gone, "b", b"2"),
        member(root, "c", b"3"),
    ]

    results = put_members(space.pk, members)

    codes = [result.code if isinstance(result, FilesError) else "" for result in results]
    assert codes == ["", "entry-exists", EntryNotFoundError.code, ""]
    assert paths_in(root) == {"a": b"1", "c": b"3", "taken": b"content"}
