"""The jobs themselves: thin, each calls operations and can be run again after a crash."""

import logging
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.management import call_command
from django.db import transaction
from django.tasks import task
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from files.access import Actor, Limit
from files.models import Event, Right, Space
from files.operations import digests, locks
from files.operations.answers import forget_answers
from files.operations.blobs import sweep_blobs
from files.operations.journal import Draft, lock_spaces, record
from files.operations.tokens import forget_tokens
from files.operations.transfer import discard_staged, run_transfer
from files.operations.trash import purge_some, spaces_to_purge
from files.operations.upload_expiry import (
    GRACE,
    expire_uploads,
    forget_finished,
    release_landings,
)

logger = logging.getLogger("files.jobs")

KEPT = timedelta(days=3)  # finished rows, for who asks what became of a job
GIVEN_UP = timedelta(days=3)  # after its request, a copy that is not finished is nobody's
SYSTEM = Actor.system(Event.Door.JOB)


def requester(event: Event) -> Actor:
    """Give who asked for a job, with the rights of now: none for an account that is gone.

    What was asked for by a token stays within its limit. An event without a name is the system's
    own.
    """
    if not event.actor_name:
        return SYSTEM
    user = event.actor if event.actor is not None and event.actor.is_active else None
    return Actor(user, Event.Door.JOB, limit=_limit_of(event))


def _limit_of(event: Event) -> Limit | None:
    """Give the limit under which a job was asked for: that of the token which the event names."""
    limit = (event.after or {}).get("transfer", {}).get("limit")
    if limit is None:
        return None
    return Limit(Right(limit["rights"]), limit["top_id"], event.token_id, event.token_name)


@task
def transfer(event_id: int) -> int:
    """Copy or move what a JOB_REQUESTED event asks for, and give how many entries that were."""
    event = Event.objects.select_related("actor").get(pk=event_id)
    return len(run_transfer(event, actor=requester(event)))


@transaction.atomic
def tell_failed(path: str, arguments: list[Any], code: str) -> None:
    """Record for who asked for a transfer that it failed for good; other jobs nobody asked for."""
    if path != transfer.module_path:
        return
    request = Event.objects.filter(pk=arguments[0]).first()
    if request is None:
        return
    space = lock_spaces(request.space_id)[request.space_id]
    after = {"request": request.pk, "code": code}
    event = Draft(Event.Kind.JOB_FAILED, request.entry_id, before=None, after=after)
    record(space, [event], actor=requester(request))


@task
def take_digests(blob_ids: list[str]) -> int:
    """Take the digests of bytes that came without; give how many were recorded."""
    return digests.take_digests([UUID(blob_id) for blob_id in blob_ids])


@task
def purge(space_id: int) -> None:
    """Remove the rows below what was deleted for good in a space, one bounded step at a time."""
    space = Space.objects.get(pk=space_id)
    while purge_some(space):
        pass


@task
def purge_all() -> int:
    """Do what an interrupted purge left, in every space; give how many spaces had something."""
    spaces = list(spaces_to_purge())
    for space in spaces:
        purge.call(space.pk)
    return len(spaces)


@task
def discard_copies() -> None:
    """Remove the unfinished copies of jobs that were given up, in every space."""
    for space in Space.objects.exclude(kind=Space.Kind.SYSTEM).iterator():
        discard_staged(space, older_than=GIVEN_UP)


@task
def sweep() -> dict[str, int]:
    """Sweep blobs that nothing points at, or only say what would go (FILES_SWEEP_DRY_RUN)."""
    grace = timedelta(seconds=settings.FILES_BLOB_GRACE_SECONDS)
    result = sweep_blobs(grace=grace, dry_run=settings.FILES_SWEEP_DRY_RUN)
    figures = {
        "claimed": result.claimed,
        "unlinked": result.unlinked,
        "unlinked_bytes": result.unlinked_bytes,
        "waiting": result.waiting,
        "failed": result.failed,
    }
    logger.info("sweep", extra={**figures, "dry_run": int(settings.FILES_SWEEP_DRY_RUN)})
    return figures


@task
def expire() -> dict[str, int]:
    """Discard uploads past their time, or only say which would go (FILES_EXPIRE_DRY_RUN).

    Finished ones are forgotten in any case: that destroys nothing, and their rows add up.
    """
    dry_run = settings.FILES_EXPIRE_DRY_RUN
    forgotten = forget_finished()
    result = expire_uploads(grace=GRACE, dry_run=dry_run)
    figures = {
        "discarded": result.discarded,
        "discarded_bytes": result.discarded_bytes,
        "forgotten": forgotten + result.forgotten,
        "waiting": result.waiting,
    }
    logger.info("expiry", extra={**figures, "dry_run": int(dry_run)})
    return figures


@task
def forget_locks() -> int:
    """Forget the locks whose time is over, and give how many."""
    return locks.forget_locks()


@task
def release() -> int:
    """Give back what requests have reserved whose bodies did not land; give how many they were."""
    return release_landings()


@task
def prune_rows() -> int:
    """Forget the rows of jobs that finished a while ago, and give how many."""
    old = DBTaskResult.objects.finished().filter(finished_at__lt=timezone.now() - KEPT)
    return old.delete()[0]


@task
def forget_old_tokens() -> int:
    """Forget tokens that have been refused for long, and give how many."""
    return forget_tokens()


@task
def forget_kept_answers() -> int:
    """Forget answers that are kept for requests that may come again, and give how many."""
    return forget_answers()


@task
def clear_sessions() -> None:
    """Forget the sessions that are over."""
    call_command("clearsessions")
