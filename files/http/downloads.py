"""The download door: decide in one trip to a thread, then let nginx send, or send in pieces."""

import asyncio
import logging
import os
import re
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from django.http import QueryDict

from files.access import Actor, Located, locate
from files.errors import (
    EntryNotFoundError,
    FilesError,
    NotAFileError,
    StorageFailedError,
)
from files.ids import is_id
from files.models import Event, Version
from files.operations.blobs import blob_storage
from files.storage.base import blob_name

from . import bodies
from .bodies import as_refusal
from .content import Answer, Content, answer
from .credentials import Scheme, may_be_slow, request_of, signed_in
from .disk import in_disk_thread
from .guard import header
from .handler import Receive, Scope, Send, SyncCoreHandler
from .heads import headers_of
from .ranges import ByteRange

logger = logging.getLogger(__name__)

PIECE_SIZE: Final = 256 * 1024  # bytes read and sent at once where nginx does not send
ACCEL_PREFIX: Final = "/_"  # nginx's internal location /_blobs/ lies over the uploads volume


@dataclass(frozen=True, slots=True)
class _Decision:
    """An answer, the version whose bytes it shows, and whether nginx sends them."""

    answer: Answer
    version: Version
    is_accelerated: bool


@dataclass(frozen=True, slots=True)
class ContentFace:
    """Where a face shows the contents of files, and as whom it reads them.

    route has the group "entry", the id of the file. schemes say how one may sign in; reader turns
    who did into who reads. It is called in a thread, for each request, and raises a FilesError for
    one who may not use this face.
    """

    route: re.Pattern[str]
    reader: Callable[[Actor, int], Actor]
    door: Event.Door
    schemes: Scheme = Scheme.ANY


class DownloadDoor:
    """Sends the contents of files without passing through Django's handler."""

    def __init__(self, django: SyncCoreHandler) -> None:
        self._django = django

    async def send_content(
        self,
        face: ContentFace,
        entry_id: int,
        scope: Scope,
        receive: Receive,
        send: Send,
        *,
        actor: Actor | None = None,
        found: Located | None = None,
    ) -> None:
        """Answer GET or HEAD for a file, or for the version that the query names.

        actor is who asks, and found the file as they may read it, where that has been found out.
        """
        try:
            is_slow = actor is None and may_be_slow(scope)
            decide = self._django.in_thread if is_slow else self._django.read
            decision = await decide(_decide, face, entry_id, scope, actor, found)
            if decision.is_accelerated:
                await _send_accelerated(decision, scope, send)
            elif decision.answer.has_content:
                await _send_here(decision, scope["method"], receive, send)
            else:
                await _send_head(decision.answer, send)
                await send({"type": "http.response.body", "body": b""})
        except FilesError as error:
            if scope["files.exchange"].status:
                raise  # in the middle of the bytes: the connection breaks, so that it is seen
            await self._django.respond(as_refusal(scope, error), send)


def _decide(
    face: ContentFace, entry_id: int, scope: Scope, actor: Actor | None, found: Located | None
) -> _Decision:
    """Find the file, check the right to read it, and decide on the answer; in a thread."""
    if actor is None:
        actor = signed_in(request_of(scope), schemes=face.schemes, door=face.door)
    actor = face.reader(actor, entry_id)
    entry = (found or locate(actor, entry_id)).entry
    version = entry.version
    if version is None:
        raise NotAFileError(entry_id=entry_id)
    query = QueryDict(scope["query_string"]) if scope["query_string"] else {}
    if wanted := query.get("version"):
        version = _older_version(entry_id, wanted)
    content = Content.of(entry, version, is_attachment="download" in query)
    decided = answer(content, scope["method"], headers_of(scope))
    is_accelerated = decided.accelerated is not None and _is_behind_nginx(scope)
    if is_accelerated:
        os.close(_open_whole(version))
    return _Decision(decided, version, is_accelerated)


def _older_version(entry_id: int, wanted: str) -> Version:
    """Give a version of an entry by its id as text. Raises EntryNotFoundError."""
    found = None
    if is_id(wanted):
        versions = Version.objects.select_related("blob")
        found = versions.filter(pk=int(wanted), entry=entry_id).first()
    if found is None:
        raise EntryNotFoundError(entry_id=entry_id)
    return found


