"""The outbox: jobs follow from events, each exactly once."""

import pytest
from django.db import transaction
from django_tasks_db.models import DBTaskResult

from files.jobs import outbox
from files.jobs.outbox import dispatch
from files.jobs.tasks import purge, transfer
from files.models import Entry, Event, Space
from files.operations.entries import trash_entries
from files.operations.journal import draft, lock_spaces, record
from files.operations.transfer import move_entries
from files.operations.trash import delete_entries, empty_trash
from tests.factories import SYSTEM, make_file, make_folder, make_shared_space, root_of


def request_transfer(space: Space, order: dict[str, object]) -> Event:
    """Ask for background work, as operations do."""
    with transaction.atomic():
        locked = lock_spaces(space.pk)[space.pk]
        event = draft(Event.Kind.JOB_REQUESTED, after={"transfer": order})
        record(locked, [event], actor=SYSTEM)
    return Event.objects.get(space=space, seq=locked.last_seq)


def jobs() -> list[tuple[str, list[object]]]:
    """List the jobs that were enqueued."""
    rows = DBTaskResult.objects.order_by("enqueued_at")
    return [(row.task_path, row.args_kwargs["args"]) for row in rows]


def test_dispatch_enqueues_the_transfer_that_an_event_asks_for(space: Space) -> None:
    event = request_transfer(space, {"entries": [], "parent": 1, "moves": False})

    assert dispatch() == 1
    assert jobs() == [(transfer.module_path, [event.pk])]


def test_dispatch_again_enqueues_nothing(space: Space) -> None:
    request_transfer(space, {"entries": [], "parent": 1, "moves": False})
    dispatch()

    assert dispatch() == 0
    assert len(jobs()) == 1


def test_dispatch_moves_the_cursor_past_events_that_nothing_follows_from(root: Entry) -> None:
    make_folder(root, "photos")

    dispatch()

    root.space.refresh_from_db()
    assert root.space.dispatched_seq == root.space.last_seq
    assert jobs() == []


def test_dispatch_enqueues_one_purge_for_many_deletions(root: Entry) -> None:
    entries = [make_file(root, f"{number}.txt") for number in range(3)]
    trash_entries(entries, actor=SYSTEM)
    delete_entries(entries, actor=SYSTEM)

    dispatch()

    assert jobs() == [(purge.module_path, [root.space_id])]


def test_dispatch_enqueues_a_purge_for_an_emptied_trash(root: Entry, space: Space) -> None:
    trash_entries([make_file(root, "a.txt")], actor=SYSTEM)
    empty_trash(space, actor=SYSTEM)

    dispatch()

    assert jobs() == [(purge.module_path, [space.pk])]


def test_dispatch_enqueues_a_purge_where_something_was_moved_out_of(root: Entry) -> None:
    other = root_of(make_shared_space("Other"))
    move_entries([make_file(root, "a.txt")], parent=other, actor=SYSTEM)
    move_entries([make_file(root, "b.txt")], parent=make_folder(root, "in"), actor=SYSTEM)

    dispatch()

    assert jobs() == [(purge.module_path, [root.space_id])]


def test_dispatch_takes_more_events_than_a_window(
    root: Entry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "WINDOW", 2)
    for number in range(5):
        make_folder(root, str(number))
    request_transfer(root.space, {"entries": [], "parent": root.pk, "moves": True})

    assert dispatch() == 1


def test_dispatch_that_fails_leaves_cursor_and_jobs_as_they_were(
    space: Space, monkeypatch: pytest.MonkeyPatch
) -> None:
    request_transfer(space, {"entries": [], "parent": 1, "moves": False})
    with monkeypatch.context() as patch:
        patch.setattr(Space, "save", lambda *_args, **_more: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            dispatch()
    assert jobs() == []

    assert dispatch() == 1
