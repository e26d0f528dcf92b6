"""Django's pages under ASGI at the price of WSGI: one synchronous chain in long-lived threads."""

import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from io import BytesIO
from typing import Any, Final

from django.core.exceptions import SynchronousOnlyOperation
from django.core.handlers.asgi import ASGIHandler
from django.db import DEFAULT_DB_ALIAS, DatabaseError, close_old_connections, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.http import HttpRequest, QueryDict, StreamingHttpResponse
from django.http.response import HttpResponseBase

from files.errors import DiskFullError

from .threads import Threads

type Scope = dict[str, Any]
type Message = Mapping[str, Any]
type Receive = Callable[[], Awaitable[Message]]
type Send = Callable[[Message], Awaitable[None]]
type Headers = list[tuple[bytes, bytes]]

_FULL: Final = {"sqlite_errorcode": sqlite3.SQLITE_FULL, "sqlstate": "53100"}  # by the driver

THREADS = 4  # a process; each keeps one database connection


def is_full(error: DatabaseError) -> bool:
    """Tell whether the disk of the database is full; then nothing was committed."""
    cause = error.__cause__
    return any(getattr(cause, name, None) == code for name, code in _FULL.items())


class ClientGoneError(Exception):
    """The client went away before its body was whole, or its answer."""


class SyncCoreHandler(ASGIHandler):
    """ASGI outside, synchronous inside: one thread hop a request instead of several.

    Django's own handler opens a new thread, and with it a new database connection, for each
    request, and crosses between loop and thread for every middleware.
    """

    def __init__(self) -> None:
        super().__init__()
        self.threads = Threads(THREADS, "django")
        self._reader: BaseDatabaseWrapper | None = None

    def load_middleware(self, is_async: bool = False) -> None:  # noqa: ARG002, FBT001, FBT002 - Django's signature
        """Build the chain for synchronous use, whatever the caller asked for."""
        super().load_middleware(is_async=False)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request whose body is already bounded and in memory."""
        await self.handle(scope, receive, send)

    async def in_thread[T](self, function: Callable[..., T], *arguments: Any) -> T:
        """Run a blocking function in one of the threads that hold database connections."""
        return await self.threads.call(_with_connection, function, arguments)

    async def read[T](self, function: Callable[..., T], *arguments: Any) -> T:
        """Run a function that only reads, by statements of files.models.sql, as cheaply as can be.

        Where open_reader was called, and succeeded, in the thread of the event loop: SQLite answers
        from memory, and whoever reads waits for no writer, so that a trip to a thread and back
        would take longer. A function that turns out to do more is called again in a thread.
        """
        if self._reader is not None:
            # In an event loop each task would have connections of its own.
            connections[DEFAULT_DB_ALIAS] = self._reader
            try:
                return function(*arguments)
            except SynchronousOnlyOperation:
                pass  # Django's own cursor: it is not used in an event loop
            except DatabaseError:
                self._reader = None  # given up; the connections of threads are renewed
        return await self.in_thread(function, *arguments)

    def open_reader(self) -> None:
        """Let read use a connection of the calling thread, which the event loop will run in."""
        database = connections[DEFAULT_DB_ALIAS]
        if database.vendor == "sqlite":
            database.ensure_connection()
            self._reader = database

    async def get_response_async(self, request: HttpRequest) -> HttpResponseBase:
        """Give Django's answer to a request."""
        return await self.in_thread(self.get_response, request)

    async def respond(self, scope: Scope, send: Send) -> None:
        """Let Django answer a scope whose body is gone, as byte doors do with their outcomes."""
        request, response = self.create_request(scope, BytesIO())
        if request is not None:
            request.POST = QueryDict()  # the stated length and type are those of what is gone
            response = await self.in_thread(self.get_response, request)
        assert response is not None  # noqa: S101 - it is one or the other
        try:
            await self.send_response(response, send)
        finally:
            await self.in_thread(response.close)

    async def send_response(self, response: HttpResponseBase, send: Send) -> None:
        """Send a response; an ordinary iterator is read in a thread, a piece at a time.

        Django itself would collect it whole.
        """
        if isinstance(response, StreamingHttpResponse) and not response.is_async:
            pieces: Iterable[bytes] = response.streaming_content  # type: ignore[assignment]
            response.streaming_content = self._pieces(pieces)
        await super().send_response(response, send)

    async def _pieces(self, pieces: Iterable[bytes]) -> AsyncIterator[bytes]:
        """Read what may block."""
        iterator = iter(pieces)
        while (piece := await self.in_thread(next, iterator, None)) is not None:
            yield piece


def _with_connection[T](function: Callable[..., T], arguments: tuple[Any, ...]) -> T:
    """Drop a connection that is past its age or broken, before and after use.

    Raises DiskFullError where the database has no room: to a client it is one disk.
    """
    close_old_connections()
    try:
        return function(*arguments)
    except DatabaseError as error:
        if not is_full(error):
            raise
        raise DiskFullError from error
    finally:
        close_old_connections()
