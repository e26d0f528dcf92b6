"""A disk that is really full: every door says so in its own words, nothing is left, all goes on.

The data folder is a file system of its own, which only root may mount; skipped for others.
"""

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.e2e.conftest import Session, Stack, make_stack
from tests.e2e.test_landing import RELEASE
from tests.e2e.test_uploads import body_of, upload_head
from tests.e2e.tus import OFFSET, TusClient
from tests.e2e.wire import Reply, chunked, connected, head, read_reply
from tests.multiparts import file
from tests.processes import manage, wait_until

MOUNT, UMOUNT = "/bin/mount", "/bin/umount"
MIB = 2**20
BODY = os.urandom(8 * MIB)  # lands, where bodies may
DOORS = ["put", "put of unknown length", "tus", "form", "webdav"]


@dataclass
class Disk:
    """A small file system, and what fills it."""

    path: Path

    @property
    def filler(self) -> Path:
        """Give the file that fills it."""
        return self.path / "filler"

    def fill(self) -> None:
        """Leave no byte."""
        with self.filler.open("ab", buffering=0) as filler:
            for size in (MIB, 4096, 1):
                try:
                    while True:
                        filler.write(bytes(size))
                except OSError:
                    continue

    def free(self) -> None:
        """Make room."""
        self.filler.unlink(missing_ok=True)


@pytest.fixture(scope="module", params=["streamed", "landed"])
def stack(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stack]:
    """Run an installation on a disk of 160 MiB that it may fill to the last byte."""
    path = tmp_path_factory.mktemp("disk")
    mount = [MOUNT, "-t", "tmpfs", "-o", "size=160m", "tmpfs", str(path)]
    if os.geteuid() != 0 or subprocess.run(mount, check=False).returncode != 0:
        pytest.skip("no file system may be mounted here")
    landing = "true" if request.param == "landed" else "false"
    stack = make_stack(path / "data", FILES_LANDING=landing, FILES_MIN_FREE_SPACE="0")
    try:
        stack.server.start()
        yield stack
        Disk(path).free()
        assert stack.server.stop() == 0
    finally:
        if stack.server.process and stack.server.process.poll() is None:
            stack.server.stop()
        subprocess.run([UMOUNT, "-l", str(path)], check=True)


@pytest.fixture
def disk(stack: Stack) -> Iterator[Disk]:
    """Give the disk, and empty it behind the test."""
    disk = Disk(stack.server.data.parent)
    yield disk
    disk.free()


@pytest.fixture(scope="module")
def admin(stack: Stack) -> Session:
    return stack.login()


@pytest.fixture(scope="module")
def secret(stack: Stack) -> str:
    """Give the secret of a token."""
    made = manage("create_token", "admin", "--scope", "read", "--scope", "write",
                  data=stack.server.data)  # fmt: skip
    return made.stdout.strip()


