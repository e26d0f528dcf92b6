"""What nginx's shared server block does with requests, in front of a backend that records them."""

import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPResponse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest

from files.management.nginx import Nginx
from tests.processes import free_port, wait_until

CONTENT_HEADERS = {
    "Cache-Control": "private, no-cache",
    "Content-Disposition": "inline; filename*=UTF-8''a.txt",
    "Content-Security-Policy": "sandbox",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "ETag": '"version-1"',
    "Last-Modified": "Wed, 21 Oct 2015 07:28:00 GMT",
    "Referrer-Policy": "no-referrer",
    "Repr-Digest": "sha-256=:AAAA:",
    "Vary": "Cookie",
    "X-Request-ID": "of the backend",
}


@dataclass
class Seen:
    """One request as the backend saw it."""

    path: str
    headers: dict[str, str]
    client_port: int
    body: bytes = b""


class Backend(BaseHTTPRequestHandler):
    """Records requests; answers bytes by X-Accel-Redirect, and pages otherwise."""

    protocol_version = "HTTP/1.1"
    seen: ClassVar[list[Seen]]

    def do_GET(self) -> None:
        self.seen.append(Seen(self.path, dict(self.headers.items()), self.client_address[1]))
        self.send_response(200)
        body = b"<p>page" * 1000
        if self.path.startswith("/content/"):
            body = b""
            self.send_header("Content-Type", "text/plain; charset=utf-8")
            self.send_header("X-Accel-Redirect", "/_blobs/" + self.path.removeprefix("/content/"))
            for name, value in CONTENT_HEADERS.items():
                self.send_header(name, value)
        else:
            self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        seen = Seen(self.path, dict(self.headers.items()), self.client_address[1])
        self.seen.append(seen)
        left = int(self.headers["Content-Length"])
        while left and (piece := self.rfile.read1(left)):
            seen.body += piece
            left -= len(piece)
        self.send_response(204)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        """Keep the test's output clean."""


@dataclass
class Front:
    """nginx on a port, and what the backend behind it has seen."""

    port: int
    uploads: Path
    seen: list[Seen] = field(default_factory=list)

    def connect(self) -> HTTPConnection:
        return HTTPConnection("127.0.0.1", self.port, timeout=20)

    def get(self, path: str, **headers: str) -> tuple[HTTPResponse, bytes]:
        connection = self.connect()
        connection.putrequest("GET", path, skip_host="Host" in headers, skip_accept_encoding=True)
        for name, value in headers.items():
            connection.putheader(name.replace("_", "-"), value)
        connection.endheaders()
        response = connection.getresponse()
        body = response.read()
        connection.close()
        return response, body


def serve(
    folder: Path, backend_port: int, *front_proxies: str
) -> tuple[Front, subprocess.Popen[bytes]]:
    front = Front(free_port(), folder / "uploads")
    (front.uploads / "blobs" / "00").mkdir(parents=True, exist_ok=True)
    nginx = Nginx(
        host="127.0.0.1",
        port=front.port,
        backend_port=backend_port,
        run=folder / "run",
        uploads=front.uploads,
        error_log=folder / "error.log",
        shared=Path("nginx").resolve(),
        front_proxies=front_proxies,
    )
    nginx.write()
    process = subprocess.Popen(nginx.command())
    wait_until((folder / "run" / "nginx.pid").exists)
    return front, process


@pytest.fixture(scope="module")
def backend() -> Iterator[tuple[int, list[Seen]]]:
    class Recorder(Backend):
        seen: ClassVar[list[Seen]] = []

    server = ThreadingHTTPServer(("127.0.0.1", 0), Recorder)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield server.server_port, Recorder.seen
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def shared_front(
    backend: tuple[int, list[Seen]], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Front]:
    front, process = serve(tmp_path_factory.mktemp("front"), backend[0])
    front.seen = backend[1]
    yield front
    process.terminate()
    process.wait()


@pytest.fixture
def front(shared_front: Front) -> Front:
    shared_front.seen.clear()
    return shared_front


