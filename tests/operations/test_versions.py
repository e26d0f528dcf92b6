"""Putting files: what becomes visible, under which names, at what cost, or why not."""

from collections.abc import Callable
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from files.errors import (
    BlobConflictError,
    EntryNotFoundError,
    FilesRefusedError,
    NotAFolderError,
    QuotaExceededError,
    TooDeepError,
)
from files.models import Blob, Entry, Event, Grant, Space, Version
from files.operations.blobs import NewBlob, blob_storage
from files.operations.spaces import set_quota
from files.operations.versions import Clash, NewFile, Refusal, put_files
from files.storage.base import blob_name
from tests.factories import (
    SYSTEM,
    actor_of,
    codes,
    last_events,
    make_blob,
    make_file,
    make_files,
    make_folder,
    make_shared_space,
    make_user,
    new_file,
    paths_in,
    put_each,
    reread,
)
from tests.faults import FailingDisk, database_failing_at

pytestmark = pytest.mark.django_db

Kind = Event.Kind


def test_put_makes_a_file_with_its_version_and_blob(root: Entry, space: Space) -> None:
    blob = make_blob(b"hello")
    at = datetime(2020, 2, 2, tzinfo=UTC)

    (entry,) = put_files(root, [NewFile(("a.txt",), blob, at)], actor=SYSTEM)

    assert isinstance(entry, Entry)
    stored = reread(entry)
    assert (stored.name, stored.size, stored.media_type) == ("a.txt", 5, "text/plain")
    assert (stored.modified_at, stored.revision, stored.is_folder) == (at, 1, False)
    assert stored.version is not None
    assert (stored.version.size, stored.version.sha256) == (5, blob.sha256)
    assert stored.version.blob.state == Blob.State.LIVE
    assert (stored.version.blob.crc32, stored.version.blob.sha256) == (blob.crc32, blob.sha256)
    assert reread(space).used_bytes == 5
    assert paths_in(root) == {"a.txt": b"hello"}


def test_put_returns_entries_as_they_are_stored(root: Entry) -> None:
    (entry,) = put_files(root, [new_file("a.txt")], actor=SYSTEM)

    assert isinstance(entry, Entry)
    stored = reread(entry)
    assert entry.placement == stored.placement
    assert (entry.size, entry.created_at, entry.modified_at) == (
        stored.size,
        stored.created_at,
        stored.modified_at,
    )


def test_put_on_a_taken_name_adds_a_version_and_raises_the_revision(
    root: Entry, space: Space
) -> None:
    old = make_file(root, "a.txt", b"first")

    (new,) = put_files(root, [new_file("a.txt", b"second!")], actor=SYSTEM)

    assert isinstance(new, Entry)
    assert (new.pk, reread(old).revision, reread(old).size) == (old.pk, 2, 7)
    assert list(old.versions.order_by("pk").values_list("size", flat=True)) == [5, 7]
    assert reread(space).used_bytes == 12
    assert paths_in(root) == {"a.txt": b"second!"}


def test_put_records_one_event_a_change_with_before_and_after(root: Entry, space: Space) -> None:
    old = make_file(root, "old")
    before = old.placement

    folder, new, renewed = make_folder(root, "d"), *make_files(root, "d/e/new", "old")
    events = last_events(space, 3)

    made = Entry.objects.get(name="e")
    assert [(event.kind, event.entry_id) for event in events] == [
        (Kind.FOLDER_CREATED, made.pk),
        (Kind.FILE_CREATED, new.pk),
        (Kind.VERSION_ADDED, renewed.pk),
    ]
    assert [event.before for event in events] == [None, None, before]
    assert [event.after for event in events] == [
        made.placement,
        new.placement,
        renewed.placement,
    ]
    assert made.parent == folder
    assert {(event.actor_name, event.door) for event in events} == {("", Event.Door.COMMAND)}


def test_events_name_who_did_it(space: Space, root: Entry) -> None:
    assert space.owner is not None

    make_files(root, "d/a", actor=actor_of(space.owner))

    for event in last_events(space, 2):
        assert (event.actor, event.actor_name, event.door) == (
            space.owner,
            "ada",
            Event.Door.WEB,
        )