@dataclass
class Sender:
    """Sends BODY to one folder through any door."""

    admin: Session
    folder: int
    secret: str

    def request(self, door: str, name: str) -> tuple[str, bytes, bytes]:
        """Give the method, head and body of a request that puts a file."""
        cookies = {"Cookie": self.admin.cookie, "Sec_Fetch_Site": "same-origin"}
        length = str(len(BODY))
        path = f"/folders/{self.folder}/files/{name}"
        match door:
            case "put":
                return "PUT", head("PUT", path, **cookies, Content_Length=length), BODY
            case "put of unknown length":
                body = chunked(*(BODY[at : at + MIB] for at in range(0, len(BODY), MIB)))
                return "PUT", head("PUT", path, **cookies, Transfer_Encoding="chunked"), body
            case "form":
                body = body_of(self.admin, file(name, BODY))
                return "POST", upload_head(self.admin, self.folder, len(body)), body
            case "webdav":
                token = {"Authorization": f"Bearer {self.secret}"}
                target = f"/dav/admin/{self.name_of_folder}/{name}"
                return "PUT", head("PUT", target, **token, Content_Length=length), BODY
        url = self.begin(name)
        told = {"Tus_Resumable": "1.0.0", "Content_Type": OFFSET, "Upload_Offset": "0"}
        return "PATCH", head("PATCH", url, **cookies, **told, Content_Length=length), BODY

    @property
    def name_of_folder(self) -> str:
        """Give the folder's name."""
        ((name,),) = self.admin.stack.rows("SELECT name FROM files_entry WHERE id = ?", self.folder)
        return str(name)

    def begin(self, name: str) -> str:
        """Begin an upload by tus, and give its address."""
        created = TusClient(self.admin, self.folder).create(name, len(BODY))
        assert created.status == 201, created.text
        return created.headers["location"].removeprefix(self.admin.stack.nginx_url)

    def send(self, request: tuple[str, bytes, bytes], disk: Disk | None = None) -> Reply:
        """Send a request; the disk is filled when half of it is there."""
        method, head_, body = request
        with connected(self.admin.stack.nginx_port) as connection:
            try:
                connection.sendall(head_ + body[: len(body) // 2])
                if disk is not None:
                    wait_until(lambda: disk_holds(disk, len(body) // 4))
                    disk.fill()
                connection.sendall(body[len(body) // 2 :])
            except ConnectionError:
                pass  # the answer may be there all the same
            return read_reply(connection, method)


def disk_holds(disk: Disk, size: int) -> bool:
    """Tell whether a file of some size that nobody has finished lies there."""
    uploads = disk.path / "data" / "uploads"
    folders = [*(uploads / "landing").glob("*"), *(uploads / "blobs").glob("??")]
    sizes = (path.stat().st_size for folder in folders for path in folder.iterdir())
    return any(found >= size for found in sizes)


@pytest.fixture
def sender(admin: Session, secret: str) -> Sender:
    return Sender(admin, admin.make_folder(), secret)


def release_landings(stack: Stack) -> None:
    """Do now what a job does when the time of a body is over that was to land.

    While the disk was full, not even that could be written down that it is not coming.
    """
    if stack.server.settings["FILES_LANDING"] == "true":
        assert manage("shell", "-c", RELEASE, data=stack.server.data).returncode == 0


@contextmanager
def nothing_left(stack: Stack) -> Iterator[None]:
    """Make sure that what was refused leaves neither bytes nor rows, nor holds any room."""
    before = stack.stored()
    used = stack.rows("SELECT sum(used_bytes) FROM files_space")
    yield
    release_landings(stack)
    wait_until(lambda: stack.stored() == before)
    wait_until(lambda: stack.rows("SELECT sum(used_bytes) FROM files_space") == used)
    assert stack.rows("SELECT count(*) FROM files_upload WHERE state = 'open'") == [(0,)]
    landing = stack.server.data / "uploads" / "landing"
    wait_until(lambda: {path.name for path in landing.glob("*/*")} <= {"key"})


def require_told(door: str, reply: Reply) -> None:
    """Make sure that a refusal is in the words of its protocol (RFC 4918, 11.5)."""
    assert reply.status == 507, reply.text[:500]
    kind = reply.headers["content-type"]
    if door == "webdav":
        assert "xml" in kind
        assert "<s:code>disk-full</s:code>" in reply.text
    elif door == "form":
        assert "html" in kind
        assert "Traceback" not in reply.text
    else:
        assert kind == "application/problem+json"
        assert json.loads(reply.body)["code"] == "disk-full"
    if door == "tus":
        assert reply.headers["tus-resumable"] == "1.0.0"


def require_going_on(sender: Sender, door: str) -> None:
    """Make sure that the stack takes files again by itself, now that there is room."""
    done = sender.send(sender.request(door, "b"))
    assert done.status in {201, 204, 303}, done.text[:500]


def discard(sender: Sender, stack: Stack) -> None:
    """Give up what was begun by tus, which is kept to go on with."""
    for (key,) in stack.rows("SELECT id FROM files_upload WHERE state = 'open'"):
        url = f"/uploads/{str(key).replace('-', '')}"
        assert TusClient(sender.admin, sender.folder).request("DELETE", url).status == 204


@pytest.mark.parametrize("door", DOORS)
def test_disk_that_is_full_refuses_and_goes_on_when_it_is_not(
    stack: Stack, disk: Disk, sender: Sender, door: str
) -> None:
    with nothing_left(stack):
        request = sender.request(door, "a")
        disk.fill()
        refused = sender.send(request)
        disk.free()
        if door == "tus":
            discard(sender, stack)

    require_told(door, refused)
    require_going_on(sender, door)


@pytest.mark.parametrize("door", DOORS)
def test_disk_that_fills_up_meanwhile_refuses_and_leaves_nothing(
    stack: Stack, disk: Disk, sender: Sender, door: str
) -> None:
    with nothing_left(stack):
        request = sender.request(door, "a")
        refused = sender.send(request, disk)
        disk.free()
        if door == "tus":
            discard(sender, stack)

    require_told(door, refused)
    require_going_on(sender, door)
