"""The upload page, and the addresses whose bytes never come through Django."""

import re
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render, resolve_url
from django.urls import reverse
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt

from files.access import locate
from files.errors import MethodNotAllowedError, NotAFolderError, SignInRequiredError
from files.http.requests import FilesRequest
from files.http.uploads import UploadOutcome
from files.models import Right, Upload
from files.operations.uploads import pending_uploads
from files.web.errors import problem, wants_json
from files.web.pages import page, see_other
from files.web.upload_pages import upload_context, upload_refused


def upload(request: FilesRequest, folder_id: int) -> HttpResponse:
    """Show the upload form of a folder; after a POST, what became of what the door received.

    Raises MethodNotAllowedError for a POST that came past the door: there is nothing to take its
    files.
    """
    scope: dict[str, Any] = getattr(request, "scope", {})
    outcome = scope.get("files.outcome")
    if isinstance(outcome, UploadOutcome):
        return _answer(request, folder_id, outcome)
    return _form(request, folder_id)


@page("GET")
def _form(request: FilesRequest, folder_id: int) -> HttpResponse:
    """Show the upload form of a folder."""
    located = locate(request.actor, folder_id, Right.ADD)
    if not located.entry.is_folder:
        raise NotAFolderError(entry_id=folder_id)
    continued = _continued(request, folder_id)
    context = {**upload_context(located, last=_("Upload")), "continued": continued}
    return render(request, "files/upload.html", context)


def _continued(request: FilesRequest, folder_id: int) -> Upload | None:
    """Find the upload that somebody comes here from the page of unfinished ones to go on with."""
    text = request.GET.get("continue", "")
    if not re.fullmatch(r"[0-9a-f]{32}", text, re.ASCII):
        return None
    mine = pending_uploads(request.actor).filter(folder=folder_id, pk=text)
    return mine.only("path").first()


def _answer(request: FilesRequest, folder_id: int, outcome: UploadOutcome) -> HttpResponse:
    """Show the folder with what has come, or the form with what stood in the way."""
    if wants_json(request) or outcome.is_by_token:
        return _answer_script(outcome)
    if outcome.error is None:
        query = urlencode({"uploaded": len(outcome.entries)})
        return see_other(f"{reverse('web:folder', args=[folder_id])}?{query}")
    if isinstance(outcome.error, SignInRequiredError):
        # Signing in leads back to the form.
        query = urlencode({"next": request.path})
        return see_other(f"{resolve_url(settings.LOGIN_URL)}?{query}")
    if outcome.folder is None:
        raise outcome.error
    located = locate(request.actor, folder_id, Right.ADD)
    return upload_refused(request, located, outcome.error, outcome.refused)


def _answer_script(outcome: UploadOutcome) -> HttpResponse:
    """Say what the files have become, in the order of the form, or what stood in the way.

    What is promised of it is in docs/uploads-batch.md.
    """
    if outcome.error is not None:
        return problem(outcome.error)
    entries = [
        {
            "path": file.display_path,
            "id": entry.pk,
            "name": entry.name,
            "size": entry.size,
            "sha256": file.blob.sha256 or None,
            "version": entry.version_id,
            "url": reverse("web:entry", args=[entry.pk]),
        }
        for entry, file in zip(outcome.entries, outcome.files, strict=True)
    ]
    response = JsonResponse({"entries": entries}, status=HTTPStatus.CREATED)
    patch_vary_headers(response, ["Accept"])
    return response


@csrf_exempt
def put_by_door(request: HttpRequest, folder_id: int, name: str) -> HttpResponse:  # noqa: ARG001
    """Stand for an address that the door answers to PUT, and refuse other methods."""
    raise MethodNotAllowedError(allow=["PUT"])


@csrf_exempt
def answered_by_door(request: HttpRequest, entry_id: int) -> HttpResponse:  # noqa: ARG001
    """Stand for an address that the door answers to GET and HEAD, and refuse other methods."""
    raise MethodNotAllowedError(allow=["GET", "HEAD"])
