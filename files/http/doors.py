"""The ASGI application that project/asgi.py serves: byte doors first, Django behind them.

Every request passes the guard. Bytes of files come in and go out here without Django's handler,
which would spool a whole body before the first check and collect a whole answer in memory; all
other bodies are bounded and read before Django sees them.
"""

import logging
import re
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Final

from django.conf import settings
from django.db import DatabaseError

from files.errors import DiskFullError, FilesError, MalformedRequestError
from files.ids import id_of
from files.operations.upload_expiry import release_landing

from .appending import Engine
from .archives import ArchiveDoor
from .bodies import Body, TooSlowError, as_refusal, draining, replay
from .commits import Commits
from .credentials import brings_token
from .downloads import ContentFace, DownloadDoor
from .guard import Exchange, check_head, guarded, is_known_host, without_cookies
from .handler import ClientGoneError, Message, Receive, Scope, Send, SyncCoreHandler
from .landing import (
    ADMIT,
    TICKET,
    LandingRefusedError,
    Ticket,
    asked_scope,
    is_our_nginx,
    landed_of,
)
from .methods import MethodDoor, MethodFace
from .putting import PutDoor, PutFace
from .resumable import ResumableDoor, ResumableFace
from .small import SmallUploads
from .small_puts import SmallPuts
from .uploads import UploadDoor, UploadFace
from .write_back import WriteBack

logger = logging.getLogger(__name__)

type _Answer = Callable[[Scope, Receive, Send], Awaitable[None]]

_ARCHIVE: Final = re.compile(r"/folders/(?P<entry>[0-9]+)/archive")


