"""Uploads: what they reserve, how they end, and what happens meanwhile to what they are for."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.db.models import F
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings

from files.access import Actor, locate
from files.errors import (
    DigestMismatchError,
    DiskFullError,
    EntryExistsError,
    EntryNotFoundError,
    FilesError,
    FileTooLargeError,
    ForbiddenError,
    InvalidNameError,
    LengthMismatchError,
    NotAFolderError,
    QuotaExceededError,
    TooDeepError,
    TooManyUploadsError,
    UploadNotFoundError,
    UploadTakenOverError,
)
from files.models import Blob, Entry, Event, Grant, Right, Space, Upload, UptimeClock
from files.operations import upload_expiry, uploads
from files.operations.blobs import NewBlob, find_strays, sweep_blobs
from files.operations.entries import trash_entries
from files.operations.placing import Clash
from files.operations.spaces import set_member, set_quota
from files.operations.transfer import move_entries
from files.operations.trash import delete_entries, purge_some
from files.operations.upload_expiry import expire_uploads
from files.operations.uploads import (
    Progress,
    begin_append,
    cancel_upload,
    checkpoint,
    create_upload,
    declare_length,
    end_append,
    finished_file,
    generations,
    pending_uploads,
    progress_saved,
    reserve_ahead,
    take_over,
)
from files.operations.versions import Member, NewFile, put_members
from files.operations.wanted import Wanted, check_wanted
from files.storage.base import blob_name
from files.storage.filesystem import BlobStorage
from files.storage.partial import PartialBlob
from tests.factories import (
    SYSTEM,
    actor_of,
    make_file,
    make_folder,
    make_member,
    make_user,
    new_file,
    paths_in,
    reread,
)

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)


@pytest.fixture
def ada(space: Space) -> Actor:
    assert space.owner
    return actor_of(space.owner)


def begin(folder: Entry, actor: Actor, length: int | None = 10, **more: Any) -> Upload:
    """Begin an upload of a file "a"."""
    path = more.pop("path", ("a",))
    return create_upload(folder, Wanted(path, length, **more), actor=actor)


def receive(upload: Upload, content: bytes, storage: BlobStorage) -> NewBlob:
    """Put the bytes of an upload on the disk, as its one writer does."""
    partial = PartialBlob(storage, upload.pk)
    partial.start_at(0, 0, None)
    partial.write(content)
    partial.close()
    assert partial.sha256
    return NewBlob(upload.pk, partial.size, partial.sha256.hexdigest(), partial.crc32, "text/plain")


def finish(
    upload: Upload, content: bytes, actor: Actor, storage: BlobStorage
) -> Entry | FilesError:
    """Receive an upload and put it in its place."""
    blob = receive(upload, content, storage)
    upload = reread(upload)
    file = finished_file(upload, blob)
    member = Member(upload.folder_id or 0, file, actor, Clash(upload.clash))
    (result,) = put_members(upload.space_id, [member])
    return result


def used(space: Space) -> int:
    return reread(space).used_bytes


# Beginning.


def test_upload_reserves_its_length_from_the_first_byte(
    root: Entry, space: Space, ada: Actor
) -> None:
    upload = begin(root, ada, 10)

    assert (reread(upload).reserved_bytes, used(space)) == (10, 10)
    assert (upload.name, upload.names, str(upload)) == ("a", ("a",), "a")
    assert not upload.is_complete


def test_upload_of_unknown_length_reserves_nothing_yet(
    root: Entry, space: Space, ada: Actor
) -> None:
    assert begin(root, ada, None).length is None
    assert used(space) == 0


def test_what_was_reserved_cannot_be_used_by_another(root: Entry, space: Space, ada: Actor) -> None:
    set_quota(space, quota_bytes=15, actor=SYSTEM)
    begin(root, ada, 10)

    with pytest.raises(QuotaExceededError) as caught:
        begin(root, ada, 6)
    assert caught.value.data["free"] == 5
    with pytest.raises(FilesError, match="Not every file"):
        make_file(root, "b", b"x" * 6)
    make_file(root, "b", b"x" * 5)


@pytest.mark.parametrize(
    ("path", "error"),
    [
        (("..",), InvalidNameError),
        (("x", "a/b"), InvalidNameError),
        (tuple("x" * 64), TooDeepError),
    ],
)
def test_path_that_cannot_be_is_refused_at_the_beginning(
    root: Entry, ada: Actor, path: tuple[str, ...], error: type[FilesError]
) -> None:
    with pytest.raises(error):
        begin(root, ada, path=path)


def test_size_that_cannot_be_is_refused_at_the_beginning(
    root: Entry, ada: Actor, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.FILES_MAX_UPLOAD_SIZE, settings.FILES_MIN_FREE_SPACE = 1000, 100
    monkeypatch.setattr(BlobStorage, "free_bytes", lambda _storage: 600)

    with pytest.raises(FileTooLargeError):
        begin(root, ada, 1001)
    with pytest.raises(DiskFullError) as caught:
        begin(root, ada, 501)
    assert caught.value.data == {"needed": 501, "free": 500}
    begin(root, ada, 500)


def test_upload_goes_into_folders_only(root: Entry, ada: Actor) -> None:
    with pytest.raises(NotAFolderError):
        begin(make_file(root, "f"), ada)


def test_taken_name_is_refused_at_the_beginning_to_who_may_know(root: Entry, ada: Actor) -> None:
    make_file(root, "a")

    with pytest.raises(EntryExistsError):
        begin(root, ada, clash=Clash.REFUSE)
    begin(root, ada, clash=Clash.REFUSE, path=("b",))
    begin(root, ada, clash=Clash.REFUSE, path=("x", "a"))


def test_taken_name_is_no_news_for_who_may_only_add(there: Entry) -> None:
    make_file(there, "a")
    bob = make_member(there, Grant.Role.UPLOADER)

    assert (
        check_wanted(locate(bob, there.pk, Right.ADD), Wanted(("a",), 1, clash=Clash.REFUSE))
        == there
    )


def test_only_so_many_may_be_open(root: Entry, ada: Actor, settings: Settings) -> None:
    settings.FILES_MAX_OPEN_UPLOADS = 2
    first = begin(root, ada)
    begin(root, ada)

    with pytest.raises(TooManyUploadsError):
        begin(root, ada)
    begin(root, SYSTEM)
    cancel_upload(first.pk, actor=ada)
    newest = begin(root, ada)
    assert pending_uploads(ada)[0] == newest


# Going on.


def test_length_that_is_said_later_is_reserved_then(root: Entry, space: Space, ada: Actor) -> None:
    upload = begin(root, ada, None)

    fresh = begin_append(upload, until=None, length=20, checked=False)

    assert (fresh.length, fresh.reserved_bytes, used(space)) == (20, 20, 20)
    with pytest.raises(LengthMismatchError):
        begin_append(upload, until=None, length=21, checked=False)
    with pytest.raises(LengthMismatchError):
        begin_append(upload, until=21, length=None, checked=False)


def test_unknown_length_reserves_ahead_as_far_as_there_is_room(
    root: Entry, space: Space, ada: Actor, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "STEP", 100)
    upload = begin(root, ada, None)

    assert begin_append(upload, until=30, length=None, checked=True).reserved_bytes == 30
    assert begin_append(upload, until=None, length=None, checked=True).reserved_bytes == 100
    set_quota(space, quota_bytes=150, actor=SYSTEM)
    reserve_ahead(upload, 120)
    assert (upload.reserved_bytes, used(space)) == (150, 150)
    with pytest.raises(QuotaExceededError):
        reserve_ahead(upload, 151)
    settings.FILES_MAX_UPLOAD_SIZE = 120
    with pytest.raises(FileTooLargeError):
        reserve_ahead(upload, 121)


def test_quota_that_was_lowered_meanwhile_does_not_break_a_promise(
    root: Entry, space: Space, ada: Actor, storage: BlobStorage
) -> None:
    upload = begin(root, ada, 10)
    set_quota(space, quota_bytes=5, actor=SYSTEM)

    begin_append(upload, until=10, length=None, checked=False)

    assert isinstance(finish(upload, b"0123456789", ada, storage), Entry)
    assert used(space) == 10


def test_limit_that_was_lowered_meanwhile_holds(
    root: Entry, ada: Actor, settings: Settings
) -> None:
    upload = begin(root, ada, 10)
    settings.FILES_MAX_UPLOAD_SIZE = 9

    with pytest.raises(FileTooLargeError):
        begin_append(upload, until=10, length=None, checked=False)


def test_newer_writer_stops_the_older(root: Entry, ada: Actor) -> None:
    upload = begin(root, ada)
    older = begin_append(upload, until=None, length=None, checked=False)
    assert generations([upload.pk]) == {upload.pk: 1}

    take_over(upload)

    progress = Progress(3, 0, b"state")
    for save in (checkpoint, end_append):
        with pytest.raises(UploadTakenOverError):
            save(older, progress)
    newer = begin_append(upload, until=None, length=None, checked=False)
    assert (newer.generation, newer.offset) == (3, 0)
    checkpoint(newer, progress)
    assert progress_saved(reread(upload)) == progress
    end_append(newer, Progress(4, 1, None))
    assert progress_saved(reread(upload)) == Progress(4, 1, None)


def test_writer_of_what_was_cancelled_is_told_so(root: Entry, ada: Actor) -> None:
    upload = begin(root, ada)
    writer = begin_append(upload, until=None, length=None, checked=False)
    cancel_upload(upload.pk, actor=ada)

    for call in (
        lambda: checkpoint(writer, Progress(1, 0, None)),
        lambda: take_over(writer),
        lambda: begin_append(writer, until=None, length=None, checked=False),
        lambda: declare_length(writer, 1),
        lambda: reserve_ahead(writer, 1),
        lambda: cancel_upload(upload.pk, actor=ada),
    ):
        with pytest.raises(UploadNotFoundError):
            call()
    assert generations([upload.pk]) == {}


def test_digest_is_announced_once(root: Entry, ada: Actor) -> None:
    upload = begin(root, ada)
    begin_append(upload, until=None, length=None, checked=False, sha256="a" * 64)

    with pytest.raises(DigestMismatchError):
        begin_append(upload, until=None, length=None, checked=False, sha256="b" * 64)
    assert reread(upload).sha256 == "a" * 64


def test_length_of_what_came_is_declared_at_its_end(root: Entry, ada: Actor) -> None:
    upload = begin(root, ada, None)
    writer = begin_append(upload, until=None, length=None, checked=False)
    end_append(writer, Progress(7, 0, None))

    with pytest.raises(LengthMismatchError):
        declare_length(upload, 6)
    assert declare_length(upload, 7).is_complete


# Ending.


def test_finished_upload_has_given_back_all_that_it_did_not_need(
    root: Entry, space: Space, ada: Actor, storage: BlobStorage
) -> None:
    upload = begin(root, ada, None)
    begin_append(upload, until=None, length=None, checked=False)
    assert used(space) == uploads.STEP

    entry = finish(upload, b"0123456789", ada, storage)

    assert isinstance(entry, Entry)
    done = reread(upload)
    assert (done.is_finished, done.reserved_bytes, used(space)) == (True, 0, 10)
    assert (done.entry_id, done.version_id) == (entry.pk, entry.version_id)
    assert (done.offset, done.length, done.hash_state, done.active_since) == (10, 10, None, None)
    assert pending_uploads(ada).count() == 0
    take_over(upload)  # there is nobody to stop
    assert reread(upload).generation == done.generation


def test_wrong_digest_is_not_put(root: Entry, ada: Actor, storage: BlobStorage) -> None:
    upload = begin(root, ada, sha256="0" * 64)

    with pytest.raises(DigestMismatchError):
        finish(upload, b"0123456789", ada, storage)
    assert paths_in(root) == {}


def test_cancelled_upload_leaves_nothing(
    root: Entry,
    space: Space,
    ada: Actor,
    storage: BlobStorage,
    django_capture_on_commit_callbacks: Any,
) -> None:
    upload = begin(root, ada)
    receive(upload, b"012", storage)

    with django_capture_on_commit_callbacks(execute=True):
        cancel_upload(upload.pk, actor=ada)

    assert (Upload.objects.count(), used(space), list(storage.scan())) == (0, 0, [])


def test_cancelling_what_is_finished_keeps_the_file(
    root: Entry,
    ada: Actor,
    storage: BlobStorage,
    django_capture_on_commit_callbacks: Any,
) -> None:
    upload = begin(root, ada)
    finish(upload, b"0123456789", ada, storage)

    with django_capture_on_commit_callbacks(execute=True):
        cancel_upload(upload.pk, actor=ada)

    assert (Upload.objects.count(), paths_in(root)) == (0, {"a": b"0123456789"})


@pytest.mark.parametrize("role", list(Grant.Role))
def test_upload_is_its_owner_s_alone(there: Entry, role: Grant.Role) -> None:
    owner = make_member(there, Grant.Role.EDITOR, "carl")
    upload = begin(there, owner)

    with pytest.raises(UploadNotFoundError):
        cancel_upload(upload.pk, actor=make_member(there, role))
    cancel_upload(upload.pk, actor=SYSTEM)


# Meanwhile.


@pytest.mark.parametrize("how", ["trashed", "purged", "moved away"])
def test_folder_that_went_meanwhile_refuses_the_file_and_keeps_the_upload(
    root: Entry, space: Space, there: Entry, ada: Actor, storage: BlobStorage, how: str
) -> None:
    folder = make_folder(root, "folder")
    upload = begin(folder, ada)
    if how == "moved away":
        move_entries([folder], parent=there, actor=SYSTEM)
    else:
        trash_entries([folder], actor=SYSTEM)
    if how == "purged":
        delete_entries([folder], actor=SYSTEM)
    while purge_some(space):
        pass

    result = finish(upload, b"0123456789", ada, storage)

    assert isinstance(result, EntryNotFoundError)
    assert (reread(upload).is_finished, used(space)) == (False, 10)
    if how != "trashed":
        assert reread(upload).folder is None
    cancel_upload(upload.pk, actor=ada)
    assert used(space) == 0


def test_folder_that_was_moved_within_the_space_takes_the_upload_along(
    root: Entry, ada: Actor, storage: BlobStorage
) -> None:
    folder, other = make_folder(root, "folder"), make_folder(root, "other")
    upload = begin(folder, ada)
    move_entries([folder], parent=other, actor=SYSTEM)

    finish(upload, b"0123456789", ada, storage)

    assert paths_in(root)["other/folder/a"] == b"0123456789"


def test_owner_who_lost_the_right_meanwhile_is_refused(
    other: Space, there: Entry, storage: BlobStorage
) -> None:
    bob = make_member(there, Grant.Role.EDITOR)
    upload = begin(there, bob)
    assert bob.user
    set_member(other, user=bob.user, role=Grant.Role.VIEWER, actor=SYSTEM)

    assert isinstance(finish(upload, b"0123456789", bob, storage), ForbiddenError)
    set_member(other, user=bob.user, role=None, actor=SYSTEM)
    assert isinstance(finish(upload, b"0123456789", bob, storage), EntryNotFoundError)
    assert (reread(upload).is_finished, used(other)) == (False, 10)


def test_account_that_is_deleted_leaves_its_uploads_to_expire(other: Space, there: Entry) -> None:
    bob = make_member(there, Grant.Role.EDITOR)
    upload = begin(there, bob)
    Grant.objects.filter(user__username="bob").delete()
    User.objects.filter(username="bob").delete()

    assert (reread(upload).owner, used(other)) == (None, 10)
    with pytest.raises(UploadNotFoundError):
        cancel_upload(upload.pk, actor=Actor(None, Event.Door.UPLOAD))
    cancel_upload(upload.pk, actor=SYSTEM)
    assert used(other) == 0


def test_sweeper_spares_what_is_on_its_way(root: Entry, ada: Actor, storage: BlobStorage) -> None:
    upload = begin(root, ada)
    receive(upload, b"012", storage)

    assert list(find_strays(storage, older_than=timedelta(0))) == []
    sweep_blobs(grace=timedelta(0))
    assert storage.stored_size(blob_name(upload.pk)) == 3


# Expiring.


def pass_uptime(seconds: int) -> None:
    """Let the clock of destructive jobs go on, as if the host had run for so long."""
    UptimeClock.objects.update(seconds=F("seconds") + seconds)


def expire(upload: Upload) -> None:
    Upload.objects.filter(pk=upload.pk).update(expires_at=timezone.now() - DAY)


def test_upload_goes_when_it_was_seen_expired_a_grace_period_of_up_time_before(
    root: Entry,
    space: Space,
    ada: Actor,
    storage: BlobStorage,
    django_capture_on_commit_callbacks: Any,
) -> None:
    upload, kept = begin(root, ada), begin(root, ada, path=("b",))
    receive(upload, b"012", storage)
    Upload.objects.filter(pk=upload.pk).update(offset=3)
    expire(upload)

    seen = expire_uploads(grace=DAY)
    assert (seen.discarded, seen.waiting, used(space)) == (0, 1, 20)
    pass_uptime(86_399)
    assert expire_uploads(grace=DAY).waiting == 1
    pass_uptime(2)
    foreseen = expire_uploads(grace=DAY, dry_run=True)
    assert (foreseen.discarded, foreseen.discarded_bytes, foreseen.waiting) == (1, 3, 0)
    with django_capture_on_commit_callbacks(execute=True):
        gone = expire_uploads(grace=DAY)

    assert (gone.discarded, gone.discarded_bytes, gone.forgotten, gone.waiting) == (1, 3, 0, 0)
    assert (list(Upload.objects.all()), used(space)) == ([kept], 10)
    assert list(storage.scan()) == []


def test_clock_that_is_set_forward_discards_nothing(root: Entry, ada: Actor) -> None:
    upload = begin(root, ada)
    expire(upload)

    for _ in range(3):
        assert expire_uploads(grace=DAY).discarded == 0


def test_dry_run_does_not_begin_the_wait(root: Entry, ada: Actor) -> None:
    upload = begin(root, ada)
    expire(upload)

    assert expire_uploads(grace=DAY, dry_run=True).waiting == 1
    assert reread(upload).expired_uptime is None


def test_upload_that_is_gone_on_with_begins_its_wait_anew(root: Entry, ada: Actor) -> None:
    upload = begin(root, ada)
    expire(upload)
    expire_uploads(grace=DAY)
    pass_uptime(100_000)

    begin_append(upload, until=None, length=None, checked=False)

    assert expire_uploads(grace=DAY).discarded == 0
    expire(upload)
    assert expire_uploads(grace=DAY).waiting == 1


def test_finished_upload_is_forgotten_and_its_file_stays(
    root: Entry, ada: Actor, storage: BlobStorage
) -> None:
    upload = begin(root, ada)
    finish(upload, b"0123456789", ada, storage)
    assert expire_uploads(grace=DAY).forgotten == 0
    expire(upload)

    assert expire_uploads(grace=DAY).forgotten == 1
    assert (Upload.objects.count(), paths_in(root)) == (0, {"a": b"0123456789"})


def test_finished_upload_answers_for_its_whole_time(
    root: Entry, ada: Actor, storage: BlobStorage
) -> None:
    upload = begin(root, ada)
    Upload.objects.update(expires_at=timezone.now() + timedelta(seconds=1))

    finish(upload, b"0123456789", ada, storage)

    assert reread(upload).expires_at > timezone.now() + 6 * DAY


def test_expiring_goes_by_space_and_in_batches(
    root: Entry, there: Entry, ada: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upload_expiry, "BATCH", 2)
    for folder in (root, there):
        for n in range(3):
            expire(begin(folder, SYSTEM, path=(str(n),)))
    assert expire_uploads(grace=timedelta(0)).discarded == 6

    assert (Upload.objects.count(), reread(root.space).used_bytes) == (0, 0)


# Group commit.


def test_members_of_other_folders_and_actors_go_in_one_transaction(
    other: Space, there: Entry
) -> None:
    inner = make_folder(there, "inner")
    bob = make_member(there, Grant.Role.EDITOR)
    eve = actor_of(make_user("eve"))
    members = [
        Member(there.pk, new_file("a"), bob),
        Member(inner.pk, new_file("a"), SYSTEM),
        Member(there.pk, new_file("b"), eve),
        Member(inner.pk, new_file("a"), bob, Clash.KEEP_BOTH),
        Member(there.pk, new_file("a"), bob, Clash.REFUSE),
        Member(there.pk, new_file("c"), bob),
    ]

    results = put_members(other.pk, members)

    told = [r.name if isinstance(r, Entry) else r.code for r in results]
    assert told == ["a", "a", "entry-not-found", "a (2)", "entry-exists", "c"]
    assert {e.actor_name for e in Event.objects.filter(space=other)} >= {"bob", ""}
    assert reread(other).used_bytes == 4 * len(b"content")


def test_refused_group_takes_neither_usage_nor_numbers(other: Space, there: Entry) -> None:
    before = reread(other).last_seq
    gone = make_folder(there, "gone")
    trash_entries([gone], actor=SYSTEM)
    seq = reread(other).last_seq

    results = put_members(
        other.pk,
        [Member(gone.pk, new_file("a"), SYSTEM), Member(there.pk, new_file("a"), SYSTEM)],
    )

    assert isinstance(results[0], EntryNotFoundError)
    assert isinstance(results[1], Entry)
    assert (reread(other).last_seq, reread(other).used_bytes) == (seq + 1, len(b"content"))
    assert before < seq


def test_claimed_bytes_refuse_their_file_alone(other: Space, there: Entry) -> None:
    files = [new_file("a"), new_file("b"), new_file("c")]
    claimed = files[1].blob.id
    Blob.objects.create(
        id=claimed, file=blob_name(claimed), size=7, state=Blob.State.DOOMED,
        doomed_at=timezone.now(),
    )  # fmt: skip

    results = put_members(other.pk, [Member(there.pk, file, SYSTEM) for file in files])

    told = [r.name if isinstance(r, Entry) else r.code for r in results]
    assert told == ["a", "blob-conflict", "c"]


def test_upload_that_was_given_up_is_refused_alone(
    root: Entry, space: Space, ada: Actor, storage: BlobStorage
) -> None:
    kept, gone = begin(root, ada), begin(root, ada, path=("b",))
    blobs = [receive(upload, b"0123456789", storage) for upload in (kept, gone)]
    files = [
        NewFile(upload.names, blob, is_upload=True)
        for upload, blob in zip((kept, gone), blobs, strict=True)
    ]
    cancel_upload(gone.pk, actor=ada)

    results = put_members(space.pk, [Member(root.pk, file, ada) for file in files])

    assert isinstance(results[0], Entry)
    assert isinstance(results[1], UploadNotFoundError)
    assert used(space) == 10


def test_statements_do_not_grow_with_the_members(other: Space, there: Entry) -> None:
    def statements(count: int) -> int:
        members = [Member(there.pk, new_file(str(uuid4())), SYSTEM) for _ in range(count)]
        with CaptureQueriesContext(connection) as queries:
            put_members(other.pk, members)
        return len(queries)

    assert statements(2) == statements(20)
