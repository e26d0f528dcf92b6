"""What comes round by the clock: a registry, and a tick that any number of workers may call."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.tasks import Task, TaskResultStatus
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from files.models import Schedule

from . import tasks


@dataclass(frozen=True, slots=True)
class Periodic:
    """A job and how often it is due."""

    task: Task[..., Any]
    every: timedelta


PERIODIC = {
    "sweep-blobs": Periodic(tasks.sweep, timedelta(hours=1)),
    "expire-uploads": Periodic(tasks.expire, timedelta(hours=1)),
    "release-landings": Periodic(tasks.release, timedelta(minutes=5)),
    "purge-deleted": Periodic(tasks.purge_all, timedelta(hours=1)),
    "forget-locks": Periodic(tasks.forget_locks, timedelta(hours=1)),
    "discard-copies": Periodic(tasks.discard_copies, timedelta(days=1)),
    "prune-jobs": Periodic(tasks.prune_rows, timedelta(days=1)),
    "forget-answers": Periodic(tasks.forget_kept_answers, timedelta(hours=1)),
    "forget-tokens": Periodic(tasks.forget_old_tokens, timedelta(days=1)),
    "clear-sessions": Periodic(tasks.clear_sessions, timedelta(days=1)),
}


def register() -> None:
    """Make the rows of new jobs, due at once, and forget those that are no longer known."""
    now = timezone.now()
    Schedule.objects.bulk_create(
        [Schedule(name=name, next_at=now) for name in PERIODIC], ignore_conflicts=True
    )
    Schedule.objects.exclude(name__in=PERIODIC).delete()


def tick() -> list[str]:
    """Enqueue the jobs that are due, and give their names."""
    now = timezone.now()
    due = [
        row
        for row in Schedule.objects.filter(name__in=PERIODIC).order_by("name")
        # Further away than its period: the clock was set back meanwhile.
        if not now < row.next_at <= now + PERIODIC[row.name].every
    ]
    return [row.name for row in due if _start(row.name, row.next_at, now)]


@transaction.atomic
def _start(name: str, seen: datetime, now: datetime) -> bool:
    """Move a job on to its next time and enqueue it, unless another worker did so first.

    One that is still waiting or running from the time before is left to it.
    """
    job = PERIODIC[name]
    moved = Schedule.objects.filter(name=name, next_at=seen).update(next_at=now + job.every)
    if not moved:
        return False
    pending = (TaskResultStatus.READY, TaskResultStatus.RUNNING)
    if DBTaskResult.objects.filter(status__in=pending, task_path=job.task.module_path).exists():
        return False
    job.task.enqueue()
    return True
