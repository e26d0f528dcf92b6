"""Locks: what covers an entry, taking one, keeping it, ending it. WebDAV clients see the same."""

from http import HTTPStatus

from django.http import HttpResponse
from ninja import Router

from files.access import locate
from files.api.cursors import cursor_of, number_of
from files.api.documents import LockSent, LockTaken, LockTold, Page, TermSent
from files.api.idempotency import once
from files.api.replies import no_content, reply, split_page
from files.api.requests import ApiRequest
from files.api.values import After, Id, IdempotencyKey, Limit
from files.models import Lock
from files.operations.locks import break_lock, extend_lock, lock_entry

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


@router.post("/entries/{int:entry_id}/locks", response={201: LockTaken}, summary="Take a lock")
def take_lock(
    request: ApiRequest, entry_id: Id, body: LockSent, idempotency_key: IdempotencyKey = None
) -> HttpResponse:
    """Lock a file or folder: until it is over, only requests with its token change what it covers.

    For who may change the entry; 423 while another lock conflicts.
    """

    def make() -> HttpResponse:
        taken = lock_entry(
            entry_id,
            actor=request.auth,
            exclusive=body.scope == "exclusive",
            deep=body.deep,
            timeout=body.timeout,
        )
        document = LockTaken(lock=LockTold.of(taken), token=taken.token)
        return reply(document, status=HTTPStatus.CREATED)

    return once(request, idempotency_key, make)


@router.patch("/locks/{int:lock_id}", response=LockTold, summary="Keep a lock")
def refresh_lock(request: ApiRequest, lock_id: Id, body: TermSent) -> HttpResponse:
    """Let one's own lock hold for another while, from now on."""
    return reply(LockTold.of(extend_lock(lock_id, actor=request.auth, timeout=body.timeout)))


@router.delete("/locks/{int:lock_id}", response={204: None}, summary="End a lock")
def delete_lock(request: ApiRequest, lock_id: Id) -> HttpResponse:
    """End one's own lock, or break that of somebody else with the right to manage."""
    break_lock(lock_id, actor=request.auth)
    return no_content()
