"""One entry: the file page, renaming, and making a folder."""

from http import HTTPStatus

from django.contrib import messages
from django.http import HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _

from files.access import Located, locate
from files.errors import (
    CaseTwinError,
    EntryExistsError,
    FilesError,
    InvalidNameError,
    NotAFolderError,
    RootFolderError,
)
from files.http.requests import FilesRequest
from files.media_types import inline_type, kind_of
from files.models import Entry, Right, Version
from files.names import name_key, visible_name
from files.operations.entries import create_folder, rename_entry
from files.web.errors import sentence, wants_json
from files.web.forms import NameForm
from files.web.locking import shown_locks
from files.web.pages import page, see_other
from files.web.trail import title_of, trail_to

VERSIONS_SHOWN = 50
# What a person can put right by typing another name.
_NAME_ERRORS = (CaseTwinError, EntryExistsError, InvalidNameError)


@page("GET")
def show(request: FilesRequest, entry_id: int) -> HttpResponse:
    """Show a file: its preview where that is safe, its details, its versions."""
    located = locate(request.actor, entry_id)
    entry = located.entry
    if entry.is_folder:
        return redirect("web:folder", entry_id)
    versions = Version.objects.filter(entry=entry).select_related("created_by").order_by("-pk")
    shown = list(versions[: VERSIONS_SHOWN + 1])
    context = {
        "entry": entry,
        "title": title_of(located),
        "crumbs": trail_to(located),
        "path": "/".join([node.name for node in located.ancestors[1:]] + [entry.name]),
        "preview": kind_of(entry.media_type) if inline_type(entry.media_type) else "",
        "versions": shown[:VERSIONS_SHOWN],
        "has_older_versions": len(shown) > VERSIONS_SHOWN,
        "can_edit": Right.EDIT in located.rights,
        "locks": shown_locks(located, request.actor),
    }
    return render(request, "files/entry.html", context)


def _refused(form: NameForm, error: FilesError) -> HTTPStatus:
    """Put an error on the field that can mend it, and give the status of the page."""
    form.add_error("name", sentence(error))
    return error.status


@page("GET", "POST")
def create(request: FilesRequest, entry_id: int) -> HttpResponse:
    """Make a folder in a folder, then show the new one, or the old one to who may not read."""
    located = locate(request.actor, entry_id, Right.ADD)
    if not located.entry.is_folder:
        raise NotAFolderError(entry_id=entry_id)
    if request.method == "POST" and wants_json(request):
        return _create_for_script(request, located)
    form, status = NameForm(request.POST or None), HTTPStatus.OK
    if request.method == "POST":
        status = HTTPStatus.UNPROCESSABLE_ENTITY
        if form.is_valid():
            try:
                made = create_folder(
                    located.entry, name=form.cleaned_data["name"], actor=request.actor
                )
            except _NAME_ERRORS as error:
                status = _refused(form, error)
            else:
                messages.success(
                    request,
                    _("The folder “%(name)s” was made.") % {"name": visible_name(made.name)},
                )
                can_read = Right.READ in located.rights
                return see_other(reverse("web:folder", args=[made.pk if can_read else entry_id]))
    context = {
        "form": form,
        "folder": located.entry,
        "crumbs": trail_to(located, last=_("New folder")),
        "back": reverse("web:folder", args=[entry_id]),
    }
    return render(request, "files/create_folder.html", context, status=status)


def _create_for_script(request: FilesRequest, located: Located) -> HttpResponse:
    """Make a folder for a script that uploads a tree; one that is there already is as good."""
    name = request.POST.get("name", "")
    try:
        made, status = (
            create_folder(located.entry, name=name, actor=request.actor),
            HTTPStatus.CREATED,
        )
    except EntryExistsError:
        there = Entry.objects.children_of(located.entry).filter(name_key=name_key(name)).first()
        if there is None or not there.is_folder:
            raise
        made, status = there, HTTPStatus.OK
    return JsonResponse({"id": made.pk, "name": made.name}, status=status)


@page("GET", "POST")
def rename(request: FilesRequest, entry_id: int) -> HttpResponse:
    """Give an entry another name, then show the folder it is in."""
    located = locate(request.actor, entry_id, Right.EDIT)
    if located.entry.parent_id is None:
        raise RootFolderError(entry_id=entry_id)
    form, status = NameForm(request.POST or {"name": located.entry.name}), HTTPStatus.OK
    if request.method == "POST":
        status = HTTPStatus.UNPROCESSABLE_ENTITY
        if form.is_valid():
            try:
                renamed = rename_entry(
                    located.entry, name=form.cleaned_data["name"], actor=request.actor
                )
            except _NAME_ERRORS as error:
                status = _refused(form, error)
            else:
                messages.success(
                    request, _("Now named “%(name)s”.") % {"name": visible_name(renamed.name)}
                )
                return see_other(_page_of(renamed))
    context = {
        "form": form,
        "entry": located.entry,
        "title": title_of(located),
        "crumbs": trail_to(located, last=_("Rename")),
        "back": _page_of(located.entry),
    }
    return render(request, "files/rename.html", context, status=status)


def _page_of(entry: Entry) -> str:
    """Give the address of the page of a file or folder."""
    return reverse("web:folder" if entry.is_folder else "web:entry", args=[entry.pk])
