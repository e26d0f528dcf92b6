"""tus 1.0.0 as a face of the door for resumable uploads.

Spoken are the core and the extensions creation, creation-with-upload, creation-defer-length,
checksum, expiration and termination. Concatenation is not: it would mean a copy at the end.
"""

import hashlib
import hmac
import json
import zlib
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import replace
from email.utils import format_datetime
from http import HTTPStatus
from typing import Final, Protocol
from urllib.parse import parse_qs

from django.conf import settings
from django.urls import reverse

from files.errors import (
    BodyTooLargeError,
    DigestMismatchError,
    FilesError,
    LengthMismatchError,
    MalformedRequestError,
    MethodNotAllowedError,
    OffsetConflictError,
    UnsupportedTypeError,
    UploadCompleteError,
    VersionNotSpokenError,
)
from files.http.resumable import (
    Answer,
    Cancel,
    Continue,
    Create,
    Describe,
    Head,
    Intent,
    Query,
    ResumableFace,
    location_of,
)
from files.http.writer import Append
from files.models import Upload
from files.operations.uploads import Wanted

from .digest_fields import repr_digest
from .metadata import MAX_SIZE, metadata_of, parse_metadata
from .resumable import IETF
from .structured_fields import parse_size

VERSION: Final = "1.0.0"
EXTENSIONS: Final = (
    "creation,creation-with-upload,creation-defer-length,checksum,expiration,termination"
)
ALGORITHMS: Final = ("sha1", "sha256", "crc32")
PART: Final = "application/offset+octet-stream"
CHECKSUM_MISMATCH: Final = 460  # tus 1.0, Checksum

_COLLECTION_METHODS: Final = ("POST", "OPTIONS")
_UPLOAD_METHODS: Final = ("HEAD", "PATCH", "DELETE", "OPTIONS")


class _Hash(Protocol):
    """What a digest is taken with."""

    def update(self, piece: bytes, /) -> object:
        """Take in the next bytes."""

    def digest(self) -> bytes:
        """Give the digest."""


class _Crc32:
    """CRC-32 in the manner of hashlib: four bytes, the highest first."""

    def __init__(self) -> None:
        self._value = 0

    def update(self, piece: bytes, /) -> None:
        """Take in the next bytes."""
        self._value = zlib.crc32(piece, self._value)

    def digest(self) -> bytes:
        """Give the digest."""
        return self._value.to_bytes(4)


class ChunkChecksum:
    """The digest of the bytes of one request, as Upload-Checksum states it."""

    def __init__(self, algorithm: str, stated: bytes) -> None:
        self._algorithm, self._stated = algorithm, stated
        self._hash: _Hash = (
            _Crc32() if algorithm == "crc32" else hashlib.new(algorithm, usedforsecurity=False)
        )

    def update(self, piece: bytes, /) -> None:
        """Take in the next bytes."""
        self._hash.update(piece)

    def require_match(self) -> None:
        """Raise DigestMismatchError if the bytes are not those that were stated."""
        if not hmac.compare_digest(self._hash.digest(), self._stated):
            raise DigestMismatchError(algorithm=self._algorithm, of="content")


class TusFace:
    """What tus says, as intents; and what comes of them, as tus says it."""

    def speaks(self, head: Head) -> bool:
        """Tell whether a request is of this protocol; of OPTIONS, whatever is not of another."""
        if "tus-resumable" in head.headers:
            return True
        return head.method == "OPTIONS" and "upload-draft-interop-version" not in head.headers

    def parse(self, head: Head) -> Intent:
        """Say what a request means."""
        head = replace(head, method=_method(head))
        methods = _methods(head)
        if head.method not in methods:
            raise MethodNotAllowedError(allow=list(methods))
        if head.method == "OPTIONS":
            return Describe()
        if head.headers.get("tus-resumable") != VERSION:
            raise VersionNotSpokenError(spoken=[VERSION])
        if head.upload_id is None:
            return _creation(head)
        if head.method == "HEAD":
            return Query(head.upload_id)
        if head.method == "DELETE":
            return Cancel(head.upload_id)
        return Continue(head.upload_id, _append(head))

    def render(
        self,
        head: Head,
        intent: Intent,
        upload: Upload | None,
    ) -> Answer:
        """Answer a request that was done."""
        if isinstance(intent, Describe):
            # Who asks may be of either protocol: nothing tells yet.
            others = IETF.render(head, intent, upload).headers
            return Answer(HTTPStatus.NO_CONTENT, (*_version(), *_description(), *others))
        headers = [*_version(), ("Cache-Control", "no-store")]
        if upload is None:
            return Answer(HTTPStatus.NO_CONTENT, headers)
        headers += _state(upload, is_asked=isinstance(intent, Query))
        if isinstance(intent, Query):
            return Answer(HTTPStatus.OK, headers)
        if isinstance(intent, Create):
            return Answer(HTTPStatus.CREATED, [*headers, ("Location", location_of(upload))])
        return Answer(HTTPStatus.NO_CONTENT, headers)

    def render_error(self, head: Head, error: FilesError, upload: Upload | None) -> Answer:
        """Answer a request that was refused: a status of tus, and a problem (RFC 9457)."""
        status = _status(error)
        headers = [*_version(), ("Content-Type", "application/problem+json")]
        headers.append(("Cache-Control", "no-store"))
        if isinstance(error, VersionNotSpokenError):
            headers.append(("Tus-Version", VERSION))
        elif isinstance(error, OffsetConflictError):
            headers.append(("Upload-Offset", str(error.data["offset"])))
        elif isinstance(error, MethodNotAllowedError):
            headers.append(("Allow", ", ".join(_methods(head))))
        elif status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
            headers.append(("Tus-Max-Size", str(settings.FILES_MAX_UPLOAD_SIZE)))
        if upload is not None and not isinstance(error, LengthMismatchError):
            headers.append(("Location", location_of(upload)))
        problem = {"title": str(error), "status": status, "code": error.code, **error.data}
        return Answer(status, headers, json.dumps(problem).encode())


