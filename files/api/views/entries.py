"""Entries: look at them, list folders, make, rename, move, copy and trash."""

from http import HTTPStatus

from django.db import transaction
from django.http import HttpResponse
from ninja import Router

from files.access import locate
from files.api.conditions import check_of
from files.api.cursors import place_of
from files.api.documents import (
    CopySent,
    EntryLooked,
    EntryTold,
    FolderSent,
    Page,
    PlaceSent,
    TransferTold,
)
from files.api.idempotency import once
from files.api.outcomes import folder_of, outcome_of, told, transferred
from files.api.replies import etag_of, reply
from files.api.requests import ApiRequest
from files.api.values import After, DryRun, Id, IdempotencyKey, IfMatch, Limit, Sort
from files.errors import InvalidValueError
from files.models import Right
from files.models.listing import Order, list_onwards
from files.operations.entries import create_folder, rename_entry, trash_entries
from files.operations.overwriting import Place, copy_to, move_to
from files.operations.transfer import copy_entries, move_entries
from files.operations.unchanged import if_unchanged

router = Router(tags=["entries"])


@router.get("/entries/{int:entry_id}", response=EntryLooked, summary="Look at an entry")
def get_entry(request: ApiRequest, entry_id: Id) -> HttpResponse:
    """One file or folder, with what one may do with it."""
    located = locate(request.auth, entry_id)
    return reply(EntryLooked.at(located), etag=etag_of(located.entry))


@router.get("/folders/{int:folder_id}/entries", response=Page[EntryTold], summary="List a folder")
def list_folder(
    request: ApiRequest,
    folder_id: Id,
    sort: Sort = "name",
    limit: Limit = 100,
    cursor: After = "",
) -> HttpResponse:
    """Tell the members of a folder, folders first. Going on with `next` leaves none out."""
    folder = folder_of(locate(request.auth, folder_id))
    page = list_onwards(folder, Order.parse(sort), place_of(cursor), size=limit)
    items = [EntryTold.of(entry) for entry in page.entries]
    return reply(Page[EntryTold](items=items, next=str(page.next) if page.next else None))


@router.post(
    "/folders/{int:folder_id}/folders",
    response={201: EntryTold, 204: None},
    summary="Make a folder",
)
def make_folder(
    request: ApiRequest, folder_id: Id, body: FolderSent, idempotency_key: IdempotencyKey = None
) -> HttpResponse:
    """Make an empty folder in a folder. Who may not read there is told no more than that: 204."""

    def make() -> HttpResponse:
        located = locate(request.auth, folder_id, Right.ADD)
        made = create_folder(located.entry, name=body.name, actor=request.auth)
        return told(made, is_readable=Right.READ in located.rights, status=HTTPStatus.CREATED)

    return once(request, idempotency_key, make)


@router.patch(
    "/entries/{int:entry_id}",
    response={200: EntryTold, 202: TransferTold, 204: None},
    summary="Rename or move an entry",
)
def change_entry(
    request: ApiRequest, entry_id: Id, body: PlaceSent, if_match: IfMatch = None
) -> HttpResponse:
    """Give an entry another name, or another folder, or both, with what is in it.

    A large tree that goes to another space is moved by a job: 202.
    """
    entry = locate(request.auth, entry_id, Right.EDIT).entry
    if body.parent is None:
        if body.name is None:
            raise InvalidValueError(field="body", reason="nothing-to-change")
        with if_unchanged(entry, check_of(if_match)):
            renamed = rename_entry(entry, name=body.name, actor=request.auth)
        return told(renamed)
    parent = locate(request.auth, body.parent, Right.ADD)
    with if_unchanged(entry, check_of(if_match), also_locks=parent.entry.space_id):
        if body.name is None:
            outcome = move_entries([entry], parent=parent.entry, actor=request.auth)
        else:
            place = Place(parent.entry, body.name, overwrites=False)
            outcome = outcome_of(move_to(entry, place, actor=request.auth))
    return transferred(outcome, parent, HTTPStatus.OK)


@router.post(
    "/entries/{int:entry_id}/copy",
    response={201: EntryTold, 202: TransferTold, 204: None},
    summary="Copy an entry",
)
def copy_entry(
    request: ApiRequest, entry_id: Id, body: CopySent, idempotency_key: IdempotencyKey = None
) -> HttpResponse:
    """Copy an entry with what is in it; without a name of its own, a taken one gets a number.

    A large tree is copied by a job: 202.
    """

    def make() -> HttpResponse:
        entry = locate(request.auth, entry_id).entry
        parent = locate(request.auth, body.parent, Right.ADD)
        if body.name is None:
            outcome = copy_entries([entry], parent=parent.entry, actor=request.auth)
        else:
            place = Place(parent.entry, body.name, overwrites=False)
            outcome = outcome_of(copy_to(entry, place, actor=request.auth))
        return transferred(outcome, parent, HTTPStatus.CREATED)

    return once(request, idempotency_key, make)


@router.delete("/entries/{int:entry_id}", response=EntryTold, summary="Move an entry to the trash")
def trash_entry(
    request: ApiRequest, entry_id: Id, if_match: IfMatch = None, *, dry_run: DryRun = False
) -> HttpResponse:
    """Move an entry, with what is in it, to the trash, out of which it can be restored."""
    entry = locate(request.auth, entry_id, Right.EDIT).entry
    with transaction.atomic(), if_unchanged(entry, check_of(if_match)):
        (trashed,) = trash_entries([entry], actor=request.auth)
        if dry_run:
            transaction.set_rollback(True)
    return told(trashed)
