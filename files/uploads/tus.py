"""tus 1.0.0 as a face of the door for resumable uploads (tus.io/protocols/resumable-upload).

Spoken are the core and the extensions in EXTENSIONS. Concatenation is not: an upload that is made
of others would have to be copied at its end. What is asked and answered is in docs/tus.md.

Departed from for safety: X-HTTP-Method-Override counts on a POST only, since the guard has judged
the request by the method that it came with.
"""

from collections.abc import Iterator
from dataclasses import replace
from http import HTTPStatus
from typing import Final

from django.conf import settings

from files.errors import (
    FilesError,
    FileTooLargeError,
    MalformedRequestError,
    MethodNotAllowedError,
    OffsetConflictError,
    UnsupportedTypeError,
    UnsupportedVersionError,
    UploadBusyError,
    UploadCompleteError,
)
from files.http.heads import Answer, Head
from files.http.resumable import (
    Cancel,
    Continue,
    Create,
    Describe,
    Intent,
    Query,
    ResumableFace,
    location_of,
)
from files.http.stated import media_type_of, require_unpacked
from files.http.writer import Append
from files.models import Upload

from .checksums import ALGORITHMS, parse_checksum
from .errors import is_gone, is_of_content, problem
from .headers import http_date, read_size, result_of
from .metadata import folder_of, parse_metadata, wanted_of, write_metadata
from .resumable import MARKS, NEWEST, PARTIAL, limits_of, methods_of
from .targets import query_fields

VERSION: Final = "1.0.0"
EXTENSIONS: Final = (
    "creation", "creation-with-upload", "creation-defer-length", "checksum", "expiration",
    "termination",
)  # fmt: skip
OFFSET_TYPE: Final = "application/offset+octet-stream"
CHECKSUM_MISMATCH: Final = 460  # tus 1.0, Checksum

_RESUMABLE: Final = ("Tus-Resumable", VERSION)
_COLLECTION_METHODS: Final = ("POST", "OPTIONS")
_UPLOAD_METHODS: Final = ("HEAD", "PATCH", "DELETE", "OPTIONS")
# Headers that no other protocol has: who sends one speaks tus, be it without saying the version.
_MARKS: Final = ("upload-metadata", "upload-defer-length", "upload-checksum", "upload-concat")


class TusFace:
    """What tus says, as intents; and what comes of them, as tus says it."""

    def speaks(self, head: Head) -> bool:
        """Tell whether a request is of this protocol; a bare OPTIONS is answered for all."""
        if "tus-resumable" in head.headers:
            return True
        if any(name in head.headers for name in MARKS):
            return False
        return (
            method_of(head) == "OPTIONS"
            or any(name in head.headers for name in _MARKS)
            or media_type_of(head.headers) == OFFSET_TYPE
        )

    def parse(self, head: Head) -> Intent:
        """Say what a request means."""
        method, methods = method_of(head), _methods(head)
        if method == "OPTIONS":
            return Describe()
        if head.headers.get("tus-resumable") != VERSION:
            raise UnsupportedVersionError(spoken=[VERSION])
        if method not in methods:
            raise MethodNotAllowedError(allow=list(methods))
        if head.upload_id is None:
            return _creation(head)
        if method == "HEAD":
            return Query(head.upload_id)
        if method == "DELETE":
            return Cancel(head.upload_id)
        _require_type(head)
        offset = read_size(head.headers, "upload-offset")
        if offset is None:
            raise MalformedRequestError(reason="upload-offset")
        return Continue(head.upload_id, _append(head, offset))

    def render(self, head: Head, intent: Intent, upload: Upload | None) -> Answer:
        """Answer a request that was done."""
        if isinstance(intent, Describe):
            return Answer(HTTPStatus.NO_CONTENT, list(_description(head)))
        if upload is None:
            return Answer(HTTPStatus.NO_CONTENT, [_RESUMABLE])
        headers = [_RESUMABLE, ("Upload-Offset", str(upload.offset)), *_expiry(upload)]
        headers += result_of(upload)
        if isinstance(intent, Query):
            headers += [
                *_length(upload),
                ("Upload-Metadata", upload.metadata or write_metadata(upload)),
            ]
            return Answer(HTTPStatus.OK, [*headers, ("Cache-Control", "no-store")])
        if isinstance(intent, Create):
            return Answer(HTTPStatus.CREATED, [*headers, ("Location", location_of(upload))])
        return Answer(HTTPStatus.NO_CONTENT, headers)

    def render_error(self, head: Head, error: FilesError, upload: Upload | None) -> Answer:
        """Answer a request that was refused; an upload that was begun by it is told."""
        status = CHECKSUM_MISMATCH if is_of_content(error) else None
        headers = [_RESUMABLE, *_explanation(head, error)]
        if upload is not None and not is_gone(error):
            headers.append(("Location", location_of(upload)))
        return problem(error, status=status, headers=headers)


