"""Errors as WebDAV has them: a status, and a body with the condition that failed (RFC 4918, 16)."""

from http import HTTPStatus
from typing import Final

from files import errors
from files.dav_errors import DepthRefusedError, LockedError, LockNotFoundError, ReportRefusedError
from files.errors import FilesError
from files.http.credentials import Scheme, challenges
from files.http.heads import Answer, Head

from .xml import CONTENT_TYPE, DAV, DECLARATION, escape

_MAKING: Final = frozenset({"PUT", "MKCOL", "LOCK", "COPY", "MOVE"})
SCHEMES: Final = Scheme.BASIC | Scheme.BEARER  # by which one signs in; cookies are for pages

# Where the standard's status is another than the error's own.
_STATUSES: Final[dict[type[FilesError], HTTPStatus]] = {
    errors.MoveIntoSelfError: HTTPStatus.FORBIDDEN,
    errors.RootFolderError: HTTPStatus.FORBIDDEN,
    errors.InvalidValueError: HTTPStatus.BAD_REQUEST,
}

_TOO_MANY: Final = "number-of-matches-within-limits"

# By method as well.
_BY_METHOD: Final[dict[tuple[type[FilesError], str], HTTPStatus]] = {
    (errors.EntryExistsError, "MKCOL"): HTTPStatus.METHOD_NOT_ALLOWED,
    (errors.EntryExistsError, "COPY"): HTTPStatus.PRECONDITION_FAILED,
    (errors.EntryExistsError, "MOVE"): HTTPStatus.PRECONDITION_FAILED,
    (errors.NotAFileError, "PUT"): HTTPStatus.METHOD_NOT_ALLOWED,
    (LockNotFoundError, "UNLOCK"): HTTPStatus.CONFLICT,
    (errors.EntryNotFoundError, "PUT"): HTTPStatus.CONFLICT,
    (errors.EntryNotFoundError, "MKCOL"): HTTPStatus.CONFLICT,
}

_CONDITIONS: Final[dict[type[FilesError], str]] = {
    DepthRefusedError: "<D:propfind-finite-depth/>",
    errors.QuotaExceededError: "<D:quota-not-exceeded/>",
    errors.DiskFullError: "<D:sufficient-disk-space/>",
}


def status_of(error: FilesError, head: Head) -> HTTPStatus:
    """Give the status that tells of an error, as WebDAV and the method have it."""
    if isinstance(error, errors.InvalidNameError):
        # Nothing can have such a name; who wants to make it is told so.
        is_making = head.method in _MAKING
        return HTTPStatus.BAD_REQUEST if is_making else HTTPStatus.NOT_FOUND
    if isinstance(error, ReportRefusedError) and error.data["condition"] == _TOO_MANY:
        return HTTPStatus.INSUFFICIENT_STORAGE  # RFC 6578, 3.7
    if isinstance(error, errors.TooDeepError) and head.method not in _MAKING:
        return HTTPStatus.NOT_FOUND  # nothing lies there either
    by_method = _BY_METHOD.get((type(error), head.method))
    return by_method or _STATUSES.get(type(error), HTTPStatus(error.status))


def _condition_of(error: FilesError, head: Head) -> str:
    """Write the condition that failed, where the standard names one."""
    if isinstance(error, ReportRefusedError):
        return f"<D:{error.data['condition']}/>"
    if isinstance(error, LockedError):
        name = "no-conflicting-lock" if head.method == "LOCK" else "lock-token-submitted"
        return f"<D:{name}><D:href>{escape(head.target)}</D:href></D:{name}>"
    return _CONDITIONS.get(type(error), "")


def render_error(head: Head, error: FilesError, condition: str = "") -> Answer:
    """Render an error: the standard's condition if it has one, the code, a line for people."""
    status = status_of(error, head)
    told = condition or _condition_of(error, head)
    body = (
        f'{DECLARATION}<D:error xmlns:D="{DAV}" xmlns:s="urn:strongroom:errors">{told}'
        f"<s:code>{escape(error.code)}</s:code><s:message>{escape(str(error))}</s:message>"
        "</D:error>\n"
    )
    headers = [("Content-Type", CONTENT_TYPE), *challenges(error, SCHEMES)]
    if isinstance(error, errors.MethodNotAllowedError):
        headers.append(("Allow", ", ".join(error.data["allow"])))
    return Answer(status, headers, body.encode())
