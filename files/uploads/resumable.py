"""Resumable Uploads for HTTP (IETF, httpbis) as a face of the door for resumable uploads.

Spoken is draft-ietf-httpbis-resumable-upload-12, interop version 8, and the versions before it down
to 3, which differ in some headers; the request's Upload-Draft-Interop-Version tells, and without
one it is the newest. What is asked and answered is in docs/uploads.md.

Departed from where it would cost bytes or files:

- 104 (Upload Resumption Supported) is not sent: nginx takes it for the final answer.
- An announced length that a request contradicts by its head does not end the upload, only the
  request. A body that goes on behind the length ends both, as the draft says.
- Clients of interop versions up to 6 take an upload for done that has reached its length, though
  they said Upload-Complete: ?0 (tus-js-client does so with files and chunks), or say nothing with
  the last bytes: there the length tells, and ?1 without bytes may be said of what is complete.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any, Final

from django.conf import settings
from django.utils import timezone

from files.errors import (
    FilesError,
    LengthMismatchError,
    MalformedRequestError,
    MethodNotAllowedError,
    OffsetConflictError,
    UnsupportedTypeError,
    UploadCompleteError,
)
from files.http.digest_fields import content_check, stated_sha256
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
from files.http.stated import media_type_of
from files.http.structured_fields import parse_boolean, parse_size, write_boolean, write_dictionary
from files.http.writer import Append
from files.models import Upload
from files.operations.wanted import Wanted

from .errors import is_gone, problem
from .headers import entry_path, result_of
from .targets import target_of

PARTIAL: Final = "application/partial-upload"

_VERSION: Final = "upload-draft-interop-version"
MARKS: Final = (_VERSION, "upload-complete", "upload-incomplete")
_COLLECTION_METHODS: Final = ("POST", "PUT", "OPTIONS")
_UPLOAD_METHODS: Final = ("HEAD", "PATCH", "DELETE", "OPTIONS")
_TYPES: Final = "https://iana.org/assignments/http-problem-types#"


@dataclass(frozen=True, slots=True)
class Interop:
    """An interop version: in what the drafts of one differ from those of the others."""

    is_inverted: bool = False  # Upload-Incomplete is sent in the place of Upload-Complete
    needs_type: bool = True  # a part has a media type of its own
    lifetime: str = "max-age"  # the limit that says how long an upload lives; empty: no limits
    part_status: int = HTTPStatus.NO_CONTENT  # of a part that was taken and was not the last
    trusts_length: bool = False  # clients are about that go by the length, not by Upload-Complete
    # The last answer is that of the file, with its Location; before, all answers to one request had
    # the Location of the upload. And bytes for a complete upload contradict its length.
    is_result: bool = True

    def completeness(self, *, is_complete: bool) -> tuple[str, str]:
        """Write the header that says whether an upload is complete."""
        if self.is_inverted:
            return ("Upload-Incomplete", write_boolean(not is_complete))
        return ("Upload-Complete", write_boolean(is_complete))

    def read_completeness(self, headers: Mapping[str, str]) -> bool | None:
        """Read whether a request is the last of its upload; None if it does not say so."""
        if not self.is_inverted:
            return parse_boolean(headers.get("upload-complete"))
        is_incomplete = parse_boolean(headers.get("upload-incomplete"))
        return None if is_incomplete is None else not is_incomplete


_OLD: Final = Interop(
    needs_type=False, lifetime="", part_status=HTTPStatus.CREATED, trusts_length=True,
    is_result=False,
)  # fmt: skip
NEWEST: Final = Interop()
_VERSIONS: Final = {
    3: replace(_OLD, is_inverted=True),  # draft 01
    4: _OLD,  # 02
    5: _OLD,  # 03
    6: Interop(lifetime="expires", trusts_length=True, is_result=False),  # 04, 05
    7: Interop(is_result=False),  # 06 to 08
    8: NEWEST,  # 09 to 12
}


def interop_of(head: Head) -> Interop:
    """Give the version that a request speaks. Raises MalformedRequestError for one not spoken."""
    number = parse_size(head.headers.get(_VERSION))
    if number is None:
        return NEWEST
    if number not in _VERSIONS:
        raise MalformedRequestError(reason=_VERSION, spoken=list(_VERSIONS))
    return _VERSIONS[number]


class IetfFace:
    """What Resumable Uploads for HTTP says, as intents; and what comes of them, as it says."""

    def speaks(self, head: Head) -> bool:
        """Tell whether a request is of this protocol.

        A client of the coming standard sends nothing that tells, but with an upload's bytes; so all
        that may be asked of an upload is taken, unless it says that it is of another protocol.
        """
        if "tus-resumable" in head.headers:
            return False
        if any(name in head.headers for name in MARKS):
            return True
        if head.upload_id is None:
            return head.method == "OPTIONS"
        return head.method in _UPLOAD_METHODS

    def parse(self, head: Head) -> Intent:
        """Say what a request means."""
        interop = interop_of(head)
        methods = methods_of(head)
        if head.method not in methods:
            raise MethodNotAllowedError(allow=list(methods))
        if head.method == "OPTIONS":
            return Describe()
        if head.upload_id is None:
            return _creation(head, interop)
        if head.method == "HEAD":
            return Query(head.upload_id, length_tells=interop.trusts_length)
        if head.method == "DELETE":
            return Cancel(head.upload_id)
        if interop.needs_type and media_type_of(head.headers) != PARTIAL:
            raise UnsupportedTypeError(expected=PARTIAL)
        offset = parse_size(head.headers.get("upload-offset"))
        if offset is None:
            raise MalformedRequestError(reason="upload-offset")
        return Continue(head.upload_id, _append(head, interop, offset))

    def render(self, head: Head, intent: Intent, upload: Upload | None) -> Answer:
        """Answer a request that was done."""
        interop = interop_of(head)
        if upload is None:
            described = _description(head, interop) if isinstance(intent, Describe) else ()
            return Answer(HTTPStatus.NO_CONTENT, tuple(described))
        headers = [*_state(upload, interop), *limits_of(upload, interop)]
        if isinstance(intent, Query):
            headers.append(("Cache-Control", "no-store"))
            return Answer(HTTPStatus.NO_CONTENT, headers)
        is_begun = isinstance(intent, Create)
        if upload.is_finished and (interop.is_result or not is_begun):
            headers.append(("Location", entry_path(upload)))
        elif is_begun:
            headers.append(("Location", location_of(upload)))
        status = HTTPStatus.CREATED if is_begun or upload.is_finished else interop.part_status
        return Answer(status, headers)

    def render_error(self, head: Head, error: FilesError, upload: Upload | None) -> Answer:
        """Answer a request that was refused, as a problem (RFC 9457)."""
        try:
            interop = interop_of(head)
        except MalformedRequestError:
            interop = NEWEST
        headers = list(_explanation(head, error, interop))
        if upload is not None and not is_gone(error):
            headers.append(("Location", location_of(upload)))
        members = _problem_type(head, interop, error)
        return problem(error, status=_status(error), headers=headers, **members)


IETF: Final[ResumableFace] = IetfFace()


def methods_of(head: Head) -> tuple[str, ...]:
    """Give the methods of what a request is about."""
    return _COLLECTION_METHODS if head.upload_id is None else _UPLOAD_METHODS


def _creation(head: Head, interop: Interop) -> Create:
    """Say what a request to begin an upload means."""
    if (parse_size(head.headers.get("upload-offset")) or 0) > 0:
        raise MalformedRequestError(reason="upload-offset")
    target = target_of(head.query, head.headers)
    append = _append(head, interop, 0)
    length = append.whole_length
    wanted = Wanted(
        path=target.path,
        length=length,
        modified_at=target.modified_at,
        media_type=target.media_type,
        sha256=target.sha256,
        clash=target.clash,
    )
    # Nothing to append and nothing to finish: the upload is only begun.
    is_idle = head.size == 0 and not append.is_last and length != 0
    return Create(target.folder_id, wanted, None if is_idle else append)


def _append(head: Head, interop: Interop, offset: int) -> Append:
    """Read what a request says of the bytes it brings.

    Raises LengthMismatchError where it contradicts itself, and MalformedRequestError.
    """
    is_last = interop.read_completeness(head.headers)
    if is_last is None and not (interop.trusts_length and head.upload_id is not None):
        name = "upload-incomplete" if interop.is_inverted else "upload-complete"
        raise MalformedRequestError(reason=name)
    length = parse_size(head.headers.get("upload-length"))
    append = Append(
        offset=offset,
        size=head.size,
        length=length,
        is_last=is_last,
        checksum=content_check(head.headers),
        sha256=stated_sha256(head.headers),
    )
    until = append.until
    if (
        length is not None
        and until is not None
        and (until > length or (is_last and until < length))
    ):
        raise LengthMismatchError(length=length)
    if interop.trusts_length and (not is_last or head.size == 0):
        return replace(append, length=append.whole_length, is_last=None)
    return append


def _state(upload: Upload, interop: Interop) -> Iterator[tuple[str, str]]:
    """Write how far an upload is, and of a finished one what it has become."""
    yield ("Upload-Offset", str(upload.offset))
    yield interop.completeness(is_complete=upload.is_finished)
    if upload.length is not None:
        yield ("Upload-Length", str(upload.length))
    yield from result_of(upload)


def limits_of(upload: Upload | None, interop: Interop) -> Iterator[tuple[str, str]]:
    """Write the limits of an upload, or of one that would be begun now."""
    if not interop.lifetime:
        return
    seconds = settings.FILES_UPLOAD_EXPIRY_SECONDS
    if upload is not None:
        seconds = max(0, int((upload.expires_at - timezone.now()).total_seconds()))
    limits = {"max-size": settings.FILES_MAX_UPLOAD_SIZE, interop.lifetime: seconds}
    yield ("Upload-Limit", write_dictionary(limits))


def _description(head: Head, interop: Interop) -> Iterator[tuple[str, str]]:
    """Write what can be done here."""
    yield ("Allow", ", ".join(methods_of(head)))
    yield ("Accept-Patch", PARTIAL)
    yield from limits_of(None, interop)


def _status(error: FilesError) -> int:
    """Give the status of a refusal; 400 where the draft wants another than the error's own."""
    return HTTPStatus.BAD_REQUEST if isinstance(error, UploadCompleteError) else error.status


