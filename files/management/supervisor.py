"""Run several processes as one: all start, all stop, and none outlives the supervisor."""

import ctypes
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

logger = logging.getLogger(__name__)

TICK_SECONDS = 0.1
# A part that ends sooner than this after its start has crashed quickly.
QUICK_SECONDS = 5.0
# So many quick crashes in a row end the whole.
QUICK_CRASHES = 5
MAX_PAUSE_SECONDS = 5.0
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36  # linux/prctl.h


def die_with_parent(signum: signal.Signals) -> None:
    """Have the kernel send this process a signal when its parent ends, however it ends.

    Linux only; elsewhere it does nothing, and a SIGKILL of the parent leaves the child running.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signum)


def adopt_orphans() -> None:
    """Become the parent of what a crashed part leaves behind, so that it can be waited for.

    Where no init process does that (in many containers), its ended children would stay zombies.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)


class PartFailedError(Exception):
    """A part crashed again and again; the message names it and says how it ended."""


@dataclass
class Part:
    """One process to keep running."""

    name: str
    command: Sequence[str]
    cwd: Path
    stop_signal: signal.Signals = signal.SIGTERM
    stop_seconds: float = 10.0  # from the stop signal to SIGKILL
    is_ready: Callable[[], bool] = lambda: True  # asked before the next part is started
    # Called before each start; gives descriptors for the process to inherit, which are closed here.
    before_start: Callable[[], Sequence[int]] = lambda: ()
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)
    started_at: float = field(default=0.0, init=False)  # of time.monotonic
    restart_at: float = field(default=0.0, init=False)  # of time.monotonic
    crashes: int = field(default=0, init=False)  # quick ones in a row
    failures: int = field(default=0, init=False)  # starts in a row that this machine refused

    def start(self) -> None:
        """Start the process in a session of its own, so that Ctrl-C reaches the supervisor only."""
        self.started_at = time.monotonic()
        inherited = self.before_start()
        try:
            self.process = subprocess.Popen(  # noqa: S603 - the commands are ours
                self.command,
                cwd=self.cwd,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
                pass_fds=inherited,
                # Not thread-safe, and there are no threads: without it, a SIGKILL of the
                # supervisor would leave servers behind that hold the ports.
                preexec_fn=lambda: die_with_parent(signal.SIGTERM),  # noqa: PLW1509
            )
        finally:
            for descriptor in inherited:
                os.close(descriptor)

    def signal_group(self, signum: signal.Signals) -> None:
        """Send a signal to all that is left of the process and its children."""
        if self.process:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, signum)

    def is_group_gone(self) -> bool:
        """Tell whether the process and its children have all ended."""
        if not self.process:
            return True
        if self.process.poll() is None:
            return False
        with suppress(ChildProcessError):  # none of them was adopted
            while os.waitpid(-self.process.pid, os.WNOHANG)[0]:
                pass
        try:
            os.killpg(self.process.pid, 0)
        except (ProcessLookupError, PermissionError):  # macOS says the latter of zombies
            return True
        return False

    def clear_group(self, *, seconds: float = 1.0) -> None:
        """End what a process left behind: its children would hold the port from the next one."""
        self.signal_group(signal.SIGTERM)
        if not wait_until(self.is_group_gone, seconds=seconds):
            self.signal_group(signal.SIGKILL)
            wait_until(self.is_group_gone, seconds=5.0)
        self.process = None

    def stop(self, *, is_hurried: Callable[[], bool]) -> None:
        """Ask the process to end and wait for it, then end by force what is left."""
        if not (process := self.process):
            return
        if process.poll() is None:
            process.send_signal(self.stop_signal)
        wait_until(lambda: process.poll() is not None or is_hurried(), seconds=self.stop_seconds)
        self.clear_group(seconds=0 if process.poll() is None else 1.0)


def wait_until(condition: Callable[[], bool], *, seconds: float) -> bool:
    """Wait for a condition, for so many seconds at most; return whether it came."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def pause_after(times: int) -> float:
    """Say how long to wait when something has gone wrong so many times in a row, in seconds."""
    return min(0.2 * 2.0 ** (min(times, 10) - 1), MAX_PAUSE_SECONDS)


def describe_status(status: int) -> str:
    """Return how a process ended, in words."""
    if status < 0:
        with suppress(ValueError):
            return f"was killed by {signal.Signals(-status).name}"
    return f"ended with exit status {status}"


class Supervisor:
    """Start parts one after the other, restart what crashes, stop all in the opposite order."""

    def __init__(self, parts: Sequence[Part]) -> None:
        """Take the parts in the order of stopping: what takes requests before what answers them."""
        self.parts = parts
        self.stopping = threading.Event()
        self.signals = 0

    def on_signal(self, _signum: int, _frame: FrameType | None) -> None:
        """Begin to stop; a second signal ends the waiting for what is under way."""
        self.signals += 1
        self.stopping.set()

    @contextmanager
    def signals_handled(self) -> Iterator[None]:
        """Handle SIGINT, SIGTERM and SIGHUP here until the block ends."""
        before = {
            signum: signal.signal(signum, self.on_signal)
            for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        }
        try:
            yield
        finally:
            for signum, handler in before.items():
                signal.signal(signum, handler)

    def run(self, *, on_started: Callable[[], None] = lambda: None) -> None:
        """Run all parts until a signal asks to stop; they have all ended when this returns.

        on_started is called once, when all have been started and are ready. Raises
        PartFailedError, after it has stopped the others, when a part crashes QUICK_CRASHES times
        in a row.
        """
        adopt_orphans()
        with self.signals_handled():
            try:
                self.start_all()
                if not self.stopping.is_set():
                    on_started()
                while not self.stopping.wait(TICK_SECONDS):
                    self.tend_all()
            finally:
                for part in self.parts:
                    part.stop(is_hurried=lambda: self.signals > 1)

    def start_all(self) -> None:
        """Start each part when the one before it is ready, until a signal asks to stop."""
        for part in reversed(self.parts):
            if self.stopping.is_set():
                return
            part.start()
            while not part.is_ready() and not self.stopping.wait(TICK_SECONDS):
                self.tend_all()

    def tend_all(self) -> None:
        """Tend every part that has been started."""
        for part in self.parts:
            if part.started_at:
                self.tend(part)

    def restart(self, part: Part) -> None:
        """Start a part again or, where this machine cannot now, say so and try later once more.

        For as long as it takes: what a full disk lacks is no fault of the part, and whoever makes
        room need not start everything anew.
        """
        try:
            part.start()
        except OSError as error:
            part.failures += 1
            pause = pause_after(part.failures)
            part.restart_at = time.monotonic() + pause
            said = error.strerror or str(error)
            logger.error("%s cannot be started (%s), next in %.1f s", part.name, said, pause)
        else:
            part.failures = 0

    def tend(self, part: Part) -> None:
        """Restart a part that has ended, after a pause that doubles with each quick crash."""
        now = time.monotonic()
        if part.process is None:
            if now >= part.restart_at:
                self.restart(part)
            return
        status = part.process.poll()
        if status is None:
            return
        part.clear_group()
        part.crashes = part.crashes + 1 if now - part.started_at < QUICK_SECONDS else 1
        if part.crashes >= QUICK_CRASHES:
            msg = (
                f"{part.name} {describe_status(status)}, {part.crashes} times in a row;"
                " its last words are above"
            )
            raise PartFailedError(msg)
        pause = pause_after(part.crashes)
        part.restart_at = now + pause
        logger.error("%s %s, restarted in %.1f s", part.name, describe_status(status), pause)
