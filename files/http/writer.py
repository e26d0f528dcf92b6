"""The one writer of an upload: takes the body of one connection to the end of its file."""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, Protocol

from django.conf import settings

from files.errors import (
    DiskFullError,
    FileTooLargeError,
    LengthMismatchError,
    UploadNotFoundError,
    UploadTakenOverError,
)
from files.models import Upload
from files.operations import uploads as operations
from files.operations.blobs import blob_storage
from files.operations.uploads import Progress
from files.storage.partial import PartialBlob, Piece

from .bodies import Pieces
from .disk import in_disk_thread, translated
from .handler import SyncCoreHandler
from .landing import Landed
from .pace import LARGE, Pace

logger = logging.getLogger(__name__)

PIECE_SIZE: Final = 2**20  # bytes that one trip to a thread writes and hashes
TRIP_SIZE: Final = 4 * PIECE_SIZE  # bytes that one trip takes straight from the socket
HOLD_SECONDS: Final = 1.0  # what comes slowly is written after this, for a crash and for who looks
CHECKPOINT: Final = operations.STEP  # bytes after which what is there is made safe, on the way
POLL_SECONDS: Final = 0.5  # between two looks at whether another process has taken over


class Checksum(Protocol):
    """The digest of the bytes of one connection, as its client states it."""

    def update(self, piece: bytes | memoryview, /) -> object:
        """Take in the next bytes."""

    def require_match(self) -> None:
        """Raise DigestMismatchError if the bytes are not those that were stated."""


@dataclass(frozen=True, slots=True)
class Append:
    """What one connection brings: where it begins, and what is known of where it ends."""

    offset: int
    size: int | None = None  # bytes of its body; None where it comes in chunks
    length: int | None = None  # of the whole file, where it is said only now
    is_last: bool | None = None  # whether its end is the end of the file; None: the length tells
    checksum: Checksum | None = None
    sha256: str = ""  # of the whole file, where it is said only now
    landed: Landed | None = None  # the body, where nginx has received it into a file

    @property
    def until(self) -> int | None:
        """Give the offset at which it ends, where that is known."""
        return None if self.size is None else self.offset + self.size

    @property
    def whole_length(self) -> int | None:
        """Give the length of the file, if this request tells it."""
        return self.until if self.is_last and self.length is None else self.length


def progress_of(partial: PartialBlob) -> Progress:
    """Give how far an upload is whose bytes are safe."""
    return Progress(partial.size, partial.crc32, partial.hash_state)


