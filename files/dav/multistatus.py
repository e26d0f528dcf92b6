"""Multistatus documents (RFC 4918, 13), written as text and never held as a tree."""

from collections.abc import Iterable, Iterator, Sequence
from http import HTTPStatus
from itertools import chain
from typing import Final

from files.http.heads import Answer
from files.http.methods import Outcome, Streamed

from .xml import CONTENT_TYPE, DECLARATION, NAMESPACES

OPENING: Final = f"{DECLARATION}<D:multistatus {NAMESPACES}>\n"
CLOSING: Final = "</D:multistatus>\n"
HEADERS: Final = (("Content-Type", CONTENT_TYPE), ("DAV", "1, 2, 3"))


def status_line(status: HTTPStatus) -> str:
    """Write a status as a multistatus has it."""
    return f"<D:status>HTTP/1.1 {status.value} {status.phrase}</D:status>"


def propstat(properties: Iterable[str], status: HTTPStatus, more: str = "") -> str:
    """Write properties that share a status; nothing where there are none."""
    inner = "".join(properties)
    if not inner:
        return ""
    return f"<D:propstat><D:prop>{inner}</D:prop>{status_line(status)}{more}</D:propstat>"


def response(href: str, inner: str) -> str:
    """Write what is said of one resource."""
    return f"<D:response><D:href>{href}</D:href>{inner}</D:response>\n"


def answer_multistatus(pieces: Iterable[str]) -> Outcome:
    """Answer 207 with the responses in some texts, each of which may be made while others are sent.

    A short answer is sent whole, with its length. What fails before the first text is made fails
    before anything is sent.
    """
    texts = iter(pieces)
    first = list(_take(texts, 2))
    if len(first) <= 1:
        body = "".join([OPENING, *first, CLOSING])
        return Answer(HTTPStatus.MULTI_STATUS, HEADERS, body.encode())
    whole = chain([OPENING, *first], texts, [CLOSING])
    return Streamed(HTTPStatus.MULTI_STATUS, HEADERS, (text.encode() for text in whole))


def _take(texts: Iterator[str], count: int) -> Sequence[str]:
    """Take some texts, or as many as there are."""
    return [text for _number, text in zip(range(count), texts, strict=False)]