def _problem_type(head: Head, interop: Interop, error: FilesError) -> dict[str, Any]:
    """Give the type of a problem that the draft defines, with its members."""
    if isinstance(error, OffsetConflictError):
        offsets = {"expected-offset": error.data["offset"]}
        offsets["provided-offset"] = parse_size(head.headers.get("upload-offset"))
        return {"type": f"{_TYPES}mismatching-upload-offset", **offsets}
    if isinstance(error, UploadCompleteError):
        is_inconsistent = interop.is_result and head.size != 0
        name = "inconsistent-upload-length" if is_inconsistent else "completed-upload"
        return {"type": f"{_TYPES}{name}"}
    if isinstance(error, LengthMismatchError):
        return {"type": f"{_TYPES}inconsistent-upload-length"}
    return {}


def _explanation(head: Head, error: FilesError, interop: Interop) -> Iterator[tuple[str, str]]:
    """Write the headers that go with a refusal."""
    if head.method == "PATCH":
        is_complete = isinstance(error, UploadCompleteError)
        yield interop.completeness(is_complete=is_complete)
    if isinstance(error, OffsetConflictError):
        yield ("Upload-Offset", str(error.data["offset"]))
    elif isinstance(error, MethodNotAllowedError):
        yield ("Allow", ", ".join(methods_of(head)))
    elif isinstance(error, UnsupportedTypeError):
        yield ("Accept-Patch", PARTIAL)
    elif error.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        yield from limits_of(None, interop)
