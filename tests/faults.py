"""Disks and databases that fail at the nth call."""

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.db import DatabaseError, OperationalError, connection


def open_descriptors() -> int:
    """Count what this process has open."""
    return sum(1 for _descriptor in Path("/proc/self/fd").iterdir())


class FailingDisk:
    """Records the calls that reach the disk, and fails the nth of them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.calls: list[str] = []
        self.fail_at: int | None = None
        for name in ("open", "write", "fsync", "fchmod"):
            monkeypatch.setattr(os, name, self._watch(name, getattr(os, name)))

    @contextmanager
    def failing_at(self, n: int) -> Iterator[None]:
        """Let the nth call from here fail as on a full disk, and those after it work."""
        self.calls, self.fail_at = [], n
        try:
            yield
        finally:
            self.fail_at = None

    def _watch(self, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **more: Any) -> Any:
            self.calls.append(name)
            if self.fail_at == len(self.calls):
                raise OSError(28, "No space left on device")
            return real(*args, **more)

        return call


@contextmanager
def database_failing_at(n: int) -> Iterator[None]:
    """Let the nth statement fail, and those after it work."""
    left = n

    def execute(run: Callable[..., Any], *args: Any) -> Any:
        nonlocal left
        left -= 1
        if left == 0:
            raise OperationalError("disk I/O error")
        return run(*args)

    with connection.execute_wrapper(execute):
        yield


def database_error(code: int) -> DatabaseError:
    """Give what Django raises for a code of SQLite's."""
    cause = sqlite3.OperationalError()
    cause.sqlite_errorcode = code
    error = OperationalError()
    error.__cause__ = cause
    return error