TUS: Final[ResumableFace] = TusFace()


def method_of(head: Head) -> str:
    """Give the method that is meant (tus 1.0, X-HTTP-Method-Override)."""
    if head.method != "POST":
        return head.method
    return head.headers.get("x-http-method-override", "POST").upper()


def _methods(head: Head) -> tuple[str, ...]:
    """Give the methods of what a request is about."""
    return _COLLECTION_METHODS if head.upload_id is None else _UPLOAD_METHODS


def _require_type(head: Head) -> None:
    """Make sure that a body is what tus sends. Raises UnsupportedTypeError."""
    require_unpacked(head.headers)
    if media_type_of(head.headers) != OFFSET_TYPE:
        raise UnsupportedTypeError(expected=OFFSET_TYPE)


def _creation(head: Head) -> Create:
    """Say what a request to begin an upload means."""
    if "upload-concat" in head.headers:
        raise MalformedRequestError(reason="upload-concat", spoken=list(EXTENSIONS))
    length, deferred = read_size(head.headers, "upload-length"), "upload-defer-length"
    if head.headers.get(deferred, "1") != "1" or (length is None) != (deferred in head.headers):
        raise MalformedRequestError(
            reason=deferred if deferred in head.headers else "upload-length"
        )
    stated = head.headers.get("upload-metadata", "")
    metadata = parse_metadata(stated)
    query = query_fields(head.query)
    append = None
    if head.size != 0:
        _require_type(head)
        append = _append(head, 0)
    folder_id = folder_of(metadata, query.get("folder"))
    return Create(folder_id, replace(wanted_of(metadata, length), metadata=stated), append)


def _append(head: Head, offset: int) -> Append:
    """Read what a request says of the bytes it brings."""
    checksum = head.headers.get("upload-checksum")
    return Append(
        offset=offset,
        size=head.size,
        length=read_size(head.headers, "upload-length"),
        checksum=parse_checksum(checksum) if checksum is not None else None,
    )


def _description(head: Head) -> Iterator[tuple[str, str]]:
    """Write what the server can do, by this protocol and by the others on the same resources."""
    yield _RESUMABLE
    yield ("Tus-Version", VERSION)
    yield ("Tus-Extension", ",".join(EXTENSIONS))
    yield ("Tus-Max-Size", str(settings.FILES_MAX_UPLOAD_SIZE))
    yield ("Tus-Checksum-Algorithm", ",".join(ALGORITHMS))
    yield ("Allow", ", ".join(methods_of(head)))
    yield ("Accept-Patch", f"{OFFSET_TYPE}, {PARTIAL}")
    yield from limits_of(None, NEWEST)


def _length(upload: Upload) -> Iterator[tuple[str, str]]:
    """Write how long an upload is, or that this is still to be said."""
    if upload.length is None:
        yield ("Upload-Defer-Length", "1")
    else:
        yield ("Upload-Length", str(upload.length))


def _expiry(upload: Upload) -> Iterator[tuple[str, str]]:
    """Write until when an upload can be gone on with."""
    if not upload.is_finished:
        yield ("Upload-Expires", http_date(upload.expires_at))


def _explanation(head: Head, error: FilesError) -> Iterator[tuple[str, str]]:
    """Write the headers that go with a refusal."""
    match error:
        case UnsupportedVersionError():
            yield ("Tus-Version", VERSION)
        case OffsetConflictError():
            yield ("Upload-Offset", str(error.data["offset"]))
        case UploadCompleteError():
            yield ("Upload-Offset", str(error.data["length"]))
        case MethodNotAllowedError():
            yield ("Allow", ", ".join(_methods(head)))
        case UnsupportedTypeError():
            yield ("Accept-Patch", OFFSET_TYPE)
        case FileTooLargeError():
            yield ("Tus-Max-Size", str(settings.FILES_MAX_UPLOAD_SIZE))
        case UploadBusyError():
            yield ("Retry-After", "1")
        case _:
            pass
