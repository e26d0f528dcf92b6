"""The latest events of an entry, on its own page: who changed it, and how."""

from typing import Final

from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext as _

from files.models import Entry, Event
from files.templatetags.files import moment

from .changes import changed, names_in
from .shown import list_link, page_link, viewer_of

SHOWN: Final = 5


def listed(entry: Entry) -> str:
    """List the latest events of an entry, for who may see events."""
    viewer = viewer_of(entry)
    events = list(Event.objects.filter(entry_id=entry.pk).order_by("-pk")[:SHOWN])
    names = names_in(events, viewer)
    lines = (
        (
            page_link(viewer, "event", event.pk, event.get_kind_display()),
            event.actor_name or _("the system"),
            moment(event.at),
            changed(event, names),
        )
        for event in events
    )
    items = format_html_join("", "<li>{} · <bdi>{}</bdi> · <small>{}</small>{}</li>", lines)
    more = list_link(viewer, "event", _("All events of this entry"), entry_id=entry.pk)
    return format_html('<ul class="plain events">{}<li>{}</li></ul>', items, more)