TUS: Final[ResumableFace] = TusFace()


def _method(head: Head) -> str:
    """Give the method, or that which a client asks for that cannot send it (tus 1.0, Core)."""
    override = head.headers.get("x-http-method-override")
    return override.strip().upper() if override and head.method == "POST" else head.method


def _methods(head: Head) -> tuple[str, ...]:
    """Give the methods of what a request is about."""
    return _COLLECTION_METHODS if head.upload_id is None else _UPLOAD_METHODS


def _creation(head: Head) -> Create:
    """Say what a request to begin an upload means."""
    text = head.headers.get("upload-metadata", "")
    metadata = metadata_of(parse_metadata(text))
    folder_id = metadata.folder_id if metadata.folder_id is not None else _folder_of(head.query)
    if "upload-concat" in head.headers:
        raise MalformedRequestError(reason="upload-concat")
    length = _length(head)
    wanted = Wanted(
        path=metadata.path,
        length=length,
        modified_at=metadata.modified_at,
        media_type=metadata.media_type,
        sha256=metadata.sha256,
        clash=metadata.clash,
        metadata=text[:MAX_SIZE],
    )
    if head.size == 0:
        return Create(folder_id, wanted)
    _require_part(head)
    append = Append(0, head.size, checksum=_checksum(head))
    if length is not None and head.size is not None and head.size > length:
        raise BodyTooLargeError(limit=length)
    return Create(folder_id, wanted, append)


def _folder_of(query: str) -> int:
    """Give the folder that the address names, where the metadata names none."""
    try:
        (folder,) = parse_qs(query, max_num_fields=20).get("folder", [""])
        if not folder.isascii() or not folder.isdigit() or len(folder) > 18:  # noqa: PLR2004 - a column
            raise ValueError(folder)
        return int(folder)
    except ValueError:
        raise MalformedRequestError(reason="folder") from None


def _length(head: Head) -> int | None:
    """Give the length of an upload that is begun; None if it is deferred."""
    stated, deferred = head.headers.get("upload-length"), head.headers.get("upload-defer-length")
    if deferred is not None:
        if deferred != "1" or stated is not None:
            raise MalformedRequestError(reason="upload-defer-length")
        return None
    return _number(stated, "upload-length")


def _number(text: str | None, name: str) -> int:
    """Read a size. Raises MalformedRequestError, also where there is none."""
    number = parse_size(text)
    if number is None:
        raise MalformedRequestError(reason=name)
    return number


def _append(head: Head) -> Append:
    """Read what a PATCH brings."""
    _require_part(head)
    offset = _number(head.headers.get("upload-offset"), "upload-offset")
    length = None
    if "upload-length" in head.headers:
        length = _number(head.headers["upload-length"], "upload-length")
    return Append(offset, head.size, length=length, checksum=_checksum(head))


def _require_part(head: Head) -> None:
    """Raise UnsupportedTypeError for a body that does not say that it is a part."""
    content_type = head.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type != PART:
        raise UnsupportedTypeError(expected=PART)


def _checksum(head: Head) -> ChunkChecksum | None:
    """Give what checks the body, if it states a checksum (tus 1.0, Checksum)."""
    text = head.headers.get("upload-checksum")
    if text is None:
        return None
    algorithm, _space, value = text.strip().partition(" ")
    if algorithm not in ALGORITHMS:
        raise MalformedRequestError(reason="upload-checksum", spoken=list(ALGORITHMS))
    try:
        return ChunkChecksum(algorithm, b64decode(value.strip(), validate=True))
    except ValueError:
        raise MalformedRequestError(reason="upload-checksum") from None


def _version() -> Iterator[tuple[str, str]]:
    """Write the version, which stands on every answer."""
    yield ("Tus-Resumable", VERSION)


def _description() -> Iterator[tuple[str, str]]:
    """Write what the server can do."""
    yield ("Tus-Version", VERSION)
    yield ("Tus-Extension", EXTENSIONS)
    yield ("Tus-Max-Size", str(settings.FILES_MAX_UPLOAD_SIZE))
    yield ("Tus-Checksum-Algorithm", ",".join(ALGORITHMS))


def _state(upload: Upload, *, is_asked: bool) -> Iterator[tuple[str, str]]:
    """Write how far an upload is, and of a finished one what it has become."""
    yield ("Upload-Offset", str(upload.offset))
    if is_asked:
        if upload.length is None:
            yield ("Upload-Defer-Length", "1")
        else:
            yield ("Upload-Length", str(upload.length))
        if upload.metadata:
            yield ("Upload-Metadata", upload.metadata)
    if not upload.is_finished:
        yield ("Upload-Expires", format_datetime(upload.expires_at, usegmt=True))
        return
    yield ("Upload-Entry", reverse("web:entry", args=[upload.entry_id]))
    if upload.sha256:
        yield ("Repr-Digest", repr_digest(upload.sha256))


def _status(error: FilesError) -> int:
    """Give the status of a refusal."""
    if isinstance(error, DigestMismatchError):
        return CHECKSUM_MISMATCH
    if isinstance(error, LengthMismatchError):
        return HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    if isinstance(error, UploadCompleteError):
        return HTTPStatus.CONFLICT
    return error.status
