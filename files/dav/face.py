"""WebDAV as a face of the byte doors: which method is answered by what."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Final

from files.access import Actor
from files.dav_errors import LockNotFoundError
from files.errors import FilesError, MethodNotAllowedError, UnsupportedTypeError
from files.http.heads import Answer, Head
from files.http.methods import MethodFace, Outcome
from files.http.putting import PutFace
from files.models import Event, Space
from files.names import name_key
from files.operations.journal import spaces_held

from . import collections, copymove, errors, locking, propfind, proppatch, reading, sync
from .calls import Call, Depth
from .conditions import (
    ConditionList,
    any_etag,
    depends_on_content,
    held_tokens,
    require_conditions,
)
from .errors import SCHEMES
from .paths import PREFIX, DavPath, destination_of
from .put import ROUTE, find_put

_METHODS: Final[dict[str, Callable[[Call], Outcome]]] = {
    "GET": reading.get,
    "HEAD": reading.get,
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
ALLOWED: Final = ("OPTIONS", "PUT", *_METHODS)
_CHANGING: Final = frozenset({"PROPPATCH", "MKCOL", "DELETE", "COPY", "MOVE"})

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

    def is_brief(self, head: Head) -> bool:
        """Tell whether a request reads a few rows at most, and changes nothing."""
        if head.method == "PROPFIND":
            return head.headers.get("depth", "").strip() == Depth.ZERO.value
        return head.method in {"GET", "HEAD"}

    def act(self, head: Head, body: bytes, actor: Actor) -> Outcome:
        """Do what a request asks for. Raises a FilesError."""
        if body and head.method not in _WITH_DOCUMENT:
            raise UnsupportedTypeError(expected="")
        call, lists = _call(head, body, actor)
        method = _METHODS[head.method]
        if head.method in _CHANGING and depends_on_content(head.headers, lists):
            # What is found to hold must still do so when it is acted on.
            with spaces_held(_spaces_of(call)):
                require_conditions(call, lists)
                return method(call)
        require_conditions(call, lists)
        return method(call)

    def find_put(self, head: Head, actor: Actor) -> tuple[PutFace, Actor]:
        """Say where the file of a PUT goes, and who puts it. Raises a FilesError."""
        call, lists = _call(head, b"", actor)
        require_conditions(call, lists)
        pins_content = any_etag(lists)
        return find_put(call, self.door, pins_content=pins_content), call.actor

    def render_error(self, head: Head, error: FilesError) -> Answer:
        """Answer a request that was refused."""
        if head.method == "UNLOCK" and isinstance(error, LockNotFoundError):
            return errors.render_error(head, error, "<D:lock-token-matches-request-uri/>")
        return errors.render_error(head, error)


DAV: Final[MethodFace] = DavFace()


def _call(head: Head, body: bytes, actor: Actor) -> tuple[Call, list[ConditionList]]:
    """Read what a request is about, and on which conditions; the tokens it names are held."""
    lists, tokens = held_tokens(head.headers)
    return Call(head, body, DavPath.parse(head.target), actor.but(held=tokens)), lists


def _spaces_of(call: Call) -> list[int]:
    """Give the ids of the spaces that a request is about; of its destination's too."""
    slugs = {name_key(name) for name in call.path.names[:1]}
    if "destination" in call.head.headers:
        slugs |= {name_key(name) for name in destination_of(call.head).names[:1]}
    return list(Space.objects.filter(slug__in=slugs).values_list("pk", flat=True))
