"""Uploads by tus while any process may be killed: what was told as safe is, and nothing is half.

TEST_KILL_ROUNDS says how many processes are killed (default 200), and TEST_KILL_SECONDS for how
long at most (default 40); the random choices are printed with their seed.
"""

import os
import random
import signal
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

import pytest

from files.storage.landing import clean_starts
from tests.e2e.conftest import Session, Stack
from tests.e2e.test_kill import (
    SECONDS,
    SEED,
    assert_what_is_recorded_is_whole,
    clean_up,
    stack,
    victims,
)
from tests.e2e.tus import TusClient, checksum
from tests.e2e.wire import Reply
from tests.processes import manage, wait_until

__all__ = ["stack"]

ROUNDS = int(os.environ.get("TEST_KILL_ROUNDS", "200"))
SIZES = [0, 1_000, 300_000, 2_000_000, 6_000_000, 20_000_000]
CHUNKS = [50_000, 1_000_000, 5_000_000, 20_000_000]
CLIENTS = 4
WAITS = {0, 409, 423, 502, 503, 504}  # the server is asked again, and says how far it is

EXPIRE = """
from datetime import timedelta
from files.operations.upload_expiry import expire_uploads
from files.models import Upload
Upload.objects.update(expires_at="2000-01-01T00:00Z")
print(expire_uploads(grace=timedelta(0)))
"""


@dataclass
class Uploads:
    """What the clients sent, and what they were told."""

    admin: Session
    folder: int
    sent: dict[str, str] = field(default_factory=dict)  # names and SHA-256, told as safe or not
    finished: dict[str, str] = field(default_factory=dict)
    lost: list[str] = field(default_factory=list)
    refused: list[Reply] = field(default_factory=list)
    resumed: int = 0
    is_over: threading.Event = field(default_factory=threading.Event)

    def send(self, number: int) -> None:
        """Upload one file after another until it is over."""
        chance, count = random.Random(SEED + number), 0  # noqa: S311 - a test's choices
        client = TusClient(self.admin, self.folder)
        while not self.is_over.is_set():
            count += 1
            content = chance.randbytes(chance.choice(SIZES))
            name = f"{number}-{count}"
            self.sent[name] = sha256(content).hexdigest()
            OneUpload(self, client, name, content, chance).run()


@dataclass
class OneUpload:
    """One file on its way, by a client that goes on after every fault, or gives up."""

    uploads: Uploads
    client: TusClient
    name: str
    content: bytes
    chance: random.Random
    url: str = ""
    told: int = 0  # the most that the server has ever told as safe
    at: int | None = None  # where it stands; None: it is to be asked

    def run(self) -> None:
        """Go on until the file is there, it is given up, or all is over."""
        gives_up = self.chance.random() < 0.05
        while not self.uploads.is_over.is_set():
            answer = self._step()
            if answer.status in {200, 201, 204}:
                self._note(answer)
                if "upload-entry" in answer.headers:
                    self.uploads.finished[self.name] = self.uploads.sent[self.name]
                    return
                if gives_up:
                    return
            elif answer.status in WAITS:
                self.at = None
                self.uploads.resumed += 1
                time.sleep(0.05)
            else:
                self.uploads.refused.append(answer)
                return

    def _step(self) -> Reply:
        """Begin, ask, or send a chunk, which says its checksum now and then."""
        length, size = len(self.content), self.chance.choice(CHUNKS)
        if not self.url:
            first = self.content[:size] if self.chance.random() < 0.3 else b""
            return self.client.create(self.name, length, first)
        if self.at is None or self.at == length:
            return self.client.head(self.url)
        body = self.content[self.at : self.at + size]
        more = {"Upload_Checksum": checksum(body)} if self.chance.random() < 0.3 else {}
        return self.client.patch(self.url, body, at=self.at, **more)

    def _note(self, answer: Reply) -> None:
        """Take note of how far it is; what was told once must not be lost."""
        self.url = answer.headers.get("location", self.url)
        self.at = int(answer.headers["upload-offset"])
        if self.at < self.told:
            self.uploads.lost.append(f"{self.name}: {self.told} -> {self.at}")
        self.told = self.at


