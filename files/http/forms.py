"""Multipart forms with files: streamed part by part, each file straight into its own blob.

The rules hold for every form that uploads: the token is the first field and is checked before a
file is taken, other fields are few and small, and nothing of a refused request stays on disk.
"""

import asyncio
import logging
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence, Set
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID, uuid4

from multipart import MultipartError, MultipartSegment, PushMultipartParser, parse_options_header

from files.errors import (
    CrossSiteRequestError,
    DigestMismatchError,
    DiskFullError,
    FilesError,
    FilesRefusedError,
    FileTooLargeError,
    InvalidNameError,
    MalformedRequestError,
    TooManyFilesError,
    UnsupportedTypeError,
)
from files.names import split_path
from files.operations.blobs import NewBlob
from files.operations.versions import NewFile
from files.storage.filesystem import BlobStorage, BlobWriter

from .bodies import Pieces
from .disk import in_disk_thread, translated
from .form_parts import check_headers, filename_of
from .handler import ClientGoneError
from .incoming import PIECE_SIZE, TRIP_SIZE, IncomingFile, finish

logger = logging.getLogger(__name__)

TOKEN_FIELD: Final = "csrfmiddlewaretoken"  # noqa: S105 - a field's name
DIGEST_FIELD: Final = "sha256"  # in front of a file: what it must be, in hex
FIELD_SIZE: Final = 4096  # bytes, of a field that is no file
FIELD_COUNT: Final = 20  # fields, and file inputs left empty
PART_OVERHEAD: Final = 4608  # bytes around a part: its boundary, and headers with a long path
DIGEST_OVERHEAD: Final = 256  # bytes of the field with the digest of a file
BOUNDARY_SIZE: Final = 70  # RFC 2046, 5.1.1
TRIPS: Final = 16  # to threads that finish files, at once
TRIP_FILES: Final = 16  # small files that one trip finishes

_SHA256: Final = re.compile(r"[0-9a-fA-F]{64}")


@dataclass(frozen=True, slots=True)
class FormLimits:
    """How much one form may bring."""

    file_size: int  # bytes, one file
    total_size: int  # bytes, all files together: what quota and disk leave
    files: int
    depth: int  # names in a path
    keep_free: int  # bytes, of the disk
    over_total: FilesError  # what to say past total_size, but for how much is needed

    @property
    def overhead(self) -> int:
        """Give the most that a form is longer than its files, in bytes."""
        around_files = self.files * (PART_OVERHEAD + DIGEST_OVERHEAD)
        return around_files + FIELD_COUNT * (FIELD_SIZE + PART_OVERHEAD)

    def exceeded_by(self, needed: int) -> FilesError:
        """Give the error for files that need so many bytes, and more than there is room for."""
        return type(self.over_total)(**self.over_total.data, needed=needed)


@dataclass(slots=True)
class ReceivedForm:
    """What a form brought: small fields, and files that are on stable storage but not recorded."""

    fields: dict[str, str] = field(default_factory=dict)
    files: list[NewFile] = field(default_factory=list)
    refused: dict[str, FilesError] = field(default_factory=dict)  # by path, with bad names
    blobs: list[BlobWriter] = field(default_factory=list)

    def discard(self, kept: Set[UUID] = frozenset()) -> None:
        """Remove the bytes, but for those of some blobs: no others were recorded. Blocks.

        What cannot be removed is a stray, and the sweeper's.
        """
        for blob in self.blobs:
            if blob.blob_id not in kept:
                with suppress(OSError):
                    blob.discard()


def boundary_of(content_type: str) -> str:
    """Give the boundary of a form. Raises UnsupportedTypeError, MalformedRequestError."""
    kind, options = parse_options_header(content_type)
    if kind != "multipart/form-data":
        raise UnsupportedTypeError(expected="multipart/form-data")
    boundary: str = options.get("boundary", "")
    if not 0 < len(boundary) <= BOUNDARY_SIZE:
        raise MalformedRequestError(reason="boundary")
    return boundary


