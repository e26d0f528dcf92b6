"""The folder of this machine that an export writes to: nothing followed, nothing overwritten.

Files are written in a folder of their own at the top and get their names when a batch of them is on
stable storage. So an interrupted export leaves no half file under a real name, and the next one
finds in one place what a killed one has left.
"""

import errno
import fcntl
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Final

from files.errors import UnsuitableFileError
from files.storage.system_calls import copy_file, read_pieces, sync_file_system

from .reporting import refusal

STAGING: Final = ".strongroom-export"  # where files are until they are whole

_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_READ: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_NEW: Final = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
# What file systems without hard links answer: FAT, exFAT, some of the network.
_NO_LINKS: Final = frozenset({errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK})


@dataclass(slots=True)
class TargetFolder:
    """An open folder of the target; closed when it is left and nothing more is due in it."""

    descriptor: int
    modified_at: datetime | None  # its time, set at the end; None for the top

    def look_at(self, name: str) -> os.stat_result | None:
        """Look at what has a name, without following it; None if nothing has."""
        try:
            return os.stat(name, dir_fd=self.descriptor, follow_symlinks=False)
        except FileNotFoundError:
            return None

    def digest_of(self, name: str, check: Callable[[], None]) -> str:
        """Read a file and give its SHA-256."""
        descriptor = os.open(name, _READ, dir_fd=self.descriptor)
        try:
            return _digest_of(descriptor, check)
        finally:
            os.close(descriptor)

    def enter(self, name: str, modified_at: datetime) -> tuple["TargetFolder", bool]:
        """Open a folder in it, which is made if it is missing; tell whether it was."""
        is_new = True
        try:
            os.mkdir(name, dir_fd=self.descriptor)
        except FileExistsError:
            is_new = False
        return TargetFolder(os.open(name, _FOLDER, dir_fd=self.descriptor), modified_at), is_new

    def close(self) -> None:
        """Give it its time, and close it."""
        if self.modified_at is not None:
            with suppress(OSError):  # of a folder that is another user's
                _set_time(self.descriptor, self.modified_at)
        os.close(self.descriptor)


@dataclass(slots=True)
class ExportTarget:
    """The target while one export writes to it."""

    top: TargetFolder
    _staging: int
    _count: int = 0

    @classmethod
    @contextmanager
    def opened(cls, path: Path) -> Iterator["ExportTarget"]:
        """Open the target, which is made if it is missing, for one export at a time.

        Raises CommandError while another export writes there, and OSError.
        """
        path.mkdir(parents=True, exist_ok=True)
        top = TargetFolder(os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC), None)
        try:
            with suppress(FileExistsError):
                os.mkdir(STAGING, 0o700, dir_fd=top.descriptor)
            staging = os.open(STAGING, _FOLDER, dir_fd=top.descriptor)
            try:
                _lock(staging)
                _empty(staging)
                try:
                    yield cls(top, staging)
                finally:
                    _empty(staging)
                    with suppress(OSError):
                        os.rmdir(STAGING, dir_fd=top.descriptor)
            finally:
                os.close(staging)
        finally:
            top.close()

    @contextmanager
    def new_file(self) -> Iterator[tuple[int, str]]:
        """Make a file that has no name of its own yet; yield its descriptor and what it is called.

        It is removed if the block raises.
        """
        self._count += 1
        called = str(self._count)
        descriptor = os.open(called, _NEW, 0o666, dir_fd=self._staging)
        try:
            yield descriptor, called
        except BaseException:
            self.drop(called)
            raise
        finally:
            os.close(descriptor)

    def write(self, source: int, modified_at: datetime, check: Callable[[], None]) -> "WrittenFile":
        """Copy an open file, give it its time, and say what was written."""
        with self.new_file() as (descriptor, called):
            copy_file(source, descriptor, check)
            digest = _digest_of(descriptor, check)
            _set_time(descriptor, modified_at)
            return WrittenFile(called, os.fstat(descriptor).st_size, digest)

    def sync(self) -> None:
        """Put all that was written on stable storage."""
        sync_file_system(self._staging)

    def name(self, called: str, folder: TargetFolder, name: str) -> None:
        """Give a file its name. Raises UnsuitableFileError rather than replace what has it."""
        try:
            os.link(called, name, src_dir_fd=self._staging, dst_dir_fd=folder.descriptor)
        except FileExistsError:
            raise UnsuitableFileError(reason="exists") from None
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            if folder.look_at(name) is not None:
                raise UnsuitableFileError(reason="exists") from None
            self.replace(called, folder, name)
        else:
            self.drop(called)

    def replace(self, called: str, folder: TargetFolder, name: str) -> None:
        """Give a file its name, whatever has it."""
        os.replace(called, name, src_dir_fd=self._staging, dst_dir_fd=folder.descriptor)

    def drop(self, called: str) -> None:
        """Remove a file that has got no name."""
        os.unlink(called, dir_fd=self._staging)


@dataclass(frozen=True, slots=True)
class WrittenFile:
    """A file that was written and has no name yet."""

    called: str
    size: int  # bytes
    digest: str


def is_plain(status: os.stat_result, size: int) -> bool:
    """Tell whether something is a regular file of that size."""
    return stat.S_ISREG(status.st_mode) and status.st_size == size


def _lock(staging: int) -> None:
    """Become the one export that writes here; the system lets go when a process dies."""
    try:
        fcntl.flock(staging, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise refusal("Another export writes to this folder", "export-busy") from None


def _empty(staging: int) -> None:
    """Remove what is left of files that got no name."""
    with os.scandir(staging) as items:
        for item in items:
            with suppress(OSError):
                os.unlink(item.name, dir_fd=staging)


def _digest_of(descriptor: int, check: Callable[[], None]) -> str:
    """Give the SHA-256 of an open file."""
    digest = sha256()
    for piece in read_pieces(descriptor, check=check):
        digest.update(piece)
    return digest.hexdigest()


def _set_time(descriptor: int, modified_at: datetime) -> None:
    """Set when a file or folder was changed last, to the microsecond."""
    microseconds = round(modified_at.timestamp() * 1_000_000)
    os.utime(descriptor, ns=(microseconds * 1000, microseconds * 1000))
