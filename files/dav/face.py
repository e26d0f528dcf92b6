"""WebDAV as a face of the byte doors: which method is answered by what."""

from collections.abc import Callable
from dataclasses import replace
from http import HTTPStatus
from typing import Final

from django.urls import reverse
from django.utils.html import escape

from files.access import Actor
from files.dav_errors import LockNotFoundError
from files.errors import EntryNotFoundError, FilesError, MethodNotAllowedError, UnsupportedTypeError
from files.http.heads import Answer, Head
from files.http.methods import Content, MethodFace, Outcome
from files.http.putting import PutFace
from files.models import Event, Right

from . import collections, copymove, errors, locking, propfind, proppatch, sync
from .calls import Call
from .conditions import held_tokens, require_conditions
from .errors import SCHEMES
from .paths import PREFIX, DavPath
from .put import ROUTE, find_put

_METHODS: Final[dict[str, Callable[[Call], Outcome]]] = {
    "PROPFIND": propfind.propfind,
    "PROPPATCH": proppatch.proppatch,
    "MKCOL": collections.mkcol,
    "DELETE": collections.delete,
    "COPY": copymove.copy,
    "MOVE": copymove.move,
    "LOCK": locking.lock,
    "UNLOCK": locking.release,
    "REPORT": sync.report,
}
ALLOWED: Final = ("OPTIONS", "GET", "HEAD", "PUT", *_METHODS)

# They may come with a document; of the others, a body would say something that is not known here.
_WITH_DOCUMENT: Final = frozenset({"PROPFIND", "PROPPATCH", "MKCOL", "LOCK", "REPORT"})

_CAPABILITIES: Final = (
    ("DAV", "1, 2, 3, extended-mkcol"),
    ("MS-Author-Via", "DAV"),  # Windows asks FrontPage first otherwise
    ("Allow", ", ".join(ALLOWED)),
    ("Accept-Ranges", "bytes"),
)


class DavFace:
    """Turns requests into operations, and what comes of them into answers."""

    prefix = PREFIX
    door = Event.Door.WEBDAV
    schemes = SCHEMES
    route = ROUTE
    max_body = 262_144  # bytes

    def greet(self, head: Head) -> Answer | None:
        """Say what can be done here, to anybody: Windows and others ask before they sign in."""
        if head.method == "OPTIONS":
            return Answer(HTTPStatus.OK, _CAPABILITIES)
        if head.method not in ALLOWED:
            raise MethodNotAllowedError(allow=list(ALLOWED))
        return None

    def act(self, head: Head, body: bytes, actor: Actor) -> Outcome:
        """Do what a request asks for. Raises a FilesError."""
        call = _call(head, body, actor)
        if head.method in {"GET", "HEAD"}:
            return _get(call)
        if body and head.method not in _WITH_DOCUMENT:
            raise UnsupportedTypeError(expected="")
        return _METHODS[head.method](call)

    def find_put(self, head: Head, actor: Actor) -> tuple[PutFace, Actor]:
        """Say where the file of a PUT goes, and who puts it. Raises a FilesError."""
        call = _call(head, b"", actor)
        return find_put(call, self.door), call.actor

    def render_error(self, head: Head, error: FilesError) -> Answer:
        """Answer a request that was refused."""
        if head.method == "UNLOCK" and isinstance(error, LockNotFoundError):
            return errors.render_error(head, error, "<D:lock-token-matches-request-uri/>")
        return errors.render_error(head, error)


DAV: Final[MethodFace] = DavFace()


def _call(head: Head, body: bytes, actor: Actor) -> Call:
    """Make sure that what a request says of states holds, and let its tokens be held."""
    lists, tokens = held_tokens(head.headers)
    call = Call(head, body, DavPath.parse(head.target), replace(actor, held=tokens))
    require_conditions(call, lists)
    return call


def _get(call: Call) -> Outcome:
    """Give the content of a file; a collection has a line that leads to its page.

    Raises EntryNotFoundError, also for what may be added to but not read.
    """
    located = call.resource.located
    if call.resource.is_home:
        return _signpost(reverse("web:spaces"))
    if located is None or Right.READ not in located.rights:
        raise EntryNotFoundError
    if located.entry.is_folder:
        return _signpost(reverse("web:folder", args=[located.entry.pk]))
    return Content(located.entry.pk, call.actor)


def _signpost(address: str) -> Answer:
    """Say where a collection can be seen in a browser."""
    page = (
        "<!doctype html><html lang=en><title>WebDAV</title>"
        f'<p>This is a WebDAV collection. <a href="{escape(address)}">See it as a page</a>.</p>\n'
    )
    headers = [
        ("Content-Type", "text/html; charset=utf-8"),
        ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"),
    ]
    return Answer(HTTPStatus.OK, headers, page.encode())
