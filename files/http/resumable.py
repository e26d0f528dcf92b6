"""The door of resumable uploads: every protocol for them, on the same resources.

A face says what a request means and how the answer looks in its protocol; here it is done. Nothing
of a body is read before its request is admitted; a refusal is answered in the face's own form.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Final, Protocol
from uuid import UUID

from django.core.handlers.asgi import ASGIRequest

from files.access import Actor, locate
from files.errors import FilesError
from files.models import Event, Right, Upload
from files.operations.uploads import create_upload
from files.operations.wanted import Wanted

from .appending import Engine
from .bodies import Body
from .cross_origin import cross_origin_headers
from .guard import require_user
from .handler import Scope, Send, SyncCoreHandler
from .small import SmallUploads, is_small
from .writer import Append

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
        """Give the upload that the path names; None for the collection."""
        match = _UPLOAD.fullmatch(self.path)
        return UUID(match[1]) if match else None


@dataclass(frozen=True, slots=True)
class Describe:
    """Tell what the server can do (OPTIONS); needs nobody to be signed in."""


@dataclass(frozen=True, slots=True)
class Create:
    """Begin an upload; with an append, the body of the same request is its beginning."""

    folder_id: int
    wanted: Wanted
    append: Append | None = None


@dataclass(frozen=True, slots=True)
class Query:
    """Ask how far an upload is."""

    upload_id: UUID
    length_tells: bool = True  # an upload with all its bytes is finished, even if its end is held


@dataclass(frozen=True, slots=True)
class Continue:
    """Go on with an upload."""

    upload_id: UUID
    append: Append


@dataclass(frozen=True, slots=True)
class Cancel:
    """Give an upload up."""

    upload_id: UUID


type Intent = Describe | Create | Query | Continue | Cancel


@dataclass(frozen=True, slots=True)
class Answer:
    """What is sent back."""

    status: int
    headers: Sequence[tuple[str, str]] = ()
    body: bytes = b""


class ResumableFace(Protocol):
    """A protocol for resumable uploads: pure functions from heads to intents and back."""

    def speaks(self, head: Head) -> bool:
        """Tell whether a request is of this protocol."""

    def parse(self, head: Head) -> Intent:
        """Say what a request means. Raises a FilesError for one that breaks the protocol."""

    def render(self, head: Head, intent: Intent, upload: Upload | None) -> Answer:
        """Answer a request that was done; upload is None after Describe and Cancel."""

    def render_error(self, head: Head, error: FilesError, upload: Upload | None) -> Answer:
        """Answer a request that was refused; upload is what it had begun, if it had."""


def location_of(upload: Upload) -> str:
    """Give the path of an upload's resource."""
    return f"{UPLOADS}{upload.pk.hex}"


class ResumableDoor:
    """Answers what is asked of /uploads/ and of each upload below it."""

    def __init__(
        self,
        django: SyncCoreHandler,
        engine: Engine,
        small: SmallUploads,
        faces: Sequence[ResumableFace],
    ) -> None:
        self._django, self._engine, self._small, self._faces = django, engine, small, faces

    def face_of(self, scope: Scope) -> tuple[ResumableFace, Head] | None:
        """Find the protocol of a request, and its head; None where it is no such request.

        Raises MalformedRequestError.
        """
        path = scope["path"]
        if path != UPLOADS and not _UPLOAD.fullmatch(path):
            return None
        head = head_of(scope)
        return next(((face, head) for face in self._faces if face.speaks(head)), None)

    async def answer(
        self, face: ResumableFace, head: Head, scope: Scope, body: Body, send: Send
    ) -> None:
        """Answer one request."""
        scope["files.exchange"].route = UPLOADS if head.path == UPLOADS else f"{UPLOADS}<id>"
        begun: list[Upload] = []
        try:
            intent = face.parse(head)
            upload = await self._do(intent, scope, body, begun)
            answer = face.render(head, intent, upload)
        except FilesError as error:
            answer = face.render_error(head, error, begun[0] if begun else None)
        await send_answer(answer, head, send)

    async def _do(
        self, intent: Intent, scope: Scope, body: Body, begun: list[Upload]
    ) -> Upload | None:
        """Do what is asked; an upload that is begun is told even if its bytes are refused."""
        if isinstance(intent, Describe):
            return None
        actor = await self._django.in_thread(_actor_of, scope)
        if isinstance(intent, Query):
            return await self._engine.query(
                intent.upload_id, actor, length_tells=intent.length_tells
            )
        if isinstance(intent, Cancel):
            await self._engine.cancel(intent.upload_id, actor)
            return None
        if isinstance(intent, Continue):
            pieces = body.pieces()
            return await self._engine.append(intent.upload_id, actor, intent.append, pieces)
        return await self._begin(intent, actor, body, begun)

    async def _begin(self, intent: Create, actor: Actor, body: Body, begun: list[Upload]) -> Upload:
        """Begin an upload, with what the request brings of it."""
        append = intent.append
        if append is not None and is_small(intent.wanted, append):
            return await self._small.put(
                intent.folder_id, intent.wanted, append, actor, body.pieces()
            )
        upload = await self._django.in_thread(_create, intent, actor)
        begun.append(upload)
        if append is None and upload.length != 0:
            return upload
        append = append or Append(offset=0, size=0)
        return await self._engine.append(upload.pk, actor, append, body.pieces())


def _actor_of(scope: Scope) -> Actor:
    """Give who sent a request; in a thread. Raises SignInRequiredError."""
    return Actor(require_user(ASGIRequest(scope, BytesIO())), Event.Door.UPLOAD)


def _create(intent: Create, actor: Actor) -> Upload:
    """Begin an upload; in a thread."""
    folder = locate(actor, intent.folder_id, Right.ADD).entry
    return create_upload(folder, intent.wanted, actor=actor)


def head_of(scope: Scope) -> Head:
    """Read the head of a request. Raises MalformedRequestError for a length that is no number."""
    headers: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    has_body = not Body(scope, _nothing).is_whole
    size = Body(scope, _nothing).length if has_body else 0
    return Head(
        method=scope["method"],
        path=scope["path"],
        query=scope["query_string"].decode("latin-1"),
        headers=headers,
        size=size,
        target=scope["raw_path"].decode("latin-1"),
    )


async def _nothing() -> Mapping[str, object]:
    """Stand in for a receive where only the head is looked at."""
    raise AssertionError


async def send_answer(answer: Answer, head: Head, send: Send) -> None:
    """Send an answer."""
    fields = [*answer.headers, *cross_origin_headers(head.method, head.headers)]
    headers = [(name.lower().encode(), value.encode()) for name, value in fields]
    if answer.status != 204:  # noqa: PLR2004 - No Content (RFC 9110, 8.6)
        headers.append((b"content-length", str(len(answer.body)).encode()))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    body = b"" if head.method == "HEAD" else answer.body
    await send({"type": "http.response.body", "body": body})
