"""The outbox: every event row is a message, and one table says which jobs follow from it."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import F
from django.tasks import Task

from files.models import Event, Space
from files.operations.journal import lock_spaces

from .tasks import purge, take_digests, transfer

WINDOW = 1000  # events looked at in one transaction


@dataclass(frozen=True, slots=True)
class Follow:
    """A job that follows from an event; arguments gives its arguments, or None for no job."""

    task: Task[..., Any]
    arguments: Callable[[Event], list[Any] | None]


def _transfer_arguments(event: Event) -> list[Any] | None:
    """Give the request's id, if what is requested is a transfer."""
    return [event.pk] if "transfer" in (event.after or {}) else None


def _digest_arguments(event: Event) -> list[Any] | None:
    """Give the blobs, if what is requested are digests."""
    wanted = (event.after or {}).get("digest")
    return None if wanted is None else [wanted]


def _emptied_space(event: Event) -> list[Any] | None:
    """Give the space that an entry was moved out of: what lay below it is still to be removed."""
    return [event.space_id] if "space" in (event.after or {}) else None


# When this, do that.
FOLLOWS: dict[Event.Kind, tuple[Follow, ...]] = {
    Event.Kind.JOB_REQUESTED: (
        Follow(transfer, _transfer_arguments),
        Follow(take_digests, _digest_arguments),
    ),
    Event.Kind.ENTRY_MOVED: (Follow(purge, _emptied_space),),
    Event.Kind.ENTRY_PURGED: (Follow(purge, lambda event: [event.space_id]),),
    Event.Kind.TRASH_EMPTIED: (Follow(purge, lambda event: [event.space_id]),),
}


def dispatch() -> int:
    """Enqueue what follows from all events that are not dispatched yet, and give how many jobs.

    Exactly once: the rows of the jobs and the cursor of the space are one transaction.
    """
    behind = Space.objects.filter(last_seq__gt=F("dispatched_seq")).order_by("pk")
    count = 0
    for space_id in list(behind.values_list("pk", flat=True)):
        is_behind = True
        while is_behind:
            enqueued, is_behind = _dispatch_some(space_id)
            count += enqueued
    return count


@transaction.atomic
def _dispatch_some(space_id: int) -> tuple[int, bool]:
    """Dispatch one window of the events of a space; tell how many jobs, and if more is left."""
    space = lock_spaces(space_id)[space_id]
    until = min(space.last_seq, space.dispatched_seq + WINDOW)
    events = Event.objects.filter(
        space=space, seq__gt=space.dispatched_seq, seq__lte=until, kind__in=FOLLOWS
    )
    # Jobs that are alike, such as one purge for each of many deleted entries, are enqueued once.
    jobs: dict[str, tuple[Task[..., Any], list[Any]]] = {}
    for event in events.order_by("seq"):
        for follow in FOLLOWS[Event.Kind(event.kind)]:
            if (arguments := follow.arguments(event)) is not None:
                key = json.dumps([follow.task.module_path, arguments])
                jobs[key] = (follow.task, arguments)
    for task, arguments in jobs.values():
        task.enqueue(*arguments)
    space.dispatched_seq = until
    space.save(update_fields=["dispatched_seq"])
    return len(jobs), until < space.last_seq
