"""Spaces: which there are, how full they are, and what their names and rules are."""

from http import HTTPStatus

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Sum
from django.http import HttpResponse
from django.urls import reverse
from ninja import Router

from files.access import get_space, locate_path, visible_spaces
from files.api.cursors import cursor_of, number_of
from files.api.documents import EntryLooked, Page, SpaceMade, SpaceSent, SpaceTold, UsageTold
from files.api.idempotency import once
from files.api.owning import own_space
from files.api.replies import etag_of, reply, split_page
from files.api.requests import ApiRequest
from files.api.values import After, AtPath, Id, IdempotencyKey, Limit
from files.errors import InvalidValueError
from files.models import Right, Upload
from files.names import split_path
from files.operations.spaces import found_space, rename_space, set_case_twins
from files.protocol_errors import StaleCursorError

router = Router(tags=["spaces"])


@router.get("/spaces", response=Page[SpaceTold], summary="List spaces")
def list_spaces(request: ApiRequest, limit: Limit = 100, cursor: After = "") -> HttpResponse:
    """List the spaces that one owns or is a member of: the personal one first, then by name."""
    after, found = number_of(cursor), visible_spaces(request.auth)
    user = request.auth.user
    has_own = user is not None and any(space.owner_id == user.pk for space, _rights in found)
    if not has_own and own_space(request.auth) is not None:
        found = visible_spaces(request.auth)
    if after is not None:
        places = [at for at, (space, _rights) in enumerate(found) if space.pk == after]
        if not places:
            raise StaleCursorError
        found = found[places[0] + 1 :]
    shown, last = split_page(found, limit)
    items = [SpaceTold.of(space, rights) for space, rights in shown]
    return reply(Page[SpaceTold](items=items, next=cursor_of(last[0].pk) if last else None))


@router.post("/spaces", response={201: SpaceTold}, summary="Make a shared space")
def make_space(
    request: ApiRequest, body: SpaceMade, idempotency_key: IdempotencyKey = None
) -> HttpResponse:
    """Make a shared space with its first manager, as the admin does.

    For staff with the permission to add spaces; a token needs all scopes, and no tree of its own.
    """

    def make() -> HttpResponse:
        manager = request.auth.user
        if body.manager is not None:
            manager = User.objects.filter(username=body.manager).first()
            if manager is None:
                raise InvalidValueError(field="body.manager", reason="unknown")
        space = found_space(
            body.name, manager=manager, quota_bytes=body.quota_bytes, actor=request.auth
        )
        is_manager = manager == request.auth.user
        told = SpaceTold.of(space, request.auth.limited(Right.ALL) if is_manager else Right.NONE)
        address = reverse("api:get_one_space", args=[space.pk])
        return reply(told, status=HTTPStatus.CREATED, location=address)

    return once(request, idempotency_key, make)


@router.get("/spaces/{int:space_id}", response=SpaceTold, summary="Look at a space")
def get_one_space(request: ApiRequest, space_id: Id) -> HttpResponse:
    """Tell of one space, and what one may do with the whole of it."""
    return reply(SpaceTold.of(*get_space(request.auth, space_id, Right.NONE)))


@router.patch("/spaces/{int:space_id}", response=SpaceTold, summary="Change a space")
def change_space(request: ApiRequest, space_id: Id, body: SpaceSent) -> HttpResponse:
    """Change the name of a space, or whether it refuses names that differ only in case."""
    space, rights = get_space(request.auth, space_id, Right.MANAGE)
    with transaction.atomic():
        if body.name is not None:
            space = rename_space(space, name=body.name, actor=request.auth)
        if body.refuses_case_twins is not None:
            space = set_case_twins(space, refused=body.refuses_case_twins, actor=request.auth)
    return reply(SpaceTold.of(space, rights))


@router.get("/spaces/{int:space_id}/usage", response=UsageTold, summary="Ask how full a space is")
def get_usage(request: ApiRequest, space_id: Id) -> HttpResponse:
    """Tell how many bytes a space holds, and how many it has left."""
    space, _rights = get_space(request.auth, space_id)
    uploads = Upload.objects.filter(space=space, state=Upload.State.OPEN)
    reserved = uploads.aggregate(total=Sum("reserved_bytes"))["total"]
    told = UsageTold(
        quota_bytes=space.quota_bytes,
        used_bytes=space.used_bytes,
        reserved_bytes=reserved or 0,
        free_bytes=space.free_bytes,
    )
    return reply(told)


@router.get("/spaces/{int:space_id}/entries", response=EntryLooked, summary="Find by a path")
def find_by_path(
    request: ApiRequest,
    space_id: Id,
    path: AtPath = "",
) -> HttpResponse:
    """Find the file or folder that a path leads to: names with a slash between them."""
    names = split_path(path, max_depth=settings.FILES_MAX_DEPTH) if path else ()
    located = locate_path(request.auth, space_id, names)
    return reply(EntryLooked.at(located), etag=etag_of(located.entry))
