"""How a worker is stopped: soon, and never in the middle of something."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from queue import Empty, SimpleQueue
from typing import Any

from django.db import connection


class StopFlag:
    """Says that a stop was asked for, and wakes who waits; set may be called by a signal handler.

    A threading.Event may not: its lock could be held by the very code that the signal interrupts.
    """

    def __init__(self) -> None:
        self.is_set = False
        self._wake: SimpleQueue[None] = SimpleQueue()

    def set(self) -> None:
        """Ask for a stop."""
        self.is_set = True
        self._wake.put(None)

    def wait(self, seconds: float) -> None:
        """Wait so long, or until a stop is asked for."""
        try:
            self._wake.get(timeout=seconds)
        except Empty:
            return


class StopRequestedError(BaseException):
    """A stop was asked for while a job ran; not an Exception, so that no job takes it for one."""


@contextmanager
def stop_on_signals(stop: StopFlag) -> Iterator[None]:
    """Set the flag on the first SIGTERM or SIGINT; a second one ends the process as usual."""

    def on_signal(signum: int, _frame: object) -> None:
        signal.signal(signum, signal.SIG_DFL)
        stop.set()

    before = {
        signum: signal.signal(signum, on_signal) for signum in (signal.SIGTERM, signal.SIGINT)
    }
    try:
        yield
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)


@contextmanager
def stop_between_queries(stop: StopFlag) -> Iterator[None]:
    """Let a stop interrupt the block where it is about to ask the database something.

    That is where a step ends: a transaction under way is rolled back, and a commit is never cut.
    """

    def guard(execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
        if stop.is_set and not sql.startswith(("ROLLBACK", "RELEASE")):
            raise StopRequestedError
        return execute(sql, *rest)

    with connection.execute_wrapper(guard):
        yield
