"""What the buttons over a folder's table do with the entries that are ticked."""

from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from files.access import locate
from files.errors import MalformedRequestError
from files.http.requests import FilesRequest
from files.models import Entry
from files.models.listing import Cursor, Order
from files.operations.entries import trash_entries
from files.web.pages import page, see_other
from files.web.selection import children_in, selected_ids


@page("GET", "POST")
def actions(request: FilesRequest, entry_id: int) -> HttpResponse:
    """Send to the download, the picker or the trash what is ticked in a folder.

    Raises MalformedRequestError for an action that no button of ours asks for.
    """
    folder = locate(request.actor, entry_id).entry
    if request.method != "POST":
        # Where a browser goes that was sent to sign in halfway.
        return redirect("web:folder", entry_id)
    entries = children_in(folder, selected_ids(request.POST))
    if not entries:
        messages.warning(request, _("Nothing was selected. Tick what you want to work with first."))
        return back_to(request, folder)
    match request.POST.get("action"):
        case "download":
            return see_other(download_url(folder, entries))
        case "move":
            return see_other(f"{reverse('web:move')}?{entry_query(entries)}")
        case "copy":
            return see_other(f"{reverse('web:copy')}?{entry_query(entries)}")
        case "trash":
            trash_entries(entries, actor=request.actor)
            _tell_trashed(request, folder, len(entries))
            return back_to(request, folder)
    raise MalformedRequestError(reason="action")


def entry_query(entries: list[Entry]) -> str:
    """Name entries in the query of an address."""
    return urlencode([("entry", entry.pk) for entry in entries])


def download_url(folder: Entry, entries: list[Entry]) -> str:
    """Give the address of one file's bytes, or of a ZIP of all that is selected."""
    if len(entries) == 1 and not entries[0].is_folder:
        return f"{reverse('web:content', args=[entries[0].pk])}?download"
    return f"{reverse('web:archive', args=[folder.pk])}?{entry_query(entries)}"


def back_to(request: HttpRequest, folder: Entry) -> HttpResponse:
    """Show the page of the folder that the form was on."""
    order = Order.parse(request.POST.get("sort", ""))
    cursor = Cursor.parse(request.POST.get("cursor", ""))
    query: dict[str, object] = {}
    if order != Order():
        query["sort"] = order
    if cursor is not None:
        query["cursor"] = cursor
    url = reverse("web:folder", args=[folder.pk])
    return see_other(f"{url}?{urlencode(query)}" if query else url)


def _tell_trashed(request: HttpRequest, folder: Entry, count: int) -> None:
    """Say what went to the trash, and where that is."""
    said = ngettext(
        "%(count)d item was moved to the trash.", "%(count)d items were moved to the trash.", count
    ) % {"count": count}
    url = reverse("web:trash", args=[folder.space_id])
    messages.success(request, format_html('{} <a href="{}">{}</a>', said, url, _("Open the trash")))
