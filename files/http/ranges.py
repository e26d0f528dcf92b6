"""Byte ranges (RFC 9110, 14) and the multipart answer to several of them."""

import re
import secrets
from dataclasses import dataclass
from typing import Final

MAX_RANGES: Final = 16  # of one request; video players and PDF viewers ask for a few at most

_BYTES = re.compile(r"[ \t]*bytes[ \t]*=(.*)", re.IGNORECASE)
_SPEC = re.compile(r"(?P<first>[0-9]+)-(?P<last>[0-9]*)|-(?P<suffix>[0-9]+)")
_DIGITS: Final = 19  # more than any file's size has


@dataclass(frozen=True, slots=True)
class ByteRange:
    """A stretch of a content: positions of its first and its last byte, both in it."""

    first: int
    last: int

    @property
    def length(self) -> int:
        """Count the bytes in it."""
        return self.last - self.first + 1


@dataclass(frozen=True, slots=True)
class Part:
    """One piece of a multipart answer: bytes to write, then the stretch of the content."""

    prefix: bytes
    byte_range: ByteRange


@dataclass(frozen=True, slots=True)
class Multipart:
    """A multipart/byteranges body (RFC 9110, 14.6), planned: parts in order, then suffix."""

    content_type: str
    content_length: int
    parts: tuple[Part, ...]
    suffix: bytes


def parse_range(value: str | None, size: int) -> tuple[ByteRange, ...] | None:
    """Read a Range field for a content of that size; only for GET (RFC 9110, 14.2).

    None: there is no range to keep to, send everything. That is so without the field, for another
    unit or what cannot be read, for an empty content, and for what only costs: more than
    MAX_RANGES, or several that together are longer than the content, as in nginx. Empty: none can
    be satisfied, answer 416 with unsatisfied_range. Else the ranges that can be, in the order asked
    for, cut to the size.
    """
    found = _BYTES.fullmatch(value or "")
    if not found or size == 0:
        return None
    # Empty elements of a list are no fault (5.6.1.2), but there must be something.
    elements = [spec for element in found[1].split(",") if (spec := element.strip(" \t"))]
    specs = [match for element in elements if (match := _SPEC.fullmatch(element))]
    if not 0 < len(elements) <= MAX_RANGES or len(specs) < len(elements):
        return None
    if any(_is_backwards(spec) for spec in specs):
        return None
    ranges = tuple(r for spec in specs if (r := _resolve(spec, size)))
    if len(ranges) > 1 and sum(r.length for r in ranges) > size:
        return None
    return ranges


def _is_backwards(spec: re.Match[str]) -> bool:
    """Tell whether a range ends before it begins, which makes the field invalid (14.1.1)."""
    return bool(spec["last"]) and _number(spec["last"]) < _number(spec["first"])


def _resolve(spec: re.Match[str], size: int) -> ByteRange | None:
    """Cut a range to the content; None if it cannot be satisfied (14.1.2)."""
    if spec["suffix"]:
        first, last = size - min(_number(spec["suffix"]), size), size - 1
    else:
        first = _number(spec["first"])
        last = min(_number(spec["last"]), size - 1) if spec["last"] else size - 1
    return ByteRange(first, last) if first <= last else None


def _number(digits: str) -> int:
    """Read a position, which may have any number of digits; Python refuses to read many."""
    digits = digits.lstrip("0")
    return int(digits or "0") if len(digits) <= _DIGITS else 10**_DIGITS


def content_range(byte_range: ByteRange, size: int) -> str:
    """Write the Content-Range of a part of a content of that size (14.4)."""
    return f"bytes {byte_range.first}-{byte_range.last}/{size}"


def unsatisfied_range(size: int) -> str:
    """Write the Content-Range of a 416 answer (14.4)."""
    return f"bytes */{size}"


def plan_multipart(
    ranges: tuple[ByteRange, ...], size: int, content_type: str, boundary: str | None = None
) -> Multipart:
    """Plan the body for several ranges of a content, so that it can be sent with its length.

    content_type is that of the content and may hold no line break. The boundary is random, because
    one that can be foreseen could be put into a file.
    """
    boundary = boundary or secrets.token_hex(20)
    parts = tuple(
        Part(
            f"{'' if at == 0 else '\r\n'}--{boundary}\r\nContent-Type: {content_type}\r\n"
            f"Content-Range: {content_range(byte_range, size)}\r\n\r\n".encode("latin-1"),
            byte_range,
        )
        for at, byte_range in enumerate(ranges)
    )
    suffix = f"\r\n--{boundary}--\r\n".encode()
    return Multipart(
        content_type=f"multipart/byteranges; boundary={boundary}",
        content_length=len(suffix) + sum(len(p.prefix) + p.byte_range.length for p in parts),
        parts=parts,
        suffix=suffix,
    )