def _open_whole(version: Version) -> int:
    """Open the bytes of a version and give the descriptor, the caller's to close.

    Raises StorageFailedError, and loudly, if they are not all there.
    """
    try:
        descriptor = blob_storage().open_blob(blob_name(version.blob_id))
    except OSError as error:
        logger.critical("blob %s cannot be read: %s", version.blob_id, error.strerror)
        raise StorageFailedError(blob_id=str(version.blob_id)) from error
    size = os.fstat(descriptor).st_size
    if size != version.blob.size:
        os.close(descriptor)
        logger.critical(
            "blob %s has %d bytes instead of %d", version.blob_id, size, version.blob.size
        )
        raise StorageFailedError(blob_id=str(version.blob_id))
    return descriptor


def _is_behind_nginx(scope: Scope) -> bool:
    """Tell whether our nginx asked, which always sets or clears this header.

    Forged straight at the backend it only earns an answer without the bytes.
    """
    return header(scope, b"x-sendfile-type") == "X-Accel-Redirect"


async def _send_accelerated(decision: _Decision, scope: Scope, send: Send) -> None:
    """Let nginx send the file: it does the ranges and If-Range itself, on our ETag."""
    path = f"{ACCEL_PREFIX}{blob_name(decision.version.blob_id)}".encode()
    headers = [*(decision.answer.accelerated or ())]
    if decision.answer.status == HTTPStatus.OK:
        headers.remove((b"accept-ranges", b"bytes"))  # nginx adds it where it sends all
    headers += [(b"x-accel-redirect", path), (b"content-length", b"0")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b""})
    exchange = scope["files.exchange"]
    exchange.status, exchange.sent_bytes = decision.answer.status, decision.answer.length


async def _send_here(decision: _Decision, method: str, receive: Receive, send: Send) -> None:
    """Send the answer from this process, in pieces and in flat memory."""
    descriptor = await in_disk_thread(_open_whole, decision.version)
    try:
        await _send_head(decision.answer, send)
        if method == "HEAD":
            await send({"type": "http.response.body", "body": b""})
        else:
            await send_pieces(_read(descriptor, decision.answer.body), receive, send)
    finally:
        os.close(descriptor)


async def _send_head(decided: Answer, send: Send) -> None:
    """Send status and headers, with the length."""
    headers = decided.headers
    if decided.status != HTTPStatus.NOT_MODIFIED:
        # RFC 9110, 8.6: with a 304 it would be that of the content.
        headers = [*headers, (b"content-length", str(decided.length).encode())]
    await send({"type": "http.response.start", "status": decided.status, "headers": headers})


async def send_pieces(pieces: AsyncIterator[bytes], receive: Receive, send: Send) -> None:
    """Send a body piece by piece; stop when the client is gone, or takes nothing for too long."""
    gone = asyncio.ensure_future(_wait_for_disconnect(receive))
    try:
        async with aclosing(pieces) as body:  # type: ignore[type-var]
            async for piece in body:
                if gone.done():
                    return
                async with asyncio.timeout(bodies.IDLE_SECONDS):
                    await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
    except TimeoutError:
        return
    finally:
        gone.cancel()


async def _wait_for_disconnect(receive: Receive) -> None:
    """Return when the client has gone away."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def _read(descriptor: int, body: Sequence[bytes | ByteRange]) -> AsyncIterator[bytes]:
    """Read stretches of an open file, and pass on what stands between them."""
    for piece in body:
        if isinstance(piece, bytes):
            yield piece
            continue
        async for some in read_stretch(descriptor, piece):
            yield some


async def read_stretch(descriptor: int, stretch: ByteRange) -> AsyncIterator[bytes]:
    """Read one stretch of an open file in pieces.

    Raises StorageFailedError if the file ends early, so that the connection breaks visibly.
    """
    offset, end = stretch.first, stretch.last + 1
    while offset < end:
        size = min(PIECE_SIZE, end - offset)
        some = await in_disk_thread(os.pread, descriptor, size, offset)
        if not some:
            raise StorageFailedError
        offset += len(some)
        yield some
