"""What WebDAV clients have locked, for staff to look at, and to break."""

from collections.abc import Sequence
from typing import override

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext, pgettext_lazy

from files.access import Actor
from files.dav_errors import LockNotFoundError
from files.ids import is_id
from files.models import Event, Lock, Right
from files.operations.locks import break_lock
from files.templatetags.files import moment

from .actors import user_of
from .base import ReadOnlyAdmin
from .confirming import ask_first
from .filters import SpaceFilter
from .shown import page_link, user_link, viewer_of


@admin.register(Lock)
class LockAdmin(ReadOnlyAdmin[Lock]):
    """Read the locks that hold; breaking them takes the permission to delete locks."""

    list_display = (
        "shown_entry",
        "shown_holder",
        "shown_scope",
        "space",
        "shown_created",
        "shown_expires",
    )
    list_select_related = ("entry", "space", "principal")
    list_filter = ("scope", SpaceFilter)
    search_fields = ("principal__username",)
    search_help_text = _("The whole name of an account, or # and the number of an entry.")
    sortable_by = ()
    actions = ("break_locks",)  # type: ignore[assignment]  # the one change that there is
    ordering = ("-id",)
    fields = (
        "shown_entry",
        "shown_holder",
        "scope",
        "deep",
        "space",
        "owner",
        "token",
        "shown_created",
        "shown_expires",
    )
    readonly_fields = ("shown_entry", "shown_holder", "shown_created", "shown_expires")

    @override
    def get_queryset(self, request: HttpRequest) -> QuerySet[Lock]:
        """Leave out those whose time is over."""
        return Lock.objects.living().select_related(*self.list_select_related)

    @override
    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Lock], search_term: str
    ) -> tuple[QuerySet[Lock], bool]:
        """Find by who holds it, or by what is locked."""
        term = search_term.strip()
        if not term:
            return queryset, False
        if term.startswith("#") and is_id(term[1:]):
            return queryset.filter(entry=int(term[1:])), False
        return queryset.filter(principal__username=term), False

    def has_break_permission(self, request: HttpRequest) -> bool:
        """Tell whether somebody may break the locks of others."""
        return request.user.has_perm("files.delete_lock")

    @admin.action(description=_("Break"), permissions=["break"])
    def break_locks(
        self, request: HttpRequest, queryset: QuerySet[Lock]
    ) -> TemplateResponse | None:
        """Ask whether locks should be broken, and do so when that was confirmed."""
        template = "admin/files/lock/break.html"
        title = _("Break locks")
        return ask_first(self, request, queryset, self._break, title=title, template=template)

    def _break(self, request: HttpRequest, locks: Sequence[Lock]) -> None:
        """Break locks one by one; those that are over meanwhile are no failure."""
        actor = Actor(user_of(request), Event.Door.ADMIN, everywhere=Right.READ | Right.MANAGE)
        done = 0
        for lock in locks:
            try:
                break_lock(lock.pk, actor=actor)
            except LockNotFoundError:
                continue
            done += 1
        text = ngettext("%(count)d lock was broken.", "%(count)d locks were broken.", done)
        self.message_user(request, text % {"count": done}, messages.SUCCESS)

    @admin.display(description=_("entry"))
    def shown_entry(self, lock: Lock) -> str:
        """Link to what is locked; a root has no page."""
        entry = lock.entry
        if entry.parent_id is None:
            return "/"
        return page_link(viewer_of(lock), "entry", entry.pk, entry.name)

    @admin.display(description=_("held by"))
    def shown_holder(self, lock: Lock) -> str:
        """Link to who took it."""
        return user_link(viewer_of(lock), lock.principal)

    @admin.display(description=pgettext_lazy("lock", "scope"))
    def shown_scope(self, lock: Lock) -> str:
        """Show its kind, and whether it covers all below."""
        scope = str(lock.get_scope_display())
        return f"{scope}, {_('with all below')}" if lock.deep else scope

    @admin.display(description=_("since"))
    def shown_created(self, lock: Lock) -> str:
        """Show since when."""
        return moment(lock.created_at)

    @admin.display(description=_("until"))
    def shown_expires(self, lock: Lock) -> str:
        """Show until when it holds, if it is not refreshed."""
        return moment(lock.expires_at)
