"""The worker: one process that dispatches events, starts what is due and runs jobs, one by one."""

import logging
import socket
import time
from datetime import timedelta
from typing import Any, Final

from django.db import (
    InterfaceError,
    OperationalError,
    close_old_connections,
    connection,
    transaction,
)
from django.db.models import F
from django.utils.crypto import get_random_string
from django_tasks_db.models import DBTaskResult

from files.errors import FilesError
from files.models import JobWorker, Space

from . import periodic
from .claims import MAX_ATTEMPTS, Row, claim, give_back, heartbeat, is_held, take_back_from_dead
from .outbox import dispatch
from .stopping import StopFlag, StopRequestedError, stop_between_queries
from .tasks import tell_failed

logger = logging.getLogger("files.jobs")

POLL_SECONDS: Final = 0.8  # from a commit to the start of its job: at most a second
UPKEEP_SECONDS: Final = 15.0  # between two looks at the clock and for dead workers
TROUBLE_SECONDS: Final = 5.0  # pause after the database could not be reached


def retry_delay(attempts: int) -> timedelta:
    """Give how long a job waits after so many failed attempts: 10 seconds, then a minute."""
    return timedelta(seconds=10 * 6 ** (attempts - 1))


def is_work_waiting(backend_name: str) -> bool:
    """Ask in one query whether there is a ready job, or an event that was not dispatched yet."""
    ready = DBTaskResult.objects.ready().filter(backend_name=backend_name).order_by()
    behind = Space.objects.filter(last_seq__gt=F("dispatched_seq"))
    parts = [
        rows.values("pk").query.get_compiler(connection=connection).as_sql()
        for rows in (ready, behind)
    ]
    # Made by Django's compiler; its own way to unite queries would read all the rows.
    sql = f"SELECT {' OR '.join(f'EXISTS({part})' for part, _ in parts)}"
    with connection.cursor() as cursor:
        cursor.execute(sql, [value for _, values in parts for value in values])
        return bool(cursor.fetchone()[0])


def new_worker_id() -> str:
    """Make an id that no other worker has or had; it says on which machine this one is."""
    return f"{socket.gethostname()[:40]}-{get_random_string(12)}"


class Worker:
    """Works until its flag is set; any number of them share the rows."""

    def __init__(self, stop: StopFlag, *, backend_name: str = "default") -> None:
        self.id = new_worker_id()
        self._stop = stop
        self._backend_name = backend_name
        self._upkeep_at = 0.0  # of time.monotonic

    def run(self) -> None:
        """Work; an unreachable database is waited for."""
        logger.info("job worker started", extra={"worker": self.id})
        is_registered = False
        while not self._stop.is_set:
            close_old_connections()
            pause = POLL_SECONDS
            try:
                if not is_registered:
                    periodic.register()
                    is_registered = True
                if self.step():
                    continue
            except (OperationalError, InterfaceError):
                logger.exception("job worker cannot reach the database")
                connection.close()
                # A job whose end could not be written must not seem to be held for ever.
                self.id = new_worker_id()
                pause = TROUBLE_SECONDS
            self._stop.wait(pause)
        self._sign_off()
        logger.info("job worker stopped", extra={"worker": self.id})

    def step(self) -> bool:
        """Do what is due, then run one job; tell whether there was any."""
        if time.monotonic() >= self._upkeep_at:
            self._upkeep_at = time.monotonic() + UPKEEP_SECONDS
            take_back_from_dead()
            periodic.tick()
        if not is_work_waiting(self._backend_name):
            return False
        dispatch()
        row = claim(self.id, self._backend_name)
        if row is None:
            return False
        self.run_job(row)
        return True

    def run_job(self, row: Row) -> None:
        """Run a claimed job, settle its row and log one line; only ids, never names of files."""
        started = time.monotonic()
        more: dict[str, Any] = {}
        try:
            with heartbeat(self.id), stop_between_queries(self._stop):
                value = row.task.call(*row.args_kwargs["args"], **row.args_kwargs["kwargs"])
        except StopRequestedError:
            outcome = self._settle(row, "stopped", lambda: give_back(row, counts=False))
        except FilesError as error:
            refusal, more = error, {"code": error.code}
            outcome = self._settle(row, "refused", lambda: _fail(row, refusal, refusal.code))
        except Exception as error:  # whatever a job raises is its row's outcome
            bug, more = error, {"error": type(error).__name__}
            logger.exception("job failed", extra={"job_id": str(row.pk)})
            outcome = self._settle(row, *_after_bug(row, bug))
        else:
            outcome = self._settle(row, "done", lambda: row.set_successful(value))
        figures = {
            "job_id": str(row.pk),
            "job": row.task_path.rpartition(".")[2],
            "attempt": max(1, len(row.worker_ids)),
            "duration_ms": round((time.monotonic() - started) * 1000, 1),
            "outcome": outcome,
        }
        logger.info("job", extra={**figures, **more})

    def _settle(self, row: Row, outcome: str, write: Any) -> str:
        """Write a job's outcome, unless another worker has the job by now."""
        with transaction.atomic():
            if not is_held(row):
                return "lost"
            write()
        return outcome

    def _sign_off(self) -> None:
        """Be forgotten at once; a worker that cannot say so is forgotten in a minute."""
        try:
            JobWorker.objects.filter(pk=self.id).delete()
        except (OperationalError, InterfaceError):
            connection.close()


def _fail(row: Row, error: Exception, code: str) -> None:
    """Give a job up, and tell who asked for it."""
    row.set_failed(error)
    tell_failed(row.task_path, row.args_kwargs["args"], code)


def _after_bug(row: Row, error: Exception) -> tuple[str, Any]:
    """Choose between another attempt and giving up."""
    attempts = len(row.worker_ids)
    if attempts < MAX_ATTEMPTS:
        return "retried", lambda: give_back(row, after=retry_delay(attempts))
    return "failed", lambda: _fail(row, error, "unexpected-error")
