"""Bytes at rest: their states, and the sweep that no clock, crash or late request can fool."""

import os
import time
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from django.db import transaction
from django.utils import timezone

from files.errors import BlobConflictError, ChangedMeanwhileError, FilesRefusedError
from files.models import Blob, Entry, UptimeClock, Version
from files.operations import blobs
from files.operations.blobs import (
    SweepResult,
    blob_storage,
    doom_unreferenced,
    read_uptime,
    record_blobs,
    recorded_ids,
    share_blobs,
    sweep_blobs,
)
from files.operations.entries import trash_entries
from files.operations.trash import delete_entries
from files.operations.versions import put_files
from files.storage.base import blob_name
from files.storage.filesystem import BlobStorage
from tests.factories import SYSTEM, make_blob, make_file, new_file, paths_in, reread
from tests.invariants import check_disk_is_swept

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)
NOW = timedelta()
State = Blob.State


class Machine:
    """A machine whose clocks the test turns: up-time, wall clock and boot."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.up, self.wall, self.boot = 1000.0, 0.0, "boot 1"
        real_time, real_now = time.time, timezone.now
        monkeypatch.setattr(time, "clock_gettime", lambda _clock: self.up)
        monkeypatch.setattr(time, "time", lambda: real_time() + self.wall)
        monkeypatch.setattr(timezone, "now", lambda: real_now() + timedelta(seconds=self.wall))
        real_read = Path.read_text
        monkeypatch.setattr(
            Path,
            "read_text",
            lambda path, *a: f"{self.boot}\n" if path.name == "boot_id" else real_read(path, *a),
        )

    def run(self, span: timedelta) -> None:
        """Let both clocks go on."""
        self.up += span.total_seconds()
        self.wall += span.total_seconds()

    def reboot(self, boot: str, up: timedelta) -> None:
        self.boot, self.up = boot, up.total_seconds()


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(monkeypatch)


def purge(entry: Entry) -> None:
    trash_entries([entry], actor=SYSTEM)
    delete_entries([entry], actor=SYSTEM)


def _recorded() -> Blob:
    new = make_blob()
    record_blobs([new])
    return Blob.objects.get(pk=new.id)


def on_disk() -> int:
    return len(list(blob_storage().scan()))


def test_record_makes_a_live_row_for_each_blob(root: Entry) -> None:
    new = make_blob(b"hello", "text/html")

    record_blobs([new])

    stored = Blob.objects.get(pk=new.id)
    assert (stored.pk, stored.size, stored.sha256) == (new.id, 5, new.sha256)
    assert (stored.crc32, stored.media_type, stored.state) == (new.crc32, "text/html", State.LIVE)
    assert stored.file.name == blob_name(new.id)
    assert recorded_ids([new.id, uuid4()]) == {new.id}
    Blob.objects.all().delete()


def test_record_refuses_an_id_that_is_taken(root: Entry) -> None:
    new = make_blob()
    record_blobs([new])

    with pytest.raises(BlobConflictError), transaction.atomic():
        record_blobs([make_blob(), new])
    assert Blob.objects.count() == 1
    Blob.objects.all().delete()


def test_doom_spares_what_a_version_points_at(root: Entry) -> None:
    file = make_file(root, "file")
    lonely = _recorded()
    assert file.version is not None

    doom_unreferenced([lonely.pk, file.version.blob_id])

    assert reread(lonely).state == State.DOOMED
    assert reread(lonely).doomed_at is not None
    assert reread(file.version.blob).state == State.LIVE


def test_share_revives_what_is_doomed_and_starts_its_wait_anew(root: Entry) -> None:
    file = make_file(root, "file")
    assert file.version is not None
    blob = file.version.blob
    Blob.objects.update(state=State.DOOMED, doomed_at=timezone.now(), doomed_uptime=1)

    share_blobs([blob.pk, blob.pk])

    stored = reread(blob)
    assert (stored.state, stored.doomed_at, stored.doomed_uptime) == (State.LIVE, None, None)


def test_share_refuses_bytes_that_are_going_or_gone(root: Entry) -> None:
    going = _recorded()
    Blob.objects.update(state=State.GOING, doomed_at=timezone.now())

    for blob_id in (going.pk, uuid4()):
        with pytest.raises(ChangedMeanwhileError):
            share_blobs([blob_id])


def test_sweep_unlinks_a_grace_period_after_the_sweep_that_saw_it_first(
    root: Entry, machine: Machine
) -> None:
    keep = make_file(root, "keep")
    purge(make_file(root, "file", b"12345"))
    machine.run(2 * DAY)

    assert sweep_blobs(grace=DAY) == SweepResult(0, 0, 0, 1)
    machine.run(DAY - timedelta(seconds=2))
    assert sweep_blobs(grace=DAY) == SweepResult(0, 0, 0, 1)
    machine.run(timedelta(seconds=2))
    assert sweep_blobs(grace=DAY) == SweepResult(0, 1, 5, 0)

    assert list(Blob.objects.values_list("pk", flat=True)) == [keep.version.blob_id]  # type: ignore[union-attr]
    assert on_disk() == 1


def test_sweep_with_no_grace_takes_all_at_once(root: Entry) -> None:
    purge(make_file(root, "file", b"12345"))
    make_blob(b"stray")

    assert sweep_blobs(grace=NOW) == SweepResult(1, 2, 10, 0)
    assert on_disk() == 0
    assert not Blob.objects.exists()


def test_sweep_leaves_what_was_put_again_under_another_name(root: Entry) -> None:
    make_file(root, "file")
    sweep_blobs(grace=NOW)
    sweep_blobs(grace=NOW)

    assert paths_in(root) == {"file": b"content"}


def test_dry_run_tells_what_would_be_done_and_does_nothing(root: Entry, machine: Machine) -> None:
    purge(make_file(root, "file", b"12345"))
    make_blob(b"stray")
    sweep_blobs(grace=DAY)
    purge(make_file(root, "later"))
    machine.run(2 * DAY)

    foreseen = sweep_blobs(grace=DAY, dry_run=True)

    assert foreseen == SweepResult(1, 1, 5, 1)
    assert on_disk() == 3
    assert Blob.objects.filter(state=State.DOOMED).count() == 2
    assert Blob.objects.filter(doomed_uptime=None).count() == 1
    assert sweep_blobs(grace=DAY) == SweepResult(1, 1, 5, 2)


def test_a_wall_clock_set_forward_makes_nothing_go(root: Entry, machine: Machine) -> None:
    purge(make_file(root, "file"))
    sweep_blobs(grace=DAY)

    machine.wall += timedelta(days=400).total_seconds()

    assert sweep_blobs(grace=DAY) == SweepResult(0, 0, 0, 1)
    assert on_disk() == 1


def test_a_wall_clock_set_back_makes_nothing_go(root: Entry, machine: Machine) -> None:
    purge(make_file(root, "file"))
    sweep_blobs(grace=DAY)
    machine.up += timedelta(days=3).total_seconds()
    machine.wall -= timedelta(days=1).total_seconds()

    assert sweep_blobs(grace=DAY) == SweepResult(0, 0, 0, 1)


def test_uptime_adds_up_over_boots_and_hosts(machine: Machine, db: None) -> None:
    assert read_uptime() == 0
    machine.run(timedelta(seconds=50))
    assert read_uptime() == 50
    machine.wall += 100
    machine.reboot("boot 2", timedelta(seconds=30))
    assert read_uptime() == 80
    # Another host, up for a year: no more than the time since the last look.
    machine.run(timedelta(seconds=20))
    machine.reboot("other host", timedelta(days=365))
    assert read_uptime() == 100
    machine.reboot("boot 2", timedelta(days=1))
    assert read_uptime() == 100


def test_uptime_never_runs_backwards(machine: Machine, db: None) -> None:
    read_uptime()
    machine.up -= 500
    assert read_uptime() == 0
    machine.reboot("boot 2", timedelta(seconds=10))
    machine.wall -= 1000
    assert read_uptime() == 0


def test_uptime_of_a_clock_of_unknown_age_starts_now(machine: Machine, db: None) -> None:
    UptimeClock.objects.create(pk=1, seconds=7, boot_id="boot 0")

    assert read_uptime() == 7
    assert str(UptimeClock.objects.get()) == "7 s"


def test_stray_bytes_are_claimed_by_age_and_go_a_grace_period_later(
    root: Entry, machine: Machine
) -> None:
    make_blob(b"stray")

    assert sweep_blobs(grace=DAY).claimed == 0
    machine.run(DAY + timedelta(seconds=1))
    assert sweep_blobs(grace=DAY) == SweepResult(1, 0, 0, 1)
    check_disk_is_swept()
    machine.run(DAY + timedelta(seconds=1))
    assert sweep_blobs(grace=DAY) == SweepResult(0, 1, 5, 0)
    assert on_disk() == 0


def test_touching_a_stray_back_does_not_age_it(root: Entry) -> None:
    new = make_blob(b"stray")
    os.utime(blob_storage().path(blob_name(new.id)), (0, 0))

    assert sweep_blobs(grace=DAY).claimed == 0


def test_what_is_no_blob_of_ours_is_never_claimed(root: Entry, storage: BlobStorage) -> None:
    folder = Path(storage.location) / "blobs" / "ab"
    (folder / "notes.txt").write_bytes(b"note")
    (folder / ("ab" + "0" * 30)).symlink_to("/etc/passwd")

    assert sweep_blobs(grace=NOW) == SweepResult(0, 0, 0, 0)
    assert on_disk() == 2


def test_a_request_that_comes_after_the_claim_is_refused(root: Entry) -> None:
    late = new_file("late")
    sweep_blobs(grace=DAY, dry_run=True)
    blobs.claim_strays(list(blob_storage().scan()))

    with pytest.raises(FilesRefusedError) as caught:
        put_files(root, [late], actor=SYSTEM)
    assert [type(error) for error in caught.value.refused.values()] == [BlobConflictError]
    assert paths_in(root) == {}


def test_a_request_that_comes_after_the_bytes_went_is_refused(root: Entry) -> None:
    late = new_file("late")
    sweep_blobs(grace=NOW)

    with pytest.raises(BlobConflictError):
        put_files(root, [late], actor=SYSTEM)


def test_a_claim_that_comes_after_the_commit_does_nothing(root: Entry) -> None:
    file = new_file("file")
    strays = list(blob_storage().scan())
    put_files(root, [file], actor=SYSTEM)

    blobs.claim_strays(strays)

    assert reread(Blob(pk=file.blob.id)).state == State.LIVE


def test_a_crash_after_unlinking_is_taken_up_by_the_next_sweep(
    root: Entry, monkeypatch: pytest.MonkeyPatch
) -> None:
    purge(make_file(root, "file"))
    real = BlobStorage.unlink

    def unlink(storage: BlobStorage, name: str) -> bool:
        real(storage, name)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(BlobStorage, "unlink", unlink)
        with pytest.raises(KeyboardInterrupt):
            sweep_blobs(grace=NOW)
    assert (on_disk(), Blob.objects.get().state) == (0, State.GOING)

    assert sweep_blobs(grace=NOW, dry_run=True) == SweepResult(0, 1, 7, 0)
    assert sweep_blobs(grace=NOW) == SweepResult(0, 1, 7, 0)
    assert not Blob.objects.exists()


def test_bytes_that_cannot_be_unlinked_are_told_and_do_not_stop_the_sweep(
    root: Entry, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    files = [make_file(root, name) for name in "abc"]
    ids = sorted(Version.objects.values_list("blob", flat=True))
    for file in files:
        purge(file)
    real = BlobStorage.unlink

    def unlink(storage: BlobStorage, name: str) -> bool:
        if name == blob_name(ids[1]):
            raise OSError(5, "Input/output error")
        return real(storage, name)

    with monkeypatch.context() as patch:
        patch.setattr(BlobStorage, "unlink", unlink)
        assert sweep_blobs(grace=NOW) == SweepResult(0, 2, 14, 0, failed=1)
    assert str(ids[1]) in caplog.text
    assert sweep_blobs(grace=NOW) == SweepResult(0, 1, 7, 0)


def test_sweep_works_in_batches(root: Entry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blobs, "BATCH", 2)
    for name in "abcde":
        purge(make_file(root, name))
    for _ in range(5):
        make_blob()

    assert sweep_blobs(grace=NOW) == SweepResult(5, 10, 70, 0)
    assert on_disk() == 0
