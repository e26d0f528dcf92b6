"""A blob that comes in parts: appended to by one connection at a time, and never with a hole.

Its file lies at the blob's path from the first byte. How much of it counts is not decided here but
by the row of the upload (operations/uploads.py): what is behind that offset is either taken in by
read_on or cut off by cut.
"""

import errno
import fcntl
import os
import stat
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from itertools import batched
from pathlib import Path
from typing import Final
from uuid import UUID

from .base import blob_name
from .digests import ResumableSha256
from .filesystem import (
    FILE_MODE,
    WRITE_BACK_SIZE,
    BlobStorage,
    sync_folder,
)
from .landing import LandedFile
from .system_calls import append_file, go_on, read_pieces, start_write_back

type Piece = bytes | memoryview

AT_ONCE: Final = 512  # pieces that the system is given in one call; it takes twice as many
FRESH_SECONDS: Final = 3.0  # since the last write, in which somebody surely writes


@cache
def boot_id() -> str:
    """Name the boot of this host: bytes that were not synced survive a process, not the host."""
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


@dataclass(frozen=True, slots=True)
class Glance:
    """What the file of an upload looks like from outside."""

    length: int  # bytes, of which not all need be safe
    is_written: bool  # by a connection, at this moment


def glance(storage: BlobStorage, blob_id: UUID) -> Glance | None:
    """Look at the file of an upload and leave its writer alone; None if there is no such file."""
    try:
        descriptor = storage.open_blob(blob_name(blob_id))
    except OSError:
        return None
    try:
        status = os.fstat(descriptor)
        is_fresh = abs(time.time() - status.st_mtime) < FRESH_SECONDS
        return Glance(status.st_size, is_fresh or _is_locked(descriptor))
    finally:
        os.close(descriptor)