class FormReceiver:
    """Takes the parts of one form, in order; one is made for each request.

    is_token checks the form token, which is then the first field; None where none is needed.
    keeps_whole says what becomes of files that came whole before the client went away.
    """

    def __init__(
        self,
        storage: BlobStorage,
        limits: FormLimits,
        is_token: Callable[[str], bool] | None,
        *,
        keeps_whole: bool = False,
    ) -> None:
        self.form = ReceivedForm()
        self._keeps_whole = keeps_whole
        self._storage, self._limits, self._is_token = storage, limits, is_token
        self._total = 0  # bytes of files
        self._file_count = self._field_count = 0
        self._has_token = is_token is None
        self._digest = ""  # of the file that comes next, in hex; empty where none is stated
        self._part: _Field | IncomingFile | None = None
        self._waiting: list[tuple[int, IncomingFile]] = []  # with their places in the form
        self._waiting_size = 0  # bytes
        self._finishing: set[asyncio.Future[None]] = set()

    async def receive(self, boundary: str, pieces: AsyncIterator[bytes]) -> ReceivedForm:
        """Take a whole form. On any error nothing of it is left, on disk or in the form.

        But on ClientGoneError the form holds the files that came whole, if these are to be kept.
        """
        try:
            await self._parse(boundary, pieces)
            await self._make_safe()
        except ClientGoneError:
            await self._salvage()
            raise
        except BaseException as error:
            await self._clean_up()
            if (told := _translated(error)) is not None:
                raise told from error
            raise
        return self.form

    async def _make_safe(self) -> None:
        """Put the files that have come on stable storage."""
        await self._send_waiting()
        await _settle(self._finishing)
        folders = [blob.folder for blob in self.form.blobs]
        await in_disk_thread(self._storage.sync_folders, folders)

    async def _salvage(self) -> None:
        """Leave what came whole before the client went, or nothing; of a refused form nothing."""
        if not self._keeps_whole or self.form.refused:
            await self._clean_up()
            return
        try:
            if isinstance(self._part, IncomingFile):
                await self._part.settle()
            await self._make_safe()
        except (OSError, FilesError) as error:
            logger.warning("files of a broken form could not be kept: %s", type(error).__name__)
            await self._clean_up()
        else:
            whole = {file.blob.id for file in self.form.files}
            await in_disk_thread(self.form.discard, whole)

    async def _parse(self, boundary: str, pieces: AsyncIterator[bytes]) -> None:
        """Feed the parser and hand its events on."""
        received = 0
        # Not strict: that refuses a line break behind the last boundary, if it comes by itself.
        with PushMultipartParser(boundary) as parser:
            coming = Pieces.of(pieces)
            async for piece in coming:
                received += len(piece)
                is_file = await self._feed(parser, piece)
                while is_file and (limit := self._room()) > 0:
                    size, left = await self._pump(coming, boundary, limit)
                    received += size
                    is_file = size == limit and not left
                    if left:
                        is_file = await self._feed(parser, left)
                if received - self._total > self._limits.overhead:
                    raise MalformedRequestError(reason="overhead")
        if not self._has_token:
            raise CrossSiteRequestError
        if self._digest:
            raise MalformedRequestError(reason=DIGEST_FIELD)

    async def _feed(self, parser: PushMultipartParser, piece: bytes) -> bool:
        """Feed the parser; tell whether all of the piece is of a file, and may well go on so."""
        event = None
        for event in parser.parse(piece):
            if isinstance(event, MultipartSegment):
                self._part = self._begin(event)
            elif event is None:
                await self._end()
            else:
                await self._take(event)
        # The very piece: then the parser keeps nothing of it, nor of what came before.
        return event is piece and isinstance(self._part, IncomingFile) and bool(self._part.path)

    def _room(self) -> int:
        """Give how much of the open file may come past the parser at once, in bytes."""
        assert isinstance(self._part, IncomingFile)  # noqa: S101 - _feed has looked
        room = min(self._limits.file_size - self._part.size, self._limits.total_size - self._total)
        return min(TRIP_SIZE, room)

    async def _pump(self, pieces: Pieces, boundary: str, limit: int) -> tuple[int, bytes]:
        """Let what comes fast go to the open file, past the parser, who gets what is left."""
        assert isinstance(self._part, IncomingFile)  # noqa: S101 - _feed has looked
        size, left = await self._part.pump(pieces, b"\r\n--" + boundary.encode(), limit)
        self._total += size - len(left)
        return size, left

    def _begin(self, segment: MultipartSegment) -> "_Field | IncomingFile":
        """Begin a part. Raises CrossSiteRequestError if it should have been the token."""
        filename = filename_of(segment)
        if not self._has_token and (segment.name != TOKEN_FIELD or filename is not None):
            raise CrossSiteRequestError
        check_headers(segment)
        if not filename:
            return self._begin_field(segment.name, is_file=filename is not None)
        self._file_count += 1
        if self._file_count > self._limits.files:
            raise TooManyFilesError(limit=self._limits.files)
        stated, self._digest = self._digest, ""
        path = None
        try:
            path = split_path(filename, max_depth=self._limits.depth)
        except FilesError as error:
            # Told with the others at the end, so that a person sees all of them at once.
            self.form.refused[filename] = error
        return IncomingFile(path, self._open_writer, self._require_room, stated)

    def _begin_field(self, name: str, *, is_file: bool) -> "_Field":
        """Begin a part that is no file. Raises MalformedRequestError for one too many."""
        is_digest = name == DIGEST_FIELD and not is_file
        # One for each file is what a form may have of these, beside the others.
        self._field_count += not is_digest
        if self._field_count > FIELD_COUNT or (is_digest and self._digest):
            raise MalformedRequestError(reason=DIGEST_FIELD if is_digest else "too-many-fields")
        return _Field(name, is_file=is_file)

    async def _take(self, piece: bytes) -> None:
        """Take bytes of the part that is open."""
        part = self._part
        if isinstance(part, _Field):
            part.take(piece)
            return
        assert part is not None  # noqa: S101 - the parser gives a segment first
        self._total += len(piece)
        if part.size + len(piece) > self._limits.file_size:
            path = "/".join(part.path or ())
            raise FilesRefusedError({path: FileTooLargeError(limit=self._limits.file_size)})
        if self._total > self._limits.total_size:
            raise self._limits.exceeded_by(self._total)
        await part.take(piece)

    async def _end(self) -> None:
        """End the part that is open."""
        part, self._part = self._part, None
        if isinstance(part, IncomingFile):
            if part.path is not None:
                await self._end_file(part, part.path)
        elif part is not None and not part.is_file:
            self._end_field(part.name, part.text)

    def _end_field(self, name: str, value: str) -> None:
        """Keep a field; the first one must be the right token. Raises what is wrong with it."""
        if not self._has_token:
            if self._is_token is None or not self._is_token(value):
                raise CrossSiteRequestError
            self._has_token = True
        if name == DIGEST_FIELD:
            if not _SHA256.fullmatch(value):
                raise MalformedRequestError(reason=DIGEST_FIELD)
            self._digest = value.lower()
            return
        self.form.fields.setdefault(name, value)

    async def _end_file(self, part: IncomingFile, path: tuple[str, ...]) -> None:
        """Let a file be finished in the background; small ones wait for company.

        A placeholder keeps the order of the form while files are finished in any order.
        """
        self._waiting.append((len(self.form.files), part))
        self._waiting_size += part.size
        self.form.files.append(NewFile(path, _NO_BLOB))
        is_small = part.is_in_memory and self._waiting_size < PIECE_SIZE
        if not is_small or len(self._waiting) >= TRIP_FILES:
            await self._send_waiting()

    async def _send_waiting(self) -> None:
        """Send the files that wait to a thread, when not too many are on the way."""
        if len(self._finishing) >= TRIPS:
            done, self._finishing = await asyncio.wait(
                self._finishing, return_when=asyncio.FIRST_COMPLETED
            )
            await _settle(done)
        files, self._waiting, self._waiting_size = self._waiting, [], 0
        if files:
            self._finishing.add(asyncio.ensure_future(self._finish(files)))

    async def _finish(self, files: Sequence[tuple[int, IncomingFile]]) -> None:
        """Finish files and put them in their places."""
        blobs = await finish([part for _index, part in files])
        for (index, part), blob in zip(files, blobs, strict=True):
            file = NewFile(self.form.files[index].path, blob)
            self.form.files[index] = file
            if part.stated_sha256 not in {"", blob.sha256}:
                self.form.refused[file.display_path] = DigestMismatchError(algorithm="sha-256")

    def _open_writer(self) -> BlobWriter:
        """Open a blob for a file of this form; called in a thread."""
        writer = self._storage.writer(uuid4())
        self.form.blobs.append(writer)
        return writer

    def _require_room(self, size: int) -> None:
        """Make sure that the disk keeps its reserve, whatever else is written; in a thread."""
        free = self._storage.free_bytes() - self._limits.keep_free
        if free < size:
            raise DiskFullError(needed=self._total, free=max(0, free))

    async def _clean_up(self) -> None:
        """Wait for what threads are doing, then remove every blob of this form."""
        pending: list[Awaitable[Any]] = [*self._finishing]
        if isinstance(self._part, IncomingFile):
            pending.append(self._part.settle())
        await asyncio.gather(*pending, return_exceptions=True)
        self.form.files.clear()
        await in_disk_thread(self.form.discard)


