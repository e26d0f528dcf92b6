"""The door of single files: one request brings one whole file, and the answer says what it became.

A small file is received into memory, written and synced in one trip to a thread, and put in its
place together with others that arrive at the same time. A large one is an upload from its first
byte: its room is reserved, staff see it coming, and when it is cut nothing is left of it. One whose
length nobody says is begun as a small one, and becomes an upload when it is none.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final, Protocol

from files.access import Actor, Located, locate
from files.errors import (
    FilesError,
    LengthMismatchError,
    NotAFileError,
    PreconditionFailedError,
    QuotaExceededError,
    UploadNotFoundError,
)
from files.models import Entry, Event, Right, Space, Upload
from files.names import name_key
from files.operations.blobs import NewBlob
from files.operations.placing import Condition
from files.operations.uploads import create_upload, landing_upload
from files.operations.versions import Clash, Member, NewFile
from files.operations.wanted import Wanted, check_wanted, require_size

from .appending import Engine
from .bodies import Body
from .conditional import Conditions, Outcome, etag_of_version, evaluate
from .credentials import Scheme, may_be_slow, request_of, signed_in
from .handler import Scope, Send, SyncCoreHandler
from .heads import Answer, Head, head_of, send_answer
from .landing import Landed, LandingRefusedError, Ticket
from .placed import Placed
from .small import SMALL, check_content
from .small_puts import SmallBody, SmallPut, SmallPuts
from .writer import Append, Checksum

# A folder has no content, yet If-None-Match: * must find it (RFC 9110, 13.1.2).
_FOLDER_ETAG: Final = '"folder"'


@dataclass(frozen=True, slots=True)
class Put:
    """A request to put a file: where to, what is said of it, and on which conditions.

    One that names the file which it replaces by entry_id has no folder and no name of its own: it
    is for the face to leave them out, and for the door to find them.
    """

    folder_id: int
    wanted: Wanted  # its length is that of the body; None where it comes in chunks
    conditions: Conditions
    checksum: Checksum | None = None  # of the body, beside wanted.sha256
    entry_id: int | None = None
    held: frozenset[str] = frozenset()  # lock tokens that the request submits

    @property
    def is_small(self) -> bool:
        """Tell whether the body can be held in memory, by its length."""
        return self.wanted.length is not None and self.wanted.length <= SMALL

    @property
    def condition(self) -> Condition | None:
        """Give what checks what has the name; None where anything may have it."""
        return condition_of(self.conditions, self.entry_id)


class PutFace(Protocol):
    """A protocol that puts files: pure functions from heads to intents and back."""

    door: Event.Door
    schemes: Scheme  # by what one may sign in
    route: str  # for the log: a pattern, never the path

    def speaks(self, head: Head) -> bool:
        """Tell whether a request is for this face."""

    def parse(self, head: Head) -> Put:
        """Say what a request means. Raises a FilesError for one that breaks the protocol."""

    def render(self, head: Head, placed: Placed) -> Answer:
        """Answer a request that was done."""

    def render_error(self, head: Head, error: FilesError) -> Answer:
        """Answer a request that was refused; nothing was changed."""


@dataclass(frozen=True, slots=True)
class _Asker:
    """Who wants to put a file: who is known to, or whoever signs in with the request."""

    face: PutFace
    scope: Scope
    known: Actor | None

    def find(self, put: Put) -> Actor:
        """Find out who it is; in a thread. Raises what signed_in raises."""
        if self.known is not None:
            return self.known
        request = request_of(self.scope)
        actor = signed_in(request, schemes=self.face.schemes, door=self.face.door)
        return actor.but(held=put.held) if put.held else actor


@dataclass(frozen=True, slots=True)
class _Admission:
    """Who may put what where: advice, since acting decides it all again."""

    actor: Actor
    folder: Entry
    put: Put  # with the folder and the name that the door has found
    upload: Upload | None = None  # that was begun for a body that is not small


class PutDoor:
    """Takes single files before Django sees them."""

    def __init__(
        self,
        django: SyncCoreHandler,
        engine: Engine,
        small: SmallPuts,
        faces: Sequence[PutFace],
    ) -> None:
        self._django, self._engine, self._small = django, engine, small
        self._faces = faces

    def face_of(self, scope: Scope, body: Body) -> tuple[PutFace, Head] | None:
        """Find the face of a request, and its head; None where it is no such request.

        Raises MalformedRequestError.
        """
        if scope["method"] != "PUT":
            return None
        head = head_of(scope, body)
        return next(((face, head) for face in self._faces if face.speaks(head)), None)

    async def answer(
        self,
        face: PutFace,
        head: Head,
        scope: Scope,
        body: Body,
        send: Send,
        *,
        actor: Actor | None = None,
    ) -> None:
        """Answer one request; of one that is refused by its head, no byte is asked for.

        actor is who puts the file, where that has been found out.
        """
        scope["files.exchange"].route = face.route
        try:
            answer = face.render(head, await self._put(_Asker(face, scope, actor), head, body))
        except FilesError as error:
            answer = face.render_error(head, error)
        await send_answer(answer, head, send)

    async def _put(self, asker: _Asker, head: Head, body: Body) -> Placed:
        """Admit, receive and put one file."""
        put = asker.face.parse(head)
        if body.landed is not None:
            return await self._put_landed(asker, put, body.landed, body)
        admission = await self._admit(asker, put)
        put, pieces = admission.put, body.pieces()
        if admission.upload is not None:
            return await self._take(admission, admission.upload, put, pieces)
        data, is_whole = await _gather(pieces, put.wanted.length)
        if is_whole:
            return await self._put_small(admission, put, data)
        upload = await self._django.in_thread(_begin, admission, put.wanted)
        return await self._take(admission, upload, put, _chained(data, pieces))

    async def _admit(self, asker: _Asker, put: Put) -> _Admission:
        """Decide by the head of a request whether its body may come.

        A body that is known not to be small is given its upload, which reserves its room.
        """
        if put.wanted.length is None or put.is_small:
            look = self._django.in_thread if may_be_slow(asker.scope) else self._django.read
            return await look(_look, asker, put)
        return await self._django.in_thread(_look_and_begin, asker, put)

    async def admit(
        self, face: PutFace, head: Head, scope: Scope, *, actor: Actor | None = None
    ) -> Ticket:
        """Decide by the head of a request whether its body may land, and begin its upload.

        Raises what the face and admission raise, and LandingRefusedError for a body to be streamed.
        """
        put = face.parse(head)
        if put.wanted.length is None or put.is_small:
            raise LandingRefusedError
        upload = await self._django.in_thread(_begin_landing, _Asker(face, scope, actor), put)
        assert upload.landing_until is not None  # noqa: S101 - it was given one
        return Ticket(upload.pk, upload.landing_until)

    async def _put_landed(self, asker: _Asker, put: Put, landed: Landed, body: Body) -> Placed:
        """Put a file whose body nginx has received, or could not."""
        find = partial(_find_begun, landed=landed)
        admission, upload = await self._django.in_thread(find, asker, put)
        landed.is_settled = True
        return await self._take(admission, upload, admission.put, body.pieces(), landed)

    async def _take(
        self,
        admission: _Admission,
        upload: Upload,
        put: Put,
        pieces: AsyncIterator[bytes],
        landed: Landed | None = None,
    ) -> Placed:
        """Let a body become a file by way of an upload."""
        length, checksum = put.wanted.length, put.checksum
        append = Append(0, length, is_last=True, checksum=checksum, landed=landed)
        condition, actor = put.condition, admission.actor
        entry, blob = await self._engine.take(upload, actor, append, pieces, condition)
        return _placed(entry, blob)

    async def _put_small(self, admission: _Admission, put: Put, data: bytes) -> Placed:
        """Make a body in memory safe, then visible. Of one that is refused no byte stays."""
        check_content(data, put.wanted.sha256, put.checksum)
        require_size(len(data))
        wanted, folder = put.wanted, admission.folder

        def member(blob: NewBlob) -> Member:
            file = NewFile(wanted.path, blob, wanted.modified_at, condition=put.condition)
            return Member(folder.pk, file, admission.actor, wanted.clash)

        body = SmallBody(data, wanted.path[-1])
        return _placed(*await self._small.put(SmallPut(folder.space_id, body, member)))


def condition_of(conditions: Conditions, entry_id: int | None = None) -> Condition | None:
    """Give what checks conditions against what has the name; None where there are none.

    entry_id is what must have it, if it matters. Raises PreconditionFailedError when called.
    """
    if conditions == Conditions() and entry_id is None:
        return None
    return partial(_check_conditions, conditions, entry_id)


def _check_conditions(conditions: Conditions, entry_id: int | None, there: Entry | None) -> None:
    """Raise PreconditionFailedError if what is there, or that nothing is, does not suit."""
    if entry_id is not None and (there is None or there.pk != entry_id):
        raise PreconditionFailedError  # it was moved, renamed or trashed since the request came
    etag = modified_at = None
    if there is not None:
        version_id = there.version_id
        etag = _FOLDER_ETAG if version_id is None else etag_of_version(version_id)
        modified_at = there.modified_at
    if evaluate(conditions, etag, modified_at, "PUT") is Outcome.PRECONDITION_FAILED:
        raise PreconditionFailedError


def _look_and_begin(asker: _Asker, put: Put) -> _Admission:
    """Decide whether a body may come that is not small, and begin its upload; in a thread."""
    admission = _look(asker, put)
    return replace(admission, upload=_begin(admission, admission.put.wanted))


def _look(asker: _Asker, put: Put) -> _Admission:
    """Decide whether a body may come, and begin nothing."""
    actor = asker.find(put)
    located, put = _placed_by(actor, put)
    folder = check_wanted(located, put.wanted)
    _check_name(located, put)
    _require_room(folder.space, put.wanted.length or 0)
    return _Admission(actor, folder, put)


def _placed_by(actor: Actor, put: Put) -> tuple[Located, Put]:
    """Find the folder that a file goes to; with a file to replace, its folder and its name.

    Raises what locate raises, and NotAFileError.
    """
    if put.entry_id is not None:
        entry = locate(actor, put.entry_id, Right.READ | Right.EDIT).entry
        if entry.is_folder:
            raise NotAFileError(entry_id=entry.pk)
        wanted = replace(put.wanted, path=(entry.name,))
        put = replace(put, folder_id=entry.parent_id or 0, wanted=wanted)
    return locate(actor, put.folder_id, Right.ADD), put


def _begin(admission: _Admission, wanted: Wanted) -> Upload:
    """Begin the upload of a body that is not small; in a thread."""
    return create_upload(admission.folder, wanted, actor=admission.actor)


def _begin_landing(asker: _Asker, put: Put) -> Upload:
    """Begin the upload of a body that nginx will receive; in a thread."""
    admission = _look(asker, put)
    wanted = admission.put.wanted
    return create_upload(admission.folder, wanted, actor=admission.actor, is_landing=True)


def _find_begun(asker: _Asker, put: Put, *, landed: Landed) -> tuple[_Admission, Upload]:
    """Find the upload that was begun for a body that has landed since; in a thread.

    It is begun anew if the body came so slowly that it was forgotten meanwhile. Raises
    UploadNotFoundError where somebody has cancelled it, and what locate raises.
    """
    actor = asker.find(put)
    located, put = _placed_by(actor, put)
    upload, folder = landing_upload(landed.ticket.upload_id, actor=actor), located.entry
    if upload is None:
        if not landed.ticket.is_over:
            raise UploadNotFoundError
        upload = create_upload(folder, put.wanted, actor=actor, is_landing=True, landed=landed.size)
    return _Admission(actor, folder, put, upload), upload


def _check_name(located: Located, put: Put) -> None:
    """Look at what has the name, where that may be known and can speak against the file.

    Raises PreconditionFailedError and NotAFileError.
    """
    condition = put.condition
    if condition is None and put.is_small:
        return  # a few bytes may come in vain: it is decided when they are there
    there = None
    if Right.READ in located.rights and len(put.wanted.path) == 1:
        children = Entry.objects.children_of(located.entry)
        there = children.filter(name_key=name_key(put.wanted.path[0])).first()
    if condition is not None:
        condition(there)
    is_replacing = put.wanted.clash is Clash.NEW_VERSION and Right.EDIT in located.rights
    if there is not None and there.is_folder and is_replacing:
        raise NotAFileError(name=there.name)


def _require_room(space: Space, size: int) -> None:
    """Raise QuotaExceededError if a space has no room for so many bytes."""
    free = space.free_bytes
    if free is not None and size > free:
        raise QuotaExceededError(
            quota=space.quota_bytes, used=space.used_bytes, needed=size, free=free
        )


async def _gather(pieces: AsyncIterator[bytes], length: int | None) -> tuple[bytes, bool]:
    """Receive a body into memory; False if it is not small, and there is more to come.

    Raises LengthMismatchError for one that ends early or goes on, which a server may let through.
    """
    gathered: list[bytes] = []
    size = 0
    async for piece in pieces:
        gathered.append(piece)
        size += len(piece)
        if size > SMALL:
            return b"".join(gathered), False
    if length not in {None, size}:
        raise LengthMismatchError(length=length)
    return b"".join(gathered), True


async def _chained(data: bytes, pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Give what came already, then what still comes."""
    yield data
    async for piece in pieces:
        yield piece


def _placed(entry: Entry, blob: NewBlob) -> Placed:
    """Say what a file has become; entry is as the transaction left it."""
    assert entry.version_id is not None  # noqa: S101 - it was given one
    return Placed(entry.pk, entry.version_id, blob.sha256, is_new=entry.revision == 1)