def test_folders_on_the_paths_are_made_once_and_found_again(root: Entry) -> None:
    make_folder(root, "there")

    make_files(root, "there/a", "new/deep/b", "new/deep/c", "new/d")
    make_files(root, "new/deep/e")

    assert set(paths_in(root)) == {
        "there",
        "there/a",
        "new",
        "new/deep",
        "new/deep/b",
        "new/deep/c",
        "new/deep/e",
        "new/d",
    }


def test_folders_match_in_any_form_of_their_name(root: Entry) -> None:
    make_files(root, "caf\u00e9/a", "cafe\u0301/b")

    assert set(paths_in(root)) == {"caf\u00e9", "caf\u00e9/a", "caf\u00e9/b"}


def test_one_name_in_two_forms_is_a_new_version(root: Entry) -> None:
    first = make_file(root, "caf\u00e9")

    (second,) = make_files(root, "cafe\u0301")

    assert (second.pk, second.name) == (first.pk, "caf\u00e9")


def test_two_of_one_path_in_one_call_are_both_kept(root: Entry) -> None:
    files = [new_file("d/a.txt", content) for content in (b"1", b"2", b"3")]

    put_files(root, files, actor=SYSTEM)

    assert paths_in(root) == {
        "d": None,
        "d/a.txt": b"1",
        "d/a (2).txt": b"2",
        "d/a (3).txt": b"3",
    }


def test_second_of_one_path_does_not_replace_what_the_first_replaced(root: Entry) -> None:
    make_file(root, "a", b"0")

    put_files(root, [new_file("a", b"1"), new_file("a", b"2")], actor=SYSTEM)

    assert paths_in(root) == {"a": b"1", "a (2)": b"2"}


def test_a_file_and_a_new_folder_of_one_name_are_both_kept(root: Entry) -> None:
    make_files(root, "x/a", "x")

    assert set(paths_in(root)) == {"x", "x/a", "x (2)"}


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("", "invalid-name"),
        ("..", "invalid-name"),
        ("../x", "invalid-name"),
        ("d//x", "invalid-name"),
        ("x" * 256, "invalid-name"),
        ("/".join(["d"] * 7 + ["x"]), "too-deep"),
        ("file/x", "not-a-folder"),
        ("file/y/z", "not-a-folder"),
        ("folder", "not-a-file"),
        ("big", "file-too-large"),
        ("full", "quota-exceeded"),
    ],
)
def test_a_refused_file_is_refused_alone_or_takes_all_with_it(
    root: Entry, space: Space, settings: Settings, path: str, code: str
) -> None:
    settings.FILES_MAX_DEPTH, settings.FILES_MAX_UPLOAD_SIZE = 8, 50
    make_file(root, "file", b"")
    make_folder(root, "folder")
    set_quota(space, quota_bytes=54, actor=SYSTEM)
    seq, there = reread(space).last_seq, paths_in(root)
    size = {"big": 51, "full": 48}.get(path, 7)
    files = [new_file("new/a"), new_file(path, b"x" * size), new_file("new/b")]

    with pytest.raises(FilesRefusedError) as caught:
        put_files(root, files, actor=SYSTEM)

    assert {error.code for error in caught.value.refused.values()} == {code}
    assert paths_in(root) == there
    assert (reread(space).last_seq, reread(space).used_bytes) == (seq, 0)
    assert codes(put_files(root, files, actor=SYSTEM, refusal=Refusal.EACH)) == ["a", code, "b"]
    assert set(paths_in(root)) == {*there, "new", "new/a", "new/b"}
    assert reread(space).used_bytes == 14


def test_deepest_path_that_is_allowed_is_put(root: Entry, settings: Settings) -> None:
    settings.FILES_MAX_DEPTH = 8

    assert put_each(root, "/".join(["d"] * 6 + ["x"])) == ["x"]


