"""Files that lie on this machine: copied into a space.

Bytes are shared where the file system can, else copied; what is then stored is hashed, and recorded
like what a form brings. Moving files in is local_moves.py.
"""

import errno
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import Final

from django.conf import settings
from django.db import DatabaseError

from files.access import Actor
from files.errors import (
    DiskFullError,
    FilesError,
    StorageFailedError,
    UnsuitableFileError,
)
from files.media_types import sniff
from files.models import Entry
from files.storage.base import new_blob_ids
from files.storage.filesystem import BlobWriter
from files.storage.system_calls import go_on

from .blobs import NewBlob, blob_storage, known_ids
from .placing import NewFile
from .versions import Refusal, put_files

THREADS: Final = 8  # they mostly wait for the disk
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
# Times beyond are taken for these: all databases hold them, in whatever time zone they are shown.
_EARLIEST: Final = datetime(1000, 1, 1, tzinfo=UTC)
_LATEST: Final = datetime(9000, 1, 1, tzinfo=UTC)
_SAME: Final = ("st_dev", "st_ino", "st_size", "st_mtime_ns")

type Taken = NewBlob | FilesError
type Put = Entry | FilesError


@dataclass(frozen=True, slots=True)
class LocalFile:
    """A file of this machine, opened for reading, and where it should go.

    path is below the destination, the file's own name last. parent is a descriptor of the folder
    that it lies in, under name; both descriptors are the caller's to close. status is what fstat
    said when it was opened.
    """

    path: tuple[str, ...]
    descriptor: int
    parent: int
    name: str
    status: os.stat_result

    @property
    def size(self) -> int:
        """Give its size in bytes."""
        return self.status.st_size

    @property
    def modified_at(self) -> datetime:
        """Give when its content was changed last."""
        return modified_at_of(self.status)

    @property
    def is_ours(self) -> bool:
        """Tell whether nobody but this server's user may write to it."""
        return self.status.st_uid == os.geteuid() and not self.status.st_mode & 0o022

    def require_same(self, *, but_for_its_name: bool = False) -> None:
        """Make sure that nobody has written to it since. Raises UnsuitableFileError.

        A new name or mode is a change, too, unless that was our own doing. Content that is changed
        and dated back is found by the other times that a file has, which nobody can set.
        """
        now = os.fstat(self.descriptor)
        figures = _SAME if but_for_its_name else (*_SAME, "st_ctime_ns", "st_nlink")
        if any(getattr(now, figure) != getattr(self.status, figure) for figure in figures):
            raise UnsuitableFileError(reason="changed")

    def require_name(self) -> None:
        """Make sure that its name still leads to it. Raises UnsuitableFileError."""
        try:
            there = os.stat(self.name, dir_fd=self.parent, follow_symlinks=False)
        except FileNotFoundError:
            raise UnsuitableFileError(reason="changed") from None
        if (there.st_dev, there.st_ino) != (self.status.st_dev, self.status.st_ino):
            raise UnsuitableFileError(reason="changed")


