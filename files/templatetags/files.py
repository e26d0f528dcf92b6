"""What the pages need to show entries to people: icons, sizes, kinds, moments."""

from collections.abc import Mapping
from datetime import datetime
from functools import cache

from django import template
from django.template.loader import get_template
from django.utils import timezone
from django.utils.formats import date_format, number_format
from django.utils.functional import Promise
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from files.media_types import kind_of
from files.models import Entry
from files.names import visible_name

register = template.Library()
register.filter("visible", visible_name)

_STEP = 1024  # from one unit to the next

KIND_ICONS = {
    "image": "image",
    "text": "file-text",
    "pdf": "file-type",
    "audio": "music",
    "video": "film",
    "archive": "file-archive",
    "document": "file-text",
    "other": "file",
}
_KINDS: dict[str, Promise] = {
    "image": gettext_lazy("Image"),
    "text": gettext_lazy("Text"),
    "pdf": gettext_lazy("PDF"),
    "audio": gettext_lazy("Audio"),
    "video": gettext_lazy("Video"),
    "archive": gettext_lazy("Archive"),
    "document": gettext_lazy("Document"),
    "other": gettext_lazy("Other"),
}


@cache
def _icon(name: str) -> SafeString:
    """Render an icon once for the life of the process: a folder page shows hundreds."""
    svg = get_template(f"files/icons/{name}.html").render()
    return mark_safe(svg.strip())  # noqa: S308  # our own template, without variables


@register.simple_tag
def icon(name: str) -> SafeString:
    """Show the icon templates/files/icons/<name>.html; decoration, so hidden from readers."""
    return _icon(name)


@register.simple_tag
def entry_icon(entry: Entry) -> SafeString:
    """Show the icon of a folder, or of the kind of file."""
    return _icon("folder" if entry.is_folder else KIND_ICONS[kind_of(entry.media_type)])


@register.filter
def kind_label(entry: Entry) -> str:
    """Name what an entry is, in one word."""
    return _("Folder") if entry.is_folder else str(_KINDS[kind_of(entry.media_type)])


@register.filter
def at(values: Mapping[int, object], key: int) -> object:
    """Give the value of a key, or None."""
    return values.get(key)


@register.filter
def size(count: int | None) -> str:
    """Write a number of bytes for people, in IEC units and the reader's decimals: 1.5 MiB."""
    if count is None:
        return ""
    if count < _STEP:
        return ngettext("%(count)d byte", "%(count)d bytes", count) % {"count": count}
    units = (_("KiB"), _("MiB"), _("GiB"), _("TiB"), _("PiB"))
    value, step = count / _STEP, 0
    # What rounds to a whole step is written in the next unit: not 1,024 KiB but 1.0 MiB.
    while round(value, 1) >= _STEP and step < len(units) - 1:
        value, step = value / _STEP, step + 1
    short = f"{value:.1f}"
    is_whole = short.endswith(".0") or len(short) > len("99.9")
    digits = 0 if is_whole else 1
    text = number_format(round(value, digits), decimal_pos=digits)  # it cuts off by itself
    return f"{text}\N{NO-BREAK SPACE}{units[step]}"


@register.filter
def moment(at: datetime) -> str:
    """Write a date and time of day, short, in the reader's order and the server's time zone."""
    return date_format(timezone.localtime(at), "DATETIME_FORMAT")