def test_refused_files_leave_no_folders_behind(root: Entry, space: Space) -> None:
    set_quota(space, quota_bytes=3, actor=SYSTEM)

    assert put_each(root, "d/e/a", "file") == ["quota-exceeded", "quota-exceeded"]
    assert paths_in(root) == {}
    assert last_events(space)[0].kind == Kind.SPACE_CHANGED


def test_refusal_tells_one_status_if_all_are_refused_alike(root: Entry, space: Space) -> None:
    set_quota(space, quota_bytes=0, actor=SYSTEM)

    with pytest.raises(FilesRefusedError) as alike:
        make_files(root, "a", "b")
    with pytest.raises(FilesRefusedError) as mixed:
        make_files(root, "a", "..")

    assert alike.value.status == QuotaExceededError.status
    assert mixed.value.status == FilesRefusedError.status


@pytest.mark.parametrize(("room", "expected"), [(14, ["a", "b"]), (13, ["a", "quota-exceeded"])])
def test_quota_is_exact_to_the_byte(
    root: Entry, space: Space, room: int, expected: list[str]
) -> None:
    set_quota(space, quota_bytes=room, actor=SYSTEM)

    assert put_each(root, "a", "b") == expected


def test_smaller_file_still_fits_after_one_that_did_not(root: Entry, space: Space) -> None:
    set_quota(space, quota_bytes=3, actor=SYSTEM)
    files = [new_file("large"), new_file("small", b"123"), new_file("empty", b"")]

    results = put_files(root, files, actor=SYSTEM, refusal=Refusal.EACH)

    assert codes(results) == ["quota-exceeded", "small", "empty"]
    error = results[0]
    assert isinstance(error, QuotaExceededError)
    assert error.data == {"quota": 3, "used": 0, "needed": 7, "free": 3}


def test_nothing_put_changes_nothing(root: Entry, space: Space) -> None:
    seq = reread(space).last_seq

    assert put_files(root, [], actor=SYSTEM) == []
    assert reread(space).last_seq == seq


def test_put_into_a_file_a_full_depth_or_a_hidden_folder_is_refused(
    root: Entry, settings: Settings
) -> None:
    file, folder = make_file(root, "file"), make_folder(make_folder(root, "a"), "b")
    settings.FILES_MAX_DEPTH = 3

    with pytest.raises(NotAFolderError):
        put_files(file, [new_file("a")], actor=SYSTEM)
    with pytest.raises(TooDeepError):
        put_files(folder, [new_file("a")], actor=SYSTEM)
    with pytest.raises(EntryNotFoundError):
        put_files(folder, [new_file("a")], actor=actor_of(make_user("eve")))


def test_bytes_that_the_sweeper_claimed_are_refused_alone(root: Entry) -> None:
    claimed, whole = new_file("claimed"), new_file("whole")
    Blob.objects.create(
        id=claimed.blob.id, file="x", size=7, state="doomed", doomed_at=datetime.now(UTC)
    )

    results = put_files(root, [claimed, whole], actor=SYSTEM, refusal=Refusal.EACH)

    assert codes(results) == ["blob-conflict", "whole"]


def test_bytes_come_only_once(root: Entry) -> None:
    blob = make_blob()
    files = [NewFile(("a",), blob), NewFile(("b",), blob)]

    results = put_files(root, files, actor=SYSTEM, refusal=Refusal.EACH)
    again = put_files(root, files[:1], actor=SYSTEM, refusal=Refusal.EACH)

    assert codes(results) == ["a", "blob-conflict"]
    assert codes(again) == ["blob-conflict"]


@pytest.mark.parametrize("fault", ["missing", "short"])
def test_bytes_that_are_not_whole_at_rest_are_never_recorded(root: Entry, fault: str) -> None:
    file = new_file("a")
    if fault == "missing":
        blob_storage().unlink(blob_name(file.blob.id))
    else:
        file = NewFile(file.path, NewBlob(file.blob.id, 8, "", 0, "text/plain"))

    with pytest.raises(BlobConflictError):
        put_files(root, [file], actor=SYSTEM)
    assert paths_in(root) == {}


