"""Talks ASGI to the doors, message by message, in one process and one database connection."""

import asyncio
import contextvars
import re
from collections.abc import Callable, Coroutine, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from queue import SimpleQueue
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from files.admin import faces as admin
from files.http.bodies import Take
from files.http.disk import in_disk_thread
from files.http.doors import Doors
from files.http.handler import Message, SyncCoreHandler
from files.http.threads import carry_out
from files.uploads.put import PUT
from files.uploads.resumable import IETF
from files.uploads.tus import TUS
from files.web.faces import CONTENT, UPLOAD

SECRET = "s" * 32  # of the token cookie; a token may be the secret itself


class CallerExecutor:
    """Makes calls in the thread of the test: Django then sees its transaction."""

    def __init__(self) -> None:
        self.calls: SimpleQueue[Callable[[], None] | None] = SimpleQueue()

    async def call[T](self, function: Callable[..., T], *arguments: Any) -> T:
        """Make a call, as Threads does."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        call = partial(contextvars.copy_context().run, function, *arguments)
        self.calls.put(partial(carry_out, loop, future, call))
        return await future

    def run[T](self, main: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine in a loop of another thread, and here what it calls meanwhile."""
        with ThreadPoolExecutor(1) as pool:
            running = pool.submit(asyncio.run, main)
            running.add_done_callback(lambda _future: self.calls.put(None))
            while (call := self.calls.get()) is not None:
                call()
        return running.result()


@dataclass
class Answer:
    """What came back, and how much of the body had been asked for when it began."""

    messages: list[Message] = field(default_factory=list)
    read_at_start: int = -1  # pieces of the body
    read: int = 0

    @property
    def status(self) -> int:
        return int(self.messages[0]["status"]) if self.messages else 0

    @property
    def headers(self) -> dict[str, str]:
        return {
            name.decode().lower(): value.decode() for name, value in self.messages[0]["headers"]
        }

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.messages[1:])

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def same_text(self) -> str:
        """Give the text without the tokens, which differ in each answer."""
        return re.sub(r'value="[A-Za-z0-9]{64}"', "", self.text)

    @property
    def is_whole(self) -> bool:
        return bool(self.messages[1:]) and not self.messages[-1].get("more_body", False)


@dataclass
class DoorsClient:
    """Somebody with a browser, or without."""

    doors: Doors
    executor: CallerExecutor
    cookies: dict[str, str] = field(default_factory=dict)
    address: str = "127.0.0.1"
    straight: int = 0  # bytes that can be read at once from the socket in which its bodies lie

    def sign_in(self, user: User) -> "DoorsClient":
        """Give a client with a session of the user, and a token cookie."""
        client = Client()
        client.force_login(user)
        cookies = {"sessionid": client.cookies["sessionid"].value, "csrftoken": SECRET}
        return DoorsClient(self.doors, self.executor, cookies)

    def request(
        self,
        method: str,
        path: str,
        body: bytes | Iterable[bytes] = b"",
        *,
        gone: bool = False,
        stalls: bool = False,
        send_error: Exception | None = None,
        scope: dict[str, Any] | None = None,
        **headers: str | None,
    ) -> Answer:
        """Send a request; headers are given with underscores, and None leaves one out.

        A bytes body has its length stated, pieces come chunked. gone: the client goes away behind
        them; stalls: it sends nothing more, and stays. send_error is what sending raises.
        """
        pieces = [body] if isinstance(body, bytes) else list(body)
        sent = {"host": "localhost", "sec-fetch-site": "same-origin"}
        if self.cookies:
            sent["cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        if isinstance(body, bytes):
            if body:
                sent["content-length"] = str(len(body))
        else:
            sent["transfer-encoding"] = "chunked"
        given = {name.replace("_", "-").lower(): value for name, value in headers.items()}
        sent = {name: value for name, value in (sent | given).items() if value is not None}
        path, _, query = path.partition("?")
        full = {
            "type": "http",
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "root_path": "",
            "query_string": query.encode(),
            "client": (self.address, 50_000),
            "server": ("127.0.0.1", 8000),
            "headers": [(name.encode(), value.encode()) for name, value in sent.items()],
            **(scope or {}),
        }
        if self.straight:
            socket = Straight(b"".join(pieces), self.straight)
            full["extensions"] = {"files.straight": {"body": socket}}
            pieces = socket.messages()  # type: ignore[assignment] # as far as they are asked for
        wire = _Wire(pieces, gone=gone, stalls=stalls, error=send_error)
        self.executor.run(self.doors(full, wire.receive, wire.send))
        return wire.answer


class Straight:
    """A body that a server offers straight from its socket; what is taken so comes no other way."""

    def __init__(self, body: bytes, size: int) -> None:
        self.taken = 0  # bytes
        self._body, self._size = body, size

    @property
    def rest(self) -> int:
        return len(self._body)

    def _next(self, limit: int) -> bytes:
        size = min(self._size, limit)
        some, self._body = self._body[:size], self._body[size:]
        return some

    async def pump(self, take: Take, limit: int) -> tuple[int, bytes]:
        size, left = 0, b""
        while size < limit and not left and (some := self._next(limit - size)):
            buffer = bytearray(some + b"what was there before")
            taken = await in_disk_thread(take, buffer, len(some))
            size, left = size + len(some), some[taken:]
        self.taken += size - len(left)
        return size, left

    def messages(self) -> Iterator[bytes]:
        while self._body:
            yield self._next(self._size)


class _Wire:
    """The two ends of one exchange, as a server has them."""

    def __init__(
        self, pieces: Iterable[bytes], *, gone: bool, stalls: bool, error: Exception | None
    ) -> None:
        self.answer = Answer()
        self._gone, self._error = gone, error
        self._done = asyncio.Event()
        self._messages = iter(_messages(pieces, is_whole=not (gone or stalls)))

    async def receive(self) -> Message:
        await asyncio.sleep(0)
        message = next(self._messages, None)
        if message is not None:
            self.answer.read += 1
            return message
        if not self._gone:
            await self._done.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        if self._error is not None:
            raise self._error
        if message["type"] == "http.response.start":
            self.answer.read_at_start = self.answer.read
        self.answer.messages.append(message)
        if message["type"] == "http.response.body" and not message.get("more_body", False):
            self._done.set()


def _messages(pieces: Iterable[bytes], *, is_whole: bool) -> Iterator[Message]:
    """Give the messages of a body, the last of which says so if it is whole."""
    count = len(pieces) if isinstance(pieces, list) else 0
    for at, piece in enumerate(pieces, 1):
        is_last = is_whole and at == count
        yield {"type": "http.request", "body": piece, "more_body": not is_last}
    if is_whole and not count:
        yield {"type": "http.request", "body": b"", "more_body": False}


def make_client(monkeypatch: pytest.MonkeyPatch) -> DoorsClient:
    """Make a client of the application in project/asgi.py, but for where Django's part runs."""
    django, executor = SyncCoreHandler(), CallerExecutor()
    monkeypatch.setattr(django, "threads", executor)
    doors = Doors(
        django,
        uploads=[UPLOAD, admin.UPLOAD],
        contents=[CONTENT, admin.CONTENT],
        resumable=[TUS, IETF],
        puts=[PUT],
    )
    return DoorsClient(doors, executor)
