"""Many entries at once: all of them are moved, copied, trashed, restored or deleted, or none."""

from collections.abc import Sequence

from django.db import transaction
from django.http import HttpResponse
from ninja import Router

from files.access import locate, locate_all
from files.api.documents import EntriesSent, EntriesTold, TransferSent, TransferTold
from files.api.idempotency import once
from files.api.outcomes import all_transferred
from files.api.replies import reply
from files.api.requests import ApiRequest
from files.api.values import DryRun, IdempotencyKey
from files.errors import EntryNotFoundError
from files.models import Entry, Right
from files.operations.entries import trash_entries
from files.operations.transfer import copy_entries, move_entries

router = Router(tags=["batches"])

_MOVED = {200: TransferTold, 202: TransferTold}


def _found(request: ApiRequest, body: EntriesSent, need: Right) -> Sequence[Entry]:
    """Find all that are named, each once. Raises EntryNotFoundError for one that may not be."""
    ids = list(dict.fromkeys(body.entries))
    found = locate_all(request.auth, ids, need)
    for entry_id in ids:
        if entry_id not in found:
            raise EntryNotFoundError(entry_id=entry_id)
    return [found[entry_id].entry for entry_id in ids]


@router.post("/entries/move", response=_MOVED, summary="Move many entries")
def move_many(request: ApiRequest, body: TransferSent) -> HttpResponse:
    """Move entries into a folder. What a job does for its size is told as `job`: 202."""
    entries = _found(request, body, Right.EDIT)
    parent = locate(request.auth, body.parent, Right.ADD)
    return all_transferred(move_entries(entries, parent=parent.entry, actor=request.auth), parent)


@router.post("/entries/copy", response=_MOVED, summary="Copy many entries")
def copy_many(
    request: ApiRequest, body: TransferSent, idempotency_key: IdempotencyKey = None
) -> HttpResponse:
    """Copy entries into a folder. What a job does for its size is told as `job`: 202."""

    def make() -> HttpResponse:
        entries = _found(request, body, Right.READ)
        parent = locate(request.auth, body.parent, Right.ADD)
        outcome = copy_entries(entries, parent=parent.entry, actor=request.auth)
        return all_transferred(outcome, parent)

    return once(request, idempotency_key, make)


@router.post("/entries/trash", response=EntriesTold, summary="Move many entries to the trash")
def trash_many(request: ApiRequest, body: EntriesSent, *, dry_run: DryRun = False) -> HttpResponse:
    """Move entries, with what is in them, to the trash."""
    entries = _found(request, body, Right.EDIT)
    with transaction.atomic():
        trashed = trash_entries(entries, actor=request.auth)
        if dry_run:
            transaction.set_rollback(True)
    return reply(EntriesTold.of(trashed))