def test_a_claim_made_after_the_check_is_still_refused(
    root: Entry, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = new_file("a")
    monkeypatch.setattr("files.operations.placing.recorded_ids", lambda _ids: set())
    Blob.objects.create(
        id=file.blob.id, file="x", size=7, state="doomed", doomed_at=datetime.now(UTC)
    )

    with pytest.raises(BlobConflictError):
        put_files(root, [file], actor=SYSTEM)


def count_queries(call: Callable[[], object]) -> int:
    with CaptureQueriesContext(connection) as queries:
        call()
    return len(queries)


@pytest.mark.parametrize("clash", [Clash.NEW_VERSION, Clash.KEEP_BOTH])
def test_cost_is_a_flat_number_of_queries(root: Entry, picky: Space, clash: Clash) -> None:
    def put(n: int) -> int:
        paths = [f"d{n}/e{i % 5}/f{i}" for i in range(n)] + [f"d{n}/e0/dup"] * 5
        files = [new_file(path, b"") for path in paths]
        again = [new_file(path, b"") for path in paths]
        first = count_queries(lambda: put_files(root, files, actor=SYSTEM))
        return first + count_queries(lambda: put_files(root, again, actor=SYSTEM, clash=clash))

    few, many = put(10), put(400)

    assert many <= few + 4, "batches of 500 parameters may add a few"
    assert many < 80


def test_a_thousand_files_are_put_in_under_a_hundred_queries(root: Entry) -> None:
    files = [new_file(f"folder {i % 20}/file {i}", b"") for i in range(1000)]

    assert count_queries(lambda: put_files(root, files, actor=SYSTEM)) < 60
    assert Version.objects.count() == 1000


def test_a_disk_that_fails_at_any_call_leaves_nothing_visible(
    root: Entry, space: Space, monkeypatch: pytest.MonkeyPatch
) -> None:
    def receive_and_put() -> None:
        storage = blob_storage()
        writers = [storage.writer(uuid4()) for _ in range(2)]
        try:
            for writer in writers:
                writer.write(b"content")
                writer.sync()
            storage.sync_folders([writer.folder for writer in writers])
        except OSError:
            for writer in writers:
                writer.discard()
            raise
        blobs = [NewBlob(w.blob_id, w.size, w.sha256, w.crc32, "text/plain") for w in writers]
        files = [NewFile(("d", "a"), blob) for blob in blobs]
        put_files(root, files, actor=SYSTEM)

    make_file(root, "there")
    disk = FailingDisk(monkeypatch)
    with disk.failing_at(10**9):
        receive_and_put()
    calls = len(disk.calls)
    seen, events = paths_in(root), reread(space).last_seq

    for n in range(1, calls + 1):
        with disk.failing_at(n), pytest.raises(OSError, match="No space left"):
            receive_and_put()
        assert paths_in(root) == seen
        assert (reread(space).last_seq, reread(space).used_bytes) == (events, 21)


def test_a_database_that_fails_at_any_statement_leaves_nothing(root: Entry, space: Space) -> None:
    make_file(root, "there")
    seen, events = paths_in(root), reread(space).last_seq
    n = 0

    while n < 100:
        n += 1
        files = [new_file("there"), new_file("d/a"), new_file("d/a")]
        try:
            with database_failing_at(n):
                put_files(root, files, actor=SYSTEM)
        except OperationalError:
            assert paths_in(root) == seen
            assert (reread(space).last_seq, reread(space).used_bytes) == (events, 7)
        else:
            break

    assert 15 < n < 100
    assert reread(space).used_bytes == 28


def test_a_missing_folder_id_is_not_found(root: Entry) -> None:
    stale = Entry(pk=10**9, space_id=root.space_id)

    with pytest.raises(EntryNotFoundError):
        put_files(stale, [new_file("a")], actor=SYSTEM)


def test_member_of_another_space_may_not_put_here(root: Entry) -> None:
    make_shared_space(bob=Grant.Role.MANAGER)

    bob = actor_of(make_user("carol"))

    with pytest.raises(EntryNotFoundError):
        put_files(root, [new_file("a")], actor=bob)
