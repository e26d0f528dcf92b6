"""Writers of one SQLite file wait for each other in a queue, within a process and across."""

import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from django.db import OperationalError

from project.queued_sqlite.base import DatabaseWrapper, WriterQueue

pytestmark = pytest.mark.django_db  # connections of any kind need it


@pytest.fixture
def queue(tmp_path: Path) -> WriterQueue:
    return WriterQueue(tmp_path / "queue")


def _connection(path: Path, timeout: float = 5) -> DatabaseWrapper:
    """Give a connection as Django makes one from its settings."""
    return DatabaseWrapper(
        {
            "NAME": str(path),
            "ENGINE": "project.queued_sqlite",
            "OPTIONS": {"transaction_mode": "IMMEDIATE", "timeout": timeout},
            "AUTOCOMMIT": True,
            "ATOMIC_REQUESTS": False,
            "CONN_MAX_AGE": None,
            "CONN_HEALTH_CHECKS": False,
            "TIME_ZONE": None,
            "TEST": {"NAME": None},
        }
    )


def _begin(connection: DatabaseWrapper) -> None:
    """Begin a transaction, as the outermost atomic block does."""
    connection.set_autocommit(False, force_begin_transaction_with_broken_autocommit=True)


def test_acquire_waits_for_the_holder_and_then_gets_the_lock(queue: WriterQueue) -> None:
    queue.acquire(timeout=1)
    threading.Timer(0.1, queue.release).start()

    started = time.monotonic()
    queue.acquire(timeout=5)

    assert 0.05 < time.monotonic() - started < 2
    queue.release()


def test_acquire_gives_up_after_its_timeout(queue: WriterQueue) -> None:
    queue.acquire(timeout=1)

    with pytest.raises(OperationalError, match="locked"):
        queue.acquire(timeout=0.05)
    queue.release()


def test_acquire_gives_up_while_another_process_holds_the_lock(
    queue: WriterQueue, tmp_path: Path
) -> None:
    code = (
        "import fcntl, os, sys\n"
        f"fd = os.open({str(tmp_path / 'queue')!r}, os.O_RDWR | os.O_CREAT)\n"
        "fcntl.flock(fd, fcntl.LOCK_EX)\n"
        "print('held', flush=True)\n"
        "sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()

        with pytest.raises(OperationalError, match="locked"):
            queue.acquire(timeout=0.05)

        holder.communicate(b"")
    queue.acquire(timeout=5)
    queue.release()


def test_a_transaction_that_fails_to_begin_leaves_the_queue(tmp_path: Path) -> None:
    path = tmp_path / "db.sqlite3"
    holder, other = _connection(path), _connection(path, timeout=0.05)
    with holder.cursor() as cursor:
        cursor.execute("CREATE TABLE t (a)")
        cursor.execute("BEGIN IMMEDIATE")  # past the queue, as another program would

    with pytest.raises(OperationalError):
        _begin(other)
    with holder.cursor() as cursor:
        cursor.execute("ROLLBACK")

    _begin(other)
    other.rollback()
    other.close()
    holder.close()


@pytest.mark.parametrize("ending", ["commit", "rollback", "close"])
def test_every_end_of_a_transaction_leaves_the_queue(tmp_path: Path, ending: str) -> None:
    first, second = _connection(tmp_path / "db.sqlite3"), _connection(tmp_path / "db.sqlite3", 0.2)
    _begin(first)

    with pytest.raises(OperationalError):
        _begin(second)
    getattr(first, ending)()

    _begin(second)
    second.rollback()
    second.close()
    first.close()
