"""The members of a space: listed, and given roles by the operation."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext as _

from files.errors import FilesError
from files.models import Grant, Space
from files.operations.spaces import set_member

from .actors import space_actor, user_of
from .forms import ROLES, MemberForm

if TYPE_CHECKING:
    from .spaces import SpaceAdmin

LISTED = 20  # on the page of the space
SHOWN = 500  # on the page of the members


def listed(grants: QuerySet[Grant]) -> str:
    """List the first of some members, with their roles."""
    some = list(grants[: LISTED + 1])
    lines = [(grant.user or grant.group, grant.get_role_display()) for grant in some[:LISTED]]
    rest = format_html("<li>…</li>") if len(some) > LISTED else ""
    items = format_html_join("", "<li><bdi>{}</bdi>: {}</li>", lines)
    return format_html('<ul class="members">{}{}</ul>', items, rest) if some else "-"


def view(space_admin: "SpaceAdmin") -> Callable[[HttpRequest, int], HttpResponse]:
    """Make the view of the members' page."""

    def members(request: HttpRequest, space_id: int) -> HttpResponse:
        space = get_object_or_404(space_admin.get_queryset(request), pk=space_id)
        if not space_admin.has_view_or_change_permission(request, space):
            raise PermissionDenied
        can_change = space_admin.has_change_permission(request, space)
        form = MemberForm(request.POST if request.method == "POST" else None)
        if request.method == "POST":
            if not can_change:
                raise PermissionDenied
            if form.is_valid() and _set(request, space, form):
                return HttpResponseRedirect(request.path, status=303)
        grants = Grant.objects.filter(entry=space.root_id).select_related("user", "group")
        context = {
            **space_admin.admin_site.each_context(request),
            "opts": Space._meta,
            "title": _("Members"),
            "subtitle": str(space),
            "space": space,
            "grants": grants.order_by("-role", "pk")[:SHOWN],
            "form": form,
            "roles": ROLES,
            "can_change": can_change,
        }
        return render(
            request, "admin/files/space/members.html", context, status=422 if form.errors else 200
        )

    return members


def _set(request: HttpRequest, space: Space, form: MemberForm) -> bool:
    """Give the role, say so, and tell whether it worked."""
    data = form.cleaned_data
    try:
        set_member(
            space,
            user=data["user"],
            group=data["group"],
            role=data["role"],
            actor=space_actor(user_of(request)),
        )
    except FilesError as error:
        form.add_error(None, str(error))
        return False
    messages.success(request, _("The members were changed."))
    return True
