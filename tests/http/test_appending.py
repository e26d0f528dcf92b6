"""What an upload keeps, whoever breaks off, takes over or fails, and whatever the disk says."""

import asyncio
import errno
import fcntl
import os
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError
from pytest_django import Settings

from files.errors import (
    DigestMismatchError,
    DiskFullError,
    EntryExistsError,
    EntryNotFoundError,
    FilesError,
    FileTooLargeError,
    OffsetConflictError,
    StorageFailedError,
    UploadBusyError,
    UploadCompleteError,
    UploadNotFoundError,
    UploadTakenOverError,
)
from files.http import appending, writer
from files.http.handler import ClientGoneError
from files.models import Entry, Space, Upload
from files.operations import uploads
from files.operations.entries import trash_entries
from files.operations.placing import Clash
from files.storage.filesystem import BlobStorage
from files.storage.partial import PartialBlob, boot_id
from files.uploads.checksums import StatedChecksum
from tests.factories import SYSTEM, make_file, reread
from tests.http.engine import Bench, Trickle

pytestmark = pytest.mark.usefixtures("kept_connection", "consistent")

SHA256 = sha256(b"0123456789").hexdigest()


@pytest.fixture
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every two bytes be a piece that is written, and every four a checkpoint."""
    monkeypatch.setattr(writer, "PIECE_SIZE", 2)
    monkeypatch.setattr(writer, "CHECKPOINT", 4)


@contextmanager
def failing(name: str, *, at: int = 1) -> Iterator[list[int]]:
    """Let the nth call of a function of os fail, and those after it work again."""
    real: Callable[..., Any] = getattr(os, name)
    calls: list[int] = []

    def call(*arguments: Any, **more: Any) -> Any:
        calls.append(1)
        if len(calls) == at:
            raise OSError(errno.EIO, "Input/output error")
        return real(*arguments, **more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, name, call)
        yield calls


@pytest.mark.parametrize("where", ["the same process", "another process"])
def test_newer_connection_goes_on_with_all_that_the_older_one_brought(
    bench: Bench, where: str
) -> None:
    bench.begin(length=10)
    engine = bench.engine if where == "the same process" else bench.another_engine()

    async def both() -> tuple[BaseException | Upload, Upload]:
        body = Trickle(b"012")
        older = asyncio.ensure_future(bench.appending(aiter(body)))
        await body.is_read.wait()
        with pytest.raises(OffsetConflictError) as caught:
            await bench.appending(b"456789", at=4, engine=engine)
        assert caught.value.data == {"offset": 3}
        newer = await bench.appending(b"3456789", at=3, engine=engine)
        return (await asyncio.gather(older, return_exceptions=True))[0], newer

    older, newer = bench.run(both())

    assert isinstance(older, UploadTakenOverError)
    assert newer.is_finished
    assert bench.files == {"a": b"0123456789"}
    assert newer.sha256 == SHA256


def test_asking_stops_who_writes_and_tells_what_is_safe(bench: Bench) -> None:
    bench.begin(length=10)

    async def both() -> tuple[BaseException | Upload, Upload]:
        body = Trickle(b"012")
        older = asyncio.ensure_future(bench.appending(aiter(body)))
        await body.is_read.wait()
        asked = await bench.another_engine().query(bench.upload.pk, bench.actor)
        return (await asyncio.gather(older, return_exceptions=True))[0], asked

    older, asked = bench.run(both())

    assert isinstance(older, UploadTakenOverError)
    assert (asked.offset, Path(bench.path).read_bytes()) == (3, b"012")


def test_database_that_fails_for_a_moment_does_not_end_the_watch(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    bench.begin(length=10)
    real, calls = uploads.generations, []
    has_failed = threading.Event()

    def generations(ids: Any) -> Any:
        calls.append(ids)
        if len(calls) == 1:
            raise OperationalError("database is locked")
        has_failed.set()
        return real(ids)

    monkeypatch.setattr(uploads, "generations", generations)
    monkeypatch.setattr(appending, "POLL_SECONDS", 0.05)

    async def both() -> BaseException | Upload:
        body = Trickle(b"012")
        older = asyncio.ensure_future(bench.appending(aiter(body)))
        await body.is_read.wait()
        await asyncio.to_thread(has_failed.wait)
        await bench.another_engine().query(bench.upload.pk, bench.actor)
        return (await asyncio.gather(older, return_exceptions=True))[0]

    assert isinstance(bench.run(both()), UploadTakenOverError)
    assert "could not be read" in caplog.text


def test_watch_ends_when_nobody_writes(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(appending, "POLL_SECONDS", 0.02)
    bench.begin(length=3)

    async def main() -> None:
        await bench.appending(b"012")
        assert bench.engine._watch
        await asyncio.wait_for(bench.engine._watch, 10)

    bench.run(main())


def test_connection_that_does_not_let_go_makes_others_wait_and_then_go(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(appending, "PATIENCE_SECONDS", 0.3)
    bench.begin(length=10)
    bench.append(b"012", gone=False)

    with open(bench.path, "rb") as file:  # noqa: PTH123 - the lock is on this very file
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(UploadBusyError):
            bench.append(b"3456789", at=3)

    assert bench.append(b"3456789", at=3).is_finished


def test_who_waits_for_another_to_let_go_is_told_that_it_has_finished(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.begin(length=3)
    bench.append(b"012")
    take_over = uploads.take_over
    monkeypatch.setattr(appending, "get_upload", lambda *_asked: bench.upload)  # as it was before

    with open(bench.path, "rb") as file:  # noqa: PTH123 - the lock is on this very file
        fcntl.flock(file, fcntl.LOCK_EX)

        def take_over_and_let_go(upload: Upload) -> None:
            take_over(upload)
            fcntl.flock(file, fcntl.LOCK_UN)

        monkeypatch.setattr(uploads, "take_over", take_over_and_let_go)

        assert bench.query().is_finished


def test_who_waits_for_another_goes_on_with_the_file_that_landed_meanwhile(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    bench.begin(length=3)
    bench.append(b"")
    take_over = uploads.take_over
    landed = tmp_path / "landed"
    landed.touch()

    with open(bench.path, "rb") as file:  # noqa: PTH123 - the lock is on this very file
        fcntl.flock(file, fcntl.LOCK_EX)

        def land_and_let_go(upload: Upload) -> None:
            take_over(upload)
            landed.rename(bench.path)
            fcntl.flock(file, fcntl.LOCK_UN)

        monkeypatch.setattr(uploads, "take_over", land_and_let_go)

        assert bench.append(b"012").is_finished
    assert bench.files == {"a": b"012"}


def test_who_waits_for_another_to_let_go_may_go_away(bench: Bench) -> None:
    bench.begin(length=10)
    bench.append(b"012")

    async def waiting() -> None:
        task = asyncio.ensure_future(bench.appending(b"3456789", at=3))
        await asyncio.sleep(0.3)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert task.cancelled()

    with open(bench.path, "rb") as file:  # noqa: PTH123 - the lock is on this very file
        fcntl.flock(file, fcntl.LOCK_EX)
        bench.run(waiting())

    assert bench.append(b"3456789", at=3).is_finished


def test_writer_that_is_stopped_before_it_runs_takes_nothing(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.begin(length=3)
    real = writer.Writer.run

    async def run(one: writer.Writer, pieces: AsyncIterator[bytes]) -> None:
        one.stop()
        await real(one, pieces)

    monkeypatch.setattr(writer.Writer, "run", run)

    with pytest.raises(UploadTakenOverError):
        bench.append(b"012")
    assert bench.query().offset == 0


def test_body_of_unknown_length_has_the_limit_of_a_file(bench: Bench, settings: Settings) -> None:
    settings.FILES_MAX_UPLOAD_SIZE = 5
    bench.begin()

    with pytest.raises(FileTooLargeError):
        bench.append(b"0123456789")

    assert bench.query().offset == 5


def test_cancelling_stops_who_writes_and_leaves_nothing(
    bench: Bench, space: Space, django_capture_on_commit_callbacks: Any
) -> None:
    bench.begin(length=10)

    async def both() -> BaseException | Upload:
        body = Trickle(b"012")
        older = asyncio.ensure_future(bench.appending(aiter(body)))
        await body.is_read.wait()
        await bench.engine.cancel(bench.upload.pk, bench.actor)
        return (await asyncio.gather(older, return_exceptions=True))[0]

    with django_capture_on_commit_callbacks(execute=True):
        assert isinstance(bench.run(both()), UploadTakenOverError)
    assert (Upload.objects.count(), reread(space).used_bytes) == (0, 0)
    assert not Path(bench.path).exists()


def test_cancelling_from_another_process_stops_who_writes(bench: Bench, space: Space) -> None:
    bench.begin(length=10)

    async def both() -> BaseException | Upload:
        body = Trickle(b"012")
        older = asyncio.ensure_future(bench.appending(aiter(body)))
        await body.is_read.wait()
        await bench.another_engine().cancel(bench.upload.pk, bench.actor)
        return (await asyncio.gather(older, return_exceptions=True))[0]

    assert isinstance(bench.run(both()), UploadTakenOverError)
    assert (Upload.objects.count(), reread(space).used_bytes) == (0, 0)


@pytest.mark.usefixtures("small_pieces")
@pytest.mark.parametrize("pieces", [[b"0123456"], [b"0", b"12", b"3", b"456"], [b"01", b"23456"]])
def test_cut_connection_keeps_every_byte(bench: Bench, pieces: list[bytes]) -> None:
    bench.begin(length=10)

    with pytest.raises(ClientGoneError):
        bench.append(pieces, gone=True)

    assert (bench.row.offset, Path(bench.path).read_bytes()) == (7, b"0123456")
    assert bench.append(b"789", at=7).sha256 == SHA256
    assert bench.files == {"a": b"0123456789"}


def test_what_comes_slowly_is_written_before_a_piece_is_full(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "HOLD_SECONDS", 0.01)
    bench.begin(length=10)
    seen = []

    async def slowly() -> AsyncIterator[bytes]:
        for digit in b"0123456789":
            yield bytes([digit])
            await asyncio.sleep(0.03)
            seen.append(Path(bench.path).stat().st_size)  # noqa: ASYNC240 - a test waits

    bench.append(slowly())

    assert 0 < seen[5] < 10
    assert bench.files == {"a": b"0123456789"}


def test_server_that_stops_keeps_every_byte(bench: Bench) -> None:
    bench.begin(length=10)

    async def stopped() -> None:
        body = Trickle(b"0123")
        running = asyncio.ensure_future(bench.appending(aiter(body)))
        await body.is_read.wait()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        assert running.cancelled()

    bench.run(stopped())

    assert bench.row.offset == 4
    assert bench.append(b"456789", at=4).is_finished


@pytest.mark.usefixtures("small_pieces")
@pytest.mark.parametrize(
    ("stated", "gone", "error"),
    [(b"wrong", False, DigestMismatchError), (b"3456", True, ClientGoneError)],
    ids=["wrong", "cut"],
)
def test_chunk_with_a_checksum_counts_as_a_whole_or_not_at_all(
    bench: Bench, stated: bytes, *, gone: bool, error: type[Exception]
) -> None:
    bench.begin(length=10)
    bench.append(b"012")

    checksum = StatedChecksum("sha256", sha256(stated).digest())
    with pytest.raises(error):
        bench.append(b"3456", at=3, checksum=checksum, gone=gone)

    assert (bench.row.offset, Path(bench.path).read_bytes()) == (3, b"012")
    right = StatedChecksum("sha256", sha256(b"3456789").digest())
    assert bench.append(b"3456789", at=3, checksum=right).sha256 == SHA256


@pytest.mark.parametrize("is_same_boot", [True, False])
def test_bytes_that_a_killed_process_left_count_if_the_host_still_runs(
    bench: Bench, *, is_same_boot: bool
) -> None:
    bench.begin(length=10)
    bench.append(b"012")
    with Path(bench.path).open("ab") as file:
        file.write(b"3456")
    Upload.objects.update(tail_boot_id=boot_id() if is_same_boot else "another boot")

    assert bench.query().offset == (7 if is_same_boot else 3)
    assert bench.row.tail_boot_id == ""
    at = bench.row.offset
    assert bench.append(b"0123456789"[at:], at=at).sha256 == SHA256
    assert bench.files == {"a": b"0123456789"}


def test_tail_that_cannot_be_made_safe_does_not_count(bench: Bench) -> None:
    bench.begin(length=10)
    bench.append(b"012")
    with Path(bench.path).open("ab") as file:
        file.write(b"3456")
    Upload.objects.update(tail_boot_id=boot_id())

    with failing("fsync"), pytest.raises(StorageFailedError):
        bench.query()

    assert bench.query().offset == 3
    assert Path(bench.path).read_bytes() == b"012"


def test_bytes_that_are_gone_from_the_disk_are_not_told_as_safe(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.begin(length=10)
    bench.append(b"012")
    os.truncate(bench.path, 1)

    with pytest.raises(StorageFailedError):
        bench.query()

    assert "has lost bytes" in caplog.text


def test_digest_that_was_lost_is_taken_again_where_one_was_stated(bench: Bench) -> None:
    bench.begin(length=10, sha256=SHA256)
    bench.append(b"012")
    Upload.objects.update(hash_state=b"of another library")

    assert bench.append(b"3456789", at=3).is_finished
    assert bench.files == {"a": b"0123456789"}


def test_digest_that_was_lost_is_left_to_a_job_where_none_was_stated(bench: Bench) -> None:
    bench.begin(length=10)
    bench.append(b"012")
    Upload.objects.update(hash_state=None)

    upload = bench.append(b"3456789", at=3)

    assert (upload.is_finished, upload.sha256) == (True, "")


@pytest.mark.usefixtures("small_pieces")
@pytest.mark.parametrize("at", range(1, 5))
def test_sync_that_fails_goes_back_to_what_was_safe_before(bench: Bench, at: int) -> None:
    bench.begin(length=100)
    body = b"0123456789" * 2

    with failing("fdatasync", at=at) as calls, pytest.raises(StorageFailedError):
        bench.append([body[n : n + 2] for n in range(0, 20, 2)])

    assert len(calls) == at
    safe = bench.row.offset
    assert safe == (at - 1) * 4
    assert Path(bench.path).read_bytes() == body[:safe]
    assert bench.append(body[safe:] + b"x" * 80, at=safe).is_finished
    assert bench.files == {"a": body + b"x" * 80}


@pytest.mark.usefixtures("small_pieces")
def test_last_sync_that_fails_goes_back_to_the_checkpoint(bench: Bench) -> None:
    bench.begin(length=10)

    with failing("fsync"), pytest.raises(StorageFailedError):
        bench.append([b"01", b"23", b"45", b"67", b"89"])

    assert bench.row.offset in {4, 8}
    assert bench.files == {}
    at = bench.query().offset
    assert bench.append(b"0123456789"[at:], at=at).sha256 == SHA256


def test_disk_that_neither_syncs_nor_cuts_is_not_trusted_later(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.begin(length=10)
    bench.append(b"012")

    with failing("fsync"), failing("ftruncate"), pytest.raises(StorageFailedError):
        bench.append(b"345", at=3)

    assert Path(bench.path).read_bytes() == b"012345"
    assert bench.query().offset == 3
    assert bench.append(b"3456789", at=3).sha256 == SHA256


@pytest.mark.usefixtures("small_pieces")
@pytest.mark.parametrize("fault", ["full", "short", "limit"])
def test_piece_behind_one_that_could_not_be_written_is_not_put_in_its_place(
    bench: Bench, fault: str, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    bench.begin(length=10)
    real, calls = PartialBlob.write, []

    def write(self: PartialBlob, piece: bytes) -> None:
        calls.append(piece)
        if len(calls) == 2:
            if fault == "short":
                real(self, piece[:1])
            if fault == "limit":
                raise DiskFullError
            raise OSError(errno.ENOSPC, "No space left on device")
        real(self, piece)

    with monkeypatch.context() as patch:
        patch.setattr(PartialBlob, "write", write)
        with pytest.raises(DiskFullError):
            bench.append([b"01", b"23", b"45", b"67", b"89"])

    kept = b"012" if fault == "short" else b"01"
    assert (bench.row.offset, Path(bench.path).read_bytes()) == (len(kept), kept)
    assert bench.append(b"0123456789"[len(kept) :], at=len(kept)).sha256 == SHA256


@pytest.mark.usefixtures("small_pieces")
def test_disk_that_fills_up_meanwhile_keeps_what_fitted(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    settings.FILES_MIN_FREE_SPACE = 100
    bench.begin(length=10)
    free = iter([10**9, 10**9, 103, 101, 100])
    monkeypatch.setattr(BlobStorage, "free_bytes", lambda _storage: next(free, 100))

    with pytest.raises(DiskFullError) as caught:
        bench.append([b"01", b"23", b"45", b"67", b"89"])

    assert caught.value.data["needed"] == 2
    assert Path(bench.path).read_bytes() == b"0123456789"[: bench.row.offset]
    assert 0 < bench.row.offset < 10


def test_refused_name_keeps_the_bytes_until_there_is_room_for_it(bench: Bench, root: Entry) -> None:
    bench.begin(length=10, clash=Clash.REFUSE)
    other = make_file(root, "a", b"other")

    with pytest.raises(EntryExistsError):
        bench.append(b"0123456789")
    with pytest.raises(EntryExistsError):
        bench.query()
    assert (bench.row.offset, bench.row.is_finished) == (10, False)
    trash_entries([other], actor=SYSTEM)

    assert bench.query().is_finished
    assert bench.files == {"a": b"0123456789"}


def test_folder_that_is_gone_keeps_the_bytes(bench: Bench) -> None:
    bench.begin(length=3)
    Upload.objects.update(folder=None)

    with pytest.raises(EntryNotFoundError):
        bench.append(b"012")

    assert bench.row.offset == 3


def test_last_append_may_be_repeated_without_bytes_only(bench: Bench) -> None:
    bench.begin(length=3)
    first = bench.append(b"012", sized=True)

    assert bench.append(b"", at=3, sized=True).entry_id == first.entry_id
    for at, body in ((0, b"012"), (3, b"3"), (0, b"")):
        with pytest.raises(UploadCompleteError) as caught:
            bench.append(body, at=at, sized=True)
        assert caught.value.data == {"length": 3}


def test_upload_that_another_connection_finished_meanwhile_is_told(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.begin(length=3)
    real = appending.bring_into_line

    def finish_first(partial: PartialBlob, upload: Upload) -> Upload:
        Upload.objects.update(state=Upload.State.FINISHED, offset=3, reserved_bytes=0)
        Space.objects.update(used_bytes=0)
        return real(partial, upload)

    monkeypatch.setattr(appending, "bring_into_line", finish_first)

    assert bench.append(b"", at=3, sized=True).is_finished
    Upload.objects.update(state=Upload.State.OPEN)
    assert bench.query().is_finished


@pytest.mark.parametrize("what", ["row", "file"])
def test_upload_that_goes_while_it_is_opened_is_not_found(
    bench: Bench, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.begin(length=3)
    real = appending.bring_into_line

    def go_first(partial: PartialBlob, upload: Upload) -> Upload:
        if what == "row":
            Upload.objects.all().delete()
            Space.objects.update(used_bytes=0)
        else:
            Path(bench.path).unlink()
        return real(partial, upload)

    monkeypatch.setattr(appending, "bring_into_line", go_first)

    with pytest.raises(UploadNotFoundError):
        bench.append(b"012")
    assert not Path(bench.path).exists()


def test_path_that_is_no_file_is_a_failure_of_the_storage(bench: Bench) -> None:
    bench.begin(length=3)
    Path(bench.path).mkdir()

    with pytest.raises(StorageFailedError):
        bench.append(b"012")

    Path(bench.path).rmdir()
    os.mkfifo(bench.path)
    with pytest.raises(StorageFailedError):
        bench.append(b"012")
    Path(bench.path).unlink()


def test_deferred_length_is_said_once(bench: Bench) -> None:
    bench.begin()
    bench.append(b"012")

    assert bench.append(b"345", at=3, length=10).length == 10
    with pytest.raises(FilesError) as caught:
        bench.append(b"6789", at=6, length=11)
    assert caught.value.code == "length-mismatch"
    assert bench.append(b"6789", at=6, length=10).is_finished


def test_upload_that_is_gone_on_with_lives_on(bench: Bench, settings: Settings) -> None:
    settings.FILES_UPLOAD_EXPIRY_SECONDS = 10
    bench.begin(length=10)
    first = bench.row.expires_at
    Upload.objects.update(expired_uptime=1)
    settings.FILES_UPLOAD_EXPIRY_SECONDS = 100

    bench.append(b"012")
    second = bench.row.expires_at
    assert (second > first, bench.row.expired_uptime) == (True, None)
    settings.FILES_UPLOAD_EXPIRY_SECONDS = 1000

    assert bench.append(b"3456789", at=3).expires_at > second
