"""Browse: the spaces one has, and the members of a folder."""

import re
from dataclasses import dataclass
from urllib.parse import urlencode

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from files.access import Located, locate, visible_spaces
from files.http.requests import FilesRequest
from files.models import Right, Space
from files.models.listing import Cursor, Order, Page, list_folder
from files.operations.spaces import ensure_personal_space
from files.web.locking import shown_locks
from files.web.pages import page
from files.web.trail import title_of, trail_to
from files.web.upload_pages import upload_context, upload_data

_COLUMNS: dict[str, Promise] = {
    "name": _("Name"),
    "size": _("Size"),
    "date": _("Modified"),
    "type": _("Type"),
}
# What one looks for first when sorting by it: the largest, the newest.
_FALLING_FIRST = {"size", "date"}


@dataclass(frozen=True, slots=True)
class Column:
    """A heading of the table, and the address that sorts by it."""

    key: str
    label: Promise
    query: str
    aria_sort: str  # ascending, descending, or empty where the table is sorted by another


def columns_for(order: Order) -> list[Column]:
    """Give the headings of the table; that of the current order turns it around."""
    columns = []
    for key, label in _COLUMNS.items():
        is_current = key == order.key
        falls = not order.is_descending if is_current else key in _FALLING_FIRST
        current = ("descending" if order.is_descending else "ascending") if is_current else ""
        columns.append(Column(key, label, urlencode({"sort": Order(key, falls)}), current))
    return columns


@page("GET")
def spaces(request: FilesRequest) -> HttpResponse:
    """List the spaces of a user, with the personal one made if signing in has not."""
    user = request.actor.user
    found = visible_spaces(request.actor)
    if user is not None and not any(space.owner_id == user.pk for space, _rights in found):
        ensure_personal_space(user, actor=request.actor)
        found = visible_spaces(request.actor)
    rows = [
        {
            "space": space,
            "is_own": user is not None and space.owner_id == user.pk,
            "is_personal": space.kind == Space.Kind.PERSONAL,
            "can_read": Right.READ in rights,
            "can_add": Right.ADD in rights,
            # Where the meter turns to warn, and to alarm.
            "low": (space.quota_bytes or 0) * 3 // 4,
            "high": (space.quota_bytes or 0) * 9 // 10,
        }
        for space, rights in found
    ]
    return render(request, "files/spaces.html", {"rows": rows})


@page("GET")
def folder(request: FilesRequest, entry_id: int) -> HttpResponse:
    """List a folder; who may only add to it gets the form for that."""
    located = locate(request.actor, entry_id, Right.NONE)
    if not located.entry.is_folder:
        return redirect("web:entry", entry_id)
    notice = _uploaded(request)
    if Right.READ not in located.rights:
        context = {**upload_context(located), "uploaded": notice}
        return render(request, "files/upload.html", context)
    order = Order.parse(request.GET.get("sort", ""))
    cursor = Cursor.parse(request.GET.get("cursor", ""))
    listed = list_folder(located.entry, order, cursor)
    context = _folder_context(located, order, listed)
    context["locks"] = shown_locks(located, request.actor, listed.entries)
    return render(request, "files/folder.html", {**context, "uploaded": notice})


def _folder_context(located: Located, order: Order, listed: Page) -> dict[str, object]:
    """Gather what the folder page shows."""
    return {
        "folder": located.entry,
        "title": title_of(located),
        "crumbs": trail_to(located),
        "is_root": not located.ancestors,
        "can_add": Right.ADD in located.rights,
        "upload_data": upload_data(),
        "can_edit": Right.EDIT in located.rights,
        "columns": columns_for(order),
        "order": order,
        "page": listed,
    }


def _uploaded(request: FilesRequest) -> str:
    """Say how many files the door says it has just taken in; the count is only ever shown."""
    text = request.GET.get("uploaded", "")
    if not re.fullmatch(r"[0-9]{1,6}", text, re.ASCII):
        return ""
    count = int(text)
    return ngettext("%(count)d file was uploaded.", "%(count)d files were uploaded.", count) % {
        "count": count
    }
