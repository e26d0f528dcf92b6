"""Spaces: staff make shared ones, set names and quotas, and say who belongs to them."""

from typing import Any, override

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils.translation import gettext_lazy as _

from files.models import Grant, Space
from files.operations.spaces import (
    found_space,
    rename_space,
    set_case_twins,
    set_quota,
    set_type_rules,
)

from . import members
from .actors import space_actor, user_of
from .base import LongListAdmin
from .forms import NewSpaceForm, SpaceForm
from .shown import list_link, may_see, usage, user_link, viewer_of

_RULES = ("refuses_case_twins", "allowed_types", "forbidden_types")


@admin.register(Space)
class SpaceAdmin(LongListAdmin[Space]):
    """All spaces but the system's, which holds no files."""

    list_display = ("name", "kind", "shown_owner", "shown_usage")
    list_select_related = ("owner",)
    list_filter = ("kind",)
    ordering = ("-id",)
    search_fields = ("name", "owner__username")
    sortable_by = ("name",)
    readonly_fields = (
        "kind",
        "shown_owner",
        "shown_usage",
        "shown_members",
        "entries",
        "created_at",
    )
    change_form_template = "admin/files/space/change_form.html"

    @override
    def get_queryset(self, request: HttpRequest) -> QuerySet[Space]:
        """Leave out the system's space."""
        return super().get_queryset(request).exclude(kind=Space.Kind.SYSTEM)

    @override
    def get_form(
        self,
        request: HttpRequest,
        obj: Space | None = None,
        change: bool = False,
        **more: Any,
    ) -> type[forms.ModelForm[Space]]:
        """Give the form of a new space, or that of one there is."""
        more["form"] = SpaceForm if obj else NewSpaceForm
        return super().get_form(request, obj, change, **more)

    @override
    def get_fields(self, request: HttpRequest, obj: Space | None = None) -> tuple[str, ...]:
        """Show to those who may change it what can be changed, and to all what there is."""
        if obj is None:
            return ("name", "manager", "quota")
        if not self.has_change_permission(request, obj):  # the usage says the quota
            return ("name", *_RULES, *self.readonly_fields)
        return ("name", "quota", *_RULES, *self.readonly_fields)

    @override
    def get_urls(self) -> list[URLPattern]:
        """Add the page of the members."""
        own = path(
            "<int:space_id>/members/",
            self.admin_site.admin_view(members.view(self)),
            name="files_space_members",
        )
        return [own, *super().get_urls()]

    @override
    def has_delete_permission(self, request: HttpRequest, obj: Space | None = None) -> bool:
        """Refuse: no operation deletes a space."""
        return False

    @override
    def save_model(
        self,
        request: HttpRequest,
        obj: Space,
        form: forms.ModelForm[Space],
        change: bool,
    ) -> None:
        """Make or change a space, through the operations."""
        actor, data = space_actor(user_of(request)), form.cleaned_data
        if not change:
            made = found_space(
                data["name"], manager=data["manager"], quota_bytes=data["quota"], actor=actor
            )
            obj.pk = made.pk
        else:
            if "name" in form.changed_data:
                rename_space(obj, name=data["name"], actor=actor)
            if "quota" in form.changed_data:
                set_quota(obj, quota_bytes=data["quota"], actor=actor)
            if "refuses_case_twins" in form.changed_data:
                set_case_twins(obj, refused=data["refuses_case_twins"], actor=actor)
            if {"allowed_types", "forbidden_types"}.intersection(form.changed_data):
                allowed, forbidden = data["allowed_types"], data["forbidden_types"]
                set_type_rules(obj, allowed=allowed, forbidden=forbidden, actor=actor)
        obj.refresh_from_db()

    @override
    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **more: Any
    ) -> HttpResponse:
        """Tell the page which of its links this member of staff may follow."""
        context["can_upload"] = request.user.has_perm("files.add_entry")
        context["can_see_events"] = may_see(user_of(request), "event")
        context["can_see_entries"] = may_see(user_of(request), "entry")
        return super().render_change_form(request, context, *args, **more)

    @admin.display(description=_("owner"))
    def shown_owner(self, space: Space) -> str:
        """Link to whom a personal space belongs to."""
        return user_link(viewer_of(space), space.owner)

    @admin.display(description=_("used"))
    def shown_usage(self, space: Space) -> str:
        """Show a bar and figures."""
        return usage(space)

    @admin.display(description=_("members"))
    def shown_members(self, space: Space) -> str:
        """List the first members with their roles."""
        grants = Grant.objects.filter(entry=space.root_id).select_related("user", "group")
        return members.listed(grants.order_by("pk"))

    @admin.display(description=_("files and folders"))
    def entries(self, space: Space) -> str:
        """Link to what is in the space."""
        return list_link(viewer_of(space), "entry", _("show"), space=space.pk)