def modified_at_of(status: os.stat_result) -> datetime:
    """Give when a file was changed last, to the microsecond, as an entry holds it."""
    try:
        modified_at = _EPOCH + timedelta(microseconds=status.st_mtime_ns // 1000)
    except OverflowError:
        return _LATEST if status.st_mtime_ns > 0 else _EARLIEST
    return min(max(modified_at, _EARLIEST), _LATEST)


@dataclass(slots=True)
class _Room:
    """What the disk leaves to copies that run side by side, in bytes, behind its reserve."""

    left: int = field(
        default_factory=lambda: blob_storage().free_bytes() - settings.FILES_MIN_FREE_SPACE
    )
    _lock: Lock = field(default_factory=Lock)

    def take(self, size: int) -> None:
        """Take so many bytes of it. Raises DiskFullError."""
        with self._lock:
            if size > self.left:
                raise DiskFullError(needed=size, free=max(0, self.left))
            self.left -= size


def copy_in(
    folder: Entry, files: Sequence[LocalFile], *, actor: Actor, check: Callable[[], None] = go_on
) -> list[Put]:
    """Copy files of this machine into a folder, in one transaction; the sources stay.

    Gives an entry or an error for each, in order: UnsuitableFileError, StorageFailedError and what
    put_files refuses a file for. Raises DiskFullError and what put_files raises for the folder.
    check is called now and then, also in threads, until the transaction begins; what it raises ends
    the call. Whatever goes wrong, no bytes are left that no row knows.
    """
    room = _Room()
    room.take(0)  # the reserve, which bytes that are shared do not touch, must be there
    writers: dict[int, BlobWriter] = {}
    try:
        ids = dict(zip(map(id, files), new_blob_ids(len(files)), strict=True))

        def copy(file: LocalFile) -> None:
            check()
            writer = writers[id(file)] = blob_storage().writer(ids[id(file)])
            _copy(file, writer, room, check)

        copied = take_side_by_side(copy, files)
        # All are written before the first is waited for: so one flush of the disk serves many.
        indexed = zip(files, copied, strict=True)
        fine = [file for file, result in indexed if not isinstance(result, FilesError)]
        synced = iter(take_side_by_side(lambda file: _sync(file, writers[id(file)]), fine))
        blobs = [result if isinstance(result, FilesError) else next(synced) for result in copied]
        blob_storage().sync_folders(writer.folder for writer in writers.values())
        check()
        return put_taken(folder, files, blobs, actor=actor)
    finally:
        _discard_unrecorded(list(writers.values()))


def _discard_unrecorded(writers: Sequence[BlobWriter]) -> None:
    """Remove the bytes that no row knows; where the database cannot tell, that is the sweeper's."""
    with suppress(DatabaseError):
        known = known_ids([writer.blob_id for writer in writers])
        for writer in writers:
            if writer.blob_id not in known:
                with suppress(OSError):
                    writer.discard()


def take_side_by_side[T](
    function: Callable[[LocalFile], T], files: Sequence[LocalFile]
) -> list[T | FilesError]:
    """Take files side by side. Raises DiskFullError if one of them met a full disk."""

    def take(file: LocalFile) -> T | FilesError:
        try:
            return function(file)
        except DiskFullError:
            raise
        except FilesError as error:
            return error
        except OSError as error:
            if error.errno in {errno.ENOSPC, errno.EDQUOT}:
                raise DiskFullError from error
            return StorageFailedError(reason=error.strerror)

    pool = ThreadPoolExecutor(THREADS)
    try:
        return list(pool.map(take, files))
    finally:
        pool.shutdown(cancel_futures=True)


def _copy(file: LocalFile, writer: BlobWriter, room: _Room, check: Callable[[], None]) -> None:
    """Copy one file to a blob of its own, and let the disk begin."""
    if not writer.clone(file.descriptor, check):
        room.take(file.size)
        writer.copy(file.descriptor, check)
    file.require_same()
    if writer.size != file.size:
        raise UnsuitableFileError(reason="changed")
    writer.start_sync()


def _sync(file: LocalFile, writer: BlobWriter) -> NewBlob:
    """Put a copy on stable storage, but for the name of the folder, and say what it is."""
    writer.sync()
    return _described(writer, file)


def _described(writer: BlobWriter, file: LocalFile) -> NewBlob:
    """Say what the bytes of a file are."""
    media_type = sniff(writer.head, file.path[-1])
    return NewBlob(writer.blob_id, writer.size, writer.sha256, writer.crc32, media_type)


def put_taken(
    folder: Entry,
    files: Sequence[LocalFile],
    blobs: Sequence[Taken],
    *,
    actor: Actor,
) -> list[Put]:
    """Put what was taken in its place; give an entry or an error for each."""
    new = [
        NewFile(file.path, blob, file.modified_at)
        for file, blob in zip(files, blobs, strict=True)
        if isinstance(blob, NewBlob)
    ]
    put = iter(put_files(folder, new, actor=actor, refusal=Refusal.EACH) if new else [])
    return [next(put) if isinstance(blob, NewBlob) else blob for blob in blobs]