@pytest.fixture
def proxied_front(backend: tuple[int, list[Seen]], tmp_path: Path) -> Iterator[Front]:
    front, process = serve(tmp_path, backend[0], "127.0.0.0/8")
    front.seen = backend[1]
    front.seen.clear()
    yield front
    process.terminate()
    process.wait()


@pytest.mark.parametrize("path", ["/dav/a%2Fb", "/dav/100%25", "/dav/a;b%3Bc", "/dav/%D1%8F?x=%2F"])
def test_names_reach_the_backend_as_sent(front: Front, path: str) -> None:
    front.get(path)

    assert [seen.path for seen in front.seen] == [path]


def test_client_cannot_forge_what_nginx_says(front: Front) -> None:
    forged = {
        "X_Forwarded_For": "192.0.2.66",
        "X_Forwarded_Proto": "https",
        "X_Forwarded_Host": "evil.example",
        "X_Real_IP": "192.0.2.66",
        "Forwarded": "for=192.0.2.66",
        "X_Request_ID": "forged",
        "X_Sendfile_Type": "forged",
    }

    front.get("/", Host="files.example", **forged)

    [seen] = front.seen
    told = {name.lower(): value for name, value in seen.headers.items()}
    assert told["host"] == "files.example"
    assert told["x-forwarded-for"] == "127.0.0.1"
    assert told["x-forwarded-proto"] == "http"
    assert told["x-sendfile-type"] == "X-Accel-Redirect"
    assert len(told["x-request-id"]) == 32
    assert not told.keys() & {"x-forwarded-host", "x-real-ip", "forwarded"}


def test_headers_with_underscores_do_not_reach_the_backend(front: Front) -> None:
    connection = front.connect()
    connection.request("GET", "/", headers={"X_Forwarded_For": "192.0.2.66", "X_Plain": "x"})
    connection.getresponse().read()
    connection.close()

    assert [name for name in front.seen[0].headers if "_" in name] == []


def test_proxy_in_front_is_believed_where_it_is_listed(proxied_front: Front) -> None:
    proxied_front.get("/", X_Forwarded_For="192.0.2.7", X_Forwarded_Proto="https")

    [seen] = proxied_front.seen
    assert seen.headers["X-Forwarded-For"] == "192.0.2.7"
    assert seen.headers["X-Forwarded-Proto"] == "https"


def test_connections_to_the_backend_are_kept(front: Front) -> None:
    for _ in range(5):
        front.get("/")

    # Each of nginx's processes keeps its own.
    assert len({seen.client_port for seen in front.seen}) < 5


def test_body_beyond_the_limit_of_forms_is_refused_readably(front: Front) -> None:
    connection = front.connect()
    connection.putrequest("POST", "/move/")
    connection.putheader("Content-Length", str(4 * 2**20))
    connection.endheaders()

    response = connection.getresponse()

    assert response.status == 413
    assert b"Too large" in response.read()
    assert response.getheader("X-Content-Type-Options") == "nosniff"
    assert front.seen == []
    connection.close()


@pytest.mark.parametrize("path", ["/upload/1", "/uploads/", "/admin/files/entry/1/upload/"])
def test_upload_is_streamed_to_the_backend(front: Front, path: str) -> None:
    connection = front.connect()
    connection.putrequest("POST", path)
    connection.putheader("Content-Length", str(8 * 2**20))
    connection.endheaders(b"a" * 2**20)

    wait_until(lambda: bool(front.seen) and len(front.seen[0].body) == 2**20)

    connection.send(b"b" * 7 * 2**20)
    assert connection.getresponse().status == 204
    assert len(front.seen[0].body) == 8 * 2**20
    connection.close()


def test_small_form_is_sent_to_the_backend_when_it_is_whole(front: Front) -> None:
    connection = front.connect()
    connection.putrequest("POST", "/move/")
    connection.putheader("Content-Length", "10")
    connection.endheaders(b"12345")
    time.sleep(0.2)
    assert front.seen == []

    connection.send(b"67890")

    assert connection.getresponse().status == 204
    assert front.seen[0].body == b"1234567890"
    connection.close()


