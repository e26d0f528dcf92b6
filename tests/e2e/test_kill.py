"""Any process may be killed at any moment: what was acknowledged is there, and nothing half-done.

TEST_KILL_SECONDS says for how long (default 40); the random choices are printed with their seed.
"""

import hashlib
import os
import random
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from django.core.management import get_commands

from tests.e2e.conftest import Session, Stack, make_stack
from tests.e2e.test_uploads import body_of, upload_head
from tests.e2e.wire import Reply, exchange, head
from tests.multiparts import file
from tests.processes import environment, manage, wait_until

SECONDS = float(os.environ.get("TEST_KILL_SECONDS", "40"))
SEED = int(os.environ.get("TEST_KILL_SEED", str(time.time_ns() % 10**6)))
SIZES = [0, 1, 1_000, 65_536, 300_000, 1_048_576, 4_000_000, 25_000_000]
LARGE = 300_000  # bytes: larger files are sent until there are MOST_BYTES of them
MOST_BYTES = 4 * 2**30  # what is acknowledged stays to the end, and an hour would fill any disk
CLIENTS = 4
MASTER_PAUSE = 6.0  # seconds: a part that ends sooner after its start counts as failing


@dataclass
class Uploads:
    """What the clients sent, and what they were told."""

    admin: Session
    folder: int
    acknowledged: dict[str, str] = field(default_factory=dict)  # names and SHA-256
    size: int = 0  # bytes of what is acknowledged
    unanswered: int = 0
    refused: list[Reply] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    is_over: threading.Event = field(default_factory=threading.Event)

    def send(self, number: int) -> None:
        """Upload one form after another, several files in each, until it is over."""
        chance = random.Random(SEED + number)  # noqa: S311 - a test's choices
        count = 0
        while not self.is_over.is_set():
            count += 1
            names = [f"{number}-{count}-{at}" for at in range(chance.choice([1, 1, 2, 5]))]
            most = LARGE if self.size > MOST_BYTES else max(SIZES)
            contents = [chance.randbytes(min(most, chance.choice(SIZES))) for _name in names]
            body = body_of(self.admin, *map(file, names, contents))
            answer = self._exchange(upload_head(self.admin, self.folder, len(body)), body)
            if answer.status == 303:
                digests = [hashlib.sha256(content).hexdigest() for content in contents]
                self.acknowledged |= dict(zip(names, digests, strict=True))
                self.size += sum(map(len, contents))
            elif answer.status in {0, 502, 503, 504}:
                self.unanswered += 1
                time.sleep(0.05)
            else:
                self.refused.append(answer)

    def read(self) -> None:
        """Read acknowledged files back while the killing goes on."""
        chance = random.Random(SEED)  # noqa: S311
        while not self.is_over.is_set():
            time.sleep(0.05)
            if not self.acknowledged:
                continue
            name, digest = chance.choice(list(self.acknowledged.items()))
            with suppress(OSError):
                ((number,),) = self.admin.stack.rows(
                    "SELECT id FROM files_entry WHERE parent_id = ? AND name = ?", self.folder, name
                )
                answer = self._exchange(
                    head("GET", f"/entries/{number}/content", Cookie=self.admin.cookie)
                )
                if answer.status == 200 and hashlib.sha256(answer.body).hexdigest() != digest:
                    self.wrong.append(name)
                elif answer.status not in {0, 200, 502, 503, 504}:
                    self.refused.append(answer)

    def _exchange(self, *pieces: bytes) -> Reply:
        try:
            return exchange(self.admin.stack.nginx_port, *pieces)
        except OSError:  # nothing listens for a moment
            return Reply(0, {}, b"")


def victims(stack: Stack, chance: random.Random, last: dict[str, float]) -> Iterator[int]:
    """Choose a process to kill: mostly a worker, now and then a master."""
    kind = chance.choice(
        ["gunicorn", "gunicorn", "gunicorn", "nginx", "gunicorn master", "nginx master"]
    )
    pids = stack.server.pids("gunicorn" if "gunicorn" in kind else "nginx")
    if kind.endswith("master"):
        if pids and time.monotonic() - last.get(kind, 0) > MASTER_PAUSE:
            last[kind] = time.monotonic()
            yield pids[0]
    elif pids[1:]:
        yield chance.choice(pids[1:])


