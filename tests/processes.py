"""Runs commands as an operator does: as other processes, with a data folder of their own."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from pathlib import Path

BASE = Path(__file__).resolve().parent.parent
# The suite runs both ways: with TEST_LANDING=true, nginx receives large bodies (docs/deploy.md).
LANDING = os.environ.get("TEST_LANDING", "false")


def environment(data: Path, **more: str) -> dict[str, str]:
    """Return the environment of an installation: none of the caller's settings, and these."""
    ours = ("FILES_", "DJANGO_", "SECRET_KEY", "DATABASE_URL", "DEBUG", "ALLOWED_HOSTS")
    kept = {key: value for key, value in os.environ.items() if not key.startswith(ours)}
    return {**kept, "FILES_DATA_DIR": str(data), **more}


def manage(*arguments: str, data: Path, **more: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=BASE,
        env=environment(data, **more),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def free_port() -> int:
    """Return a port that nothing listens on now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def wait_until(condition: Callable[[], bool], *, seconds: float = 20) -> float:
    """Wait for a condition and return how many seconds it took; fail when it does not come."""
    start = time.monotonic()
    while not condition():
        assert time.monotonic() - start < seconds, "it did not come in time"
        time.sleep(0.02)
    return time.monotonic() - start


@dataclass(frozen=True)
class Process:
    """A running process of this machine."""

    parent: int
    command: str


def processes() -> dict[int, Process]:
    """Return all that run, by pid; those that have ended and wait for their parent do not."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            state, parent = (folder / "stat").read_text().rpartition(")")[2].split()[:2]
            command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:  # it has ended meanwhile
            continue
        if state != "Z":
            found[int(folder.name)] = Process(int(parent), command)
    return found


@dataclass
class Server:
    """One `manage.py serve`, with ports and a data folder of its own."""

    data: Path
    settings: dict[str, str] = field(default_factory=dict)
    port: int = field(default_factory=free_port)
    backend_port: int = field(default_factory=free_port)
    process: subprocess.Popen[str] | None = field(default=None, init=False)
    seen: set[int] = field(default_factory=set, init=False)

    def start(self, *, wait: bool = True) -> float:
        """Start it; return the seconds until it answered."""
        self.data.mkdir(parents=True, exist_ok=True)
        with self.output_path.open("a") as output:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", "serve"],
                cwd=BASE,
                env=environment(
                    self.data,
                    FILES_PORT=str(self.port),
                    FILES_BACKEND_PORT=str(self.backend_port),
                    **{"FILES_WORKERS": "2", "FILES_LANDING": LANDING, **self.settings},
                ),
                stdout=output,
                stderr=subprocess.STDOUT,
                text=True,
            )
        return wait_until(lambda: self.status("/healthz") == 200, seconds=60) if wait else 0.0

    @property
    def output_path(self) -> Path:
        """Return where its output goes."""
        return self.data / "serve.out"

    @property
    def output(self) -> str:
        """Return what it has printed so far."""
        return self.output_path.read_text()

    def status(self, path: str) -> int:
        """Return the status of a GET through nginx; 0 without an answer."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("GET", path)
            return connection.getresponse().status
        except (OSError, HTTPException):
            return 0
        finally:
            connection.close()

    def pids(self, of: str = "") -> list[int]:
        """Return the running processes below it whose command line contains a word."""
        assert self.process
        running = processes()
        mine = {self.process.pid} & running.keys()
        # Parents have started before their children, and pids may wrap: walk until nothing is new.
        while new := {p for p, found in running.items() if found.parent in mine} - mine:
            mine |= new
        self.seen |= mine
        return sorted(pid for pid in mine if of in running[pid].command)

    def leftovers(self) -> list[str]:
        """Return what of it is still running: all that pids() has ever seen."""
        return [found.command for pid, found in processes().items() if pid in self.seen]

    def stop(self, signum: signal.Signals = signal.SIGTERM) -> int:
        """Ask it to stop; return its exit status."""
        assert self.process
        self.process.send_signal(signum)
        return self.process.wait(timeout=60)
