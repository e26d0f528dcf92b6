"""Periodic jobs: each is started once when it is due, by whichever worker is first."""

from datetime import timedelta

import pytest
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from files.jobs.periodic import PERIODIC, _start, register, tick
from files.models import Schedule

pytestmark = pytest.mark.django_db


def test_new_jobs_are_due_at_once() -> None:
    register()

    assert tick() == sorted(PERIODIC)
    assert DBTaskResult.objects.count() == len(PERIODIC)


def test_a_job_is_not_due_again_before_its_time() -> None:
    register()
    tick()

    assert tick() == []


def test_register_keeps_times_and_forgets_unknown_jobs() -> None:
    register()
    tick()
    Schedule.objects.create(name="dropped", next_at=timezone.now())

    register()

    assert tick() == []
    assert set(Schedule.objects.values_list("name", flat=True)) == set(PERIODIC)


def test_two_workers_start_a_due_job_once() -> None:
    register()
    row = Schedule.objects.get(name="sweep-blobs")
    now = timezone.now()

    assert _start(row.name, row.next_at, now)
    assert not _start(row.name, row.next_at, now)


def test_a_job_that_still_waits_is_not_enqueued_twice() -> None:
    register()
    tick()
    Schedule.objects.update(next_at=timezone.now() - timedelta(seconds=1))

    assert tick() == []
    assert DBTaskResult.objects.count() == len(PERIODIC)


def test_a_clock_that_was_set_back_does_not_stop_jobs() -> None:
    register()
    Schedule.objects.update(next_at=timezone.now() + timedelta(days=400))

    assert tick() == sorted(PERIODIC)
