"""The door of resumable uploads: every protocol for them, on the same resources.

A face says what a request means and how the answer looks in its protocol; here it is done. Nothing
of a body is read before its request is admitted; a refusal is answered in the face's own form.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol
from uuid import UUID

from files.access import Actor, locate
from files.errors import FilesError, MalformedRequestError
from files.models import Event, Right, Upload
from files.operations.uploads import create_upload, foresee_append
from files.operations.wanted import Wanted

from .appending import Engine
from .bodies import Body
from .credentials import request_of, signed_in
from .handler import Scope, Send, SyncCoreHandler
from .heads import UPLOADS, Answer, Head, head_of, send_answer
from .landing import LandingRefusedError, Ticket
from .small import SmallUploads, is_small
from .writer import Append


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

    def face_of(self, scope: Scope, body: Body) -> tuple[ResumableFace, Head] | None:
        """Find the protocol of a request, and its head; None where it is no such request.

        Raises MalformedRequestError.
        """
        if not scope["path"].startswith(UPLOADS):
            return None
        head = head_of(scope, body)
        if head.path != UPLOADS and head.upload_id is None:
            return None
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
        if body.landed is not None and not isinstance(intent, Continue):
            raise MalformedRequestError(reason="x-landing-file")  # only chunks are admitted
        if isinstance(intent, Query):
            return await self._engine.query(
                intent.upload_id, actor, length_tells=intent.length_tells
            )
        if isinstance(intent, Cancel):
            await self._engine.cancel(intent.upload_id, actor)
            return None
        if isinstance(intent, Continue):
            append = replace(intent.append, landed=body.landed)
            if body.landed is not None:
                body.landed.is_settled = True  # the upload is there without it
            return await self._engine.append(intent.upload_id, actor, append, body.pieces())
        return await self._begin(intent, actor, body, begun)

    async def admit(self, face: ResumableFace, head: Head, scope: Scope) -> Ticket:
        """Decide by the head of a request whether its body may land: chunks of known length may.

        Raises what the face raises, and what keeps the bytes from being appended; also
        LandingRefusedError for a request whose body is to be streamed.
        """
        intent = face.parse(head)
        if not isinstance(intent, Continue) or not intent.append.size:
            raise LandingRefusedError
        return await self._django.in_thread(_admit, scope, intent)

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


def _admit(scope: Scope, intent: Continue) -> Ticket:
    """Admit a chunk; in a thread."""
    append = intent.append
    upload = foresee_append(
        intent.upload_id, offset=append.offset, size=append.size or 0, actor=_actor_of(scope)
    )
    return Ticket(upload.pk, upload.expires_at)


def _actor_of(scope: Scope) -> Actor:
    """Give who sent a request; in a thread. Raises SignInRequiredError."""
    return signed_in(request_of(scope), door=Event.Door.UPLOAD)


def _create(intent: Create, actor: Actor) -> Upload:
    """Begin an upload; in a thread."""
    folder = locate(actor, intent.folder_id, Right.ADD).entry
    return create_upload(folder, intent.wanted, actor=actor)