_NO_BLOB = NewBlob(uuid4(), 0, "", 0, "")


@dataclass(slots=True)
class _Field:
    """A part that is no file, or an input for files that was left empty."""

    name: str
    is_file: bool
    value: bytearray = field(default_factory=bytearray)

    def take(self, piece: bytes) -> None:
        """Take a piece. Raises what is wrong with it."""
        if self.is_file:
            raise FilesRefusedError({"": InvalidNameError(reason="empty")})
        self.value += piece
        if len(self.value) > FIELD_SIZE:
            raise MalformedRequestError(reason="field-too-large")

    @property
    def text(self) -> str:
        """Give the value. Raises MalformedRequestError."""
        try:
            return self.value.decode()
        except UnicodeDecodeError:
            raise MalformedRequestError(reason="encoding") from None


async def _settle(futures: set[asyncio.Future[None]]) -> None:
    """Wait for files to be finished and raise the first of their errors."""
    for result in await asyncio.gather(*futures, return_exceptions=True):
        if isinstance(result, BaseException):
            raise result


def _translated(error: BaseException) -> FilesError | None:
    """Turn what parser and disk raise into an error that a face can render; None for the rest."""
    if isinstance(error, MultipartError):
        return MalformedRequestError(reason="multipart")
    return translated(error) if isinstance(error, OSError) else None
