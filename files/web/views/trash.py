"""The trash of a space: look, restore, delete for good."""

import re
from collections.abc import Sequence

from django.contrib import messages
from django.db.models import Q
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from files.access import get_space, locate_each_trashed, trashed_in
from files.errors import EntryNotFoundError, MalformedRequestError
from files.http.requests import FilesRequest
from files.models import Entry, Right, Space
from files.models.listing import PAGE_SIZE
from files.names import visible_name
from files.operations.trash import delete_entries, empty_trash, restore_entries
from files.web.pages import page, see_other
from files.web.selection import selected_ids
from files.web.trail import Crumb

from .actions import entry_query

NAMED = 5  # restored entries that are told one by one


def _page_after(space: Space, after: str) -> tuple[list[Entry], str]:
    """Read a page of the trash, newest first, and the id behind which the next one starts.

    Anything but an id that lies in this trash gives the first page.
    """
    rows = trashed_in(space).select_related("parent", "trashed_by")
    if re.fullmatch(r"[0-9]{1,18}", after, re.ASCII):
        start = trashed_in(space).filter(pk=after).values("trashed_at")
        if start.exists():
            rows = rows.filter(trashed_at__lte=start).filter(
                Q(trashed_at__lt=start) | Q(pk__lt=int(after))
            )
    found = list(rows.order_by("-trashed_at", "-pk")[: PAGE_SIZE + 1])
    following = str(found[PAGE_SIZE - 1].pk) if len(found) > PAGE_SIZE else ""
    return found[:PAGE_SIZE], following


def _crumbs(space: Space, last: str = "") -> list[Crumb]:
    """Give the way to the trash, and to a page about it if last names one."""
    root = Crumb(space.name, reverse("web:folder", args=[space.root_id]))
    if not last:
        return [root, Crumb(_("Trash"))]
    return [root, Crumb(_("Trash"), reverse("web:trash", args=[space.pk])), Crumb(last)]


@page("GET")
def trash(request: FilesRequest, space_id: int) -> HttpResponse:
    """List what lies in the trash of a space: where it was, when it was trashed, by whom."""
    space, rights = get_space(request.actor, space_id)
    entries, following = _page_after(space, request.GET.get("after", ""))
    context = {
        "space": space,
        "crumbs": _crumbs(space),
        "entries": entries,
        "after": following,
        "is_first_page": "after" not in request.GET,
        "can_restore": Right.EDIT in rights,
        "can_delete": Right.MANAGE in rights,
    }
    return render(request, "files/trash.html", context)


def _selected(request: FilesRequest, space: Space, ids: Sequence[int]) -> list[Entry]:
    """Find trashed entries of a space that a form names; those gone meanwhile are left out."""
    found = trashed_in(space).filter(pk__in=ids).order_by("-trashed_at", "-pk")
    keys = list(found.values_list("pk", flat=True))
    return [located.entry for located in locate_each_trashed(request.actor, keys)]


@page("GET", "POST")
def actions(request: FilesRequest, space_id: int) -> HttpResponse:
    """Restore what is ticked, or ask whether it should really be deleted for good."""
    space, _rights = get_space(request.actor, space_id)
    if request.method != "POST":
        return redirect("web:trash", space_id)
    entries = _selected(request, space, selected_ids(request.POST))
    if not entries:
        messages.warning(request, _("Nothing was selected. Tick what you want to work with first."))
        return see_other(reverse("web:trash", args=[space_id]))
    match request.POST.get("action"):
        case "restore":
            _tell_restored(request, restore_entries(entries, actor=request.actor))
            return see_other(reverse("web:trash", args=[space_id]))
        case "delete":
            url = reverse("web:delete", args=[space_id])
            return see_other(f"{url}?{entry_query(entries)}")
    raise MalformedRequestError(reason="action")


def _tell_restored(request: FilesRequest, restored: Sequence[Entry]) -> None:
    """Say what came back, with a link to where it is."""
    for entry in restored[:NAMED]:
        url = reverse("web:folder", args=[entry.parent_id])
        said = _("“%(name)s” was restored.") % {"name": visible_name(entry.name)}
        link = format_html('{} <a href="{}">{}</a>', said, url, _("Show its folder"))
        messages.success(request, link)
    more = len(restored) - NAMED
    if more > 0:
        text = ngettext("%(count)d more was restored.", "%(count)d more were restored.", more)
        messages.success(request, text % {"count": more})


@page("GET", "POST")
def delete(request: FilesRequest, space_id: int) -> HttpResponse:
    """Ask whether trashed entries should be deleted for good, and do so on POST."""
    space, _rights = get_space(request.actor, space_id, Right.READ | Right.MANAGE)
    data = request.POST if request.method == "POST" else request.GET
    entries = _selected(request, space, selected_ids(data))
    if not entries:
        raise EntryNotFoundError
    if request.method == "POST":
        delete_entries(entries, actor=request.actor)
        count = len(entries)
        text = ngettext(
            "%(count)d item was deleted for good.", "%(count)d items were deleted for good.", count
        )
        messages.success(request, text % {"count": count})
        return see_other(reverse("web:trash", args=[space_id]))
    context = {
        "space": space,
        "entries": entries,
        "crumbs": _crumbs(space, _("Delete for good")),
        "back": reverse("web:trash", args=[space_id]),
    }
    return render(request, "files/delete.html", context)


@page("GET", "POST")
def empty(request: FilesRequest, space_id: int) -> HttpResponse:
    """Ask whether the whole trash should be deleted for good, and do so on POST."""
    space, _rights = get_space(request.actor, space_id, Right.READ | Right.MANAGE)
    if request.method == "POST":
        empty_trash(space, actor=request.actor)
        messages.success(request, _("The trash is empty."))
        return see_other(reverse("web:trash", args=[space_id]))
    context = {
        "space": space,
        "crumbs": _crumbs(space, _("Empty the trash")),
        "back": reverse("web:trash", args=[space_id]),
    }
    return render(request, "files/empty_trash.html", context)
