"""Jobs for the tests of the worker."""

from django.contrib.auth.models import Group
from django.db import transaction
from django.tasks import task

from files.errors import QuotaExceededError
from files.jobs.stopping import StopFlag

STOP = StopFlag()  # for the job that is stopped; replaced by its test


@task
def add_group(name: str) -> str:
    """Leave a trace in the database."""
    Group.objects.create(name=name)
    return name


@task
def refuse() -> None:
    """Be refused."""
    raise QuotaExceededError(quota=1, used=1, needed=1)


@task
def crash() -> None:
    """Have a bug."""
    msg = "a bug"
    raise RuntimeError(msg)


@task
def work_for_long() -> None:
    """Do steps until a stop is asked for; the step under way is not finished."""
    for number in range(1000):
        with transaction.atomic():
            Group.objects.create(name=f"{number} a")
            if number == 1:
                STOP.set()
            Group.objects.create(name=f"{number} b")
