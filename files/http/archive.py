"""Folders as ZIP archives, made while they are sent (PKWARE APPNOTE 6.3.10).

Members are stored, not compressed: most of what people keep is compressed already, and so the
length is known before the first byte. ZIP64 is used only where a figure needs it, because some
unpackers do not know it. Names are UTF-8, times UTC, with the exact second in an extra field.
"""

import zlib
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Callable,
    Iterable,
    Iterator,
)
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from files.http.archive_names import ArchiveNames
from files.http.archive_records import Record, end_of_archive

PIECE_BYTES: Final = 262_144  # no piece that is given out is larger
_GATHERED_BYTES: Final = 65_536  # smaller ones are put together up to this


class MemberChangedError(Exception):
    """The bytes of a member are not those that the archive has announced; it cannot be finished."""


def _no_content() -> AsyncIterator[bytes]:
    """Stand for the content of a member that has none."""
    raise MemberChangedError("a member with a size has no content")


@dataclass(frozen=True, slots=True)
class Member:
    """A file or folder of an archive.

    name is its path there, "/" between the names; see ArchiveNames for what becomes of it. crc32
    is None if it is not known yet. open gives the content in pieces of any size, and is not called
    where size is 0. modified_at is aware.
    """

    name: str
    size: int
    crc32: int | None
    modified_at: datetime
    is_folder: bool = False
    open: Callable[[], AsyncIterator[bytes]] = _no_content


def archive_length(members: Iterable[Member]) -> int:
    """Give the exact length of what stream_archive gives for the same members in that order.

    It follows from names, times and sizes; unknown CRCs do not change it. Nothing is opened.
    """
    names, offset, directory_size, count = ArchiveNames(), 0, 0, 0
    for member in members:
        record = _record(member, names, offset)
        if record is not None:
            offset += len(record.header()) + record.size + len(record.descriptor(0))
            directory_size += len(record.directory_entry(0))
            count += 1
    return offset + directory_size + len(end_of_archive(offset, directory_size, count))


async def stream_archive(
    members: Iterable[Member] | AsyncIterable[Member],
) -> AsyncGenerator[bytes, None]:
    """Give the archive of the members in pieces of at most PIECE_BYTES.

    Folders come before what is in them. Memory stays flat but for some 60 bytes a member. Raises
    MemberChangedError, or what a member's content raises: the answer must then be cut off, so that
    nobody takes it for whole.
    """
    gathered = bytearray()
    async with aclosing(_pieces(members)) as pieces:
        async for piece in pieces:
            if gathered and len(gathered) + len(piece) > _GATHERED_BYTES:
                yield bytes(gathered)
                gathered.clear()
            if len(piece) < _GATHERED_BYTES:
                gathered += piece
            else:
                for start in range(0, len(piece), PIECE_BYTES):
                    yield piece[start : start + PIECE_BYTES]
    yield bytes(gathered)


async def _pieces(
    members: Iterable[Member] | AsyncIterable[Member],
) -> AsyncGenerator[bytes, None]:
    """Give the parts of the archive as they come, in pieces of any size."""
    names, directory, offset = ArchiveNames(), _Directory(), 0
    async with aclosing(_each(members)) as each:
        async for member in each:
            record = _record(member, names, offset)
            if record is None:
                continue
            header = record.header()
            yield header
            content = _Content(member, record.size)
            async with aclosing(content.pieces()) as pieces:
                async for piece in pieces:
                    yield piece
            descriptor = record.descriptor(content.crc32)
            yield descriptor
            directory.add(record.directory_entry(content.crc32))
            offset += len(header) + record.size + len(descriptor)
    for piece in directory.pieces():
        yield piece
    yield end_of_archive(offset, directory.size, directory.count)


async def _each(
    members: Iterable[Member] | AsyncIterable[Member],
) -> AsyncGenerator[Member, None]:
    """Give the members, whichever way they come."""
    if isinstance(members, AsyncIterable):
        async for member in members:
            yield member
    else:
        for member in members:
            yield member


def _record(member: Member, names: ArchiveNames, offset: int) -> Record | None:
    """Give what the archive says of a member; None for a folder that it has already."""
    path = names.folder_path(member.name) if member.is_folder else names.file_path(member.name)
    if path is None:
        return None
    return Record(
        path=path.encode(),
        size=0 if member.is_folder else member.size,
        crc32=0 if member.is_folder else member.crc32,
        modified_at=member.modified_at,
        is_folder=member.is_folder,
        offset=offset,
    )


class _Content:
    """The bytes of one member, checked while they pass."""

    def __init__(self, member: Member, size: int) -> None:
        self._member = member
        self._size = size
        self.crc32 = 0  # of what has passed

    async def pieces(self) -> AsyncGenerator[bytes, None]:
        """Give them; raise MemberChangedError if they are more, fewer or other than announced."""
        left = self._size
        if left:
            source = self._member.open()
            try:
                async for piece in source:
                    left -= len(piece)
                    if left < 0:
                        break
                    self.crc32 = zlib.crc32(piece, self.crc32)
                    yield piece
            finally:
                # At once, also when the client goes away: it holds a file open.
                if isinstance(source, AsyncGenerator):
                    await source.aclose()
        if left:
            raise MemberChangedError("a member is longer or shorter than its size")
        if self._member.crc32 not in {None, self.crc32} and not self._member.is_folder:
            raise MemberChangedError("a member has another CRC-32 than it had")


class _Directory:
    """The central directory, kept compressed until it is written: its entries are much alike."""

    def __init__(self) -> None:
        self.count = 0
        self.size = 0
        self._compressor = zlib.compressobj(level=1)
        self._chunks: list[bytes] = []

    def add(self, entry: bytes) -> None:
        """Append an entry."""
        self.count += 1
        self.size += len(entry)
        self._keep(self._compressor.compress(entry))

    def pieces(self) -> Iterator[bytes]:
        """Give the directory; nothing can be added after."""
        self._keep(self._compressor.flush())
        decompressor = zlib.decompressobj()
        for chunk in self._chunks:
            rest = chunk
            while rest:
                yield decompressor.decompress(rest, PIECE_BYTES)
                rest = decompressor.unconsumed_tail
        yield decompressor.flush()

    def _keep(self, chunk: bytes) -> None:
        """Keep what the compressor gave out, which mostly is nothing."""
        if chunk:
            self._chunks.append(chunk)
