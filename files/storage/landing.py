"""Bodies that nginx has received into files: where it may put them, and how one is taken over.

Each start of nginx has a folder of its own below landing/, in which it numbers its files from 1; a
folder that two starts shared would hold two files of one name. Every process of a start holds a
lock on its folder (flock), which the kernel gives back when the last of them ends, however it ends:
only then is the folder removed. Beside the bodies lies the key by which a start says who it is.
"""

import errno
import fcntl
import hmac
import os
import re
import secrets
import shutil
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from uuid import UUID

from .base import blob_name
from .filesystem import DIRECTORY_MODE, FILE_MODE, WRITE_BACK_SIZE, BlobStorage
from .system_calls import start_write_back

FOLDER: Final = "landing"  # below the storage's root, so that taking a file over is a rename
LARGEST_CHUNK: Final = 100_000_000  # bytes: what is larger is a whole file (nginx/http.conf)
LEFT_SECONDS: Final = 3600.0  # since the last byte of a body: nobody comes for it any more
SILENT_SECONDS: Final = 90.0  # more than nginx waits for the next bytes of a body

_KEY: Final = "key"
_START: Final = re.compile(r"[0-9a-f]{32}")
_NAME: Final = re.compile(r"[0-9]{10,20}")  # as nginx numbers its temporary files
_DIRECTORY: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class Start:
    """One start of nginx: its folder, what proves that a request comes from it, and its lock."""

    folder: Path
    key: str
    lock: int  # a descriptor, for the processes of this start to inherit, and then to be closed


def begin_start(location: Path) -> Start:
    """Make the folder of a start and its key, and remove those of starts that have ended.

    Raises OSError, and leaves nothing of a start that could not be made.
    """
    landing = location / FOLDER
    landing.mkdir(mode=DIRECTORY_MODE, exist_ok=True)
    clean_starts(location)
    name = secrets.token_hex(16)
    folder = landing / name
    folder.mkdir(mode=0o700)
    lock = os.open(folder, _DIRECTORY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        key = f"{name}.{secrets.token_hex(32)}"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        with os.fdopen(os.open(folder / _KEY, flags, 0o600), "w") as file:
            file.write(key)
    except OSError:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)
        raise
    return Start(folder, key, lock)


def clean_starts(location: Path) -> int:
    """Remove the folders of starts of which no process runs, and give how many there were."""
    count = 0
    for folder in (location / FOLDER).glob("*"):
        if not _START.fullmatch(folder.name):
            continue
        try:
            lock = os.open(folder, _DIRECTORY)
        except OSError:
            continue  # removed meanwhile, or no folder of ours
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
            count += 1
        except BlockingIOError:
            pass
        finally:
            os.close(lock)
    return count


def clean_bodies(location: Path) -> int:
    """Remove bodies that a killed process of a running nginx has left, and give how many.

    By the time they have been silent, far longer than nginx waits for anything.
    """
    count = 0
    for path in (location / FOLDER).glob("*/*"):
        with suppress(OSError):
            age = time.time() - path.lstat().st_mtime
            if _NAME.fullmatch(path.name) and age > LEFT_SECONDS:
                path.unlink()
                count += 1
    return count


def write_back(location: Path, begun: dict[int, int]) -> int:
    """Ask the kernel to begin writing bodies that nginx is receiving; give how many it still is.

    nginx cannot ask, and the fsync behind the last byte would find it all still to be done. Files
    that may be chunks are left alone: those are copied, and would be written to the disk twice.
    begun keeps, by inode, how much was asked for, from one call to the next.
    """
    found = dict(_bodies(location))
    for inode in begun.keys() - found.keys():
        del begun[inode]
    for inode, (path, size) in found.items():
        offset = begun.setdefault(inode, 0)
        if size < LARGEST_CHUNK or size - offset < WRITE_BACK_SIZE:
            continue
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
        except OSError:
            continue  # its request is over
        try:
            start_write_back(descriptor, offset, size - offset)
            begun[inode] = size
        finally:
            os.close(descriptor)
    return len(found)


def _bodies(location: Path) -> Iterator[tuple[int, tuple[str, int]]]:
    """Find the files that grow: inode, path and size. What is long silent is of a dead nginx."""
    for folder in (location / FOLDER).glob("*"):
        with suppress(OSError), os.scandir(folder) as items:
            for item in items:
                if not _NAME.fullmatch(item.name):
                    continue
                status = item.stat(follow_symlinks=False)
                if stat.S_ISREG(status.st_mode) and time.time() - status.st_mtime < SILENT_SECONDS:
                    yield status.st_ino, (item.path, status.st_size)


