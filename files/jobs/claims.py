"""Whose job it is: claimed by one worker, kept by its heartbeat, taken back from the dead.

django-tasks-db leaves a row RUNNING for ever when its worker is killed. A worker with a job is
therefore seen in the database every few seconds, also from another machine, and the rows of one
that is not seen any more are set back to READY.
"""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, Final

from django.db import DatabaseError, connection, transaction
from django.db.models.functions import Now
from django.tasks import TaskResultStatus
from django.utils import timezone
from django_tasks_db.models import DBTaskResult, get_date_max

from files.models import JobWorker

from .tasks import tell_failed

logger = logging.getLogger("files.jobs")

type Row = DBTaskResult[..., Any]

BEAT_SECONDS: Final = 5.0
DEAD_AFTER: Final = timedelta(seconds=60)  # without a beat; a long write of others may delay one
MAX_ATTEMPTS: Final = 3  # for a job that fails unexpectedly
MAX_CLAIMS: Final = 10  # for a job whose workers die, which may be its doing


class WorkerDiedError(Exception):
    """A job's workers died again and again."""


@transaction.atomic
def claim(worker_id: str, backend_name: str) -> Row | None:
    """Take the next ready job for a worker, and count the worker as seen."""
    row = DBTaskResult.objects.ready().filter(backend_name=backend_name).get_locked()
    if row is not None:
        row.claim(worker_id)
        JobWorker.objects.update_or_create(pk=worker_id, defaults={"seen_at": Now()})
    return row


@contextmanager
def heartbeat(worker_id: str) -> Iterator[None]:
    """Have a worker seen while the block runs, however long that takes."""
    done = threading.Event()

    def beat() -> None:
        try:
            while not done.wait(BEAT_SECONDS):
                try:
                    JobWorker.objects.filter(pk=worker_id).update(seen_at=Now())
                except DatabaseError:  # the next beat may get through, and has a minute to
                    connection.close()
        finally:
            connection.close()

    thread = threading.Thread(target=beat, name="heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def is_held(row: Row) -> bool:
    """Tell whether a job is still the one that was claimed; locks its row, so needs a transaction.

    It is not if the worker was thought dead and another has taken the job.
    """
    now = DBTaskResult.objects.select_for_update().filter(pk=row.pk).first()
    return (
        now is not None
        and now.status == TaskResultStatus.RUNNING
        and now.worker_ids == row.worker_ids
    )


def give_back(row: Row, *, after: timedelta | None = None, counts: bool = True) -> None:
    """Make a claimed job ready again, at once or after a pause.

    counts says whether this attempt is one of those it has.
    """
    row.status = TaskResultStatus.READY
    row.run_after = timezone.now() + after if after else get_date_max()
    if not counts:
        row.worker_ids = row.worker_ids[:-1]
    row.save(update_fields=["status", "run_after", "worker_ids"])


def take_back_from_dead() -> int:
    """Set the jobs of dead workers back to ready, and give how many those were.

    One whose workers died too often has failed.
    """
    if not DBTaskResult.objects.running().exists():
        return 0
    with transaction.atomic():
        seen = JobWorker.objects.filter(seen_at__gt=Now() - DEAD_AFTER)
        alive = set(seen.values_list("pk", flat=True))
        running = DBTaskResult.objects.running().select_for_update(skip_locked=True)
        lost = [row for row in running if not alive.intersection(row.worker_ids[-1:])]
        for row in lost:
            logger.warning("job lost its worker", extra={"job_id": str(row.pk)})
            if len(row.worker_ids) < MAX_CLAIMS:
                give_back(row)
            else:
                row.set_failed(WorkerDiedError())
                tell_failed(row.task_path, row.args_kwargs["args"], "unexpected-error")
        JobWorker.objects.filter(seen_at__lte=Now() - DEAD_AFTER).delete()
    return len(lost)
