"""The trash of a space: list it, restore out of it, delete for good."""

from collections.abc import Sequence

from django.db import transaction
from django.db.models import Q
from django.http import HttpResponse
from ninja import Router

from files.access import get_space, locate_each_trashed, trashed_in
from files.api.cursors import cursor_of, number_of
from files.api.documents import (
    DeletionTold,
    EntriesSent,
    EntriesTold,
    EntryTold,
    Page,
)
from files.api.replies import reply, split_page
from files.api.requests import ApiRequest
from files.api.values import After, DryRun, Id, Limit
from files.models import Entry, Right, Space
from files.models.tree import measure_trash
from files.operations.trash import delete_entries, empty_trash, restore_entries
from files.protocol_errors import StaleCursorError

router = Router(tags=["trash"])


@router.get("/spaces/{int:space_id}/trash", response=Page[EntryTold], summary="List the trash")
def list_trash(
    request: ApiRequest, space_id: Id, limit: Limit = 100, cursor: After = ""
) -> HttpResponse:
    """List what was moved to the trash in a space, newest first."""
    space, _rights = get_space(request.auth, space_id)
    found = _behind(space, number_of(cursor), limit + 1)
    shown, last = split_page(found, limit)
    items = [EntryTold.of(entry) for entry in shown]
    return reply(Page[EntryTold](items=items, next=cursor_of(last.pk) if last else None))


def _behind(space: Space, after: int | None, count: int) -> Sequence[Entry]:
    """Read what lies in the trash behind an entry. Raises StaleCursorError."""
    rows = trashed_in(space).select_related("version")
    if after is not None:
        start = trashed_in(space).filter(pk=after).values("trashed_at")
        if not start.exists():
            raise StaleCursorError
        rows = rows.filter(trashed_at__lte=start)
        rows = rows.filter(Q(trashed_at__lt=start) | Q(pk__lt=after))
    return list(rows.order_by("-trashed_at", "-pk")[:count])


@router.post("/trash/restore", response=EntriesTold, summary="Restore out of the trash")
def restore_trashed(request: ApiRequest, body: EntriesSent) -> HttpResponse:
    """Bring entries back to where they were, or to the nearest folder that is left; all or none."""
    entries = _trashed(request, body, Right.EDIT)
    return reply(EntriesTold.of(restore_entries(entries, actor=request.auth)))


@router.post("/trash/delete", response=EntriesTold, summary="Delete for good")
def delete_trashed(
    request: ApiRequest, body: EntriesSent, *, dry_run: DryRun = False
) -> HttpResponse:
    """Delete entries that lie in the trash for good, with what is in them; all or none."""
    entries = _trashed(request, body, Right.MANAGE)
    with transaction.atomic():
        delete_entries(entries, actor=request.auth)
        if dry_run:
            transaction.set_rollback(True)
    return reply(EntriesTold.of(entries))


def _trashed(request: ApiRequest, body: EntriesSent, need: Right) -> Sequence[Entry]:
    """Find all that are named, each once, in the trash."""
    return [located.entry for located in locate_each_trashed(request.auth, body.entries, need)]


@router.delete("/spaces/{int:space_id}/trash", response=DeletionTold, summary="Empty the trash")
def empty_whole_trash(
    request: ApiRequest, space_id: Id, *, dry_run: DryRun = False
) -> HttpResponse:
    """Delete all that lies in the trash of a space for good."""
    space, _rights = get_space(request.auth, space_id, Right.READ | Right.MANAGE)
    # Before the space is locked: this takes the longer the more there is.
    entries, size = measure_trash(space.pk)
    if not dry_run and not empty_trash(space, actor=request.auth):
        entries = size = 0  # brought back in this moment
    return reply(DeletionTold(entries=entries, bytes=size, dry_run=dry_run))
