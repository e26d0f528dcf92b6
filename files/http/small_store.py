"""Small bodies on their way to the disk: those that arrive at the same time are stored together.

A file costs the disk a flush and the CPU several switches of threads, however small it is. So one
trip to a thread writes all that wait, lets the disk flush them side by side, and syncs the folder
that they share once.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final
from uuid import UUID

from files.errors import FilesError
from files.media_types import sniff
from files.operations.blobs import NewBlob, blob_storage
from files.storage.base import new_blob_ids
from files.storage.filesystem import BlobStorage, BlobWriter

from .disk import in_disk_thread, side_by_side, translated

AT_ONCE: Final = 64  # bodies of one trip, so that none waits long for others


@dataclass(frozen=True, slots=True)
class SmallBody:
    """The bytes of one file, whole in memory, and what they are to be called at rest."""

    content: bytes
    name: str  # of the file, by which its type may be told
    blob_id: UUID | None = None  # None: one is chosen


type _Outcome = NewBlob | FilesError
type _Waiting = tuple[SmallBody, asyncio.Future[_Outcome]]


class SmallStore:
    """Stores the small bodies of one process."""

    def __init__(self) -> None:
        self._waiting: list[_Waiting] = []
        self._running: asyncio.Task[None] | None = None

    async def store(self, body: SmallBody) -> NewBlob:
        """Put a body on stable storage, with whatever else waits, and say what it is.

        Raises StorageFailedError and DiskFullError, after which nothing of it is left.
        """
        future: asyncio.Future[_Outcome] = asyncio.get_running_loop().create_future()
        self._waiting.append((body, future))
        if self._running is None:
            self._running = asyncio.ensure_future(self._run())
        outcome = await future
        if isinstance(outcome, FilesError):
            raise outcome
        return outcome

    async def _run(self) -> None:
        """Store what waits, until nothing does."""
        while self._waiting:
            taken = self._waiting[:AT_ONCE]
            del self._waiting[:AT_ONCE]
            try:
                outcomes = await in_disk_thread(store_bodies, [body for body, _future in taken])
            except Exception as error:  # noqa: BLE001 - told to everybody who waits for it
                for _body, future in taken:
                    _settle(future, partial(future.set_exception, error))
            else:
                for (_body, future), outcome in zip(taken, outcomes, strict=True):
                    _settle(future, partial(future.set_result, outcome))
        self._running = None


def _settle(future: asyncio.Future[_Outcome], tell: Callable[[], None]) -> None:
    """Tell who waits, if somebody still does."""
    if not future.done():
        tell()


def store_bodies(bodies: Sequence[SmallBody]) -> list[NewBlob | FilesError]:
    """Put bodies on stable storage; in a thread. Of one that fails nothing is left.

    Gives for each what it is, or StorageFailedError or DiskFullError.
    """
    storage = blob_storage()
    ids = new_blob_ids(len(bodies))
    files = [_Storing(body, body.blob_id or own) for body, own in zip(bodies, ids, strict=True)]
    for file in files:
        file.attempt(partial(file.write, storage))
    side_by_side([partial(file.attempt, file.sync) for file in files if file.error is None])
    by_folder: dict[Path, list[_Storing]] = {}
    for file in files:
        if file.error is None:
            by_folder.setdefault(file.writer.folder, []).append(file)
    for folder, there in by_folder.items():
        first, *others = there
        first.attempt(partial(storage.sync_folders, [folder]))
        for other in others:
            other.error = first.error
    return [file.outcome() for file in files]


class _Storing:
    """One body on its way to the disk."""

    writer: BlobWriter

    def __init__(self, body: SmallBody, blob_id: UUID) -> None:
        self._body, self._blob_id = body, blob_id
        self.error: OSError | None = None

    def attempt(self, step: Callable[[], None]) -> None:
        """Take a step, and keep what speaks against going on; then nothing of the file is left."""
        try:
            step()
        except OSError as error:
            self.error = error

    def write(self, storage: BlobStorage) -> None:
        """Write the bytes. Raises OSError."""
        self.writer = storage.writer(self._blob_id)
        self.writer.write(self._body.content)

    def sync(self) -> None:
        """Put the bytes on stable storage; the folder is still to be synced. Raises OSError."""
        self.writer.sync()

    def outcome(self) -> NewBlob | FilesError:
        """Say what the file is, or what speaks against it; then nothing of it is left."""
        if self.error is not None:
            if hasattr(self, "writer"):
                self.writer.discard()
            return translated(self.error)
        writer = self.writer
        media_type = sniff(self._body.content, self._body.name)
        return NewBlob(writer.blob_id, writer.size, writer.sha256, writer.crc32, media_type)
