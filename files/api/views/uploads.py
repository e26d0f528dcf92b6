"""Uploads: one's unfinished ones, and files that the server has already.

Bytes go in elsewhere: whole files by PUT (content.py), in pieces at /uploads/ (docs/uploads.md).
"""

from collections.abc import Sequence
from http import HTTPStatus
from uuid import UUID

from django.conf import settings
from django.db.models import Q, Subquery
from django.http import HttpResponse
from ninja import Router

from files.access import get_upload, locate
from files.api.documents import EntryTold, KnownSent, KnownTold, Page, UploadTold
from files.api.idempotency import once
from files.api.outcomes import address_of
from files.api.replies import etag_of, no_content, reply, split_page
from files.api.requests import ApiRequest
from files.api.values import After, Id, IdempotencyKey, Limit, UploadId
from files.errors import InvalidValueError, UploadNotFoundError
from files.http.confirming import confirm_upload
from files.models import Right, Upload
from files.names import split_path
from files.operations.known import put_known
from files.operations.pending import look_at, look_at_all
from files.operations.placing import Clash
from files.operations.uploads import cancel_upload, pending_uploads
from files.operations.wanted import Wanted
from files.protocol_errors import StaleCursorError

router = Router(tags=["uploads"])


@router.get("/uploads", response=Page[UploadTold], summary="List unfinished uploads")
def list_uploads(request: ApiRequest, limit: Limit = 100, cursor: After = "") -> HttpResponse:
    """List one's own uploads that are not finished, newest first."""
    shown, last = split_page(_behind(request, cursor, limit + 1), limit)
    items = [UploadTold.of(pending) for pending in look_at_all(shown)]
    return reply(Page[UploadTold](items=items, next=last.pk.hex if last else None))


def _behind(request: ApiRequest, cursor: str, count: int) -> Sequence[Upload]:
    """Read one's uploads behind one. Raises InvalidValueError and StaleCursorError."""
    mine = pending_uploads(request.auth).defer("hash_state")
    if cursor:
        try:
            start = mine.filter(pk=UUID(hex=cursor))
        except ValueError:
            raise InvalidValueError(field="cursor") from None
        if not start.exists():
            raise StaleCursorError
        at = Subquery(start.order_by().values("created_at"))
        mine = mine.filter(created_at__lte=at)
        mine = mine.filter(Q(created_at__lt=at) | Q(pk__lt=UUID(hex=cursor)))
    return list(mine.order_by("-created_at", "-pk")[:count])


@router.get("/uploads/{upload_id}", response=UploadTold, summary="Look at an upload")
def get_one_upload(request: ApiRequest, upload_id: UploadId) -> HttpResponse:
    """Tell how far an unfinished upload is."""
    upload = get_upload(request.auth, UUID(upload_id))
    if upload.is_finished:
        raise UploadNotFoundError
    return reply(UploadTold.of(look_at(upload)))


@router.delete("/uploads/{upload_id}", response={204: None}, summary="Discard an upload")
def discard_upload(request: ApiRequest, upload_id: UploadId) -> HttpResponse:
    """Give an upload up, with what it brought; the file of a finished one stays."""
    cancel_upload(UUID(upload_id), actor=request.auth)
    return no_content()


@router.post(
    "/uploads/{upload_id}/confirm",
    response={200: EntryTold, 204: None},
    summary="Put a received file in its place",
)
def confirm_received(request: ApiRequest, upload_id: UploadId) -> HttpResponse:
    """Put an upload in its place that is all there; a name that is taken gets a number."""
    upload = confirm_upload(UUID(upload_id), actor=request.auth)
    located = locate(request.auth, upload.folder_id or 0, Right.ADD)
    if Right.READ not in located.rights or upload.entry_id is None:
        return no_content()
    entry = locate(request.auth, upload.entry_id).entry
    return reply(EntryTold.of(entry), etag=etag_of(entry))


@router.post(
    "/folders/{int:folder_id}/known",
    response={200: KnownTold, 201: KnownTold},
    summary="Make a file that the server has already",
)
def make_known(
    request: ApiRequest, folder_id: Id, body: KnownSent, idempotency_key: IdempotencyKey = None
) -> HttpResponse:
    """Make a file without its bytes, of content that one can read already: 201.

    200 with `known: false` says nothing but that the bytes are to be sent.
    """
    names = split_path(body.path, max_depth=settings.FILES_MAX_DEPTH)
    wanted = Wanted(names, body.size, body.modified_at, sha256=body.sha256, clash=Clash(body.clash))

    def make() -> HttpResponse:
        located = locate(request.auth, folder_id, Right.ADD)
        entry = put_known(located.entry, wanted, actor=request.auth)
        if entry is None:
            return reply(KnownTold(known=False, entry=None))
        if Right.READ not in located.rights:
            return reply(KnownTold(known=True, entry=None), status=HTTPStatus.CREATED)
        entry = locate(request.auth, entry.pk).entry
        document = KnownTold(known=True, entry=EntryTold.of(entry))
        return reply(document, status=HTTPStatus.CREATED, location=address_of(entry))

    return once(request, idempotency_key, make)
