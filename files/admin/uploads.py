"""The admin's own upload form: the byte door takes what is posted, this page shows what came."""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from files.access import locate
from files.errors import EntryNotFoundError, FilesError, MethodNotAllowedError, NotAFolderError
from files.http.uploads import UploadOutcome
from files.models import Entry, Right

from .actors import staff_actor, user_of
from .shown import list_url, may_see


def view(site: AdminSite) -> Callable[..., HttpResponse]:
    """Make the view of the upload page of an admin site."""

    def page(request: HttpRequest, folder_id: int) -> HttpResponse:
        return _page(site, request, folder_id)

    guarded = site.admin_view(page)

    def upload(request: HttpRequest, folder_id: int) -> HttpResponse:
        """Answer what the door refused before it looked at a folder, then the page itself."""
        outcome = _outcome(request)
        if outcome and outcome.error and outcome.folder is None:
            raise outcome.error
        return guarded(request, folder_id)

    return upload


def _outcome(request: HttpRequest) -> UploadOutcome | None:
    """Give what the door made of a POST; None for other requests."""
    scope: dict[str, Any] = getattr(request, "scope", {})
    outcome = scope.get("files.outcome")
    return outcome if isinstance(outcome, UploadOutcome) else None


def _page(site: AdminSite, request: HttpRequest, folder_id: int) -> HttpResponse:
    """Show the form; after a POST the new entries, or the form again with what stood in the way.

    Raises MethodNotAllowedError for a POST that came past the door.
    """
    if not request.user.has_perm("files.add_entry"):
        raise PermissionDenied
    outcome = _outcome(request)
    if outcome is None and request.method not in {"GET", "HEAD"}:
        raise MethodNotAllowedError(allow=["GET", "HEAD"])
    folder = locate(staff_actor(user_of(request)), folder_id, Right.ADD).entry
    if not folder.is_folder:
        raise NotAFolderError(entry_id=folder_id)
    if outcome and outcome.error is None:
        return _uploaded(request, folder, len(outcome.entries))
    return _form(site, request, folder, outcome.error if outcome else None)


def _uploaded(request: HttpRequest, folder: Entry, count: int) -> HttpResponse:
    """Go on, with a message: to the list of the space, the newest entries first.

    Who may not see that is shown the form again.
    """
    text = ngettext("%(count)d file was uploaded.", "%(count)d files were uploaded.", count)
    messages.success(request, text % {"count": count})
    there = request.path
    if may_see(user_of(request), "entry"):
        there = list_url("entry", {"space": folder.space_id})
    return HttpResponseRedirect(there, status=303)


def _form(
    site: AdminSite, request: HttpRequest, folder: Entry, error: FilesError | None
) -> HttpResponse:
    """Show the form, with the status of the error if there is one."""
    refused = getattr(error, "refused", {})
    context = {
        **site.each_context(request),
        "opts": Entry._meta,
        "title": _("Upload"),
        "folder": folder,
        "error": error,
        "refused": [(path, fault.message) for path, fault in refused.items()],
        "max_size": settings.FILES_MAX_UPLOAD_SIZE,
        "max_files": settings.FILES_MAX_UPLOAD_FILES,
    }
    template = "admin/files/entry/upload_form.html"
    return render(request, template, context, status=error.status if error else 200)


def answered_by_door(request: HttpRequest, entry_id: int) -> HttpResponse:  # noqa: ARG001 - a stand-in
    """Stand for the address of a file's content, which the byte door answers."""
    raise EntryNotFoundError(entry_id=entry_id)
