"""Which bodies nginx receives into files, and what it tells the backend, which only records it."""

import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest

from files.management.nginx import Nginx
from files.management.supervisor import Part
from files.storage.landing import clean_starts
from tests.faults import FailingDisk, open_descriptors
from tests.processes import free_port, wait_until
from tests.test_nginx import Backend, Seen

ADMIT = "/_landing/admit"
LARGE = bytes(range(256)) * 8000


@dataclass
class Behaviour:
    """What the backend answers when it is asked whether a body may come."""

    admit: int = 204
    seen: list[Seen] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)  # of the files that nginx named


class Recorder(Backend):
    """A backend that is asked, and reads what has landed while nginx waits."""

    behaviour: ClassVar[Behaviour]

    def do_GET(self) -> None:  # noqa: N802 - the base's name
        self._see()
        self.send_response(self.behaviour.admit if self.path == ADMIT else 200)
        if self.path == ADMIT and self.behaviour.admit == 204:
            self.send_header("X-Landing-Ticket", "the-ticket")
        else:
            self.send_header("Content-Length", "0")
        self.end_headers()

    def do_PUT(self) -> None:  # noqa: N802 - the base's name
        seen = self._see()
        if name := seen.headers.get("X-Landing-File"):
            self.behaviour.bodies.append(Path(name).read_bytes())
        left = int(self.headers.get("Content-Length", "0"))
        while left and (piece := self.rfile.read1(left)):
            seen.body += piece
            left -= len(piece)
        self.send_response(201)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_PATCH = do_POST = do_DELETE = do_PUT  # noqa: N815 - the base's names

    def _see(self) -> Seen:
        seen = Seen(f"{self.command} {self.path}", dict(self.headers.items()), 0)
        self.behaviour.seen.append(seen)
        return seen


@dataclass
class Front:
    """nginx that lands, and what the backend behind it sees."""

    nginx: Nginx
    backend: Behaviour

    @property
    def start(self) -> Path:
        """Give the folder of the start that runs."""
        (folder,) = (self.nginx.uploads / "landing").iterdir()
        return folder

    @property
    def key(self) -> str:
        """Give its key."""
        return (self.start / "key").read_text()

    def send(self, method: str, path: str, body: bytes, **headers: str) -> int:
        """Send a request, and give the status of the answer."""
        connection = HTTPConnection("127.0.0.1", self.nginx.port, timeout=20)
        told = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, body, told)
        status = connection.getresponse().status
        connection.close()
        return status

    def ask(self, method: str, length: str, path: str = "/uploads/1") -> str:
        """Send no more than a head, and give what the backend hears first."""
        connection = HTTPConnection("127.0.0.1", self.nginx.port, timeout=20)
        connection.putrequest(method, path)
        connection.putheader("Content-Length", length)
        connection.endheaders()
        wait_until(lambda: bool(self.backend.seen))
        connection.close()
        return self.backend.seen[0].path


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    class Mine(Recorder):
        behaviour: ClassVar[Behaviour] = Behaviour()

    server = ThreadingHTTPServer(("127.0.0.1", 0), Mine)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    folder = tmp_path_factory.mktemp("landing")
    (folder / "uploads").mkdir()
    nginx = Nginx(
        host="127.0.0.1",
        port=free_port(),
        backend_port=server.server_port,
        run=folder / "run",
        uploads=folder / "uploads",
        error_log=folder / "error.log",
        shared=Path("nginx").resolve(),
        landing=True,
    )
    nginx.write()
    part = Part("nginx", nginx.command(), Path.cwd(), before_start=nginx.begin)
    part.start()
    wait_until((folder / "run" / "nginx.pid").exists)
    yield Front(nginx, Mine.behaviour)
    part.stop(is_hurried=lambda: False)
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def front(running: Front) -> Front:
    running.backend.admit = 204
    running.backend.seen.clear()
    running.backend.bodies.clear()
    return running


WAYS = [
    ("PUT", "999999", "stream"),
    ("PUT", "1000000", "land"),
    ("PUT", "50000000000", "land"),
    ("PUT", "0001000000", "stream"),
    ("PATCH", "999999", "stream"),
    ("PATCH", "1000000", "land"),
    ("PATCH", "99999999", "land"),
    ("PATCH", "100000000", "stream"),
    ("POST", "5000000", "stream"),
    ("DELETE", "5000000", "stream"),
]


@pytest.mark.parametrize(("method", "length", "way"), WAYS)
def test_way_is_chosen_by_method_and_length(
    front: Front, method: str, length: str, way: str
) -> None:
    expected = f"GET {ADMIT}" if way == "land" else f"{method} /uploads/1"

    assert front.ask(method, length) == expected


def test_chunked_body_streams(front: Front) -> None:
    connection = HTTPConnection("127.0.0.1", front.nginx.port, timeout=20)
    connection.request("PUT", "/uploads/1", iter([LARGE]), encode_chunked=True)

    assert connection.getresponse().status == 201
    assert [seen.path for seen in front.backend.seen] == ["PUT /uploads/1"]
    connection.close()