def kill_again_and_again(stack: Stack) -> int:
    """Kill processes until the rounds or the time are over; give how many."""
    chance, count = random.Random(SEED), 0  # noqa: S311
    last: dict[str, float] = {}
    end = time.monotonic() + SECONDS
    while count < ROUNDS and time.monotonic() < end:
        time.sleep(chance.uniform(0.05, 0.8))
        for pid in victims(stack, chance, last):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
                count += 1
    return count


@pytest.mark.timeout(SECONDS * 3 + 200)
def test_uploads_survive_every_kill(stack: Stack) -> None:
    print(f"TEST_KILL_SEED={SEED}")  # noqa: T201 - shown where the test fails
    admin = stack.login()
    uploads = Uploads(admin, admin.make_folder())
    threads = [threading.Thread(target=uploads.send, args=[number]) for number in range(CLIENTS)]
    for thread in threads:
        thread.start()
    try:
        kills = kill_again_and_again(stack)
    finally:
        uploads.is_over.set()
        for thread in threads:
            thread.join()
    wait_until(lambda: stack.server.status("/healthz") == 200, seconds=20)

    print(  # noqa: T201
        f"{kills} kills, {len(uploads.finished)} of {len(uploads.sent)} uploads finished,"
        f" {uploads.resumed} times gone on, {len(uploads.refused)} refused"
    )
    assert kills > min(ROUNDS, SECONDS) / 4
    assert len(uploads.finished) > min(ROUNDS, SECONDS) / 4
    assert uploads.lost == []
    assert [(answer.status, answer.text[:2000]) for answer in uploads.refused] == []
    assert_files_are_whole(stack, uploads)
    assert stack.server.stop() == 0
    assert_usage_is_what_is_there(stack)
    expired = manage("shell", "-c", EXPIRE, data=stack.server.data)
    assert expired.returncode == 0, expired.stderr
    assert stack.rows("SELECT id FROM files_upload") == []
    assert_what_is_recorded_is_whole(stack)
    clean_up(stack)
    assert_temporary_folders_are_empty(stack)


def assert_files_are_whole(stack: Stack, uploads: Uploads) -> None:
    """Hold every file that is visible against what was sent under its name."""
    # What nginx has received gets its digest from a job, which may have been killed too.
    lacking = "SELECT id FROM files_blob WHERE sha256 = ''"
    wait_until(lambda: stack.rows(lacking) == [], seconds=60)
    rows = stack.rows(
        "SELECT e.name, b.sha256 FROM files_entry e JOIN files_version v ON v.entry_id = e.id"
        " JOIN files_blob b ON b.id = v.blob_id WHERE e.parent_id = ?",
        uploads.folder,
    )
    assert [row for row in rows if uploads.sent[str(row[0])] != row[1]] == []
    assert uploads.finished.items() <= {str(name): digest for name, digest in rows}.items()


def assert_usage_is_what_is_there(stack: Stack) -> None:
    """Hold the usage of each space against its versions and what its uploads have reserved."""
    drifts = stack.rows(
        "SELECT s.id, s.used_bytes,"
        " COALESCE((SELECT SUM(v.size) FROM files_version v JOIN files_entry e"
        "  ON v.entry_id = e.id WHERE e.space_id = s.id), 0)"
        " + COALESCE((SELECT SUM(u.reserved_bytes) FROM files_upload u WHERE u.space_id = s.id), 0)"
        " AS there FROM files_space s WHERE s.used_bytes != there"
    )
    assert drifts == []
    assert stack.rows("SELECT id FROM files_upload WHERE state = 'open' AND offset > length") == []


def assert_temporary_folders_are_empty(stack: Stack) -> None:
    """Check that nothing lies in the folders that only hold what is under way."""
    blobs = stack.server.data / "uploads" / "blobs"
    clean_starts(blobs.parent)  # as the next start of nginx does
    strays = [path for path in Path(stack.server.data / "uploads").rglob("*") if path.is_file()]
    assert [path for path in strays if blobs not in path.parents] == []