class Doors:
    """Dispatches each request to a byte door or to Django."""

    def __init__(
        self,
        django: SyncCoreHandler,
        *,
        uploads: Sequence[UploadFace] = (),
        contents: Sequence[ContentFace] = (),
        resumable: Sequence[ResumableFace] = (),
        puts: Sequence[PutFace] = (),
        methods: Sequence[MethodFace] = (),
    ) -> None:
        self._django = django
        commits = Commits(django)
        engine, small = Engine(django, commits), SmallPuts(django)
        self._puts = PutDoor(django, engine, small, puts)
        self._resumable = ResumableDoor(django, engine, SmallUploads(django, small), resumable)
        self._upload_faces, self._content_faces = uploads, contents
        self._uploads = UploadDoor(django, commits)
        self._downloads = DownloadDoor(django)
        self._write_back = WriteBack()
        self._routes: dict[re.Pattern[str], str] = {}
        self._archives = ArchiveDoor(django)
        self._methods = MethodDoor(django, self._downloads, self._puts, methods)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; other protocols than HTTP are not spoken."""
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1000})
        if scope["type"] != "http":
            return
        if brings_token(scope):
            scope = without_cookies(scope)
        exchange, send = guarded(scope, send)
        try:
            await self._answer(exchange, scope, receive, send)
        finally:
            exchange.log()
        for call in exchange.later:
            await self._do_later(call)

    async def _do_later(self, call: Callable[[], None]) -> None:
        """Do what nobody waits for; where the database cannot, it is left out."""
        try:
            await self._django.in_thread(call)
        except (DatabaseError, DiskFullError) as error:
            logger.warning("what was left for later was not done: %s", type(error).__name__)

    async def _answer(self, exchange: Exchange, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, whatever happens on the way."""
        body = Body(scope, receive)
        draining_send = draining(body, send)
        try:
            if not is_known_host(scope):
                await _answer_plainly(400, "This is not a name of this server.", draining_send)
            elif (refusal := await _refusal_of(scope, body)) is not None:
                await self._refuse(refusal, scope, draining_send)
            else:
                await self._dispatch(scope, body, receive, draining_send)
        except TooSlowError:
            # Not drained: what is given up is not waited for once more.
            await _answer_plainly(408, "The request took too long to arrive.", send)
        except ClientGoneError:
            return
        except Exception as error:
            if exchange.status:
                raise  # too late for a page: the connection breaks, and the server logs why
            await self._django.respond({**scope, "files.fault": error}, draining_send)
        finally:
            if (landed := body.landed) is not None and not landed.is_settled:
                exchange.later.append(partial(release_landing, landed.ticket.upload_id))
            body.close()

    async def _dispatch(self, scope: Scope, body: Body, receive: Receive, send: Send) -> None:
        """Find the door of a request by its method and path."""
        if scope["path"] == ADMIT:
            await self._admit(scope, body, receive, send)
            return
        if settings.SECURE_SSL_REDIRECT and scope["scheme"] != "https":
            # No bytes over a line that anybody reads: Django sends the client to the other one.
            await self._to_django(scope, body, receive, send)
            return
        path = scope["path"]
        if await self._answer_by_method(scope, body, receive, send):
            return
        if await self._answer_by_protocol(scope, body, send):
            return
        if scope["method"] == "POST":
            for face in self._upload_faces:
                if match := face.route.fullmatch(path):
                    folder_id = id_of(match["folder"])
                    await self._uploads.receive(face, folder_id, scope, body, send)
                    return
        elif (answer := self._find_answer(scope)) is not None:
            if (again := await self._take_body(scope, body, receive, send)) is not None:
                await answer(scope, again, send)
            return
        await self._to_django(scope, body, receive, send)

    async def _answer_by_method(
        self, scope: Scope, body: Body, receive: Receive, send: Send
    ) -> bool:
        """Answer a request of a protocol with methods of its own; False if it is none."""
        try:
            found = self._methods.face_of(scope, body)
        except FilesError as error:
            await self._refuse(error, scope, send)
            return True
        if found is not None:
            await self._methods.answer(*found, scope, body, receive, send)
        return found is not None

    async def _answer_by_protocol(self, scope: Scope, body: Body, send: Send) -> bool:
        """Answer a request of one of the upload protocols; False if it is none."""
        try:
            resumable, put = self._resumable.face_of(scope, body), self._puts.face_of(scope, body)
            if body.landed is not None and resumable is None and put is None:
                raise MalformedRequestError(reason="x-landing-file")  # nothing else is admitted
        except FilesError as error:
            await self._refuse(error, scope, send)
            return True
        if resumable is not None:
            await self._resumable.answer(*resumable, scope, body, send)
        elif put is not None:
            await self._puts.answer(*put, scope, body, send)
        return resumable is not None or put is not None

    async def _admit(self, scope: Scope, body: Body, receive: Receive, send: Send) -> None:
        """Tell nginx whether the body of a request may land, by what the request says of itself.

        A refusal has no reason: nginx passes the request on, and it is refused where it is spoken.
        For anybody but our nginx there is nothing here.
        """
        if not await is_our_nginx(scope):
            await self._to_django(scope, body, receive, send)
            return
        exchange = scope["files.exchange"]
        exchange.route, exchange.is_admission = ADMIT, True
        try:
            asked = asked_scope(scope)
            ticket = await self._find_ticket(asked, Body(asked, _no_body))
        except (FilesError, LandingRefusedError):
            await _answer_empty(403, send)
        else:
            self._write_back.begin()
            await _answer_empty(204, send, (TICKET, str(ticket).encode()))

    async def _find_ticket(self, asked: Scope, body: Body) -> Ticket:
        """Let the door of a request admit it. Raises FilesError and LandingRefusedError."""
        if settings.SECURE_SSL_REDIRECT and asked["scheme"] != "https":
            raise LandingRefusedError
        if (refusal := check_head(asked)) is not None:
            raise refusal
        if (method := self._methods.face_of(asked, body)) is not None:
            return await self._methods.admit(*method, asked)
        if (resumable := self._resumable.face_of(asked, body)) is not None:
            return await self._resumable.admit(*resumable, asked)
        if (put := self._puts.face_of(asked, body)) is not None:
            return await self._puts.admit(*put, asked)
        raise LandingRefusedError

    def _find_answer(self, scope: Scope) -> _Answer | None:
        """Find the door that sends what a request asks for; None if Django answers it."""
        if scope["method"] not in {"GET", "HEAD"}:
            return None
        if match := _ARCHIVE.fullmatch(scope["path"]):
            self._name_route(scope, _ARCHIVE)
            return partial(self._archives.send_archive, id_of(match["entry"]))
        for face in self._content_faces:
            if match := face.route.fullmatch(scope["path"]):
                self._name_route(scope, face.route)
                return partial(self._downloads.send_content, face, id_of(match["entry"]))
        return None

    def _name_route(self, scope: Scope, pattern: re.Pattern[str]) -> None:
        """Name the route of a request for the log; what a door's pattern matches is one route."""
        exchange = scope["files.exchange"]
        if pattern not in self._routes:
            exchange.find_route(scope["path"])
            self._routes[pattern] = exchange.route
        exchange.route = self._routes[pattern]

    async def _to_django(self, scope: Scope, body: Body, receive: Receive, send: Send) -> None:
        """Read a bounded body, then let Django answer."""
        if (again := await self._take_body(scope, body, receive, send)) is not None:
            await self._django(scope, again, send)

    async def _take_body(
        self, scope: Scope, body: Body, receive: Receive, send: Send
    ) -> Receive | None:
        """Read a bounded body and give a receive that repeats it; None if it was refused."""
        try:
            return replay(await body.read(settings.FILES_MAX_BODY_SIZE), receive)
        except FilesError as error:
            await self._refuse(error, scope, send)
            return None

    async def _refuse(self, error: FilesError, scope: Scope, send: Send) -> None:
        """Answer with an error, as a page."""
        scope["files.exchange"].find_route(scope["path"])
        await self._django.respond(as_refusal(scope, error), send)


async def _refusal_of(scope: Scope, body: Body) -> FilesError | None:
    """Give the reason to refuse a request whatever it is about, and claim its body if it landed.

    Of every request: a body that lies elsewhere must not pass for none, whichever door answers.
    """
    if (refusal := check_head(scope)) is not None or scope["path"] == ADMIT:
        return refusal
    try:
        body.landed = await landed_of(scope)
    except FilesError as error:
        return error
    return None


async def _no_body() -> Message:
    """Stand for the body of a request that is only asked about."""
    raise AssertionError("nobody reads what has not come")


async def _answer_empty(status: int, send: Send, *headers: tuple[bytes, bytes]) -> None:
    """Answer nginx, which looks at the head only."""
    length = [] if status == 204 else [(b"content-length", b"0")]  # noqa: PLR2004 - RFC 9110, 8.6
    await send({"type": "http.response.start", "status": status, "headers": [*headers, *length]})
    await send({"type": "http.response.body", "body": b""})


async def _answer_plainly(status: int, text: str, send: Send) -> None:
    """Answer with a line of text, where no page can be made."""
    line = f"{text}\n".encode()
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(line)).encode()),
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": line})
