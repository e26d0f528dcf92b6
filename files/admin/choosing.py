"""Where to upload: staff look a folder up, and are led to its upload form."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from django.contrib.admin import ModelAdmin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from files.errors import MethodNotAllowedError
from files.ids import is_id
from files.models import Entry, Space
from files.names import name_fold

SHOWN: Final = 20  # folders, and spaces; who does not find theirs types more of its name


@dataclass(frozen=True)
class Place:
    """A folder that files can be put into: its id, its space, and the names on the way to it."""

    folder_id: int
    space: Space
    steps: list[str]


def choose(model_admin: ModelAdmin[Entry], request: HttpRequest) -> HttpResponse:
    """Show spaces and folders whose names contain ?q=, in the space ?space= or in all.

    Who may add files may find where to: names of folders are shown, and of no file.
    """
    if not model_admin.has_add_permission(request):
        raise PermissionDenied
    if request.method not in {"GET", "HEAD"}:
        raise MethodNotAllowedError(allow=["GET", "HEAD"])
    text, space = request.GET.get("q", "").strip(), request.GET.get("space", "")
    spaces = Space.objects.exclude(kind=Space.Kind.SYSTEM)
    if is_id(space):
        spaces = spaces.filter(pk=int(space))
    found = _folders(text, spaces.first() if is_id(space) else None) if text else []
    named = spaces.filter(name__icontains=text) if text and not is_id(space) else spaces
    context = {
        **model_admin.admin_site.each_context(request),
        "opts": Entry._meta,
        "title": _("Upload files"),
        "query": text,
        "chosen": spaces.first() if is_id(space) else None,
        "spaces": named.order_by("-kind", "name", "pk")[:SHOWN],
        "places": found[:SHOWN],
        "is_cut": len(found) > SHOWN,
    }
    return render(request, "admin/files/entry/choose.html", context)


def _folders(text: str, space: Space | None) -> list[Place]:
    """Find folders by a part of their name, the newest first, and leave out what is trashed."""
    folders = Entry.objects.live().filter(kind=Entry.Kind.FOLDER, parent__isnull=False)
    folders = folders.filter(name_fold__contains=name_fold(text)).select_related("space")
    if space is not None:
        folders = folders.filter(space=space)
    some = list(folders.order_by("-pk")[: SHOWN + 1])
    above = _ancestors(some)
    places = []
    for folder in some:
        steps: list[str] | None = [folder.name]
        key = folder.parent_id
        while steps is not None and key is not None:
            name, parent, is_hidden = above[key]
            steps = None if is_hidden else [name, *steps]
            key = parent
        if steps is not None and steps[0] == "":  # the root has no name; what is detached has one
            places.append(Place(folder.pk, folder.space, steps[1:]))
    return places


def _ancestors(entries: Iterable[Entry]) -> dict[int, tuple[str, int | None, bool]]:
    """Give name, parent and whether it is trashed, of all folders above; a query a level."""
    known: dict[int, tuple[str, int | None, bool]] = {}
    wanted = {entry.parent_id for entry in entries if entry.parent_id is not None}
    while wanted:
        rows = Entry.objects.filter(pk__in=wanted)
        for key, name, parent, trashed in rows.values_list("pk", "name", "parent", "trashed_at"):
            known[key] = (name, parent, trashed is not None)
        wanted = {parent for _name, parent, _t in known.values() if parent} - known.keys()
    return known