class Writer:
    """Takes one body. Bytes go to a thread a piece at a time while the next piece comes in.

    Whatever ends it, what came is kept and made safe, unless the connection stated a checksum: then
    it counts as a whole or not at all.
    """

    def __init__(
        self, partial: PartialBlob, upload: Upload, append: Append, django: SyncCoreHandler
    ) -> None:
        self.upload = upload
        self.is_stopped = False
        self._partial, self._append, self._django = partial, append, django
        self._start = progress_of(partial)
        self._safe = partial.size  # bytes, of the last checkpoint
        self._pace = Pace()
        self._gathered: list[bytes] = []
        self._gathered_size = 0
        self._received = 0  # bytes
        self._sent_at = 0.0  # when something was last written, by the clock of the loop
        self._trip: asyncio.Future[None] | None = None
        self._checkpoint: asyncio.Future[None] | None = None
        self._copying: asyncio.Task[None] | None = None

    def stop(self) -> None:
        """Stop at the next piece: somebody else goes on with the upload, or it was cancelled."""
        self.is_stopped = True
        if self._copying is not None:
            self._copying.cancel()

    @property
    def is_whole(self) -> bool:
        """Tell whether the file has all its bytes, and the client does not hold the end back."""
        return not self.upload.is_held and self._partial.size == self.upload.length

    async def run(self, pieces: AsyncIterator[bytes]) -> None:
        """Take a body to its end, or to where it breaks; then its bytes are on stable storage.

        Where the file is not whole by it, save is still to be called. Raises what broke it, with
        what counts saved: ClientGoneError, UploadTakenOverError, DigestMismatchError,
        LengthMismatchError, DiskFullError, StorageFailedError, QuotaExceededError.
        """
        self._copying = asyncio.ensure_future(self._copy(Pieces.of(pieces)))
        if self.is_stopped:
            self._copying.cancel()
        try:
            await self._copying
            await self._end()
        except BaseException as error:
            # Also of the server that shuts down: bytes that came are not for nothing.
            await asyncio.shield(self._break_off())
            if self.is_stopped and isinstance(error, asyncio.CancelledError):
                raise UploadTakenOverError from None
            if isinstance(error, OSError):
                raise translated(error) from error
            raise

    async def save(self) -> None:
        """Count what is on stable storage; the end of the last body tells the length.

        Raises UploadTakenOverError, UploadNotFoundError, and LengthMismatchError where the last
        body ended before the length that was given.
        """
        await self._django.in_thread(operations.end_append, self.upload, progress_of(self._partial))
        if self._append.is_last and self.upload.length != self._partial.size:
            self.upload = await self._django.in_thread(
                operations.declare_length, self.upload, self._partial.size
            )

    async def _copy(self, pieces: Pieces) -> None:
        """Take the pieces of a body."""
        limit = settings.FILES_MAX_UPLOAD_SIZE if self.upload.length is None else self.upload.length
        room = limit - self._start.offset
        loop = asyncio.get_running_loop()
        self._sent_at = loop.time()
        async for piece in pieces:
            self._received += len(piece)
            excess = max(0, self._received - room)
            self._gathered.append(piece[: len(piece) - excess])
            self._gathered_size += len(piece) - excess
            if excess:
                self._refuse_excess()
            if self._gathered_size >= PIECE_SIZE or loop.time() - self._sent_at > HOLD_SECONDS:
                await self._send_gathered()
                await self._pump(pieces, room)
                self._sent_at = loop.time()

    async def _pump(self, pieces: Pieces, room: int) -> None:
        """Take what comes fast without gathering it, as long as it does and there is room."""
        is_fast, loop = True, asyncio.get_running_loop()
        while is_fast and (limit := min(TRIP_SIZE, room - self._received)) > 0:
            await self._settle()
            await self._check_in()
            await self._make_room(limit)
            started = loop.time()
            size, _left = await pieces.pump(self._take, limit)
            self._received += size
            self._pace.add(size, loop.time() - started)
            if self._pace.is_high and self._may_leave_digests:
                self._partial.leave_digests()
            is_fast = size == limit

    @property
    def _may_leave_digests(self) -> bool:
        """Tell whether much is still to come, of which nobody has said what it is."""
        rest = (self.upload.length or 0) - self._partial.size
        return rest >= LARGE and not self.upload.sha256

    def _refuse_excess(self) -> None:
        """Say that the body is longer than it may be."""
        if self.upload.length is None:
            raise FileTooLargeError(limit=settings.FILES_MAX_UPLOAD_SIZE)
        raise LengthMismatchError(length=self.upload.length)

    async def _send_gathered(self) -> None:
        """Send what is gathered to a thread, when the piece before is written."""
        await self._settle()
        await self._check_in()
        await self._make_room(self._gathered_size)
        pieces, self._gathered, self._gathered_size = self._gathered, [], 0
        self._trip = asyncio.ensure_future(in_disk_thread(self._write, pieces))

    async def _settle(self) -> None:
        """Wait for the trip that is under way; raises what went wrong in it."""
        if self._trip is not None:
            # Shielded: a thread cannot be cancelled, and must be waited for before what follows.
            await asyncio.shield(self._trip)
            self._trip = None

    async def _check_in(self) -> None:
        """Begin a checkpoint if one is due; the one before is waited for."""
        if self._append.checksum is None and self._partial.size - self._safe >= CHECKPOINT:
            await self._settle_checkpoint()
            progress, self._safe = progress_of(self._partial), self._partial.size
            self._checkpoint = asyncio.ensure_future(
                self._django.in_thread(self._save_checkpoint, progress)
            )

    async def _make_room(self, more: int) -> None:
        """Reserve for so many bytes, where nobody has said how much will come."""
        size = self._partial.size + more
        if self.upload.length is None and size > self.upload.reserved_bytes:
            await self._django.in_thread(operations.reserve_ahead, self.upload, size)

    async def _settle_checkpoint(self) -> None:
        """Wait for the checkpoint that is under way; raises what went wrong in it."""
        if self._checkpoint is not None:
            await asyncio.shield(self._checkpoint)
            self._checkpoint = None

    def _save_checkpoint(self, progress: Progress) -> None:
        """Make bytes safe and count them; in a thread, while others write on."""
        self._partial.checkpoint()
        operations.checkpoint(self.upload, progress)

    def _take(self, buffer: bytearray, size: int) -> int:
        """Write and hash what has come straight from the socket; in a thread."""
        self._write([memoryview(buffer)[:size]])
        return size

    def _write(self, pieces: Sequence[Piece]) -> None:
        """Write and hash some pieces; in a thread."""
        size = sum(map(len, pieces))
        free = blob_storage().free_bytes() - settings.FILES_MIN_FREE_SPACE
        if free < size:
            raise DiskFullError(needed=size, free=max(0, free))
        if self._append.checksum is not None:
            for piece in pieces:
                self._append.checksum.update(piece)
        self._partial.write(*pieces)

    async def _end(self) -> None:
        """Write the rest and make all of it safe."""
        await self._settle()
        await self._settle_checkpoint()
        await self._make_room(self._gathered_size)
        pieces, self._gathered = self._gathered, []
        if pieces:
            await in_disk_thread(self._write, pieces)
        if self._append.checksum is not None:
            self._append.checksum.require_match()
        await in_disk_thread(self._partial.sync)

    async def _break_off(self) -> None:
        """Keep what came over a connection that broke, when the threads are done with it."""
        pending = [future for future in (self._trip, self._checkpoint) if future is not None]
        await asyncio.gather(*pending, return_exceptions=True)
        if self._trip is not None and self._trip.exception() is not None:
            self._gathered = []  # it would come where the piece before it is missing
        self._trip = self._checkpoint = None
        await self._django.in_thread(self._keep)

    def _keep(self) -> None:
        """Make safe and count what came, or with a checksum nothing of it; in a thread.

        Where another connection has taken over, it does the counting when the lock is free. Of an
        upload without a length no more is kept than what is reserved.
        """
        data = b"".join(self._gathered)  # no more than one trip, and seldom that
        if self.upload.length is None:
            data = data[: max(0, self.upload.reserved_bytes - self._partial.size)]
        progress = self._start
        if self._append.checksum is None:
            try:
                with suppress(DiskFullError):
                    self._write([data])
                self._partial.sync()
                progress = progress_of(self._partial)
            except OSError as error:
                logger.critical("upload %s goes back: %s", self.upload.pk, error.strerror)
                progress = operations.progress_saved(self.upload)
        go_back(self._partial, self.upload, progress)


def go_back(partial: PartialBlob, upload: Upload, progress: Progress) -> None:
    """Let nothing count behind an offset, first in the row and then in the file; in a thread.

    Where the file cannot be cut, the next writer cuts it, as the row says that nothing is behind.
    """
    with suppress(UploadTakenOverError, UploadNotFoundError):
        operations.end_append(upload, progress)
    if partial.length > progress.offset:
        partial.start_at(progress.offset, progress.crc32, progress.hash_state)
        with suppress(OSError):
            partial.cut()
