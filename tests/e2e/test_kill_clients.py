"""Clients that others wrote upload while any part of the stack is killed, `serve` among them.

tuspy and curl; tus-js-client too where TEST_TUS_JS names a folder in which npm has installed it.
TEST_CLIENT_BYTES says how large the files are, TEST_CLIENT_SECONDS for how long parts are killed.
"""

import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

import pytest

from tests.e2e.conftest import Stack
from tests.e2e.test_kill import SEED, stack, victims
from tests.e2e.tus import base64
from tests.processes import manage, wait_until

__all__ = ["stack"]

SIZE = int(os.environ.get("TEST_CLIENT_BYTES", "40000000"))
SECONDS = float(os.environ.get("TEST_CLIENT_SECONDS", "15"))
TUS_JS = os.environ.get("TEST_TUS_JS", "")
PATIENCE = 120 + SIZE / 5_000_000  # seconds that one file may take in the end
BLOCK = 2**20

TUSPY = """
import sys, time
from tusclient import client
from tusclient.exceptions import TusCommunicationError
url, token, folder, name, path = sys.argv[1:]
tus = client.TusClient(url, headers={"Authorization": f"Bearer {token}"})
options = {"chunk_size": 8_000_000, "metadata": {"folder": folder, "filename": name}}
place = None
while True:
    try:
        uploader = tus.uploader(path, url=place, **options)
        if place is None:
            place = uploader.create_url()
            continue
        uploader.upload()
        break
    except TusCommunicationError as error:
        if error.status_code and error.status_code not in (409, 423, 502, 503, 504):
            raise
        time.sleep(0.2)
"""

JAVASCRIPT = """
const tus = require(`${process.env.TEST_TUS_JS}/node_modules/tus-js-client`);
const fs = require("fs");
const [url, token, folder, filename, path] = process.argv.slice(1);
new tus.Upload(fs.createReadStream(path), {
  endpoint: url, chunkSize: 8e6, uploadSize: fs.statSync(path).size, metadata: {folder, filename},
  headers: {Authorization: `Bearer ${token}`}, retryDelays: Array(500).fill(200),
  onError(error) { console.error(error); process.exit(1); },
}).start();
"""


@dataclass
class Sender:
    """Sends one file again and again under new names, by one kind of client."""

    kind: str
    stack: Stack
    token: str
    folder: int
    path: Path
    is_over: threading.Event
    finished: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def run(self) -> None:
        """Send until it is over; what is begun by then is ended."""
        send: Callable[[str], object] = {
            "tuspy": lambda name: self._program(name, sys.executable, "-c", TUSPY),
            "tus-js-client": lambda name: self._program(name, "node", "-e", JAVASCRIPT, "--"),
            "curl": self._curl,
        }[self.kind]
        while not self.is_over.is_set() and not self.failures:
            name = f"{self.kind}-{len(self.finished)}"
            try:
                send(name)
                self.finished.append(name)
            except (AssertionError, subprocess.SubprocessError) as error:
                self.failures.append(f"{name}: {error}")

    @property
    def _url(self) -> str:
        return f"http://127.0.0.1:{self.stack.nginx_port}"

    def _program(self, name: str, *command: str) -> None:
        """Send one file by a program that goes on by itself."""
        told = (f"{self._url}/uploads/", self.token, str(self.folder), name, str(self.path))
        done = subprocess.run(
            [*command, *told], capture_output=True, text=True, timeout=PATIENCE, check=False
        )
        assert done.returncode == 0, done.stderr[-2000:]

    def _curl(self, name: str) -> None:
        """Send one file as docs/tus.md says: ask how far it is, and send the rest."""
        pairs = f"folder {base64(str(self.folder).encode())},filename {base64(name.encode())}"
        begin = ("-X", "POST", "-H", f"Upload-Length: {SIZE}", "-H", f"Upload-Metadata: {pairs}")
        place, end = "", time.monotonic() + PATIENCE
        while time.monotonic() < end:
            if not place:
                place = self._ask(f"{self._url}/uploads/", *begin).get("location", "")
                continue
            told = self._ask(f"{self._url}{place}", "-I").get("upload-offset")
            if told is None:
                time.sleep(0.2)
            elif int(told) == SIZE:
                return
            else:
                self._send_rest(f"{self._url}{place}", int(told))
        raise AssertionError("it did not come to its end in time")

    def _send_rest(self, url: str, offset: int) -> None:
        """Send what is missing; wherever it breaks, it is asked again how far it is."""
        kind = "Content-Type: application/offset+octet-stream"
        with self.path.open("rb") as file:
            file.seek(offset)
            more = ("-X", "PATCH", "-H", kind, "-H", f"Upload-Offset: {offset}", "-T", "-")
            self._ask(url, *more, stdin=file.fileno())

    def _ask(self, url: str, *more: str, stdin: int = subprocess.DEVNULL) -> dict[str, str]:
        """Send a request, and give the headers of what was answered; none where nothing was."""
        command = ["curl", "-sS", "-m", str(int(PATIENCE)), "-o", os.devnull, "-D", "-", *more]
        signed = ("-H", f"Authorization: Bearer {self.token}", "-H", "Tus-Resumable: 1.0.0", url)
        done = subprocess.run(
            [*command, *signed], stdin=stdin, capture_output=True, text=True, check=False
        )
        lines = [line.partition(":") for line in done.stdout.splitlines() if ":" in line]
        return {name.lower(): value.strip() for name, _, value in lines}