@pytest.mark.parametrize("name", ["a%2Fb", "100%25", "a;b%3Bc", "%D1%8F?x=%2F&y"])
def test_backend_is_asked_and_then_told_the_file(front: Front, name: str) -> None:
    path = f"/folders/1/files/{name}"

    status = front.send("PUT", path, LARGE, Cookie="c=1", If_Match='"1"')

    asked, told = front.backend.seen
    assert (status, asked.path, told.path) == (201, f"GET {ADMIT}", f"PUT {path}")
    assert asked.headers["X-Landing-Method"] == "PUT"
    assert asked.headers["X-Landing-Target"] == path
    assert told.headers["X-Landing-Ticket"] == "the-ticket"
    assert Path(told.headers["X-Landing-File"]).parent == front.start
    for seen in (asked, told):
        assert seen.headers["X-Landing-Key"] == front.key
        assert seen.headers["X-Landing-Length"] == str(len(LARGE))
        assert (seen.headers["Cookie"], seen.headers["If-Match"]) == ("c=1", '"1"')
        assert seen.headers["X-Forwarded-For"] == "127.0.0.1"
        assert "Content-Length" not in seen.headers
    assert front.backend.bodies == [LARGE]
    # What nobody has taken goes with the request.
    wait_until(lambda: list(front.start.iterdir()) == [front.start / "key"])


@pytest.mark.parametrize("admit", [403, 500])
def test_what_is_not_admitted_goes_to_the_backend_as_a_stream(front: Front, admit: int) -> None:
    front.backend.admit = admit
    path = "/folders/1/files/a%2Fb"

    status = front.send("PUT", path, LARGE)

    _asked, told = front.backend.seen
    assert (status, told.path, told.body) == (201, f"PUT {path}", LARGE)
    assert not [name for name in told.headers if name.startswith("X-Landing")]
    assert front.backend.bodies == []


FORGED = ("Key", "Ticket", "File", "Length", "Method", "Target")


@pytest.mark.parametrize(
    ("method", "path", "size", "admit"),
    [
        ("PUT", "/uploads/1", len(LARGE), 204),
        ("PUT", "/uploads/1", len(LARGE), 403),
        ("PUT", "/uploads/1", 10, 204),
        ("POST", "/move/", 10, 204),
    ],
    ids=["landed", "refused", "streamed", "page"],
)
def test_client_cannot_say_what_nginx_says(
    front: Front, method: str, path: str, size: int, admit: int
) -> None:
    front.backend.admit = admit
    forged = {f"X_Landing_{name}": "forged" for name in FORGED}

    assert front.send(method, path, LARGE[:size], **forged) == 201

    for seen in front.backend.seen:
        assert "forged" not in seen.headers.values()


def test_question_is_asked_by_nginx_alone(front: Front) -> None:
    assert front.send("GET", ADMIT, b"") == 404
    assert front.backend.seen == []


def test_body_that_cannot_be_written_is_told_to_the_backend(front: Front) -> None:
    start = front.start
    moved = start.rename(front.nginx.run / "moved")  # as good as a disk that takes nothing
    try:
        status = front.send("PUT", "/uploads/1", LARGE)
    finally:
        moved.rename(start)

    _asked, told = front.backend.seen
    assert (status, told.path) == (201, "PUT /uploads/1")  # it is the backend that answers
    assert told.headers["X-Landing-Ticket"] == "the-ticket"
    assert told.headers["X-Landing-Length"] == str(len(LARGE))
    assert "X-Landing-File" not in told.headers
    assert told.body == b""


@pytest.mark.parametrize("landing", [True, False])
def test_a_start_that_the_disk_refuses_leaves_nothing_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, landing: bool
) -> None:
    (tmp_path / "uploads").mkdir()
    nginx = Nginx(
        host="127.0.0.1", port=1, backend_port=2, landing=landing, run=tmp_path / "run",
        uploads=tmp_path / "uploads", error_log=tmp_path / "error.log",
        shared=Path("nginx").resolve(),
    )  # fmt: skip
    nginx.write()
    before = open_descriptors()
    disk = FailingDisk(monkeypatch)
    with disk.failing_at(0):
        for descriptor in nginx.begin():
            os.close(descriptor)
    calls = len(disk.calls)

    for call in range(1, calls + 1):
        clean_starts(nginx.uploads)
        with disk.failing_at(call), pytest.raises(OSError, match="No space left"):
            nginx.begin()

    assert open_descriptors() == before
    assert clean_starts(nginx.uploads) == int(landing)  # of the last: it had a key already


def test_each_start_has_a_folder_and_a_key_of_its_own(tmp_path: Path) -> None:
    options: dict[str, Any] = {"host": "127.0.0.1", "port": 1, "backend_port": 2, "landing": True}
    (tmp_path / "uploads").mkdir()
    nginx = Nginx(
        **options, run=tmp_path / "run", uploads=tmp_path / "uploads",
        error_log=tmp_path / "error.log", shared=Path("nginx").resolve(),
    )  # fmt: skip
    nginx.write()

    (first,) = nginx.begin()
    before = (nginx.run / "landing.conf").read_text()
    os.close(first)
    (second,) = nginx.begin()
    after = (nginx.run / "landing.conf").read_text()
    os.close(second)

    assert before.split('"')[1] != after.split('"')[1]
    assert before.split('"')[3] != after.split('"')[3]
    assert len(list((tmp_path / "uploads" / "landing").iterdir())) == 1
    assert (nginx.run / "landing.conf").stat().st_mode & 0o777 == 0o600
