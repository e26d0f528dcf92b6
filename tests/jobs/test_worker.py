"""The worker: claims, outcomes, attempts, workers that die, and a quiet idle."""

import logging
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import OperationalError, connection
from django.tasks import Task
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from files.jobs import claims, outbox, worker
from files.jobs.stopping import StopFlag
from files.jobs.worker import Worker
from files.models import Entry, Event, JobWorker, Space
from tests.factories import make_folder
from tests.jobs import sample_tasks
from tests.jobs.test_outbox import request_transfer
from tests.processes import wait_until

pytestmark = pytest.mark.django_db


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> Worker:
    """Give a worker that has just looked at the clock, so that no periodic job comes between."""
    monkeypatch.setattr(worker, "UPKEEP_SECONDS", 1e9)
    made = Worker(StopFlag())
    made.step()
    DBTaskResult.objects.all().delete()
    return made


def enqueued(task: Task[..., Any], *arguments: object) -> DBTaskResult[..., Any]:
    """Enqueue a job and give its row."""
    task.enqueue(*arguments)
    return DBTaskResult.objects.get(task_path=task.module_path)


def lines(caplog: pytest.LogCaptureFixture) -> list[dict[str, object]]:
    """Give what was logged of jobs that ran."""
    keys = ("job_id", "job", "attempt", "outcome", "code", "error")
    return [
        {key: getattr(record, key) for key in keys if hasattr(record, key)}
        for record in caplog.records
        if record.message == "job"
    ]


def test_a_job_is_run_and_logged_in_one_line(
    work: Worker, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "files.jobs")
    logging.getLogger("files.jobs").addHandler(caplog.handler)
    row = enqueued(sample_tasks.add_group, "staff")

    assert work.step()

    row.refresh_from_db()
    assert (row.status, row.return_value) == ("SUCCESSFUL", "staff")
    assert lines(caplog)[0] == {
        "job_id": str(row.pk),
        "job": "add_group",
        "attempt": 1,
        "outcome": "done",
    }


def test_without_jobs_a_step_is_one_query(work: Worker) -> None:
    with CaptureQueriesContext(
        connection,
    ) as queries:
        assert not work.step()

    assert len(queries) == 1


def test_an_event_leads_to_its_job_in_the_same_step(work: Worker, space: Space) -> None:
    event = request_transfer(space, {"entries": [], "parent": space.root_id, "moves": False})

    assert work.step()

    assert DBTaskResult.objects.get().args_kwargs["args"] == [event.pk]
    assert DBTaskResult.objects.get().status == "SUCCESSFUL"


def test_a_refused_job_is_not_repeated(work: Worker) -> None:
    row = enqueued(sample_tasks.refuse)

    work.step()

    row.refresh_from_db()
    assert row.status == "FAILED"
    assert not work.step()


def test_a_refused_transfer_is_told_to_who_asked(work: Worker, root: Entry) -> None:
    gone = make_folder(root, "gone").pk + 1
    request_transfer(root.space, {"entries": [gone], "parent": root.pk, "moves": True})

    work.step()

    failed = Event.objects.get(kind=Event.Kind.JOB_FAILED)
    assert failed.after is not None
    assert failed.after["code"] == "entry-not-found"


def test_a_crashing_job_is_tried_three_times_with_pauses(work: Worker) -> None:
    row = enqueued(sample_tasks.crash)
    pauses = []
    for _attempt in range(2):
        before = timezone.now()
        assert work.step()
        assert not work.step()
        row.refresh_from_db()
        assert row.status == "READY"
        pauses.append(round((row.run_after - before).total_seconds()))
        DBTaskResult.objects.update(run_after=before)

    work.step()

    row.refresh_from_db()
    assert pauses == [10, 60]
    assert (row.status, len(row.worker_ids)) == ("FAILED", 3)
    assert "RuntimeError" in row.traceback


def test_a_job_that_no_longer_exists_fails_without_the_worker(work: Worker) -> None:
    row = enqueued(sample_tasks.crash)
    DBTaskResult.objects.update(task_path="files.jobs.tasks.dropped", worker_ids=["a", "b"])

    work.step()

    row.refresh_from_db()
    assert row.status == "FAILED"


def test_a_stop_ends_a_job_between_its_steps_and_does_not_count(
    work: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sample_tasks, "STOP", work._stop)
    row = enqueued(sample_tasks.work_for_long)

    work.step()

    row.refresh_from_db()
    assert (row.status, row.worker_ids) == ("READY", [])
    assert set(Group.objects.values_list("name", flat=True)) == {"0 a", "0 b"}


def test_the_job_of_a_dead_worker_is_taken_back(work: Worker) -> None:
    row = enqueued(sample_tasks.add_group, "staff")
    claims.claim("dead", "default")
    JobWorker.objects.update(seen_at=timezone.now() - timedelta(minutes=2))

    assert claims.take_back_from_dead() == 1
    assert work.step()
    row.refresh_from_db()
    assert row.status == "SUCCESSFUL"


def test_the_job_of_a_worker_that_is_seen_is_left_to_it() -> None:
    row = enqueued(sample_tasks.add_group, "staff")
    claims.claim("alive", "default")

    assert claims.take_back_from_dead() == 0
    row.refresh_from_db()
    assert row.status == "RUNNING"


def test_a_job_whose_workers_die_again_and_again_is_given_up(space: Space) -> None:
    event = request_transfer(space, {"entries": [], "parent": 1, "moves": False})
    outbox.dispatch()
    DBTaskResult.objects.update(
        status="RUNNING", worker_ids=[str(n) for n in range(claims.MAX_CLAIMS)]
    )

    claims.take_back_from_dead()

    assert DBTaskResult.objects.get().status == "FAILED"
    failed = Event.objects.get(kind=Event.Kind.JOB_FAILED)
    assert failed.after == {"request": event.pk, "code": "unexpected-error"}


def test_a_worker_thought_dead_does_not_overwrite_the_outcome_of_another(work: Worker) -> None:
    enqueued(sample_tasks.add_group, "staff")
    row = claims.claim(work.id, "default")
    assert row is not None
    DBTaskResult.objects.update(worker_ids=[work.id, "another"])

    work.run_job(row)

    assert DBTaskResult.objects.get().status == "RUNNING"


def test_the_worker_survives_a_database_that_cannot_be_reached(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(worker, "TROUBLE_SECONDS", 0.01)
    monkeypatch.setattr(connection, "close", lambda: None)  # the test's own transaction
    stop = StopFlag()
    made = Worker(stop)
    first_id = made.id
    steps = iter([OperationalError("gone"), None])

    def step(_self: Worker) -> bool:
        if error := next(steps):
            raise error
        stop.set()
        return True

    monkeypatch.setattr(Worker, "step", step)

    made.run()

    assert made.id != first_id


@pytest.mark.django_db(transaction=True)
def test_a_worker_is_seen_while_its_job_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claims, "BEAT_SECONDS", 0.01)
    long_ago = timezone.now() - timedelta(minutes=5)
    JobWorker.objects.create(pk="busy", seen_at=long_ago)

    with claims.heartbeat("busy"):
        wait_until(lambda: JobWorker.objects.get().seen_at > long_ago)
