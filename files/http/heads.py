"""What a face of a byte door is given and what it gives back: the head of a request, an answer."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from .bodies import Body
from .cross_origin import cross_origin_headers
from .handler import Scope, Send

UPLOADS: Final = "/uploads/"
_UPLOAD: Final = re.compile(rf"{UPLOADS}([0-9a-f]{{32}})")


@dataclass(frozen=True, slots=True)
class Head:
    """The head of a request, as a face reads it; names of headers are in lower case."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]  # repeated ones joined as RFC 9110, 5.3 says
    size: int | None  # bytes of the body; None where it comes in chunks
    target: str = ""  # the path as it was sent, with its percents

    @property
    def upload_id(self) -> UUID | None:
        """Give the upload that the path names; None for any other path."""
        match = _UPLOAD.fullmatch(self.path)
        return UUID(match[1]) if match else None


@dataclass(frozen=True, slots=True)
class Answer:
    """What is sent back."""

    status: int
    headers: Sequence[tuple[str, str]] = ()
    body: bytes = b""


def head_of(scope: Scope, body: Body) -> Head:
    """Read the head of a request. Raises MalformedRequestError for a length that is no number."""
    return Head(
        method=scope["method"],
        path=scope["path"],
        query=scope["query_string"].decode("latin-1"),
        headers=headers_of(scope),
        size=body.size,
        target=scope["raw_path"].decode("latin-1"),
    )


def headers_of(scope: Scope) -> Mapping[str, str]:
    """Give the headers by their names in lower case, repeated ones joined (RFC 9110, 5.3)."""
    headers: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


async def send_answer(answer: Answer, head: Head, send: Send) -> None:
    """Send an answer."""
    fields = [*answer.headers, *cross_origin_headers(head.method, head.headers)]
    headers = [(name.lower().encode(), value.encode()) for name, value in fields]
    if answer.status != 204:  # noqa: PLR2004 - No Content (RFC 9110, 8.6)
        headers.append((b"content-length", str(len(answer.body)).encode()))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    body = b"" if head.method == "HEAD" else answer.body
    await send({"type": "http.response.body", "body": body})
