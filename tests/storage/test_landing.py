"""Files of nginx's: which of them are taken over, and whose folders are removed."""

import os
import stat
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from files.storage import landing
from files.storage.base import blob_name
from files.storage.filesystem import BlobStorage
from files.storage.landing import (
    LARGEST_CHUNK,
    LandedFile,
    Start,
    begin_start,
    clean_bodies,
    clean_starts,
    start_of_key,
    write_back,
)
from files.storage.partial import PartialBlob
from tests.faults import FailingDisk, open_descriptors

ID = UUID("ab" + "0" * 30)
NAME = "0000000001"
CONTENT = b"landed bytes"


@dataclass
class Field:
    """A start of nginx, and what it has received."""

    storage: BlobStorage
    start: Start

    @property
    def file(self) -> Path:
        """Give the path of a body."""
        return self.start.folder / NAME

    def land(self, path: str | None = None, size: int = len(CONTENT)) -> LandedFile:
        """Claim what nginx says."""
        start = self.start.folder.name
        return LandedFile(self.storage, start, path or str(self.file), size)


@pytest.fixture
def field(storage: BlobStorage) -> Iterator[Field]:
    field = Field(storage, begin_start(Path(storage.location)))
    field.file.write_bytes(CONTENT)
    yield field
    with suppress(OSError):
        os.close(field.start.lock)


@pytest.fixture
def blob(storage: BlobStorage) -> Iterator[PartialBlob]:
    blob = PartialBlob(storage, ID)
    blob.start_at(0, 0, None)
    assert blob.try_lock()
    yield blob
    blob.close()


@pytest.fixture
def path(storage: BlobStorage) -> Path:
    return Path(storage.path(blob_name(ID)))


def test_landed_file_becomes_the_file_of_an_upload(
    field: Field, blob: PartialBlob, path: Path
) -> None:
    inode = field.file.stat().st_ino

    blob.adopt(field.land())
    blob.skip_on()
    blob.sync()

    assert (path.read_bytes(), path.stat().st_ino) == (CONTENT, inode)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert not field.file.exists()
    assert (blob.size, blob.sha256, blob.crc32) == (len(CONTENT), None, None)


def test_adopted_file_is_locked_before_it_has_its_name(
    field: Field, blob: PartialBlob, storage: BlobStorage
) -> None:
    waiting = PartialBlob(storage, ID)

    blob.adopt(field.land())

    later = PartialBlob(storage, ID)
    assert (later.try_lock(), later.length) == (False, len(CONTENT))
    assert (waiting.try_lock(), waiting.is_there) == (True, False)  # it opens the file again
    waiting.close()
    later.close()


def test_landed_file_is_appended_and_leaves_nothing(
    field: Field, blob: PartialBlob, path: Path
) -> None:
    blob.write(b"first ")
    landed = field.land()

    blob.append(landed)
    blob.read_on()
    landed.close()

    assert path.read_bytes() == b"first " + CONTENT
    assert blob.sha256 is not None
    assert list(field.start.folder.iterdir()) == [field.start.folder / "key"]


def test_file_that_holds_bytes_adopts_nothing(field: Field, blob: PartialBlob) -> None:
    blob.write(b"first")

    with pytest.raises(FileExistsError):
        blob.adopt(field.land())
    assert field.file.read_bytes() == CONTENT


def _link(field: Field) -> None:
    field.file.rename(field.start.folder / "0000000002")
    field.file.symlink_to("0000000002")


def _second_name(field: Field) -> None:
    (field.start.folder / "0000000002").hardlink_to(field.file)


def _fifo(field: Field) -> None:
    field.file.unlink()
    os.mkfifo(field.file)


def _folder(field: Field) -> None:
    field.file.unlink()
    field.file.mkdir()


def _linked_start(field: Field) -> None:
    moved = field.start.folder.rename(field.start.folder.with_suffix(".moved"))
    field.start.folder.symlink_to(moved.name)


def _longer(field: Field) -> None:
    field.file.write_bytes(CONTENT + b"!")


