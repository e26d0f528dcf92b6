"""Digests that were lost on the way are taken after the commit, by a job."""

import logging
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from zlib import crc32

import pytest
from django_tasks_db.models import DBTaskResult

from files.jobs.outbox import dispatch
from files.jobs.tasks import take_digests as job
from files.models import Blob, Entry, Event, Version
from files.operations import digests
from files.operations.digests import take_digests
from files.operations.transfer import copy_entries
from files.operations.versions import NewFile, put_files
from files.storage.filesystem import BlobStorage
from tests.factories import SYSTEM, last_events, make_blob, make_file, make_folder

pytestmark = pytest.mark.django_db
CONTENT = b"content" * 1000


def put_lacking(root: Entry, *names: str) -> list[Blob]:
    """Put files whose digest was lost, and give their blobs."""
    files = [NewFile((name,), replace(make_blob(CONTENT), sha256="")) for name in names]
    put_files(root, files, actor=SYSTEM)
    return [Blob.objects.get(pk=file.blob.id) for file in files]


def digests_of(blob: Blob) -> set[str]:
    """Give what blob and versions say."""
    blob.refresh_from_db()
    return {blob.sha256, *Version.objects.filter(blob=blob).values_list("sha256", flat=True)}


def test_one_event_asks_for_all_that_lack_one(root: Entry) -> None:
    blobs = put_lacking(root, "a", "b")

    (event,) = last_events(root.space)
    assert event.kind == Event.Kind.JOB_REQUESTED
    assert event.after == {"digest": [str(blob.pk) for blob in blobs]}


def test_nothing_is_asked_for_where_all_have_one(root: Entry) -> None:
    make_file(root, "a")

    assert not Event.objects.filter(kind=Event.Kind.JOB_REQUESTED).exists()


def test_many_are_asked_for_in_bounded_events(root: Entry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(digests, "BATCH", 2)
    put_lacking(root, "a", "b", "c")

    assert [len((event.after or {})["digest"]) for event in last_events(root.space, 2)] == [2, 1]


def test_the_job_follows_from_the_event_and_takes_them(root: Entry) -> None:
    (blob,) = put_lacking(root, "a")

    assert dispatch() == 1
    row = DBTaskResult.objects.get(task_path=job.module_path)

    assert job.call(*row.args_kwargs["args"]) == 1
    assert digests_of(blob) == {sha256(CONTENT).hexdigest()}


def test_all_versions_of_the_blob_get_it(root: Entry) -> None:
    (blob,) = put_lacking(root, "a")
    copy_entries([Entry.objects.get(name="a")], parent=make_folder(root, "in"), actor=SYSTEM)
    Blob.objects.filter(pk=blob.pk).update(crc32=None)

    assert take_digests([blob.pk]) == 1

    assert digests_of(blob) == {sha256(CONTENT).hexdigest()}
    assert Version.objects.filter(blob=blob).count() == 2
    assert blob.crc32 == crc32(CONTENT)


def test_a_copy_has_the_digest_that_was_recorded_while_it_was_made(
    root: Entry, monkeypatch: pytest.MonkeyPatch
) -> None:
    (blob,) = put_lacking(root, "a")
    share = "files.operations.copying.share_blobs"
    monkeypatch.setattr(share, lambda ids: [take_digests([blob.pk]) for _ in [*ids]])

    copy_entries([Entry.objects.get(name="a")], parent=make_folder(root, "in"), actor=SYSTEM)

    assert digests_of(blob) == {sha256(CONTENT).hexdigest()}


def test_a_second_run_does_nothing(root: Entry) -> None:
    (blob,) = put_lacking(root, "a")
    take_digests([blob.pk])

    assert take_digests([blob.pk]) == 0


def test_two_runs_at_once_record_it_once(root: Entry, monkeypatch: pytest.MonkeyPatch) -> None:
    (blob,) = put_lacking(root, "a")
    during(monkeypatch, lambda: take_digests([blob.pk]))

    assert take_digests([blob.pk]) == 0
    assert digests_of(blob) == {sha256(CONTENT).hexdigest()}


def during(monkeypatch: pytest.MonkeyPatch, do: Callable[[], object]) -> None:
    """Do something once while bytes are being read."""
    opened, left = BlobStorage.open_blob, [do]

    def open_blob(storage: BlobStorage, name: str) -> int:
        descriptor = opened(storage, name)
        if left:
            left.pop()()
        return descriptor

    monkeypatch.setattr(BlobStorage, "open_blob", open_blob)


def test_reading_stops_when_the_digest_is_no_more_wanted(
    root: Entry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(digests, "PIECE", 100)
    monkeypatch.setattr(digests, "LOOK", 2)
    (blob,) = put_lacking(root, "a")
    during(monkeypatch, lambda: Blob.objects.filter(pk=blob.pk).update(sha256="f" * 64))

    assert take_digests([blob.pk]) == 0
    assert digests_of(blob) == {"f" * 64, ""}
    Blob.objects.filter(pk=blob.pk).update(sha256="")
    assert take_digests([blob.pk]) == 1


@pytest.mark.parametrize("damage", [b"x" * len(CONTENT), b"short"])
def test_bytes_that_are_not_those_that_came_are_told(
    root: Entry, damage: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    (blob,) = put_lacking(root, "a")
    path = Path(blob.file.path)
    path.write_bytes(damage)

    assert take_digests([blob.pk]) == 0

    assert [record.levelno for record in caplog.records] == [logging.CRITICAL]
    assert digests_of(blob) == {""}
    path.write_bytes(CONTENT)


def test_bytes_that_are_gone_are_told_and_the_others_done(
    root: Entry, caplog: pytest.LogCaptureFixture
) -> None:
    gone, there = put_lacking(root, "a", "b")
    path = Path(gone.file.path)
    path.unlink()

    assert take_digests([gone.pk, there.pk]) == 1

    assert str(gone.pk) in caplog.text
    path.write_bytes(CONTENT)


def test_bytes_that_cannot_be_read_fail_the_job_when_the_others_are_done(root: Entry) -> None:
    bad, there = put_lacking(root, "a", "b")
    path = Path(bad.file.path)
    path.unlink()
    path.mkdir()

    with pytest.raises(OSError, match="not a regular file"):
        take_digests([bad.pk, there.pk])

    assert digests_of(there) == {sha256(CONTENT).hexdigest()}
    path.rmdir()
    path.write_bytes(CONTENT)