def kill(stack: Stack) -> list[str]:
    """Kill one part after another for some time; give which."""
    chance, killed = random.Random(SEED), []  # noqa: S311 - a test's choices
    last: dict[str, float] = {}
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        time.sleep(chance.uniform(0.3, 2.5))
        if chance.random() < 0.25:
            assert stack.server.process is not None
            stack.server.process.kill()
            stack.server.process.wait()
            wait_until(lambda: not stack.server.leftovers(), seconds=20)
            stack.server.start()
            killed.append("serve")
            continue
        for pid in victims(stack, chance, last):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
                killed.append("part")
    return killed


@pytest.fixture
def file(tmp_path: Path) -> Iterator[Path]:
    """Write the file that all of them send; no two blocks are the same."""
    path, block = tmp_path / "file.bin", random.Random(SEED).randbytes(BLOCK)  # noqa: S311
    with path.open("wb") as target:
        for number in range(0, SIZE, BLOCK):
            target.write((number.to_bytes(8) + block[8:])[: SIZE - number])
    yield path
    path.unlink()


def digest_of(path: Path) -> str:
    """Give the SHA-256 of a file."""
    digest = sha256()
    with path.open("rb") as source:
        while piece := source.read(BLOCK):
            digest.update(piece)
    return digest.hexdigest()


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
@pytest.mark.timeout(SECONDS + PATIENCE * 2)
def test_clients_of_others_end_their_uploads_whatever_is_killed(stack: Stack, file: Path) -> None:
    print(f"TEST_KILL_SEED={SEED}")  # noqa: T201 - shown where the test fails
    folder = stack.login().make_folder()
    scopes = ("--scope", "read", "--scope", "write")
    token = manage("create_token", "admin", *scopes, data=stack.server.data).stdout.strip()
    is_over = threading.Event()
    kinds = ["tuspy", "curl", *(["tus-js-client"] if TUS_JS else [])]
    senders = [Sender(kind, stack, token, folder, file, is_over) for kind in kinds]
    threads = [threading.Thread(target=sender.run) for sender in senders]
    for thread in threads:
        thread.start()
    try:
        killed = kill(stack)
    finally:
        is_over.set()
        for thread in threads:
            thread.join()

    print(f"{killed}, {[(one.kind, len(one.finished)) for one in senders]}")  # noqa: T201
    assert [failure for sender in senders for failure in sender.failures] == []
    assert all(sender.finished for sender in senders)
    assert len(killed) >= SECONDS / 5
    rows = stack.rows(
        "SELECT e.name, b.file FROM files_entry e JOIN files_version v ON v.id = e.version_id"
        " JOIN files_blob b ON b.id = v.blob_id WHERE e.parent_id = ?",
        folder,
    )
    wanted = digest_of(file)
    assert {str(name) for name, _ in rows} >= {n for sender in senders for n in sender.finished}
    for name, stored in rows:
        assert digest_of(stack.server.data / "uploads" / str(stored)) == wanted, name
