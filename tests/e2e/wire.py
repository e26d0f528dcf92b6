"""HTTP by the byte: what is sent is exactly what is written here."""

import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse

TIMEOUT = 60.0  # seconds: a hang fails the test


@dataclass(frozen=True)
class Reply:
    """An answer; status 0 where there was none."""

    status: int
    headers: dict[str, str]  # names in lower case; of repeated ones the last
    body: bytes
    set_cookies: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """Give the body as text."""
        return self.body.decode(errors="replace")


NONE = Reply(0, {}, b"")


def head(method: str, path: str, version: str = "1.1", /, **headers: str | None) -> bytes:
    """Write the head of a request; names are given with underscores, None leaves one out."""
    fields: dict[str, str | None] = {"Host": "localhost"}
    fields |= {name.replace("_", "-"): value for name, value in headers.items()}
    lines = [f"{name}: {value}" for name, value in fields.items() if value is not None]
    return "\r\n".join([f"{method} {path} HTTP/{version}", *lines, "", ""]).encode("latin-1")


def chunked(*pieces: bytes, end: bool = True) -> bytes:
    """Write a body in chunks."""
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces if piece)
    return chunks + (b"0\r\n\r\n" if end else b"")


@contextmanager
def connected(port: int) -> Iterator[socket.socket]:
    """Connect to a server of this machine."""
    with socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT) as connection:
        yield connection


def read_reply(connection: socket.socket, method: str = "GET") -> Reply:
    """Read one answer, whose length must be true."""
    response = HTTPResponse(connection, method=method)
    try:
        response.begin()
        headers = {name.lower(): value for name, value in response.getheaders()}
        cookies = response.headers.get_all("set-cookie", [])
        return Reply(response.status, headers, response.read(), tuple(cookies))
    except (ConnectionError, HTTPException):
        return NONE
    finally:
        response.close()


def exchange(port: int, *pieces: bytes, method: str = "GET") -> Reply:
    """Send pieces, each by itself, then read the answer, as clients do that do not look up."""
    with connected(port) as connection:
        try:
            for piece in pieces:
                connection.sendall(piece)
        except ConnectionError:
            pass  # the answer may be there all the same
        return read_reply(connection, method)


def reset(connection: socket.socket) -> None:
    """Close with a reset instead of an end."""
    linger = struct.pack("ii", 1, 0)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    connection.close()