def test_bytes_keep_the_headers_of_the_backend(front: Front) -> None:
    (front.uploads / "blobs" / "00" / "a").write_bytes(b"0123456789" * 500)

    response, body = front.get("/content/00/a", Accept_Encoding="gzip")

    assert (response.status, len(body)) == (200, 5000)
    for name, value in CONTENT_HEADERS.items():
        assert response.headers.get_all(name) == [value], name
    assert response.headers.get_all("X-Content-Type-Options") == ["nosniff"]
    assert response.getheader("Content-Encoding") is None
    assert response.getheader("Accept-Ranges") == "bytes"


@pytest.mark.parametrize(
    ("headers", "status", "length"),
    [
        ({"Range": "bytes=1-3"}, 206, 3),
        ({"Range": "bytes=-4"}, 206, 4),
        ({"Range": "bytes=99-"}, 416, None),
        ({"Range": "bytes=1-3", "If_Range": '"version-1"'}, 206, 3),
        ({"Range": "bytes=1-3", "If_Range": '"version-0"'}, 200, 10),
        # Conditions are the backend's to decide.
        ({"If_None_Match": '"version-1"'}, 200, 10),
        ({"If_Modified_Since": "Wed, 21 Oct 2015 07:28:00 GMT"}, 200, 10),
    ],
)
def test_ranges_are_of_the_version(
    front: Front, headers: dict[str, str], status: int, length: int | None
) -> None:
    (front.uploads / "blobs" / "00" / "b").write_bytes(b"0123456789")

    response, body = front.get("/content/00/b", **headers)

    assert response.status == status
    assert length is None or len(body) == length


def test_many_ranges_in_one_request_are_not_served_as_ranges(front: Front) -> None:
    (front.uploads / "blobs" / "00" / "c").write_bytes(b"0123456789" * 100)

    response, body = front.get(
        "/content/00/c", Range="bytes=" + ",".join(f"{n}-{n}" for n in range(0, 80, 2))
    )

    assert (response.status, len(body)) == (200, 1000)


@pytest.mark.parametrize(
    "path", ["/_blobs/00/a", "/_blobs/", "/%5Fblobs/00/a", "/_nginx/too-large"]
)
def test_internal_places_are_not_there(front: Front, path: str) -> None:
    (front.uploads / "blobs" / "00" / "a").write_bytes(b"secret")

    response, body = front.get(path)

    assert response.status == 404
    assert b"secret" not in body


def test_links_among_the_blobs_are_not_followed(front: Front, tmp_path: Path) -> None:
    (tmp_path / "outside").write_text("secret")
    link = front.uploads / "blobs" / "00" / "link"
    link.unlink(missing_ok=True)
    link.symlink_to(tmp_path / "outside")

    response, body = front.get("/content/00/link")

    assert response.status == 403
    assert b"secret" not in body


def test_pages_are_compressed(front: Front) -> None:
    response, body = front.get("/", Accept_Encoding="gzip")

    assert response.getheader("Content-Encoding") == "gzip"
    assert response.getheader("Server") == "nginx"
    assert len(body) < 1000


def test_backend_that_is_gone_gives_a_readable_page(tmp_path: Path) -> None:
    front, process = serve(tmp_path, free_port())
    try:
        response, body = front.get("/")
    finally:
        process.terminate()
        process.wait()

    assert response.status in {502, 503}
    assert response.getheader("Content-Type") == "text/html; charset=utf-8"
    assert b"Nothing that was saved is lost" in body


def test_several_proxied_addresses_are_not_appended(proxied_front: Front) -> None:
    proxied_front.get("/", X_Forwarded_For="192.0.2.66, 192.0.2.7")

    assert proxied_front.seen[0].headers["X-Forwarded-For"] == "192.0.2.7"
