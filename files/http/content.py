"""What the bytes of a file are sent with: conditions, headers, and the parts that were asked for.

Decided here alone, whether nginx sends the bytes afterwards or this process does.
"""

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from http import HTTPStatus
from typing import Final, Literal

from files.media_types import inline_type
from files.models import Blob, Entry, Version

from .conditional import (
    Conditions,
    Outcome,
    etag_of_version,
    evaluate,
    format_http_date,
    range_applies,
)
from .disposition import content_disposition
from .handler import Headers
from .ranges import ByteRange, content_range, parse_range, plan_multipart, unsatisfied_range

# Nothing that lies here may run, load or send anything, even when it is opened by itself. Chromium
# shows PDF files under it, by themselves and in a frame (tried with 156).
CONTENT_POLICY: Final = (
    "default-src 'none'; img-src 'self'; media-src 'self'; style-src 'unsafe-inline'; "
    "frame-ancestors 'self'; sandbox"
)
# Kept by the one browser alone, which asks each time whether it still may (304 if so).
CACHE_CONTROL: Final = "private, no-cache"
OCTETS: Final = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class Content:
    """One version of a file, as it is to be sent."""

    name: str
    version: Version
    blob: Blob
    modified_at: datetime
    is_attachment: bool

    @classmethod
    def of(cls, entry: Entry, version: Version, *, is_attachment: bool) -> "Content":
        """Describe a version of an entry; version.blob is loaded.

        The current version has the time that its file was modified at, which an upload can bring.
        """
        is_current = version.pk == entry.version_id
        modified_at = entry.modified_at if is_current else version.created_at
        return cls(entry.name, version, version.blob, modified_at, is_attachment)

    @property
    def etag(self) -> str:
        """Give the entity tag, the same through every protocol."""
        return etag_of_version(self.version.pk)


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, headers, and the body: bytes to write and stretches of the stored file, in order.

    accelerated holds the headers with which nginx may be told to send the file and to see to the
    ranges by itself; None where it would decide otherwise than is decided here.
    """

    status: int
    headers: Headers
    body: tuple[bytes | ByteRange, ...] = ()
    length: int = 0  # bytes of body
    accelerated: Headers | None = None

    @property
    def has_content(self) -> bool:
        """Tell whether the answer shows the content, or some of it."""
        return self.status in {HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT}


def answer(content: Content, method: str, headers: Mapping[str, str]) -> Answer:
    """Decide how to answer GET or HEAD for a content (RFC 9110, 13.2.2 and 14.2)."""
    conditions = Conditions.from_headers(headers)
    since = conditions.if_modified_since
    if since is not None and since != content.modified_at.replace(microsecond=0):
        # A newer version may bring an older time of its own, so only the very same time is fresh.
        conditions = replace(conditions, if_modified_since=None)
    outcome = evaluate(conditions, content.etag, content.modified_at, method)
    validators = _validators(content)
    if outcome is Outcome.NOT_MODIFIED:
        return Answer(304, validators)
    if outcome is Outcome.PRECONDITION_FAILED:
        return Answer(412, validators)
    return _ranged(content, method, headers, validators)


def _validators(content: Content) -> Headers:
    """Give the headers that a 304 must carry as well (RFC 9110, 15.4.5)."""
    return [
        (b"etag", content.etag.encode()),
        (b"last-modified", format_http_date(content.modified_at).encode()),
        (b"cache-control", CACHE_CONTROL.encode()),
        (b"vary", b"Cookie"),
        (b"content-security-policy", CONTENT_POLICY.encode()),
    ]


def _representation(content: Content) -> Headers:
    """Give the headers that describe the bytes, with a type that no browser runs."""
    shown_as = None if content.is_attachment else inline_type(content.blob.media_type)
    kind: Literal["inline", "attachment"] = "inline" if shown_as else "attachment"
    described = [
        (b"content-type", (shown_as or OCTETS).encode()),
        (b"content-disposition", content_disposition(kind, content.name).encode()),
        (b"accept-ranges", b"bytes"),
    ]
    if content.blob.sha256:  # RFC 9530, 3: of the whole file, whatever range is sent
        digest = b64encode(bytes.fromhex(content.blob.sha256))
        described.append((b"repr-digest", b"sha-256=:" + digest + b":"))
    return described


def _ranged(
    content: Content, method: str, headers: Mapping[str, str], validators: Headers
) -> Answer:
    """Choose what to send of a content: all of it, one stretch, or several."""
    size, described = content.blob.size, validators + _representation(content)
    asked = headers.get("range") if method == "GET" else None
    if asked and not range_applies(headers.get("if-range"), content.etag, content.modified_at):
        chosen, is_ignored = None, False
    else:
        chosen = parse_range(asked, size)
        is_ignored = bool(asked) and chosen is None
    # nginx answers 412 to these two by what it knows of the file, 416 to a range that cannot be
    # read, and 206 to HEAD.
    may_accelerate = not (
        is_ignored or method == "HEAD" or {"if-match", "if-unmodified-since"} & headers.keys()
    )
    accelerated = described if may_accelerate else None
    if chosen is None:
        whole = (ByteRange(0, size - 1),) if size else ()
        return Answer(200, described, whole, size, accelerated)
    if not chosen:
        return Answer(416, [*validators, _content_range(unsatisfied_range(size))])
    if len(chosen) == 1:
        told = [*described, _content_range(content_range(chosen[0], size))]
        return Answer(206, told, chosen, chosen[0].length, accelerated)
    parts = plan_multipart(chosen, size, dict(described)[b"content-type"].decode())
    told = [pair for pair in described if pair[0] != b"content-type"]
    told.append((b"content-type", parts.content_type.encode()))
    body = [piece for part in parts.parts for piece in (part.prefix, part.byte_range)]
    return Answer(206, told, (*body, parts.suffix), parts.content_length, accelerated)


def _content_range(value: str) -> tuple[bytes, bytes]:
    """Make the field that says which part of a content is sent."""
    return b"content-range", value.encode()
