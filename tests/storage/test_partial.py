"""A blob that comes in parts: one writer, no hole, and digests that go on."""

import errno
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from uuid import UUID, uuid4
from zlib import crc32

import pytest
from hypothesis import given
from hypothesis import strategies as st

from files.storage import partial as module
from files.storage.base import blob_name
from files.storage.filesystem import BlobStorage
from files.storage.partial import PartialBlob, boot_id

ID = UUID("ab" + "0" * 30)


@pytest.fixture
def blob(storage: BlobStorage) -> Iterator[PartialBlob]:
    with closing(PartialBlob(storage, ID)) as blob:
        blob.start_at(0, 0, None)
        yield blob


@pytest.fixture
def path(storage: BlobStorage) -> Path:
    return Path(storage.path(blob_name(ID)))


def hexdigest(blob: PartialBlob) -> str:
    assert blob.sha256 is not None
    return blob.sha256.hexdigest()


def test_file_is_there_from_the_first_byte_with_exact_mode(blob: PartialBlob, path: Path) -> None:
    assert (path.read_bytes(), blob.is_there, blob.length) == (b"", True, 0)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


@given(st.lists(st.tuples(st.binary(max_size=50), st.sampled_from("kcs")), max_size=10))
def test_bytes_and_digests_are_those_of_the_whole_however_it_was_gone_on_with(
    tmp_path_factory: pytest.TempPathFactory, parts: list[tuple[bytes, str]]
) -> None:
    storage = BlobStorage(tmp_path_factory.mktemp("blobs"))
    (Path(storage.location) / "blobs" / "ab").mkdir(parents=True)
    whole = b"".join(part for part, _how in parts)
    blob = PartialBlob(storage, ID)
    blob.start_at(0, 0, None)

    for part, how in parts:
        safe = (blob.size, blob.crc32, blob.hash_state)
        blob.write(part)
        if how != "k":  # the process ends: what it wrote is read on, or cut off and sent again
            blob.close()
            blob = PartialBlob(storage, ID)
            blob.start_at(*safe)
            if how == "c":
                blob.cut()
                assert blob.length == safe[0]
                blob.write(part)
            else:
                blob.read_on()

    assert (blob.size, blob.length, blob.crc32) == (len(whole), len(whole), crc32(whole))
    assert hexdigest(blob) == sha256(whole).hexdigest()
    assert Path(storage.path(blob.name)).read_bytes() == whole
    blob.close()


def test_short_writes_are_gone_on_with(
    blob: PartialBlob, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.pwrite
    monkeypatch.setattr(os, "pwritev", lambda fd, some, at: real(fd, b"".join(some)[:3], at))

    blob.write(b"01234", b"5", memoryview(bytearray(b"6789")))

    assert path.read_bytes() == b"0123456789"
    assert hexdigest(blob) == sha256(b"0123456789").hexdigest()


def test_more_pieces_than_the_system_takes_at_once_are_all_written(
    blob: PartialBlob, path: Path
) -> None:
    pieces = [b"%04d" % number for number in range(3000)]

    blob.write(*pieces)

    assert path.read_bytes() == b"".join(pieces)
    assert hexdigest(blob) == sha256(b"".join(pieces)).hexdigest()


def test_what_was_written_before_a_failure_is_counted(
    blob: PartialBlob, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real: Callable[..., int] = os.pwrite
    calls: list[int] = []

    def pwritev(descriptor: int, pieces: list[bytes], at: int) -> int:
        calls.append(at)
        if len(calls) > 1:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(descriptor, b"".join(pieces)[:3], at)

    monkeypatch.setattr(os, "pwritev", pwritev)

    with pytest.raises(OSError, match="No space"):
        blob.write(b"0123456789")

    assert (blob.size, path.read_bytes()) == (3, b"012")
    assert hexdigest(blob) == sha256(b"012").hexdigest()


def test_writing_back_begins_early(blob: PartialBlob, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple[int, int]] = []
    monkeypatch.setattr(module, "WRITE_BACK_SIZE", 4)
    monkeypatch.setattr(module, "start_write_back", lambda _fd, at, n: calls.append((at, n)))

    for _ in range(4):
        blob.write(b"012")

    assert calls == [(0, 6), (6, 6)]


def test_one_writer_at_a_time(blob: PartialBlob, storage: BlobStorage) -> None:
    assert blob.try_lock()
    with closing(PartialBlob(storage, ID)) as other:
        assert not other.try_lock()
        blob.close()
        assert other.try_lock()
    blob.close()  # once more is harmless


def test_file_that_lost_its_name_is_told(blob: PartialBlob, path: Path) -> None:
    path.unlink()

    assert not blob.is_there


def test_digest_that_cannot_be_gone_on_with_is_none(blob: PartialBlob) -> None:
    blob.write(b"01")
    blob.start_at(2, crc32(b"01"), None)
    assert (blob.sha256, blob.hash_state) == (None, None)

    blob.write(b"23")
    assert (blob.size, blob.crc32) == (4, crc32(b"0123"))

    blob.start_at(2, 0, b"of another library")
    assert blob.sha256 is None


def test_sync_and_checkpoint_reach_the_disk(
    blob: PartialBlob, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []
    for name in ("fsync", "fdatasync"):
        monkeypatch.setattr(os, name, lambda _fd, name=name: calls.append(name))

    blob.checkpoint()
    blob.sync()

    assert calls == ["fdatasync", "fsync", "fsync"]  # the last is of the folder


@pytest.mark.parametrize("name", ["fsync", "fdatasync"])
def test_sync_that_has_failed_fails_from_then_on(
    blob: PartialBlob, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_descriptor: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(os, name, fail)
        with pytest.raises(OSError, match="Input"):
            (blob.sync if name == "fsync" else blob.checkpoint)()

    for sync in (blob.sync, blob.checkpoint):
        with pytest.raises(OSError, match="failed before"):
            sync()


@pytest.mark.parametrize("kind", ["folder", "link", "pipe"])
def test_what_is_no_regular_file_is_not_opened(
    storage: BlobStorage, tmp_path: Path, kind: str
) -> None:
    blob_id = uuid4()
    path = Path(storage.path(blob_name(blob_id)))
    if kind == "folder":
        path.mkdir()
    elif kind == "link":
        path.symlink_to(tmp_path / "canary")
    else:
        os.mkfifo(path)
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208

    with pytest.raises(OSError):  # noqa: PT011 - of several kinds
        PartialBlob(storage, blob_id)

    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208
    assert not (tmp_path / "canary").exists()


def test_first_bytes_are_read_for_sniffing(blob: PartialBlob) -> None:
    blob.write(b"0123456789")

    assert blob.read_head(4) == b"0123"


def test_boot_has_a_name_that_fits_its_column() -> None:
    assert len(boot_id()) == 36
