"""The job worker as operators run it: a process of its own, killed and stopped at any moment."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.processes import BASE, environment, manage, wait_until


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Prepare an installation."""
    folder = tmp_path / "installation"
    done = manage("prepare", data=folder)
    assert done.returncode == 0, done.stderr
    return folder


def rows(data: Path, sql: str, *values: object) -> list[tuple[object, ...]]:
    """Read the database of an installation."""
    with sqlite3.connect(data / "strongroom.sqlite3", timeout=20) as database:
        return list(database.execute(sql, values))


def status(data: Path, task: str) -> list[object]:
    """Give the states of the jobs of one kind."""
    sql = (
        "SELECT status FROM django_tasks_database_dbtaskresult"
        " WHERE task_path LIKE '%' || ? ORDER BY enqueued_at"
    )
    found = rows(data, sql, task)
    return [row[0] for row in found]


def enqueue(data: Path) -> None:
    """Enqueue a job."""
    line = "from files.jobs.tasks import clear_sessions as job; job.enqueue()"
    assert manage("shell", "-v0", "-c", line, data=data).returncode == 0


@pytest.fixture
def worker(data: Path) -> Iterator[subprocess.Popen[str]]:
    """Run a worker; end it if the test has not."""
    process = subprocess.Popen(
        [sys.executable, "manage.py", "run_jobs"],
        cwd=BASE,
        env=environment(data),
        stderr=subprocess.PIPE,
        text=True,
    )
    yield process
    process.kill()
    process.communicate()


def test_run_jobs_does_what_is_due_logs_it_and_ends_well(
    data: Path, worker: subprocess.Popen[str]
) -> None:
    wait_until(lambda: status(data, ".sweep") == ["SUCCESSFUL"])

    worker.send_signal(signal.SIGTERM)

    _, log = worker.communicate(timeout=10)
    assert worker.returncode == 0
    lines = [json.loads(line) for line in log.splitlines()]
    jobs = {line["job"]: line for line in lines if line["message"] == "job"}
    assert jobs["sweep"]["outcome"] == "done"
    assert rows(data, "SELECT * FROM files_jobworker") == []


@pytest.mark.usefixtures("worker")
def test_run_jobs_starts_a_job_within_a_second(data: Path) -> None:
    wait_until(lambda: status(data, ".clear_sessions") == ["SUCCESSFUL"])

    enqueue(data)

    wait_until(lambda: status(data, ".clear_sessions") == ["SUCCESSFUL"] * 2)
    ((waited,),) = rows(
        data,
        "SELECT (julianday(started_at) - julianday(enqueued_at)) * 86400"
        " FROM django_tasks_database_dbtaskresult ORDER BY enqueued_at DESC LIMIT 1",
    )
    assert isinstance(waited, float)
    assert waited < 1.5  # a busy machine may add something


def test_run_jobs_ends_at_once_when_it_is_interrupted_while_idle(
    data: Path, worker: subprocess.Popen[str]
) -> None:
    assert worker.stderr is not None
    worker.stderr.readline()

    worker.send_signal(signal.SIGINT)

    worker.communicate(timeout=5)
    assert worker.returncode == 0


def test_a_job_of_a_killed_worker_is_done_by_the_next(data: Path) -> None:
    enqueue(data)
    database = data / "strongroom.sqlite3"
    with sqlite3.connect(database, timeout=20) as connection:
        # As a worker leaves it that was killed a while ago.
        connection.execute(
            "UPDATE django_tasks_database_dbtaskresult SET status = 'RUNNING', worker_ids = ?"
            " WHERE id = (SELECT id FROM django_tasks_database_dbtaskresult LIMIT 1)",
            ['["gone"]'],
        )
    assert "RUNNING" in status(data, "")
    process = subprocess.Popen(
        [sys.executable, "manage.py", "run_jobs"],
        cwd=BASE,
        env=environment(data),
        stderr=subprocess.DEVNULL,
    )

    try:
        wait_until(lambda: set(status(data, "")) == {"SUCCESSFUL"})
    finally:
        os.kill(process.pid, signal.SIGTERM)
        assert process.wait(timeout=10) == 0