def _is_locked(descriptor: int) -> bool:
    """Tell whether a file has a writer; for this moment it is shared with others who ask."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    return False


class PartialBlob:
    """The file of an unfinished upload, open for its one writer. Calls block.

    size, crc32 and sha256 are of the bytes that were taken in so far; the digests are None where
    they were lost on the way. Opening creates the file where there is none.
    """

    def __init__(self, storage: BlobStorage, blob_id: UUID) -> None:
        self.name = blob_name(blob_id)
        self.size = 0
        self.crc32: int | None = 0
        self.sha256: ResumableSha256 | None = None
        self._storage, self._blob_id = storage, blob_id
        self._written_back = 0
        self._has_failed = False
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
        with storage.folder_of(self.name) as (folder, basename):
            self._descriptor = os.open(basename, flags, FILE_MODE, dir_fd=folder)
        try:
            if not stat.S_ISREG(os.fstat(self._descriptor).st_mode):
                raise OSError(errno.EINVAL, f"not a regular file: {self.name}")
            os.fchmod(self._descriptor, FILE_MODE)  # whatever the umask
        except OSError:
            self.close()
            raise

    def try_lock(self) -> bool:
        """Become the one writer, if there is no other; the system lets go when a writer dies."""
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    @property
    def is_there(self) -> bool:
        """Tell whether the file still has its name: not if the upload was discarded meanwhile."""
        return os.fstat(self._descriptor).st_nlink > 0

    @property
    def has_other_name(self) -> bool:
        """Tell whether the file has a second name somewhere."""
        return os.fstat(self._descriptor).st_nlink > 1

    @property
    def length(self) -> int:
        """Give the length of the file, which may be more than what was taken in, in bytes."""
        return os.fstat(self._descriptor).st_size

    def is_file(self, descriptor: int) -> bool:
        """Tell whether this is the file that a descriptor is of, and it has no second name."""
        mine, other = os.fstat(self._descriptor), os.fstat(descriptor)
        return (mine.st_dev, mine.st_ino) == (other.st_dev, other.st_ino) and mine.st_nlink == 1

    def start_at(self, offset: int, crc32: int | None, hash_state: bytes | None) -> None:
        """Begin behind bytes that are safe, with what is known of them."""
        self.size = self._written_back = offset
        self.crc32 = crc32
        try:
            self.sha256 = ResumableSha256(hash_state) if hash_state or not offset else None
        except ValueError:
            self.sha256 = None  # saved by another version of the library

    def cut(self) -> None:
        """Cut off what lies behind the bytes that were taken in."""
        os.ftruncate(self._descriptor, self.size)

    def read_on(self, check: Callable[[], None] = go_on) -> None:
        """Take in what already lies in the file behind the bytes that were taken in.

        check is called before each piece; what it raises ends it.
        """
        for piece in read_pieces(self._descriptor, self.size, check=check):
            self._take_in(piece)

    def write(self, *pieces: Piece) -> None:
        """Append pieces. Raises OSError, before which some of them may have been appended."""
        for some in batched(pieces, AT_ONCE):
            views = list(some)
            while views:
                written = os.pwritev(self._descriptor, views, self.size)
                views = self._take_in_some(views, written)
        if self.size - self._written_back >= WRITE_BACK_SIZE:
            start_write_back(self._descriptor, self._written_back, self.size - self._written_back)
            self._written_back = self.size

    def _take_in_some(self, pieces: list[Piece], size: int) -> list[Piece]:
        """Take in the first so many bytes of some pieces, and give the rest."""
        for index, piece in enumerate(pieces):
            if size < len(piece):
                self._take_in(piece[:size])
                return [piece[size:], *pieces[index + 1 :]]
            self._take_in(piece)
            size -= len(piece)
        return []

    def adopt(self, landed: LandedFile) -> None:
        """Become a file that has landed, in the place of this one, which holds no byte.

        It is taken in by read_on or skip_on, and has its name safe by sync. Raises OSError.
        """
        if self.length:
            raise OSError(errno.EEXIST, f"has bytes already: {self.name}")
        descriptor = landed.move_to(self._blob_id)
        os.close(self._descriptor)
        self._descriptor = descriptor

    def append(self, landed: LandedFile, check: Callable[[], None] = go_on) -> None:
        """Put the bytes of a file that has landed behind those that were taken in.

        They are copied within the system and then taken in by read_on or skip_on. check is called
        before each stretch; what it raises ends it. Raises OSError.
        """
        landed.take_name()
        append_file(landed.descriptor, self._descriptor, self.size, check)

    def skip_on(self) -> None:
        """Take in what lies in the file as read_on does, but unread: a job takes its digest."""
        if self.length > self.size:
            self.leave_digests()
        self.size = self._written_back = self.length

    def leave_digests(self) -> None:
        """Take in what comes from now on without digests: a job takes them, of all of it."""
        self.sha256 = self.crc32 = None

    def _take_in(self, piece: Piece) -> None:
        """Take bytes that are in the file into size and digests."""
        if self.sha256 is not None:
            self.sha256.update(piece)
        if self.crc32 is not None:
            self.crc32 = zlib.crc32(piece, self.crc32)
        self.size += len(piece)

    @property
    def hash_state(self) -> bytes | None:
        """Give what the SHA-256 can be gone on with later."""
        return self.sha256.state if self.sha256 is not None else None

    def read_head(self, size: int) -> bytes:
        """Give the first bytes, for sniffing the media type."""
        return os.pread(self._descriptor, size, 0)

    def sync(self) -> None:
        """Put the bytes and the name on stable storage.

        Raises OSError, after which bytes that were not safe before must not be trusted: cut.
        """
        self.sync_bytes()
        sync_folder(Path(self._storage.location, self.name).parent)

    def sync_bytes(self) -> None:
        """Put the bytes on stable storage, as sync does, but not their name."""
        self._sync(os.fsync)

    def checkpoint(self) -> None:
        """Put the bytes on stable storage in the middle of writing. Raises as sync does."""
        self._sync(os.fdatasync)

    def _sync(self, function: Callable[[int], None]) -> None:
        """Sync; what has failed once fails from then on.

        The system tells of lost pages only once, and takes them for clean afterwards.
        """
        if self._has_failed:
            raise OSError(errno.EIO, "a sync has failed before")
        try:
            function(self._descriptor)
        except OSError:
            self._has_failed = True
            raise

    def close(self) -> None:
        """Close, and let the next writer in."""
        if self._descriptor >= 0:
            descriptor, self._descriptor = self._descriptor, -1
            os.close(descriptor)
