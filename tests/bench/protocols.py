"""Large files in the ways that upload protocols have: raw PUT, tus, Resumable Uploads for HTTP."""

import re
import socket
import time
from base64 import b64encode
from pathlib import Path

from .clients import Server, expect, read_head

TUS = ("Tus-Resumable: 1.0.0",)
CHUNK = 64 * 2**20  # bytes, of a chunked upload
OFFSET_TYPE = "Content-Type: application/offset+octet-stream"


def put_file(server: Server, path: str, file: Path) -> float:
    """PUT a whole file; give the seconds until its answer."""
    size = file.stat().st_size
    return _send(server, "PUT", path, file, (0, size), [])


def post_resumable(server: Server, folder: int, name: str, file: Path) -> float:
    """Upload a file by one request of Resumable Uploads for HTTP; give the seconds."""
    size = file.stat().st_size
    headers = ["Upload-Complete: ?1", f"Upload-Length: {size}"]
    path = f"/uploads/?folder={folder}&path={name}"
    return _send(server, "POST", path, file, (0, size), headers)


def begin_tus(server: Server, path: str, length: int, **metadata: str) -> str:
    """Begin an upload by tus; give its path."""
    pairs = ",".join(f"{k} {b64encode(v.encode()).decode()}" for k, v in metadata.items())
    headers = [*TUS, f"Upload-Length: {length}", f"Upload-Metadata: {pairs}", "Content-Length: 0"]
    with server.connect() as connection:
        connection.sendall(server.head("POST", path, *headers))
        status, head = read_head(connection)
    expect(status, 201)
    location = re.search(rb"(?i)\r\nlocation: *(?:https?://[^/]+)?(\S+)", head)
    assert location is not None
    return location[1].decode()


def patch_tus(server: Server, url: str, file: Path, chunk: int | None) -> float:
    """Send a file to a tus upload, in chunks of so many bytes or in one; give the seconds."""
    size = file.stat().st_size
    started = time.perf_counter()
    with server.connect() as connection:
        for offset in range(0, size, chunk or size):
            part = (offset, min(chunk or size, size - offset))
            headers = [*TUS, OFFSET_TYPE, f"Upload-Offset: {offset}"]
            _send(server, "PATCH", url, file, part, headers, connection)
    return time.perf_counter() - started


def patch_rest(server: Server, url: str, offset: int, rest: Path) -> float:
    """Send the last bytes of a tus upload; give the seconds until the answer."""
    headers = [*TUS, OFFSET_TYPE, f"Upload-Offset: {offset}"]
    return _send(server, "PATCH", url, rest, (0, rest.stat().st_size), headers)


def _send(
    server: Server,
    method: str,
    path: str,
    file: Path,
    part: tuple[int, int],
    headers: list[str],
    connection: socket.socket | None = None,
) -> float:
    """Send a part of a file (from where, how many bytes) as a body; give the seconds."""
    offset, count = part
    if connection is None:
        with server.connect() as own:
            return _send(server, method, path, file, part, headers, own)
    started = time.perf_counter()
    connection.sendall(server.head(method, path, *headers, f"Content-Length: {count}"))
    with file.open("rb") as source:
        connection.sendfile(source, offset, count)
    status, _head = read_head(connection)
    expect(status, 200, 201, 204)
    return time.perf_counter() - started