def _shorter(field: Field) -> None:
    field.file.write_bytes(CONTENT[:-1])


def _gone(field: Field) -> None:
    field.file.unlink()


HOSTILE = [_link, _second_name, _fifo, _folder, _linked_start, _longer, _shorter, _gone]


@pytest.mark.parametrize("change", HOSTILE, ids=lambda change: change.__name__)
def test_anything_but_the_body_itself_is_refused(
    field: Field, change: Callable[[Field], None]
) -> None:
    change(field)

    with pytest.raises(OSError):  # noqa: PT011 - by many an errno
        field.land()


@pytest.mark.parametrize(
    "path", ["", "key", "..", ".", "/", "/etc/passwd", "1", "000000000x", f"{NAME}/", f"{NAME}\0"]
)
def test_only_names_that_nginx_gives_are_opened(field: Field, path: str) -> None:
    with pytest.raises((OSError, ValueError)):
        LandedFile(field.storage, field.start.folder.name, path, len(CONTENT))


@pytest.mark.parametrize("prefix", ["../../blobs/ab/", "/elsewhere/", "x/../"])
def test_only_the_last_name_of_a_path_counts(field: Field, prefix: str) -> None:
    landed = field.land(prefix + NAME)

    assert landed.descriptor >= 0
    landed.close()


@pytest.mark.parametrize("start", ["", "..", "../blobs/ab", "0" * 31, "G" * 32, "0" * 32])
def test_only_folders_of_starts_are_looked_into(field: Field, start: str) -> None:
    with pytest.raises(OSError):  # noqa: PT011
        LandedFile(field.storage, start, NAME, len(CONTENT))


def _replaced(field: Field) -> None:
    field.file.unlink()
    field.file.write_bytes(b"of somebody!")


@pytest.mark.parametrize("change", [_replaced, _second_name, _longer, _gone])
def test_what_changes_behind_the_claim_is_not_taken(
    field: Field, blob: PartialBlob, path: Path, change: Callable[[Field], None]
) -> None:
    landed = field.land()
    change(field)

    with pytest.raises(OSError):  # noqa: PT011
        blob.adopt(landed)

    assert not path.exists() or path.read_bytes() == b""
    landed.close()


