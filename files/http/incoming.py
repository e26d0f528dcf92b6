"""One file of a form on its way to the disk."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from files.media_types import sniff
from files.operations.blobs import NewBlob
from files.storage.filesystem import BlobWriter

from .disk import in_disk_thread

PIECE_SIZE: Final = 2**20  # bytes that one trip to a thread writes and hashes


@dataclass(slots=True)
class IncomingFile:
    """Gathers the pieces of a file and sends them to a thread, one trip at a time.

    path is None where the file is not taken: then its bytes are only counted. In a thread,
    require_room is called before each write, and open_writer before the first.
    """

    path: tuple[str, ...] | None
    open_writer: Callable[[], BlobWriter]
    require_room: Callable[[int], None]  # for so many bytes
    stated_sha256: str = ""  # in hex; checked by who finishes it
    size: int = 0  # bytes, of what came so far
    _gathered: list[bytes] = field(default_factory=list)
    _gathered_size: int = 0
    _writer: BlobWriter | None = None
    _trip: asyncio.Future[None] | None = None

    async def take(self, piece: bytes) -> None:
        """Take a piece; waits where the disk is slower than the client."""
        self.size += len(piece)
        if self.path is None:
            return
        self._gathered.append(piece)
        self._gathered_size += len(piece)
        if self._gathered_size >= PIECE_SIZE:
            await self.settle()
            trip = in_disk_thread(self._write, self._take_gathered())
            self._trip = asyncio.ensure_future(trip)

    async def settle(self) -> None:
        """Wait for the trip that is under way; raises what went wrong in it."""
        if self._trip is not None:
            trip, self._trip = self._trip, None
            await trip

    @property
    def is_in_memory(self) -> bool:
        """Tell whether no byte of it has gone to a thread yet."""
        return self._writer is None and self._trip is None

    def _take_gathered(self) -> bytes:
        """Give what is gathered, in one piece: each write costs a switch of threads."""
        data = b"".join(self._gathered)
        self._gathered.clear()
        self._gathered_size = 0
        return data

    def _write(self, data: bytes) -> None:
        """Write the bytes of one trip; in a thread."""
        self.require_room(len(data))
        if self._writer is None:
            self._writer = self.open_writer()
        self._writer.write(data)

    def _write_rest(self) -> None:
        """Write what is gathered, and let the disk begin; in a thread."""
        self._write(self._take_gathered())
        assert self._writer is not None  # noqa: S101 - _write opened it
        self._writer.start_sync()

    def _sync(self) -> NewBlob:
        """Put it on stable storage and say what it is; in a thread."""
        writer = self._writer
        assert writer is not None  # noqa: S101 - _write_rest opened it
        assert self.path is not None  # noqa: S101 - else there is nothing to finish
        writer.sync()
        media_type = sniff(writer.head, self.path[-1])
        return NewBlob(writer.blob_id, writer.size, writer.sha256, writer.crc32, media_type)


async def finish(files: Sequence[IncomingFile]) -> list[NewBlob]:
    """Write the rest of some files, sync them, and say what they are, in one trip to a thread."""
    for file in files:
        await file.settle()
    return await in_disk_thread(_finish_in_thread, files)


def _finish_in_thread(files: Sequence[IncomingFile]) -> list[NewBlob]:
    """Write all of them first, so that the disk works on one while the next is written."""
    for file in files:
        file._write_rest()
    return [file._sync() for file in files]
