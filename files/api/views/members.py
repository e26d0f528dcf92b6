"""Members of a space: users and groups, each with a role; for who may say who belongs to it."""

from typing import Literal

from django.contrib.auth.models import Group, User
from django.http import HttpResponse
from ninja import Router

from files.access import get_space
from files.api.cursors import cursor_of, number_of
from files.api.documents import MemberTold, Page, RoleSent
from files.api.replies import no_content, reply, split_page
from files.api.requests import ApiRequest
from files.api.values import After, Id, Limit, MemberName
from files.errors import InvalidValueError
from files.models import Grant, Right
from files.operations.spaces import set_member

router = Router(tags=["members"])

type Kind = Literal["users", "groups"]


@router.get("/spaces/{int:space_id}/members", response=Page[MemberTold], summary="List members")
def list_members(
    request: ApiRequest, space_id: Id, limit: Limit = 100, cursor: After = ""
) -> HttpResponse:
    """List the users and groups that have a role in the whole of a space."""
    space, _rights = get_space(request.auth, space_id, Right.SHARE)
    grants = Grant.objects.filter(entry=space.root_id, pk__gt=number_of(cursor) or 0)
    found = list(grants.select_related("user", "group").order_by("pk")[: limit + 1])
    shown, last = split_page(found, limit)
    items = [MemberTold.of(grant) for grant in shown]
    return reply(Page[MemberTold](items=items, next=cursor_of(last.pk) if last else None))


@router.put(
    "/spaces/{int:space_id}/members/{kind}/{path:name}", response=MemberTold, summary="Set a member"
)
def put_member(
    request: ApiRequest, space_id: Id, kind: Kind, name: MemberName, body: RoleSent
) -> HttpResponse:
    """Give a user or a group, by its name, a role in a space, or change it."""
    space, _rights = get_space(request.auth, space_id, Right.SHARE)
    user, group = _who(kind, name)
    grant = set_member(space, user=user, group=group, role=body.value, actor=request.auth)
    assert grant is not None  # noqa: S101 - there was a role
    return reply(MemberTold.of(grant))


@router.delete(
    "/spaces/{int:space_id}/members/{kind}/{path:name}",
    response={204: None},
    summary="Remove a member",
)
def remove_member(request: ApiRequest, space_id: Id, kind: Kind, name: MemberName) -> HttpResponse:
    """Take the role in a space away from a user or a group; who has none is no fault."""
    space, _rights = get_space(request.auth, space_id, Right.SHARE)
    user, group = _who(kind, name)
    set_member(space, user=user, group=group, role=None, actor=request.auth)
    return no_content()


def _who(kind: Kind, name: str) -> tuple[User | None, Group | None]:
    """Find a user or a group by its name. Raises InvalidValueError."""
    user = User.objects.filter(username=name).first() if kind == "users" else None
    group = Group.objects.filter(name=name).first() if kind == "groups" else None
    if user is None and group is None:
        raise InvalidValueError(field="path.name", reason="unknown")
    return user, group
