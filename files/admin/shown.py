"""How values are shown in lists and on pages of the admin."""

from collections.abc import Mapping
from urllib.parse import urlencode

from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django_stubs_ext import StrOrPromise

from files.models import Entry, Space
from files.templatetags.files import entry_icon

LOW, HIGH = 0.75, 0.9  # parts of a quota from which its bar changes colour


def list_link(model: str, text: StrOrPromise, **filters: object) -> SafeString:
    """Link to a list of ours, filtered."""
    return format_html('<a href="{}">{}</a>', list_url(model, filters), text)


def list_url(model: str, filters: Mapping[str, object]) -> str:
    """Give the address of a list of ours, filtered."""
    return f"{reverse(f'admin:files_{model}_changelist')}?{urlencode(filters)}"


def page_link(model: str, key: object, text: str) -> SafeString:
    """Link to the page of one row; the text may be in any script, so it is kept apart."""
    url = reverse(f"admin:files_{model}_change", args=[key])
    return format_html('<a href="{}"><bdi>{}</bdi></a>', url, text)


def entry_name(entry: Entry) -> SafeString:
    """Show the icon and the name of an entry."""
    return format_html('<span class="entry-name">{}<bdi>{}</bdi></span>', entry_icon(entry), entry)


def usage(space: Space) -> str:
    """Show how much of its quota a space uses, as a bar and in figures."""
    context = {
        "space": space,
        "low": int((space.quota_bytes or 0) * LOW),
        "high": int((space.quota_bytes or 0) * HIGH),
    }
    return render_to_string("admin/files/_usage.html", context)