def test_bytes_of_somebody_else_do_not_stay_under_the_blobs_path(
    field: Field, blob: PartialBlob, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    landed = field.land()
    rename = os.rename

    def swap_and_rename(*arguments: Any, **folders: Any) -> None:
        spare = field.start.folder / "0000000002"  # the first inode lives on, under another name
        rename(field.file, spare)
        field.file.write_bytes(b"of somebody!")
        rename(*arguments, **folders)

    monkeypatch.setattr(os, "rename", swap_and_rename)

    with pytest.raises(OSError, match="another file"):
        blob.adopt(landed)
    assert not path.exists()
    landed.close()


def test_file_that_was_replaced_is_not_copied(field: Field, blob: PartialBlob) -> None:
    blob.write(b"first")
    landed = field.land()
    field.file.rename(field.start.folder / "0000000002")
    field.file.write_bytes(b"of somebody!")

    with pytest.raises(OSError, match="not the file"):
        blob.append(landed)
    assert blob.length == 5
    landed.close()


def test_key_proves_a_start_that_is_there(field: Field, storage: BlobStorage) -> None:
    name, _, secret = field.start.key.partition(".")

    assert start_of_key(storage, field.start.key) == name
    for wrong in ("", name, f"{name}.", f"{name}.{secret[:-1]}", f"{name}.{secret}0", f"..{secret}",
                  f"{'0' * 32}.{secret}", f"../{name}.{secret}", f"{name}.é"):  # fmt: skip
        assert start_of_key(storage, wrong) is None
    assert stat.S_IMODE((field.start.folder / "key").stat().st_mode) == 0o600


def test_folders_of_starts_that_have_ended_are_removed(field: Field, storage: BlobStorage) -> None:
    location = Path(storage.location)
    other = begin_start(location)  # its lock is held by this process, as field's is
    (location / "landing" / "kept").mkdir()
    assert (field.file.exists(), other.folder.exists()) == (True, True)

    os.close(field.start.lock)
    count = clean_starts(location)

    assert count == 1
    assert {path.name for path in (location / "landing").iterdir()} == {other.folder.name, "kept"}
    assert start_of_key(storage, field.start.key) is None
    os.close(other.lock)


@pytest.mark.parametrize("call", [1, 2])
def test_nothing_is_left_of_a_start_that_the_disk_refuses(
    storage: BlobStorage, monkeypatch: pytest.MonkeyPatch, call: int
) -> None:
    before, disk = open_descriptors(), FailingDisk(monkeypatch)

    with disk.failing_at(call), pytest.raises(OSError, match="No space left"):
        begin_start(Path(storage.location))

    clean_starts(Path(storage.location))
    assert list((Path(storage.location) / "landing").iterdir()) == []
    assert open_descriptors() == before


def test_lock_of_a_start_lives_as_long_as_who_has_inherited_it(
    field: Field, storage: BlobStorage
) -> None:
    child = subprocess.Popen(["/bin/sleep", "60"], pass_fds=[field.start.lock])  # nginx, say
    os.close(field.start.lock)

    spared = clean_starts(Path(storage.location))
    child.kill()
    child.wait()

    assert (spared, clean_starts(Path(storage.location))) == (0, 1)


def test_bodies_that_a_killed_process_has_left_are_removed(
    field: Field, storage: BlobStorage
) -> None:
    location = Path(storage.location)
    left = field.start.folder / "0000000002"
    left.touch()
    long_ago = time.time() - 4000
    for path in (left, field.start.folder / "key"):
        os.utime(path, (long_ago, long_ago))

    assert clean_bodies(location) == 1
    assert {path.name for path in field.start.folder.iterdir()} == {NAME, "key"}


@dataclass
class WriteBacks:
    """The ranges that the kernel was asked to write."""

    ranges: list[tuple[int, int]]

    def of(self, storage: BlobStorage, begun: dict[int, int]) -> list[tuple[int, int]]:
        """Look once, and give what was asked for by it."""
        self.ranges.clear()
        write_back(Path(storage.location), begun)
        return [*self.ranges]


@pytest.fixture
def write_backs(monkeypatch: pytest.MonkeyPatch) -> WriteBacks:
    seen = WriteBacks([])
    monkeypatch.setattr(
        landing,
        "start_write_back",
        lambda _descriptor, offset, size: seen.ranges.append((offset, size)),
    )
    return seen


def test_what_has_come_of_a_body_is_written_back_once(
    field: Field, storage: BlobStorage, write_backs: WriteBacks
) -> None:
    begun: dict[int, int] = {}
    size = LARGEST_CHUNK + 5
    os.truncate(field.file, LARGEST_CHUNK - 1)
    looks = [write_backs.of(storage, begun)]  # it may be a chunk

    os.truncate(field.file, size)
    looks += [write_backs.of(storage, begun), write_backs.of(storage, begun)]
    os.truncate(field.file, size + 10)
    looks.append(write_backs.of(storage, begun))  # too little to ask for
    os.truncate(field.file, 3 * size)
    looks.append(write_backs.of(storage, begun))

    assert looks == [[], [(0, size)], [], [], [(size, 2 * size)]]


def test_only_bodies_that_come_are_looked_after(
    field: Field, storage: BlobStorage, write_backs: WriteBacks
) -> None:
    begun: dict[int, int] = {}
    location = Path(storage.location)
    os.truncate(field.start.folder / "key", LARGEST_CHUNK)
    (field.start.folder / "0000000002").symlink_to(NAME)
    (location / "landing" / "stray").touch()
    assert write_back(location, begun) == 1

    os.utime(field.file, (0, 0))  # nginx has died, and nobody has started it again

    assert write_back(location, begun) == 0
    assert begun == {}
    assert write_backs.ranges == []
