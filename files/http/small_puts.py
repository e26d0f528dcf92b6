"""Small files, whole in memory: those that arrive at the same time are put in place together.

A file costs the disk a flush, the database a transaction, and the CPU several switches of threads,
however small it is. So one trip to a thread writes all that wait, lets the disk flush them side by
side, syncs the folder that they share once, and records them in one transaction for each space.
While it is under way, the next gathers. Each is answered only after its own bytes and its own row
are safe.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final
from uuid import UUID

from django.db import DatabaseError

from files.errors import DiskFullError, FilesError
from files.media_types import sniff
from files.models import Entry
from files.operations.blobs import NewBlob, blob_storage, discard_partial
from files.operations.versions import Member, put_members
from files.storage.base import new_blob_ids
from files.storage.filesystem import BlobStorage, BlobWriter

from .disk import side_by_side, translated
from .handler import SyncCoreHandler, is_full

AT_ONCE: Final = 64  # files of one trip, so that none waits long for others
PATIENCE: Final = 0.002  # seconds that a trip waits for company, at most


@dataclass(frozen=True, slots=True)
class SmallBody:
    """The bytes of one file, whole in memory, and what they are to be called at rest."""

    content: bytes
    name: str  # of the file, by which its type may be told
    blob_id: UUID | None = None  # None: one is chosen


@dataclass(frozen=True, slots=True)
class SmallPut:
    """A small file, and where it goes: member makes of its blob what is put in its place."""

    space_id: int
    body: SmallBody
    member: Callable[[NewBlob], Member]


type _Placed = tuple[Entry, NewBlob]
type _Waiting = tuple[SmallPut, asyncio.Future[_Placed]]


class SmallPuts:
    """Puts the small files of one process in their places."""

    def __init__(self, django: SyncCoreHandler) -> None:
        self._django = django
        self._waiting: list[_Waiting] = []
        self._running: asyncio.Task[None] | None = None
        self._expected = 1  # files that the next trip may well have
        self._patience = 0.0  # seconds that it waits for them
        self._company: asyncio.Future[None] | None = None  # that a trip waits for

    async def put(self, small: SmallPut) -> tuple[Entry, NewBlob]:
        """Put a file in its place, with whatever else waits; give its entry, and what it is.

        Once it waits, it is put even if the caller is cancelled meanwhile. Raises what put_files
        raises, StorageFailedError and DiskFullError, after which nothing of it is left.
        """
        future: asyncio.Future[_Placed] = asyncio.get_running_loop().create_future()
        self._waiting.append((small, future))
        if self._running is None:
            self._running = asyncio.ensure_future(self._run())
        if len(self._waiting) >= self._expected:
            self._go()
        return await future

    async def _run(self) -> None:
        """Put what waits, until nothing does."""
        loop = asyncio.get_running_loop()
        while self._waiting:
            await self._wait_for_company()
            taken = self._waiting[:AT_ONCE]
            del self._waiting[:AT_ONCE]
            begun = loop.time()
            outcomes: Sequence[_Placed | Exception]
            try:
                outcomes = await self._django.in_thread(put_small, [put for put, _future in taken])
            except Exception as error:  # noqa: BLE001 - told to everybody who waits for it
                outcomes = [error] * len(taken)
            for (_put, future), outcome in zip(taken, outcomes, strict=True):
                _settle(future, outcome)
            self._expected = min(AT_ONCE, len(taken) + len(self._waiting))
            self._patience = min(PATIENCE, (loop.time() - begun) / 2)
        self._running = None

    async def _wait_for_company(self) -> None:
        """Wait, less than half as long as a trip takes, for as many as were there at the last one.

        Who was answered then sends the next file, if there is one, and it costs less together.
        """
        if len(self._waiting) >= self._expected:
            return
        loop = asyncio.get_running_loop()
        self._company = loop.create_future()
        timer = loop.call_later(self._patience, self._go)
        try:
            await self._company
        finally:
            timer.cancel()
            self._company = None

    def _go(self) -> None:
        """Let the trip that waits for company begin."""
        if self._company is not None and not self._company.done():
            self._company.set_result(None)


def _settle(future: asyncio.Future[_Placed], outcome: _Placed | Exception) -> None:
    """Tell who waits, if somebody still does."""
    if future.done():
        return
    if isinstance(outcome, Exception):
        future.set_exception(outcome)
    else:
        future.set_result(outcome)


def put_small(puts: Sequence[SmallPut]) -> list[tuple[Entry, NewBlob] | Exception]:
    """Store small files, then make them visible: one transaction for each space; in a thread.

    Gives an entry with its bytes, or an error, for each, in order. Of one that is refused nothing
    is left. After any other failure the bytes stay, since the commit may have happened: what it
    did not record is a stray, and the sweeper's.
    """
    blobs = store_bodies([put.body for put in puts])
    outcomes: dict[int, _Placed | Exception] = {}
    by_space: dict[int, list[tuple[int, NewBlob]]] = {}
    for index, (put, blob) in enumerate(zip(puts, blobs, strict=True)):
        if isinstance(blob, FilesError):
            outcomes[index] = blob
        else:
            by_space.setdefault(put.space_id, []).append((index, blob))
    refused: list[UUID] = []
    for space_id, stored in by_space.items():
        results = _record(space_id, [puts[index].member(blob) for index, blob in stored])
        for (index, blob), result in zip(stored, results, strict=True):
            outcomes[index] = (result, blob) if isinstance(result, Entry) else result
            if isinstance(result, FilesError):
                refused.append(blob.id)
    if refused:
        # What became of the others is committed, and must be told; the bytes are the sweeper's.
        with suppress(DatabaseError):
            discard_partial(refused)
    return [outcomes[index] for index in range(len(puts))]


def _record(space_id: int, members: Sequence[Member]) -> Sequence[Entry | Exception]:
    """Make files of one space visible; what undoes all is told to each."""
    try:
        return put_members(space_id, members)
    except DatabaseError as error:
        return [DiskFullError() if is_full(error) else error] * len(members)
    except Exception as error:  # noqa: BLE001 - of one space; the others are not to suffer
        return [error] * len(members)


def store_bodies(bodies: Sequence[SmallBody]) -> list[NewBlob | FilesError]:
    """Put bodies on stable storage; in a thread. Of one that fails nothing is left.

    Gives for each what it is, or StorageFailedError or DiskFullError.
    """
    storage = blob_storage()
    ids = new_blob_ids(len(bodies))
    files = [_Storing(body, body.blob_id or own) for body, own in zip(bodies, ids, strict=True)]
    for file in files:
        file.attempt(partial(file.write, storage))
    written = [file for file in files if file.error is None]
    folders = {file.writer.folder: _Folder(storage) for file in written}
    flushes = [partial(file.attempt, file.sync) for file in written]
    side_by_side(flushes + [partial(folder.sync, path) for path, folder in folders.items()])
    for file in written:
        file.error = file.error or folders[file.writer.folder].error
    return [file.outcome() for file in files]


class _Folder:
    """A folder that names of new files must be safe in."""

    def __init__(self, storage: BlobStorage) -> None:
        self._storage = storage
        self.error: OSError | None = None

    def sync(self, path: Path) -> None:
        """Put the names in it on stable storage, and keep what speaks against it."""
        try:
            self._storage.sync_folders([path])
        except OSError as error:
            self.error = error


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
