"""Events, for staff to look at: the record of who did what."""

import json
from typing import override

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from files.models import Event

from .base import ReadOnlyAdmin
from .filters import SpaceFilter, is_id
from .shown import list_link


@admin.register(Event)
class EventAdmin(ReadOnlyAdmin[Event]):
    """Read events, of one entry with ?entry_id=, of one account with ?actor=."""

    list_display = ("at", "kind", "subject", "space", "shown_actor", "door")
    list_display_links = ("at",)
    list_select_related = ("space",)
    list_filter = ("at", "door", "kind", SpaceFilter)
    ordering = ("-id",)
    sortable_by = ()
    search_fields = ("actor_name",)
    search_help_text = _("The whole name of an account, or # and the number of an entry.")
    fields = ("at", "kind", "subject", "space", "seq", "shown_actor", "door", "then", "since")
    readonly_fields = ("subject", "shown_actor", "then", "since")

    @override
    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Event], search_term: str
    ) -> tuple[QuerySet[Event], bool]:
        """Find by who did it or by what it was done to."""
        term = search_term.strip()
        if term.startswith("#") and is_id(term[1:]):
            return queryset.filter(entry_id=int(term[1:])), False
        return (queryset.filter(actor_name=term) if term else queryset), False

    @admin.display(description=_("entry"))
    def subject(self, event: Event) -> str:
        """Name what it happened to, as it was then, with a link to all that happened to it."""
        if event.entry_id is None:
            return "-"
        kept = event.after or event.before or {}
        text = kept.get("name") or f"#{event.entry_id}"
        return format_html("<bdi>{}</bdi>", list_link("event", str(text), entry_id=event.entry_id))

    @admin.display(description=_("who"))
    def shown_actor(self, event: Event) -> str:
        """Name who did it, also after the account is gone."""
        return event.actor_name or str(_("the system"))

    @admin.display(description=_("before"))
    def then(self, event: Event) -> str:
        """Show how things stood before."""
        return _as_json(event.before)

    @admin.display(description=_("after"))
    def since(self, event: Event) -> str:
        """Show how things stood after."""
        return _as_json(event.after)


def _as_json(value: object) -> str:
    """Show what an event keeps."""
    text = "-" if value is None else json.dumps(value, ensure_ascii=False, indent=2)
    return format_html('<pre class="kept">{}</pre>', text)
