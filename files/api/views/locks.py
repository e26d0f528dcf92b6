"""Locks of WebDAV clients: what covers an entry, and ending one."""

from django.http import HttpResponse
from ninja import Router

from files.access import locate
from files.api.cursors import cursor_of, number_of
from files.api.documents import LockTold, Page
from files.api.replies import no_content, reply, split_page
from files.api.requests import ApiRequest
from files.api.values import After, Id, Limit
from files.models import Lock
from files.operations.locks import break_lock

router = Router(tags=["locks"])


@router.get("/entries/{int:entry_id}/locks", response=Page[LockTold], summary="List locks")
def list_locks(
    request: ApiRequest, entry_id: Id, limit: Limit = 100, cursor: After = ""
) -> HttpResponse:
    """List the locks that cover a file or folder: its own, and those of folders with all below."""
    located = locate(request.auth, entry_id)
    covering = Lock.objects.covering(entry_id, [node.id for node in located.ancestors])
    locks = covering.filter(pk__gt=number_of(cursor) or 0).select_related("principal")
    shown, last = split_page(list(locks.order_by("pk")[: limit + 1]), limit)
    items = [LockTold.of(lock) for lock in shown]
    return reply(Page[LockTold](items=items, next=cursor_of(last.pk) if last else None))


@router.delete("/locks/{int:lock_id}", response={204: None}, summary="End a lock")
def delete_lock(request: ApiRequest, lock_id: Id) -> HttpResponse:
    """End one's own lock, or break that of somebody else with the right to manage."""
    break_lock(lock_id, actor=request.auth)
    return no_content()
