"""What comes straight from a socket is every byte of one body, and not one of the next."""

import asyncio
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from typing import Any

import pytest
import uvicorn

from files.http.bodies import Body, Take
from files.http.handler import ClientGoneError
from project.protocol import BoundedProtocol

SIZE = 12 * 2**20 + 12_345
CONTENT = os.urandom(SIZE)


async def _answer(send: Any, text: str) -> None:
    headers = [(b"content-length", str(len(text)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": text.encode()})


class App:
    """Takes bodies as a writer does, and tells how much of them straight."""

    def __init__(self) -> None:
        self.taken = bytearray()
        self.straight = 0  # bytes
        self.take: Take = self.take_all
        self.is_gone = threading.Event()
        self.is_cancelled = threading.Event()

    def take_all(self, buffer: bytearray, size: int) -> int:
        self.taken += buffer[:size]
        return size

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        body = Body(scope, receive)
        pieces = body.pieces()
        try:
            async for piece in pieces:
                self.taken += piece
                size, left = 1, b""
                while size:
                    size, left = await pieces.pump(self.take, 2**21)
                    self.straight += size
                    self.taken += left
        except ClientGoneError:
            self.is_gone.set()
            return
        except OSError:
            await _answer(send, "failed")
            await body.drain()
            return
        await _answer(send, f"{len(self.taken)} {sha256(self.taken).hexdigest()}")
        self.taken.clear()


@contextmanager
def serving(app: Any) -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        config = uvicorn.Config(app, http=BoundedProtocol, lifespan="off", log_config=None)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        while not server.started:
            time.sleep(0.01)
        try:
            yield listener.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join()


def connected(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=20)


def request(content: bytes) -> bytes:
    head = f"PUT / HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(content)}\r\n\r\n"
    return head.encode() + content


def answer_to(content: bytes) -> bytes:
    return f"{len(content)} {sha256(content).hexdigest()}".encode()


def test_requests_on_one_connection_get_each_their_own_bytes() -> None:
    app = App()

    with serving(app) as port, connected(port) as connection:
        for content in (CONTENT, b"small", CONTENT[: 2**20], b"", CONTENT[5:]):
            connection.sendall(request(content))
            assert connection.recv(1000).endswith(answer_to(content))

    assert app.straight > SIZE / 2


def test_next_request_may_come_with_the_end_of_a_body() -> None:
    app = App()

    with serving(app) as port, connected(port) as connection:
        connection.sendall(request(CONTENT) + request(b"next") + request(CONTENT[1:]))
        answers = b""
        while answers.count(b"HTTP/1.1 200") < 3 or not answers.endswith(answer_to(CONTENT[1:])):
            answers += connection.recv(1000)

    assert answer_to(CONTENT) in answers
    assert answer_to(b"next") in answers


def test_body_that_comes_in_fits_and_starts_is_whole() -> None:
    with serving(App()) as port, connected(port) as connection:
        whole = request(CONTENT)
        for start in range(0, len(whole), 3_000_001):
            connection.sendall(whole[start : start + 3_000_001])
            time.sleep(0.05)

        assert connection.recv(1000).endswith(answer_to(CONTENT))


def test_bytes_that_are_left_are_not_lost() -> None:
    app = App()

    def take_some(buffer: bytearray, size: int) -> int:
        app.taken += buffer[: size // 2]
        return size // 2

    app.take = take_some

    with serving(app) as port, connected(port) as connection:
        connection.sendall(request(CONTENT))

        assert connection.recv(1000).endswith(answer_to(CONTENT))


def test_client_that_goes_away_is_noticed() -> None:
    app = App()

    with serving(app) as port:
        with connected(port) as connection:
            connection.sendall(request(CONTENT)[: SIZE // 2])

        assert app.is_gone.wait(10)

    assert bytes(app.taken) == CONTENT[: len(app.taken)]
    assert len(app.taken) >= SIZE // 2 - 200


def test_connection_goes_on_after_a_body_that_could_not_be_taken() -> None:
    app = App()

    def fail(buffer: bytearray, size: int) -> int:
        raise OSError("the disk")

    app.take = fail

    with serving(app) as port, connected(port) as connection:
        connection.sendall(request(CONTENT))
        assert connection.recv(1000).endswith(b"failed")
        app.take = app.take_all
        app.taken.clear()
        connection.sendall(request(b"again"))

        assert connection.recv(1000).endswith(answer_to(b"again"))


def test_cancelled_wait_ends_when_the_thread_does() -> None:
    order: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        body = Body(scope, receive)
        pieces = body.pieces()
        begun, loop = asyncio.Event(), asyncio.get_running_loop()

        def take(buffer: bytearray, size: int) -> int:
            loop.call_soon_threadsafe(begun.set)
            time.sleep(0.3)
            order.append("taken")
            return size

        async def pump_on() -> None:
            async for _piece in pieces:
                await pieces.pump(take, 2**18)

        pump = asyncio.ensure_future(pump_on())
        await begun.wait()
        pump.cancel()
        await asyncio.sleep(0)
        pump.cancel()  # once more: a server that shuts down while an upload is taken over
        with pytest.raises(asyncio.CancelledError):
            await pump
        order.append("cancelled")
        await body.drain()
        await _answer(send, "drained")

    with serving(app) as port, connected(port) as connection:
        connection.sendall(request(CONTENT))

        assert connection.recv(1000).endswith(b"drained")
    assert order[0] == "taken"
    assert order[-1] == "cancelled"


@pytest.mark.parametrize(
    "head",
    [
        f"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: {SIZE}\r\nContent-Length: {SIZE}\r\n\r\n",
        f"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: {SIZE}, {SIZE}\r\n\r\n",
        "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999999\r\n\r\n",
        "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n",
    ],
)
def test_body_of_a_doubtful_length_is_refused(head: str) -> None:
    app = App()

    with serving(app) as port, connected(port) as connection:
        connection.sendall(head.encode())

        assert connection.recv(1000).startswith(b"HTTP/1.1 400")
    assert not app.straight


@pytest.mark.parametrize("header", ["Upgrade: h2c", "Transfer-Encoding: chunked"])
def test_body_whose_end_only_the_parser_knows_comes_in_messages(header: str) -> None:
    app = App()
    is_chunked = header.startswith("Transfer")
    framing = header if is_chunked else f"{header}\r\nContent-Length: {SIZE}"
    body = b"%x\r\n%b\r\n0\r\n\r\n" % (SIZE, CONTENT) if is_chunked else CONTENT

    with serving(app) as port, connected(port) as connection:
        connection.sendall(f"PUT / HTTP/1.1\r\nHost: a\r\n{framing}\r\n\r\n".encode() + body)

        assert connection.recv(1000).endswith(answer_to(CONTENT))
    assert not app.straight
