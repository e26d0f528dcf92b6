"""Request bodies: read in pieces, bounded and counted, or refused and drained."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Final, Protocol, Self

from files.errors import BodyTooLargeError, FilesError, MalformedRequestError

from .guard import header
from .handler import ClientGoneError, Message, Receive, Scope, Send
from .landing import Landed

IDLE_SECONDS = 60.0  # a client that sends nothing for this long is given up
DRAIN_SECONDS = 30.0  # how long a refused body is read on, so that the answer is seen
type Take = Callable[[bytearray, int], int]

FAST_SIZE: Final = 65_536  # bytes of a message; as large ones come where more waits behind them
_STRAIGHT: Final = "files.straight"  # the extension of our server (project/straight.py)
_DIGITS: Final = 18  # of a length; more than any disk has


class TooSlowError(ClientGoneError):
    """The client sent nothing for so long that it is given up (408)."""


class Straight(Protocol):
    """A body that can be taken straight from its socket, where our server offers it."""

    rest: int  # bytes that are still to come

    async def pump(self, take: Take, limit: int) -> tuple[int, bytes]:
        """Have bytes taken in a thread; give how many were read and what was left of them."""


class Pieces:
    """What is left of a body, in the pieces in which it comes. Raises ClientGoneError."""

    def __init__(self, pieces: AsyncIterator[bytes], straight: Straight | None = None) -> None:
        self._pieces, self._straight = pieces, straight
        self._is_fast = False

    @property
    def rest(self) -> int:
        """Give how much is still to come of what could come straight, in bytes."""
        return self._straight.rest if self._straight is not None else 0

    @classmethod
    def of(cls, pieces: AsyncIterator[bytes]) -> "Pieces":
        """Take pieces of any origin for those of a body."""
        return pieces if isinstance(pieces, Pieces) else cls(pieces)

    def __aiter__(self) -> Self:
        """Give the pieces."""
        return self

    async def __anext__(self) -> bytes:
        """Give the next piece."""
        piece = await anext(self._pieces)
        self._is_fast = len(piece) >= FAST_SIZE
        return piece

    async def pump(self, take: Take, limit: int) -> tuple[int, bytes]:
        """Have what comes fast taken in a thread, if it comes fast at the moment.

        take gets a buffer, which it must not keep, and how many bytes are in it, and says how many
        of them it took. Gives how many were read, limit at most, and what take has left. Where
        fewer were read than limit, the next piece is to be waited for. Raises what take raises.
        """
        if self._straight is None or not self._is_fast:
            return 0, b""
        size, left = await self._straight.pump(take, limit)
        self._is_fast = size == limit
        return size, left


class Body:
    """The body of one request, read once, in the pieces in which it comes.

    One that has landed does not come: its door takes the file that it is in.
    """

    def __init__(self, scope: Scope, receive: Receive) -> None:
        self._scope, self._receive = scope, receive
        offered = (scope.get("extensions") or {}).get(_STRAIGHT, {})
        self._straight: Straight | None = offered.get("body")
        self.landed: Landed | None = None
        self.is_whole = not (
            header(scope, b"transfer-encoding") is not None
            or header(scope, b"content-length") not in {None, "0"}
        )

    @property
    def length(self) -> int | None:
        """Give the stated length, in bytes; None where the body comes in chunks.

        Raises MalformedRequestError for anything but one plain number (RFC 9110, 8.6).
        """
        if self.landed is not None:
            return self.landed.size
        value = header(self._scope, b"content-length")
        if value is None:
            return None
        if not (value.isascii() and value.isdigit()) or len(value) > _DIGITS:
            raise MalformedRequestError(reason="content-length")
        return int(value)

    @property
    def size(self) -> int | None:
        """Give how much the request brings, in bytes; None where it comes in chunks.

        Raises MalformedRequestError as length does.
        """
        return 0 if self.is_whole and self.landed is None else self.length

    def pieces(self) -> Pieces:
        """Give what is left of the body. Raises ClientGoneError and TooSlowError."""
        return Pieces(self._messages(), self._straight)

    async def _messages(self) -> AsyncIterator[bytes]:
        """Give what is left of the body, as the server hands it on."""
        patience = _Patience()
        try:
            while not self.is_whole:
                with patience:
                    message = await self._receive()
                if message["type"] == "http.disconnect":
                    raise ClientGoneError
                self.is_whole = not message.get("more_body", False)
                if piece := message.get("body", b""):
                    yield piece
        finally:
            patience.end()

    async def read(self, limit: int) -> bytes:
        """Read it all into memory. Raises BodyTooLargeError past limit, before reading if it can.

        Counts what comes, whatever length was stated. Raises ClientGoneError and TooSlowError.
        """
        if (self.length or 0) > limit:
            raise BodyTooLargeError(limit=limit)
        body = bytearray()
        async for piece in self.pieces():
            body += piece
            if len(body) > limit:
                raise BodyTooLargeError(limit=limit)
        return bytes(body)

    async def drain(self) -> None:
        """Throw away what comes until the body ends, the client goes or the time is over."""
        try:
            async with asyncio.timeout(DRAIN_SECONDS):
                async for _piece in self.pieces():
                    pass
        except (TimeoutError, ClientGoneError):
            pass

    def close(self) -> None:
        """Let go of a file that has landed and that nobody has taken."""
        if self.landed is not None:
            self.landed.close()


class _Patience:
    """Ends a wait for a client that lasts longer than IDLE_SECONDS; used again for each wait.

    As asyncio.timeout does, but with one timer for many waits: a body of a gigabyte comes in ten
    thousand pieces, and a timer for each costs as much as hashing them.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._task: asyncio.Task[object] | None = None  # that waits at this moment
        self._since = 0.0  # when it began to, by the clock of the loop
        self._timer: asyncio.TimerHandle | None = None
        self._is_over = False

    def __enter__(self) -> None:
        """Begin to wait."""
        self._task = asyncio.current_task()
        self._since = self._loop.time()
        if self._timer is None:
            self._timer = self._loop.call_at(self._since + IDLE_SECONDS, self._look)

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        """End the wait. Raises TooSlowError in place of the cancellation that was its own."""
        task, self._task = self._task, None
        if self._is_over and task is not None and task.uncancel() == 0:
            raise TooSlowError from error

    def end(self) -> None:
        """Wait no more."""
        if self._timer is not None:
            self._timer.cancel()

    def _look(self) -> None:
        """Give up, or look again when it will be time."""
        self._timer = None
        if self._task is None:
            return
        until = self._since + IDLE_SECONDS
        if self._loop.time() >= until:
            self._is_over = True
            self._task.cancel()
        else:
            self._timer = self._loop.call_at(until, self._look)


def draining(body: Body, send: Send) -> Send:
    """Give a send that answers first and then reads on what the client still sends, bounded.

    A server that closes with unread bytes resets the connection: the browser shows an error of its
    own, and nginx says 502, in both cases instead of the answer.
    """

    async def draining_send(message: Message) -> None:
        if body.is_whole:
            await send(message)
        elif message["type"] == "http.response.start":
            headers = [*message["headers"], (b"connection", b"close")]
            await send({**message, "headers": headers})
        elif message.get("more_body", False):
            await send(message)
        else:
            await send({**message, "more_body": True})
            await body.drain()
            await send({"type": "http.response.body", "body": b""})

    return draining_send


def replay(body: bytes, receive: Receive) -> Receive:
    """Give a receive that hands out a body that was read already, then waits for the disconnect."""
    pending: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive_again() -> Message:
        if pending:
            return pending.pop()
        # A request without a body still has its one empty message to give.
        while (message := await receive())["type"] == "http.request":
            pass
        return message

    return receive_again


def as_refusal(scope: Scope, error: FilesError) -> Scope:
    """Give the scope that makes Django answer a request with an error (files/middleware.py)."""
    return {**scope, "files.refusal": error}
