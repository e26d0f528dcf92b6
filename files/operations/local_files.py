"""Files that lie on this machine: copied into a space.

Bytes are cloned where the file system can, else read and written, hashed on the way, and recorded
like those of a form. Moving them in is local_moves.py.
"""

import errno
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import uuid4

from django.conf import settings

from files.access import Actor
from files.errors import (
    DiskFullError,
    FilesError,
    StorageFailedError,
    UnsuitableFileError,
)
from files.media_types import sniff
from files.models import Entry
from files.storage.filesystem import BlobWriter

from .blobs import NewBlob, blob_storage, known_ids
from .placing import NewFile
from .versions import Refusal, put_files

THREADS: Final = 8  # they mostly wait for the disk
# What is being moved must not expire: its bytes lie nowhere else.
_KEPT: Final = timedelta(days=36500)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
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
    def modified_at(self) -> datetime | None:
        """Give when its content was changed last; None for a time that no calendar has."""
        return modified_at_of(self.status)

    @property
    def is_ours(self) -> bool:
        """Tell whether nobody but this server's user may write to it."""
        return self.status.st_uid == os.geteuid() and not self.status.st_mode & 0o022

    def require_same(self) -> None:
        """Make sure that nobody has written to it since. Raises UnsuitableFileError."""
        now = os.fstat(self.descriptor)
        if any(getattr(now, figure) != getattr(self.status, figure) for figure in _SAME):
            raise UnsuitableFileError(reason="changed")

    def require_name(self) -> None:
        """Make sure that its name still leads to it. Raises UnsuitableFileError."""
        try:
            there = os.stat(self.name, dir_fd=self.parent, follow_symlinks=False)
        except FileNotFoundError:
            raise UnsuitableFileError(reason="changed") from None
        if (there.st_dev, there.st_ino) != (self.status.st_dev, self.status.st_ino):
            raise UnsuitableFileError(reason="changed")


def modified_at_of(status: os.stat_result) -> datetime | None:
    """Give when a file was changed last, to the microsecond; None where no calendar has it."""
    try:
        return _EPOCH + timedelta(microseconds=status.st_mtime_ns // 1000)
    except OverflowError:
        return None


def copy_in(folder: Entry, files: Sequence[LocalFile], *, actor: Actor) -> list[Put]:
    """Copy files of this machine into a folder, in one transaction; the sources stay.

    Gives an entry or an error for each, in order: UnsuitableFileError, StorageFailedError and what
    put_files refuses a file for. Raises DiskFullError and what put_files raises for the folder.
    Whatever goes wrong, no bytes are left that no row knows.
    """
    _require_room(sum(file.size for file in files))
    writers: list[BlobWriter] = []
    try:
        blobs = take_side_by_side(lambda file: _copy(file, writers), files)
        blob_storage().sync_folders(writer.folder for writer in writers)
        return put_taken(folder, files, blobs, actor=actor)
    finally:
        known = known_ids([writer.blob_id for writer in writers])
        for writer in writers:
            if writer.blob_id not in known:
                with suppress(OSError):
                    writer.discard()


def take_side_by_side(
    function: Callable[[LocalFile], NewBlob], files: Sequence[LocalFile]
) -> list[Taken]:
    """Take files side by side. Raises DiskFullError if one of them met a full disk."""

    def take(file: LocalFile) -> Taken:
        try:
            return function(file)
        except FilesError as error:
            return error
        except OSError as error:
            if error.errno in {errno.ENOSPC, errno.EDQUOT}:
                return DiskFullError()
            return StorageFailedError(reason=error.strerror)

    with ThreadPoolExecutor(THREADS) as pool:
        taken = list(pool.map(take, files))
    for result in taken:
        if isinstance(result, DiskFullError):
            raise result
    return taken


def _require_room(size: int) -> None:
    """Make sure that the disk keeps its reserve behind so many bytes. Raises DiskFullError."""
    free = blob_storage().free_bytes() - settings.FILES_MIN_FREE_SPACE
    if free < size:
        raise DiskFullError(needed=size, free=max(0, free))


def _copy(file: LocalFile, writers: list[BlobWriter]) -> NewBlob:
    """Copy one file to a blob of its own, on stable storage but for the folder's name."""
    writer = blob_storage().writer(uuid4())
    writers.append(writer)
    writer.copy(file.descriptor)
    file.require_same()
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
    are_uploads: bool = False,
) -> list[Put]:
    """Put what was taken in its place; give an entry or an error for each."""
    new = [
        NewFile(file.path, blob, file.modified_at, is_upload=are_uploads)
        for file, blob in zip(files, blobs, strict=True)
        if isinstance(blob, NewBlob)
    ]
    put = iter(put_files(folder, new, actor=actor, refusal=Refusal.EACH) if new else [])
    return [next(put) if isinstance(blob, NewBlob) else blob for blob in blobs]
