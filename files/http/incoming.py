"""One file of a form on its way to the disk."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from files.media_types import sniff
from files.operations.blobs import NewBlob
from files.storage.filesystem import BlobWriter

from .bodies import Pieces
from .disk import in_disk_thread, side_by_side
from .pace import LARGE, Pace

PIECE_SIZE: Final = 2**20  # bytes that one trip to a thread writes and hashes
TRIP_SIZE: Final = 4 * PIECE_SIZE  # bytes that one trip takes straight from the socket


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
    _pace: Pace = field(default_factory=Pace)

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

    async def pump(self, pieces: Pieces, delimiter: bytes, limit: int) -> tuple[int, bytes]:
        """Take what comes fast straight from its socket, up to the delimiter; as pieces.pump does.

        What has come so far must all be of this file.
        """
        await self.settle()
        loop, gathered = asyncio.get_running_loop(), self._take_gathered()
        started = loop.time()

        def take(buffer: bytearray, size: int) -> int:
            nonlocal gathered
            if gathered:
                self._write(gathered)
                gathered = b""
            content = _before(delimiter, buffer, size)
            self._write(memoryview(buffer)[:content])
            return content

        try:
            size, left = await pieces.pump(take, limit)
        finally:
            if gathered:  # nothing came
                self._gathered, self._gathered_size = [gathered], len(gathered)
        self.size += size - len(left)
        self._pace.add(size, loop.time() - started)
        if self._pace.is_high and pieces.rest >= LARGE and self._writer and not self.stated_sha256:
            self._writer.leave_digests()
        return size, left

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

    def _write(self, data: bytes | memoryview) -> None:
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

    def _sync(self) -> None:
        """Put it on stable storage; in a thread."""
        assert self._writer is not None  # noqa: S101 - _write_rest opened it
        self._writer.sync()

    def _describe(self) -> NewBlob:
        """Say what it is."""
        writer = self._writer
        assert writer is not None  # noqa: S101 - _write_rest opened it
        assert self.path is not None  # noqa: S101 - else there is nothing to finish
        media_type = sniff(writer.head, self.path[-1])
        return NewBlob(writer.blob_id, writer.size, writer.sha256, writer.crc32, media_type)


def _before(delimiter: bytes, buffer: bytearray, size: int) -> int:
    """Give how many of the bytes in a buffer surely come before a delimiter.

    It begins with the one carriage return that it has.
    """
    if (index := buffer.find(delimiter, 0, size)) >= 0:
        return index
    index = buffer.rfind(b"\r", max(0, size - len(delimiter)), size)
    is_begun = index >= 0 and delimiter.startswith(buffer[index:size])
    return index if is_begun else size


async def finish(files: Sequence[IncomingFile]) -> list[NewBlob]:
    """Write the rest of some files, sync them, and say what they are, in one trip to a thread."""
    for file in files:
        await file.settle()
    return await in_disk_thread(_finish_in_thread, files)


def _finish_in_thread(files: Sequence[IncomingFile]) -> list[NewBlob]:
    """Write all of them first, so that the disk works on one while the next is written."""
    for file in files:
        file._write_rest()
    side_by_side([file._sync for file in files])
    return [file._describe() for file in files]
