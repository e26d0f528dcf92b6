"""A large body taken straight from its socket, past the buffers of event loop, parser and server.

Each of them copies what comes and hands it to the next, and a thread that writes it finds it in the
cache of another processor. Here one thread reads some hundred kilobytes into a buffer that stays,
and has them taken (written, hashed) while they are at hand. Only what comes fast is taken so: for a
client that lets one wait, the loop waits, and its bytes come as messages, as ASGI has it.
"""

import asyncio
import os
import select
import socket
import threading
from collections.abc import Callable
from typing import Any, Final, Protocol

from files.http.disk import in_disk_thread

# Loaded before Django is: of files, only what needs none of it.
type Take = Callable[[bytearray, int], int]

EXTENSION: Final = "files.straight"  # in scope["extensions"]
LEAST: Final = 2**20  # bytes of a body that is worth it

_BUFFER_SIZE: Final = 2**18  # bytes; fits into the cache of a core, with what it is copied to
_WAIT_SECONDS: Final = 0.01  # the longest wait for a buffer to be full
_threads = threading.local()  # a buffer for each, that stays


class Connection(Protocol):
    """What is used here of a connection of uvicorn's in the middle of a request."""

    transport: asyncio.Transport
    flow: Any  # uvicorn's FlowControl
    cycle: Any  # its RequestResponseCycle

    def end_straight(self) -> None:
        """Take the body for complete: the parser has not seen all of it."""


class StraightBody:
    """The body of one request, of a stated length: rest says how much of it is still to come."""

    def __init__(self, connection: Connection, size: int) -> None:
        self.rest = size  # bytes
        self.is_begun = False  # the parser has lost count, and what comes is counted by hand
        self._connection = connection

    async def pump(self, take: Take, limit: int) -> tuple[int, bytes]:
        """Have take called, in a thread, with what comes fast; give how many bytes that were.

        take gets a buffer, which it must not keep, and how many bytes are in it, and says how many
        of them it took. If these are not all, nothing more is read, and what it left is given, too.
        No more than limit bytes are read; fewer, where they come slowly or end: then receive is to
        be asked. A cancellation is obeyed when the thread is done. Raises what take raises.
        """
        connection = self._connection
        size = min(limit, self.rest)
        if size <= 0 or connection.cycle.body or connection.transport.is_closing():
            return 0, b""
        connection.flow.pause_reading()
        self.is_begun = True
        there: socket.socket = connection.transport.get_extra_info("socket")
        # A descriptor of its own: the transport may close the other one meanwhile.
        trip = _Trip(os.dup(there.fileno()), size, take)
        there.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, min(size, _BUFFER_SIZE))
        try:
            await _to_the_end(asyncio.ensure_future(in_disk_thread(trip.run)))
        finally:
            self.rest -= trip.size
            if not connection.transport.is_closing():
                there.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, 1)
                if not self.rest:
                    connection.end_straight()
        return trip.size, trip.left


class _Trip:
    """One stay in a thread."""

    def __init__(self, descriptor: int, limit: int, take: Take) -> None:
        self.size = 0  # bytes, of what was read
        self.left = b""  # of it, what was not taken
        self._descriptor, self._limit, self._take = descriptor, limit, take

    def run(self) -> None:
        """Read and have it taken, until the limit, or until it does not come fast any more."""
        try:
            buffer = _buffer()
            while self.size < self._limit and not self.left and (size := self._read(buffer)):
                self.size += size
                taken = self._take(buffer, size)
                self.left = bytes(memoryview(buffer)[taken:size])
        finally:
            os.close(self._descriptor)

    def _read(self, buffer: bytearray) -> int:
        """Read what has come; nothing if that is not much, or the client has gone."""
        view = memoryview(buffer)[: self._limit - self.size]
        try:
            return os.readv(self._descriptor, [view])
        except BlockingIOError:
            return self._wait_and_read(view)
        except OSError:
            return 0  # the transport meets it too, and tells of it

    def _wait_and_read(self, view: memoryview) -> int:
        """Read a full buffer when it is there; nothing if it is not in time."""
        poll = select.poll()
        poll.register(self._descriptor, select.POLLIN)
        try:
            ready = poll.poll(_WAIT_SECONDS * 1000)
            return os.readv(self._descriptor, [view]) if ready else 0
        except OSError:
            return 0


def _buffer() -> bytearray:
    """Give the buffer of this thread."""
    if not hasattr(_threads, "buffer"):
        _threads.buffer = bytearray(_BUFFER_SIZE)
    found: bytearray = _threads.buffer
    return found


async def _to_the_end(future: asyncio.Future[None]) -> None:
    """Wait for a thread to be done, also when cancelled: it reads what nobody else may read then.

    Raises what went wrong in it.
    """
    cancelled: asyncio.CancelledError | None = None
    while not future.done():
        try:
            await asyncio.wait([future])
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        future.exception()  # nobody asks for it any more
        raise cancelled
    future.result()