def start_of_key(storage: BlobStorage, key: str) -> str | None:
    """Give the start that a key proves; None for any other text."""
    name = key.partition(".")[0]
    if not _START.fullmatch(name):
        return None
    try:
        with _start_folder(storage, name) as folder:
            descriptor = os.open(_KEY, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
            with os.fdopen(descriptor) as file:
                known = file.read()
    except OSError:
        return None
    return name if hmac.compare_digest(known.strip().encode(), key.encode()) else None


@contextmanager
def _start_folder(storage: BlobStorage, start: str) -> Iterator[int]:
    """Open the folder of a start, following no link below the storage's root."""
    descriptor = os.open(storage.location, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for step in (FOLDER, start):
            inner = os.open(step, _DIRECTORY, dir_fd=descriptor)
            os.close(descriptor)
            descriptor = inner
        yield descriptor
    finally:
        os.close(descriptor)


class LandedFile:
    """A body in a file of nginx's, held by its descriptor from the first look on. Calls block.

    It keeps nginx's name until it is taken, so that it goes with its request if nothing comes of
    it. Taking compares the inode: whatever has the name by then, only what was opened is taken.
    """

    def __init__(self, storage: BlobStorage, start: str, path: str, size: int) -> None:
        """Open and examine it; of the path only the last name counts.

        Raises OSError for anything but a regular file of this user, of that size and one name.
        """
        self.size = size
        self._storage = storage
        self.name = path.rpartition("/")[2]
        if not (_START.fullmatch(start) and _NAME.fullmatch(self.name)):
            raise OSError(errno.EINVAL, "not the name of a landed file")
        self._start = start
        flags = os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
        with _start_folder(storage, start) as folder:
            self.descriptor = os.open(self.name, flags, dir_fd=folder)
        try:
            self._require(names=1)
        except OSError:
            self.close()
            raise

    def _require(self, *, names: int) -> None:
        """Raise OSError unless the file is what it must be, and has so many names."""
        found = os.fstat(self.descriptor)
        if found.st_nlink < names:
            raise FileNotFoundError(errno.ENOENT, "the landed file is gone")
        if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid():
            raise OSError(errno.EINVAL, "not a regular file of this user")
        if found.st_size != self.size or found.st_nlink != names:
            raise OSError(errno.ESTALE, "not the file that has landed")

    def move_to(self, blob_id: UUID) -> int:
        """Move the file to the path of a blob, and give its descriptor, the caller's from now on.

        What the caller has locked there, and holds no byte, is replaced. The folder is the caller's
        to sync. Raises OSError, FileNotFoundError among them where nginx has removed it already;
        then the blob has no file.
        """
        fcntl.flock(self.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.fchmod(self.descriptor, FILE_MODE)
        self._require(names=1)
        with (
            _start_folder(self._storage, self._start) as source,
            self._storage.folder_of(blob_name(blob_id)) as (folder, basename),
        ):
            os.rename(self.name, basename, src_dir_fd=source, dst_dir_fd=folder)
            moved, mine = os.stat(basename, dir_fd=folder, follow_symlinks=False), self._identity
            if (moved.st_dev, moved.st_ino) != mine:
                os.unlink(basename, dir_fd=folder)
                raise OSError(errno.ESTALE, "another file had the name of the landed one")
        self._require(names=1)
        descriptor, self.descriptor = self.descriptor, -1
        return descriptor

    @property
    def _identity(self) -> tuple[int, int]:
        """Give the device and the inode."""
        found = os.fstat(self.descriptor)
        return found.st_dev, found.st_ino

    def take_name(self) -> None:
        """Take the file's name away, for who copies its bytes: a crash leaves nothing of it.

        Raises OSError as move_to does.
        """
        self._require(names=1)
        with _start_folder(self._storage, self._start) as folder:
            os.unlink(self.name, dir_fd=folder)
        self._require(names=0)

    def close(self) -> None:
        """Close it; what was not taken is nginx's to remove."""
        if self.descriptor >= 0:
            descriptor, self.descriptor = self.descriptor, -1
            os.close(descriptor)
