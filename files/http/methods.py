"""The door of protocols that are a family of methods on paths of their own, such as WebDAV.

A request is answered in one trip to a thread, or in none where it only looks at little. Of one that
brings a document nothing is read before it is known who sends it; then it is read whole, within a
bound. A long answer is made piece by piece while it is sent. The bytes of files come and go
through the doors that every protocol shares, as soon as it is known which file is meant.
"""

import re
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from files.access import Actor, Located
from files.errors import FilesError, MalformedRequestError
from files.models import Event

from .bodies import Body
from .credentials import Scheme, may_be_slow, request_of, signed_in
from .downloads import ContentFace, DownloadDoor, send_pieces
from .handler import Receive, Scope, Send, SyncCoreHandler
from .heads import Answer, Head, head_of, send_answer
from .landing import LandingRefusedError, Ticket
from .putting import PutDoor, PutFace

MOST_BRIEF: Final = 4096  # bytes of a document that is read at once, without a trip to a thread
_ANY: Final = re.compile("")


@dataclass(frozen=True, slots=True)
class Streamed:
    """An answer whose body is made while it is sent; each piece is made in a thread."""

    status: int
    headers: Sequence[tuple[str, str]]
    pieces: Iterator[bytes]


@dataclass(frozen=True, slots=True)
class Content:
    """The answer is the content of this file, with all that HTTP has for it."""

    located: Located  # as its reader has found it, who may read it
    actor: Actor


type Outcome = Answer | Streamed | Content


class MethodFace(Protocol):
    """A protocol of many methods. What takes an actor is called in a thread, with the database.

    The methods may raise a FilesError, which render_error renders.
    """

    prefix: str  # of its addresses, as they are sent: this itself, and all with a slash behind it
    door: Event.Door
    schemes: Scheme  # by what one may sign in
    route: str  # for the log: a pattern, never the path
    max_body: int  # bytes, of a document that a request brings

    def greet(self, head: Head) -> Answer | None:
        """Answer what anybody may ask, without looking at who does; None for all else."""

    def is_brief(self, head: Head) -> bool:
        """Tell whether a request reads a few rows at most, and changes nothing."""

    def act(self, head: Head, body: bytes, actor: Actor) -> Outcome:
        """Do what a request asks for, but for PUT."""

    def find_put(self, head: Head, actor: Actor) -> tuple[PutFace, Actor]:
        """Give the face of one PUT, of which it is known where its file goes, and who puts it."""

    def render_error(self, head: Head, error: FilesError) -> Answer:
        """Answer a request that was refused; nothing was changed."""


class MethodDoor:
    """Answers the requests of method faces."""

    def __init__(
        self,
        django: SyncCoreHandler,
        downloads: DownloadDoor,
        puts: PutDoor,
        faces: Sequence[MethodFace],
    ) -> None:
        self._django, self._downloads, self._puts = django, downloads, puts
        self._faces = faces

    def face_of(self, scope: Scope, body: Body) -> tuple[MethodFace, Head] | None:
        """Find the face of a request, and its head; None where it is no such request.

        Raises MalformedRequestError.
        """
        target = scope["raw_path"].decode("latin-1")
        for face in self._faces:
            if target == face.prefix or target.startswith(f"{face.prefix}/"):
                return face, head_of(scope, body)
        return None

    async def answer(
        self, face: MethodFace, head: Head, scope: Scope, body: Body, receive: Receive, send: Send
    ) -> None:
        """Answer one request."""
        scope["files.exchange"].route = face.route
        outcome: Outcome
        try:
            if head.method == "PUT":
                put, actor = await self._find_put(face, head, scope)
                await self._puts.answer(put, head, scope, body, send, actor=actor)
                return
            outcome = face.greet(head) or await self._act(face, head, scope, body)
        except FilesError as error:
            outcome = face.render_error(head, error)
        await self._send(face, outcome, head, scope, receive, send)

    async def admit(self, face: MethodFace, head: Head, scope: Scope) -> Ticket:
        """Decide by the head of a PUT whether its body may land, and begin its upload.

        Raises what the face and admission raise, and LandingRefusedError for any other request.
        """
        if head.method != "PUT":
            raise LandingRefusedError
        put, actor = await self._find_put(face, head, scope)
        return await self._puts.admit(put, head, scope, actor=actor)

    async def _find_put(self, face: MethodFace, head: Head, scope: Scope) -> tuple[PutFace, Actor]:
        """Find where the file of a PUT goes, and who puts it."""
        look = self._django.in_thread if may_be_slow(scope) else self._django.read
        return await look(_with_actor, face, scope, face.find_put, head)

    async def _act(self, face: MethodFace, head: Head, scope: Scope, body: Body) -> Outcome:
        """Read a request to its end, and do what it asks for."""
        if body.landed is not None:
            raise MalformedRequestError(reason="x-landing-file")  # nothing but a PUT is admitted
        look = self._django.in_thread if may_be_slow(scope) else self._django.read
        act = look if face.is_brief(head) else self._django.in_thread
        if body.is_whole:
            return await act(_with_actor, face, scope, face.act, head, b"")
        actor = await look(_sign_in, face, scope)
        document = await body.read(face.max_body)
        if len(document) > MOST_BRIEF:
            act = self._django.in_thread
        return await act(face.act, head, document, actor)

    async def _send(
        self,
        face: MethodFace,
        outcome: Outcome,
        head: Head,
        scope: Scope,
        receive: Receive,
        send: Send,
    ) -> None:
        """Send what came of a request."""
        if isinstance(outcome, Answer):
            await send_answer(outcome, head, send)
        elif isinstance(outcome, Content):
            content = ContentFace(_ANY, lambda actor, _id: actor, face.door, face.schemes)
            found = outcome.located
            await self._downloads.send_content(
                content, found.entry.pk, scope, receive, send, actor=outcome.actor, found=found
            )
        else:
            headers = [(name.lower().encode(), value.encode()) for name, value in outcome.headers]
            start = {"type": "http.response.start", "status": outcome.status, "headers": headers}
            await send(start)
            await send_pieces(self._made(outcome.pieces), receive, send)

    async def _made(self, pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
        """Make the pieces of an answer, one trip to a thread each."""
        while (piece := await self._django.in_thread(next, pieces, None)) is not None:
            yield piece


def _with_actor[T](
    face: MethodFace, scope: Scope, act: Callable[..., T], head: Head, *more: bytes
) -> T:
    """Find out who asks, and act for them; in a thread."""
    return act(head, *more, _sign_in(face, scope))


def _sign_in(face: MethodFace, scope: Scope) -> Actor:
    """Find out who asks; in a thread."""
    return signed_in(request_of(scope), schemes=face.schemes, door=face.door)
