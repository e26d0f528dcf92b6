"""Errors as problem documents (RFC 9457), the same form for whatever went wrong."""

import json
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from ninja.errors import AuthenticationError, HttpError, ValidationError

from files.errors import (
    FilesError,
    FilesRefusedError,
    InvalidValueError,
    MalformedRequestError,
    MethodNotAllowedError,
    SignInRequiredError,
)
from files.http.credentials import challenges
from files.http.heads import Answer
from files.protocol_errors import TooManyRequestsError

PROBLEM: Final = "application/problem+json"
_NAMED: Final = 20  # faults that one answer tells


def problem(error: FilesError) -> HttpResponse:
    """Say in a document what went wrong; data holds what the error brought along."""
    status = HTTPStatus(error.status)
    document: dict[str, Any] = {
        "type": "about:blank",
        "title": status.phrase,
        "status": status,
        "code": error.code,
        "detail": str(error.message),
        "data": error.data,
    }
    if isinstance(error, FilesRefusedError):
        document["data"] = {"files": {path: one.code for path, one in error.refused.items()}}
    answer = HttpResponse(json.dumps(document), status=status, content_type=PROBLEM)
    for name, value in _fields(error).items():
        answer[name] = value
    return answer


def _fields(error: FilesError) -> Mapping[str, str]:
    """Give the header fields that go with an error."""
    match error:
        case MethodNotAllowedError():
            return {"Allow": ", ".join(sorted(error.data.get("allow", [])))}
        case TooManyRequestsError():
            return {"Retry-After": str(error.data.get("retry_after", 1))}
    return dict(challenges(error))


def answer_of(error: FilesError) -> Answer:
    """Say the same to who came by a door of bytes."""
    told = problem(error)
    headers = [*told.headers.items(), ("Cache-Control", "no-store")]
    return Answer(told.status_code, headers, told.content)


def of_values(_request: HttpRequest, error: ValidationError) -> HttpResponse:
    """Answer a request whose values are not what the schema says, and name them."""
    return problem(InvalidValueError(errors=_faults(error.errors)))


def _faults(errors: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    """Say where each fault is, and which rule it breaks; never the value, which may be huge."""
    return [
        {"field": ".".join(_place(error.get("loc", ()))), "reason": str(error.get("type", ""))}
        for error in errors[:_NAMED]
    ]


def _place(location: Sequence[object]) -> list[str]:
    """Give the way to a value: where it was sent (body, path, query, header), then its name."""
    source, *names = [str(part)[:100] for part in location] or [""]
    return [source, *(names[1:] if source == "body" else names)]


def of_files(_request: HttpRequest, error: FilesError) -> HttpResponse:
    """Answer what an operation refused."""
    return problem(error)


def of_http(_request: HttpRequest, error: HttpError) -> HttpResponse:
    """Answer what the framework refused: nobody was signed in, or a body could not be read."""
    if isinstance(error.__cause__, FilesError):
        return problem(error.__cause__)
    if isinstance(error, AuthenticationError):
        return problem(SignInRequiredError())
    return problem(MalformedRequestError(reason="body"))
