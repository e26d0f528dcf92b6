"""Events, for staff to look at and take away: the record of who did what."""

import json
from typing import Any, override

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe
from django_stubs_ext import StrOrPromise

from files.ids import is_id
from files.models import Event, Token
from files.templatetags.files import icon

from .base import ReadOnlyAdmin, SeenList
from .changes import Names, changed, entry_shown, names_in
from .exports import events_as_csv
from .filters import ActorFilter, EventEntryFilter, SpaceFilter
from .ranges import AtFilter
from .shown import list_link, list_url, page_link, viewer_of


class EventList(SeenList):
    """A page of events, with the names of what they mention."""

    @override
    def get_results(self, request: HttpRequest) -> None:
        """Look the names up for the whole page."""
        super().get_results(request)
        name_all(list(self.result_list))


def name_all(events: list[Event]) -> None:
    """Note on events what the ids in them stand for, all at once."""
    if events:
        names = names_in(events, viewer_of(events[0]))
        for event in events:
            event.names = names  # type: ignore[attr-defined]  # read by _names_of alone


def _names_of(event: Event) -> Names:
    """Give the names that name_all has noted."""
    names: Names = getattr(event, "names", None) or names_in([event], viewer_of(event))
    return names


@admin.register(Event)
class EventAdmin(ReadOnlyAdmin[Event]):
    """Read events, of one entry with ?entry_id=, of one account with ?who=."""

    list_display = (
        "shown_at",
        "kind",
        "subject",
        "shown_changes",
        "shown_actor",
    )
    change_form_template = "admin/files/event/change_form.html"
    list_display_links = ("shown_at",)
    list_select_related = ("space",)
    list_filter = (EventEntryFilter, AtFilter, ActorFilter, "door", SpaceFilter, "kind")
    ordering = ("-id",)
    sortable_by = ()
    search_fields = ("actor_name",)
    search_help_text = _("The whole name of an account, or # and the number of an entry.")
    fieldsets = (
        (
            None,
            {
                "fields": (
                    "shown_at",
                    "kind",
                    "subject",
                    "shown_changes",
                    "shown_space",
                    "shown_account",
                    "shown_token",
                    "door",
                    "seq",
                )
            },
        ),
        (_("As it was recorded"), {"classes": ["collapse"], "fields": ("then", "since")}),
    )
    readonly_fields = (
        "shown_at",
        "subject",
        "shown_changes",
        "shown_space",
        "shown_account",
        "shown_token",
        "then",
        "since",
    )

    @override
    def get_changelist(self, request: HttpRequest, **more: Any) -> type[SeenList]:
        """Give the list that knows names."""
        return EventList

    @override
    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Event], search_term: str
    ) -> tuple[QuerySet[Event], bool]:
        """Find by who did it or by what it was done to."""
        term = search_term.strip()
        if term.startswith("#") and is_id(term[1:]):
            return queryset.filter(entry_id=int(term[1:])), False
        return (queryset.filter(actor_name=term) if term else queryset), False

    @override
    def get_urls(self) -> list[URLPattern]:
        """Add the export."""
        export = require_safe(self.admin_site.admin_view(self.export))
        return [path("export/", export, name="files_event_export"), *super().get_urls()]

    def export(self, request: HttpRequest) -> HttpResponseBase:
        """Send what the list with these filters has, all pages of it, as CSV.

        Who may read the list may take it away: there is nothing in it that the list hides.
        """
        if not self.has_view_permission(request):
            raise PermissionDenied
        try:
            found = self.get_changelist_instance(request)
        except IncorrectLookupParameters:
            found = None
        if not isinstance(found, EventList) or found.has_fault:
            there = reverse("admin:files_event_changelist")
            return HttpResponseRedirect(f"{there}?{request.GET.urlencode()}")  # which says why
        name = f"events-{timezone.localdate()}.csv"
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        if request.method == "HEAD":
            return HttpResponse(content_type="text/csv; charset=utf-8", headers=headers)
        pieces = events_as_csv(found.queryset)
        return StreamingHttpResponse(pieces, "text/csv; charset=utf-8", headers=headers)

    @admin.display(description=_("when"))
    def shown_at(self, event: Event) -> str:
        """Show the time to the second, in the server's time zone."""
        return f"{timezone.localtime(event.at):%Y-%m-%d %H:%M:%S}"

    @admin.display(description=_("entry"))
    def subject(self, event: Event) -> str:
        """Name what it happened to as it was then, with links to it and to all its events."""
        if event.entry_id is None:
            return str(event.space)
        name = str((event.after or event.before or {}).get("name") or "")
        shown = entry_shown(event.entry_id, _names_of(event), name)
        url = list_url("event", {"entry_id": event.entry_id})
        label = _now("Events of this entry")
        return format_html(
            '<span class="subject">{} <a class="aside" href="{}" title="{}" aria-label="{}">{}</a>'
            '</span><small class="below"><bdi>{}</bdi></small>',
            *(shown, url, label, label, icon("info"), event.space),
        )

    @admin.display(description=_("what changed"))
    def shown_changes(self, event: Event) -> str:
        """Say what was changed, in words."""
        return changed(event, _names_of(event))

    @admin.display(description=_("space"))
    def shown_space(self, event: Event) -> str:
        """Link to the space; that of the system has no page."""
        if event.space.root_id is None:
            return str(event.space)
        return page_link(viewer_of(event), "space", event.space_id, str(event.space))

    @admin.display(description=_("who"))
    def shown_actor(self, event: Event) -> str:
        """Name who did it, also after the account is gone, with a link to all they did."""
        who: StrOrPromise = _("the system")
        if event.actor_name:
            who = list_link(viewer_of(event), "event", event.actor_name, who=event.actor_name)
        return format_html('{}<small class="below">{}</small>', who, _way(event))

    @admin.display(description=_("who"))
    def shown_account(self, event: Event) -> str:
        """Name who did it, with a link to the account if there is one still."""
        if event.actor_id is None:
            return event.actor_name or str(_("the system"))
        return page_link(viewer_of(event), "user", event.actor_id, event.actor_name)

    @admin.display(description=_("token"))
    def shown_token(self, event: Event) -> str:
        """Name the token by which it was done, with a link to it while it is kept."""
        if event.token_id is None:
            return "-"
        if not Token.objects.filter(pk=event.token_id).exists():
            return format_html("<bdi>{}</bdi>", event.token_name)
        return page_link(viewer_of(event), "token", event.token_id, event.token_name)

    @admin.display(description=_("before"))
    def then(self, event: Event) -> str:
        """Show how things stood before."""
        return _as_json(event.before)

    @admin.display(description=_("after"))
    def since(self, event: Event) -> str:
        """Show how things stood after."""
        return _as_json(event.after)


def _way(event: Event) -> StrOrPromise:
    """Say how somebody came: through which door, and by which token if by one."""
    door = event.get_door_display()
    if event.token_id is None:
        return door
    return format_html("{}, <bdi>{}</bdi>", door, _now("token “%s”") % event.token_name)


def _as_json(value: object) -> str:
    """Show what an event keeps."""
    text = "-" if value is None else json.dumps(value, ensure_ascii=False, indent=2)
    return format_html('<pre class="kept">{}</pre>', text)
