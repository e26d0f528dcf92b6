"""Pending uploads: how far they are at this moment, and what becomes of those that are over."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from django.db.models import F
from django.utils import timezone

from files.access import Actor
from files.models import Entry, Upload
from files.operations import upload_expiry
from files.operations.blobs import blob_storage, sweep_blobs
from files.operations.pending import look_at, look_at_all, open_uploads
from files.operations.upload_expiry import expire_uploads, forget_finished
from files.operations.uploads import begin_append
from files.storage.base import blob_name
from tests.factories import actor_of, make_upload, receive, reread

pytestmark = pytest.mark.django_db
LONG_AGO = 1_000_000_000


@pytest.fixture
def ada(root: Entry) -> Actor:
    """Act as the owner of the space."""
    assert root.space.owner is not None
    return actor_of(root.space.owner)


def path_of(upload: Upload) -> Path:
    """Tell where the bytes of an upload are."""
    return Path(blob_storage().path(blob_name(upload.pk)))


def begun(upload: Upload, content: bytes, *, seconds: float = 10) -> Upload:
    """Let a connection have written bytes so many seconds ago that its checkpoint did not count."""
    begin_append(upload, until=None, length=None, checked=False)
    with path_of(upload).open("ab") as file:
        file.write(content)
    since = timezone.now() - timedelta(seconds=seconds)
    Upload.objects.filter(pk=upload.pk).update(active_since=since)
    return reread(upload)


@contextmanager
def quiet(upload: Upload, *, locked: bool) -> Iterator[None]:
    """Have nothing written for a while, by a writer that is still there or by none."""
    os.utime(path_of(upload), (LONG_AGO, LONG_AGO))
    with path_of(upload).open("rb") as file:
        if locked:
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def test_an_upload_that_nobody_writes_is_as_far_as_its_row(root: Entry, ada: Actor) -> None:
    upload = receive(make_upload(root, actor=ada), b"1234")
    with path_of(upload).open("ab") as file:
        file.write(b"tail")

    found = look_at(upload)

    assert (found.size, found.is_running, found.speed, found.is_received) == (4, False, None, False)


def test_a_running_one_is_as_far_as_its_file_and_has_a_speed(root: Entry, ada: Actor) -> None:
    upload = begun(receive(make_upload(root, length=1000, actor=ada), b"12"), b"x" * 300)

    found = look_at(upload)

    assert (found.size, found.is_running) == (302, True)
    assert found.speed in {29, 30}


def test_a_connection_that_has_just_begun_has_no_speed(root: Entry, ada: Actor) -> None:
    found = look_at(begun(make_upload(root, actor=ada), b"x", seconds=0))

    assert (found.is_running, found.speed) == (True, None)


def test_more_than_the_length_is_not_told(root: Entry, ada: Actor) -> None:
    assert look_at(begun(make_upload(root, actor=ada), b"x" * 20)).size == 10
    assert look_at(begun(make_upload(root, length=None, actor=ada), b"x" * 20)).size == 20


@pytest.mark.parametrize("locked", [True, False])
def test_a_silent_one_is_running_while_its_writer_is_there(
    root: Entry, ada: Actor, *, locked: bool
) -> None:
    upload = begun(make_upload(root, actor=ada), b"x")

    with quiet(upload, locked=locked):
        assert look_at(upload).is_running is locked


def test_one_whose_file_is_not_there_yet_is_not_running(root: Entry, ada: Actor) -> None:
    upload = make_upload(root, actor=ada)
    begin_append(upload, until=None, length=None, checked=False)

    assert not look_at(reread(upload)).is_running


def test_one_that_is_whole_is_received(root: Entry, ada: Actor) -> None:
    (found,) = look_at_all([receive(make_upload(root, length=3, actor=ada), b"123")])

    assert found.is_received


def test_open_uploads_are_the_newest_first(root: Entry, ada: Actor) -> None:
    uploads = [make_upload(root, name, actor=ada) for name in ("a", "b", "c")]
    Upload.objects.filter(pk=uploads[1].pk).update(
        state="finished", reserved_bytes=0, offset=F("length")
    )
    root.space.refresh_from_db()
    root.space.used_bytes -= 10
    root.space.save()

    assert [upload.path for upload in open_uploads()] == ["c", "a"]


def test_finished_ones_are_forgotten_past_their_time(
    root: Entry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upload_expiry, "BATCH", 2)
    now = timezone.now()
    for number in range(5):
        Upload.objects.create(
            id=f"{number:032x}",
            space=root.space,
            path="a",
            state="finished",
            length=0,
            expires_at=now - timedelta(days=1) if number else now + timedelta(days=1),
        )

    assert forget_finished() == 4
    assert Upload.objects.count() == 1


def test_going_on_with_an_upload_keeps_it_for_its_whole_time(root: Entry, ada: Actor) -> None:
    upload = make_upload(root, actor=ada)
    Upload.objects.update(expires_at=timezone.now() - timedelta(days=3))
    expire_uploads(grace=timedelta(days=1))

    begin_append(upload, until=None, length=None, checked=False)

    assert expire_uploads(grace=timedelta(0)).discarded == 0
    assert reread(upload).expires_at > timezone.now() + timedelta(days=6)


def test_sweeping_leaves_the_bytes_of_open_uploads_however_old(root: Entry, ada: Actor) -> None:
    upload = receive(make_upload(root, actor=ada), b"1234")
    Upload.objects.update(created_at=timezone.now() - timedelta(days=400))
    with quiet(upload, locked=False):
        assert sweep_blobs(grace=timedelta(0)).claimed == 0
        sweep_blobs(grace=timedelta(0))

    assert path_of(upload).read_bytes() == b"1234"