def kill_again_and_again(stack: Stack) -> int:
    """Kill processes until the time is over; give how many."""
    chance, count = random.Random(SEED), 0  # noqa: S311
    last: dict[str, float] = {}
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        time.sleep(chance.uniform(0.1, 1.2))
        for pid in victims(stack, chance, last):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
                count += 1
    return count


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    """Run an installation of this test's own."""
    stack = make_stack(tmp_path / "data")
    stack.server.start()
    yield stack
    if stack.server.process and stack.server.process.poll() is None:
        stack.server.stop()


@pytest.mark.timeout(SECONDS * 3 + 200)
def test_what_was_acknowledged_survives_every_kill(stack: Stack) -> None:
    print(f"TEST_KILL_SEED={SEED}")  # noqa: T201 - shown where the test fails
    admin = stack.login()
    uploads = Uploads(admin, admin.make_folder())
    threads = [threading.Thread(target=uploads.send, args=[number]) for number in range(CLIENTS)]
    threads.append(threading.Thread(target=uploads.read))
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
        f"{kills} kills, {len(uploads.acknowledged)} files acknowledged,"
        f" {uploads.unanswered} forms unanswered, {len(uploads.refused)} refused"
    )
    assert kills > SECONDS / 4
    assert len(uploads.acknowledged) > SECONDS
    assert uploads.wrong == []
    assert [(answer.status, answer.text[:2000]) for answer in uploads.refused] == []
    assert_acknowledged_files_are_there(stack, uploads)
    assert stack.server.stop() == 0
    assert_what_is_recorded_is_whole(stack)
    clean_up(stack)


def assert_acknowledged_files_are_there(stack: Stack, uploads: Uploads) -> None:
    """Read every acknowledged file through nginx, and compare."""
    rows = stack.rows("SELECT name, id FROM files_entry WHERE parent_id = ?", uploads.folder)
    numbers = {str(name): number for name, number in rows}
    for name, digest in uploads.acknowledged.items():
        answer = uploads.admin.request("GET", f"/entries/{numbers[name]}/content")
        assert answer.status == 200
        assert hashlib.sha256(answer.body).hexdigest() == digest, name


def assert_what_is_recorded_is_whole(stack: Stack) -> None:
    """Compare every recorded file with the disk, and the usage with the sum."""
    uploads = stack.server.data / "uploads"
    for name, size, digest in stack.rows("SELECT file, size, sha256 FROM files_blob"):
        content = (uploads / str(name)).read_bytes()
        assert len(content) == size
        assert hashlib.sha256(content).hexdigest() == digest
    sums = stack.rows(
        "SELECT s.id, s.used_bytes, COALESCE(SUM(v.size), 0) FROM files_space s"
        " LEFT JOIN files_entry e ON e.space_id = s.id"
        " LEFT JOIN files_version v ON v.entry_id = e.id GROUP BY s.id"
    )
    assert [row for row in sums if row[1] != row[2]] == []
    gaps = stack.rows(
        "SELECT space_id FROM files_event GROUP BY space_id"
        " HAVING COUNT(*) != MAX(seq) OR MIN(seq) != 1"
    )
    assert gaps == []
    assert stack.recorded() <= stack.stored()


def clean_up(stack: Stack) -> None:
    """Sweep what the killed left on the disk, as an operator can, and check the storage."""
    commands = get_commands()
    if "sweep_blobs" in commands:
        assert environment(stack.server.data)
        for _ in range(2):  # what is seen once is only noted
            swept = manage("sweep_blobs", "--grace", "0", data=stack.server.data)
            assert swept.returncode == 0, swept.stderr
        assert stack.stored() == stack.recorded()
    if "check_storage" in commands:
        checked = manage("check_storage", data=stack.server.data)
        assert checked.returncode == 0, checked.stdout + checked.stderr
