"""Accounts and groups: Django's own pages, less what would let staff give themselves rights."""

from typing import Any, override

import allauth.account.admin  # noqa: F401 - registers EmailAddress
import django_tasks_db.admin  # noqa: F401 - registers DBTaskResult
from allauth.account.models import EmailAddress
from django import forms
from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group, User
from django.db.models import Model
from django.http import HttpRequest
from django_tasks_db.models import DBTaskResult

from .base import KeyedActions

admin.site.unregister(User)
admin.site.unregister(Group)
# Nothing here sends mail, so addresses have no page; what became of a job is in the log, and an
# event tells who asked for it.
admin.site.unregister(EmailAddress)
admin.site.unregister(DBTaskResult)


class TickedRights[M: Model](KeyedActions[M]):
    """Groups and permissions as boxes to tick: unlike Django's two lists they need no script."""

    filter_horizontal = ()

    @override
    def formfield_for_manytomany(
        self, db_field: Any, request: HttpRequest | None = None, **more: Any
    ) -> Any:
        """Give the boxes."""
        more["widget"] = forms.CheckboxSelectMultiple
        return super().formfield_for_manytomany(db_field, request, **more)  # type: ignore[arg-type]  # stubs of the bases differ


@admin.register(User)
class UserAdmin(TickedRights[User], DjangoUserAdmin[User]):
    """Accounts. Only superusers hand out rights, or touch the accounts of staff.

    An account that owns a space or is a member of one cannot be deleted (no key to it cascades):
    the page says so, and to close the account instead.
    """

    list_display = ("username", "email", "is_active", "is_staff", "last_login")
    list_filter = ("is_active", "is_staff", "is_superuser")
    list_per_page = 50
    delete_confirmation_template = "admin/auth/user/delete_confirmation.html"

    @override
    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> Any:
        """Fix what gives rights."""
        fixed = super().get_readonly_fields(request, obj)
        if request.user.is_superuser:
            return fixed
        return [*fixed, "is_staff", "is_superuser", "groups", "user_permissions"]

    @override
    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """Leave the accounts of staff to superusers: a new password is as good as all rights."""
        return super().has_change_permission(request, obj) and _may_touch(request, obj)

    @override
    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """Leave the accounts of staff to superusers."""
        return super().has_delete_permission(request, obj) and _may_touch(request, obj)

    @override
    def get_queryset(self, request: HttpRequest) -> Any:
        """Leave staff out of what an action deletes, for who may not touch them."""
        queryset = super().get_queryset(request)
        if request.method == "POST" and not request.user.is_superuser:
            return queryset.filter(is_staff=False, is_superuser=False)
        return queryset


def _may_touch(request: HttpRequest, obj: User | None) -> bool:
    """Tell whether who asks may change an account."""
    return bool(obj is None or request.user.is_superuser or not (obj.is_staff or obj.is_superuser))


@admin.register(Group)
class GroupAdmin(TickedRights[Group], DjangoGroupAdmin):
    """Groups. Only superusers say what permissions a group has."""

    @override
    def get_readonly_fields(self, request: HttpRequest, obj: Group | None = None) -> Any:
        """Fix what gives rights."""
        fixed = super().get_readonly_fields(request, obj)
        return fixed if request.user.is_superuser else [*fixed, "permissions"]
