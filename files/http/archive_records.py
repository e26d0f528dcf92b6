"""What a ZIP archive says about its members and its end (PKWARE APPNOTE 6.3.10, 4.3)."""

import struct
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

_HEADER = struct.Struct("<4s5H3I2H")  # 4.3.7, local file header
_DESCRIPTOR = struct.Struct("<4s3I")  # 4.3.9
_DESCRIPTOR_64 = struct.Struct("<4sI2Q")
_ENTRY = struct.Struct("<4s6H3I5H2I")  # 4.3.12, central directory header
_END_64 = struct.Struct("<4sQ2H2I4Q")  # 4.3.14
_LOCATOR_64 = struct.Struct("<4sIQI")  # 4.3.15
_END = struct.Struct("<4s4H2IH")  # 4.3.16

# A figure that says "see the ZIP64 field" in 16 and in 32 bits.
_MAX_16: Final = 0xFFFF
_MAX_32: Final = 0xFFFFFFFF

_MADE_BY: Final = 3 << 8 | 45  # Unix, so that the modes count; version 4.5
_NEEDS: Final = 20
_NEEDS_64: Final = 45
_UTF_8: Final = 1 << 11
_HAS_DESCRIPTOR: Final = 1 << 3
_STORED: Final = 0
_FILE_MODE: Final = 0o100644 << 16
_FOLDER_MODE: Final = 0o040755 << 16 | 0x10  # and the folder bit of DOS


@dataclass(frozen=True, slots=True)
class Record:
    """A member, as its header, its descriptor and its entry in the directory tell of it.

    offset is where the header begins. Without a crc32 a descriptor behind the content brings it.
    """

    path: bytes
    size: int
    crc32: int | None
    modified_at: datetime
    is_folder: bool
    offset: int

    def header(self) -> bytes:
        """Write what stands before the content."""
        # Sizes in front of a descriptor are left open too (4.4.4, bit 3).
        size = 0 if self.crc32 is None else self.size
        extra = _timestamp(self.modified_at)
        if self._is_large:
            extra = _zip64(size, size) + extra
            size = _MAX_32
        fields = (*self._common(is_64=self._is_large), self.crc32 or 0, size, size)
        return _HEADER.pack(b"PK\3\4", *fields, len(self.path), len(extra)) + self.path + extra

    def descriptor(self, crc32: int) -> bytes:
        """Write what stands behind the content; nothing if the header said it all."""
        if self.crc32 is not None:
            return b""
        form = _DESCRIPTOR_64 if self._is_large else _DESCRIPTOR
        return form.pack(b"PK\7\x08", crc32, self.size, self.size)

    def directory_entry(self, crc32: int) -> bytes:
        """Write what stands in the central directory."""
        large = [self.size, self.size] if self._is_large else []
        if self.offset >= _MAX_32:
            large.append(self.offset)
        extra = (_zip64(*large) if large else b"") + _timestamp(self.modified_at)
        size = min(self.size, _MAX_32)
        fixed = _ENTRY.pack(
            b"PK\1\2",
            _MADE_BY,
            *self._common(is_64=bool(large)),
            crc32,
            size,
            size,
            len(self.path),
            len(extra),
            0,  # no comment
            0,  # the first disk
            0,
            _FOLDER_MODE if self.is_folder else _FILE_MODE,
            min(self.offset, _MAX_32),
        )
        return fixed + self.path + extra

    @property
    def _is_large(self) -> bool:
        return self.size >= _MAX_32

    def _common(self, *, is_64: bool) -> tuple[int, int, int, int, int]:
        """Give the five figures that header and directory entry share."""
        flags = _UTF_8 | (_HAS_DESCRIPTOR if self.crc32 is None else 0)
        return _NEEDS_64 if is_64 else _NEEDS, flags, _STORED, *_dos_time(self.modified_at)


def end_of_archive(offset: int, size: int, count: int) -> bytes:
    """Write what stands behind the directory, which begins at offset, of that size and count."""
    end = _END.pack(
        b"PK\5\6",
        0,
        0,
        min(count, _MAX_16),
        min(count, _MAX_16),
        min(size, _MAX_32),
        min(offset, _MAX_32),
        0,
    )
    if count < _MAX_16 and size < _MAX_32 and offset < _MAX_32:
        return end
    figures = (count, count, size, offset)
    end_64 = _END_64.pack(b"PK\6\6", _END_64.size - 12, _MADE_BY, _NEEDS_64, 0, 0, *figures)
    return end_64 + _LOCATOR_64.pack(b"PK\6\7", 0, offset + size, 1) + end


def _zip64(*figures: int) -> bytes:
    """Write the extra field for figures beyond 32 bits (4.5.3)."""
    return struct.pack(f"<2H{len(figures)}Q", 1, 8 * len(figures), *figures)


def _timestamp(moment: datetime) -> bytes:
    """Write the extra field "UT" of Info-ZIP: the second of the change, where 32 bits hold it."""
    seconds = int(moment.timestamp())
    if not -(2**31) <= seconds < 2**31:
        return b""
    return struct.pack("<2sHBi", b"UT", 5, 1, seconds)


def _dos_time(moment: datetime) -> tuple[int, int]:
    """Give a time as MS-DOS does, in steps of two seconds from 1980 to 2107 (4.4.6)."""
    at = moment.astimezone(UTC).replace(tzinfo=None)
    at = min(max(at, datetime(1980, 1, 1)), datetime(2107, 12, 31, 23, 59, 59))  # noqa: DTZ001
    time = at.hour << 11 | at.minute << 5 | at.second // 2
    return time, (at.year - 1980) << 9 | at.month << 5 | at.day
