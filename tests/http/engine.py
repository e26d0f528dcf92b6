"""The upload engine without a protocol: bodies in, uploads out, on a real disk and database."""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Iterable
from typing import Any

import pytest
from django.contrib.auth.models import User

from files.access import Actor
from files.http.appending import Engine
from files.http.commits import Commits
from files.http.handler import ClientGoneError, SyncCoreHandler
from files.http.writer import Append
from files.models import Entry, Event, Upload
from files.operations.uploads import create_upload
from files.operations.wanted import Wanted
from files.storage.base import blob_name
from files.storage.filesystem import BlobStorage
from tests.factories import paths_in, reread
from tests.http.client import CallerExecutor

type Pieces = bytes | Iterable[bytes] | AsyncIterator[bytes]


class Bench:
    """An engine, and the one upload that it works on."""

    def __init__(
        self, root: Entry, ada: User, storage: BlobStorage, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.root, self.actor = root, Actor(ada, Event.Door.UPLOAD)
        self._storage, self._executor, self.django = storage, CallerExecutor(), SyncCoreHandler()
        monkeypatch.setattr(self.django, "threads", self._executor)
        self.engine = self.another_engine()
        self.upload: Upload

    def another_engine(self) -> Engine:
        """Give an engine as another process has it: nothing is shared but disk and database."""
        return Engine(self.django, Commits(self.django))

    def begin(self, length: int | None = None, **more: Any) -> None:
        """Begin an upload of a file "a"."""
        wanted = Wanted(("a",), length, **more)
        self.upload = create_upload(self.root, wanted, actor=self.actor)

    def appending(
        self,
        body: Pieces,
        *,
        at: int = 0,
        gone: bool = False,
        sized: bool = False,
        engine: Engine | None = None,
        **more: Any,
    ) -> Coroutine[Any, Any, Upload]:
        """Append a body that comes in chunks, behind which the client may be gone."""
        append = Append(at, len(body) if sized and isinstance(body, bytes) else None, **more)
        pieces = _pieces(body, gone=gone)
        return (engine or self.engine).append(self.upload.pk, self.actor, append, pieces)

    def append(self, body: Pieces, **more: Any) -> Upload:
        """Append a body, and wait for its end."""
        return self.run(self.appending(body, **more))

    def query(self, **more: bool) -> Upload:
        """Ask how far it is."""
        return self.run(self.engine.query(self.upload.pk, self.actor, **more))

    def run[T](self, main: Coroutine[Any, Any, T]) -> T:
        """Run what happens at the same time."""
        return self._executor.run(main)

    @property
    def row(self) -> Upload:
        """Read the upload afresh."""
        return reread(self.upload)

    @property
    def path(self) -> str:
        """Give where its bytes lie."""
        return str(self._storage.path(blob_name(self.upload.pk)))

    @property
    def files(self) -> dict[str, bytes | None]:
        """Give what is visible."""
        return paths_in(self.root)


async def _pieces(body: Pieces, *, gone: bool) -> AsyncIterator[bytes]:
    if isinstance(body, bytes):
        body = [body]
    if isinstance(body, AsyncIterator):
        async for piece in body:
            yield piece
    else:
        for piece in body:
            await asyncio.sleep(0)
            yield piece
    if gone:
        raise ClientGoneError


class Trickle:
    """A body that stands still behind its first piece; is_read tells that the piece was taken."""

    def __init__(self, first: bytes) -> None:
        self.first, self.is_read = first, asyncio.Event()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self.first
        self.is_read.set()
        await asyncio.sleep(60)
