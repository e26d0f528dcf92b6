"""One client for all contenders: raw sockets, files sent by the kernel, answers thrown away.

What it costs itself is the same for each, so that a ratio says something about the servers.
"""

import http.client
import os
import re
import socket
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

BOUNDARY = "----bench-8d1f3c0a5b7e"
RECEIVE_SIZE = 2**20


@dataclass(frozen=True)
class Server:
    """Where a contender listens, and what every request to it carries."""

    name: str
    port: int
    headers: tuple[str, ...] = ()

    def head(self, method: str, path: str, *more: str) -> bytes:
        """Write the head of a request."""
        lines = [f"{method} {path} HTTP/1.1", f"Host: 127.0.0.1:{self.port}", *self.headers, *more]
        return ("\r\n".join(lines) + "\r\n\r\n").encode()

    def connect(self) -> socket.socket:
        """Open a connection."""
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=120)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection


def sign_in(port: int, username: str, password: str) -> tuple[Server, str]:
    """Sign in through the login page; give the server with its cookies, and the form token."""
    jar: dict[str, str] = {}

    def ask(method: str, body: str = "") -> str:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        cookies = "; ".join(f"{name}={value}" for name, value in jar.items())
        headers = {"Cookie": cookies, "Origin": f"http://127.0.0.1:{port}"}
        if body:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        connection.request(method, "/accounts/login/", body, headers)
        response = connection.getresponse()
        for line in response.headers.get_all("Set-Cookie", []):
            name, _equals, value = line.partition(";")[0].partition("=")
            jar[name] = value
        return response.read().decode()

    found = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', ask("GET"))
    assert found is not None
    form = {"csrfmiddlewaretoken": found[1], "login": username, "password": password}
    ask("POST", urlencode(form))
    assert "sessionid" in jar, "could not sign in"
    cookie = "; ".join(f"{name}={value}" for name, value in jar.items())
    origin = f"Origin: http://127.0.0.1:{port}"
    return Server("strongroom", port, (f"Cookie: {cookie}", origin)), jar["csrftoken"]


def read_head(connection: socket.socket) -> tuple[int, bytes]:
    """Read one answer, and throw its body away; give its status and its head."""
    status, _size, head = _read(connection)
    return status, head


def read_answer(connection: socket.socket) -> tuple[int, int]:
    """Read one answer with a Content-Length; give its status and the bytes of its body."""
    status, size, _head = _read(connection)
    return status, size


def _read(connection: socket.socket) -> tuple[int, int, bytes]:
    """Read one answer; give its status, the bytes of its body, and its head."""
    data = b""
    while b"\r\n\r\n" not in data:
        some = connection.recv(65536)
        if not some:
            raise ConnectionError("no answer")
        data += some
    head, _blank, rest = data.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)content-length: (\d+)", head)
    size = int(length[1]) if length else 0
    received = len(rest)
    buffer = bytearray(RECEIVE_SIZE)
    while received < size:
        received += connection.recv_into(buffer)
    return int(head.split(b" ", 2)[1]), received, head


def expect(status: int, *wanted: int) -> None:
    """Fail loudly if a contender did not do what is measured."""
    if status not in wanted:
        raise RuntimeError(f"status {status} instead of {wanted}")


def form_parts(token: str, names: Iterable[str]) -> tuple[bytes, list[bytes], bytes]:
    """Write a form around files: what stands before all, before each, and at the end."""
    line = f"--{BOUNDARY}\r\nContent-Disposition: form-data; name="
    first = f'{line}"csrfmiddlewaretoken"\r\n\r\n{token}'.encode()
    heads = [
        f'\r\n{line}"files"; filename="{name}"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n".encode()
        for name in names
    ]
    return first, heads, f"\r\n--{BOUNDARY}--\r\n".encode()


def post_file(server: Server, token: str, folder: int, name: str, file: Path) -> float:
    """Upload one file through the form; give the seconds until its answer."""
    first, (head,), end = form_parts(token, [name])
    size = len(first) + len(head) + file.stat().st_size + len(end)
    with server.connect() as connection, file.open("rb") as source:
        started = time.perf_counter()
        connection.sendall(_form_head(server, folder, size) + first + head)
        connection.sendfile(source)
        connection.sendall(end)
        expect(read_answer(connection)[0], 303)
        return time.perf_counter() - started


def _form_head(server: Server, folder: int, size: int) -> bytes:
    """Write the head of a form upload."""
    content_type = f"Content-Type: multipart/form-data; boundary={BOUNDARY}"
    return server.head("POST", f"/upload/{folder}", content_type, f"Content-Length: {size}")


def form_request(
    server: Server, token: str, folder: int, names: Sequence[str], content: bytes
) -> bytes:
    """Write a whole form with equal files as one request."""
    first, heads, end = form_parts(token, names)
    body = first + b"".join(head + content for head in heads) + end
    return _form_head(server, folder, len(body)) + body


def post_many(server: Server, request: bytes) -> float:
    """Send one prepared form; give the seconds until its answer."""
    with server.connect() as connection:
        started = time.perf_counter()
        connection.sendall(request)
        expect(read_answer(connection)[0], 303)
        return time.perf_counter() - started


def get_once(server: Server, path: str) -> float:
    """GET something; give the seconds until its last byte."""
    with server.connect() as connection:
        started = time.perf_counter()
        connection.sendall(server.head("GET", path))
        expect(read_answer(connection)[0], 200)
        return time.perf_counter() - started


def at_once(server: Server, requests: Sequence[bytes], *wanted: int, clients: int = 8) -> float:
    """Send prepared requests over kept-alive connections; give the seconds for all of them."""
    failures: list[Exception] = []

    def client(some: Sequence[bytes]) -> None:
        try:
            with server.connect() as connection:
                for request in some:
                    connection.sendall(request)
                    expect(read_answer(connection)[0], *wanted)
        except Exception as error:  # noqa: BLE001 - told by the main thread
            failures.append(error)

    shares = [requests[number::clients] for number in range(clients)]
    threads = [threading.Thread(target=client, args=[share]) for share in shares]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    return time.perf_counter() - started


def sync_file(path: Path) -> None:
    """Do what a durable upload must have done before it answers."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def timed(function: Callable[[], object]) -> float:
    """Give the seconds that a call takes."""
    started = time.perf_counter()
    function()
    return time.perf_counter() - started
