"""Content: the bytes of files, and the versions that they have had.

The doors in front of Django (files/http/) take and send the bytes; what stands here for them says
in the schema what they do, and refuses what comes past them.
"""

from typing import Any, Final, NoReturn

from django.http import HttpResponse
from django.urls import reverse
from ninja import Router

from files.access import locate
from files.api.conditions import check_of
from files.api.cursors import cursor_of, number_of
from files.api.documents import EntryTold, Page, VersionTold
from files.api.outcomes import told
from files.api.replies import reply, split_page
from files.api.requests import ApiRequest
from files.api.values import After, Id, IfMatch, Limit, Name
from files.errors import MethodNotAllowedError, NotAFileError
from files.models import Right, Version
from files.operations.known import restore_version
from files.operations.unchanged import if_unchanged

router = Router(tags=["content"])

_BYTES: Final[dict[str, Any]] = {
    "application/octet-stream": {"schema": {"type": "string", "format": "binary"}}
}
_SENT: Final[dict[str, Any]] = {"requestBody": {"required": True, "content": _BYTES}}
_GIVEN: Final[dict[str, Any]] = {
    "responses": {
        200: {"description": "The whole file.", "content": _BYTES},
        206: {"description": "The part that `Range` asks for.", "content": _BYTES},
        304: {"description": "It is what `If-None-Match` names."},
    }
}


@router.get("/entries/{int:entry_id}/content", summary="Read a file", openapi_extra=_GIVEN)
def get_content(request: ApiRequest, entry_id: Id, version: Id | None = None) -> NoReturn:
    """Send the bytes of a file, or of one of its versions: whole or a range, with an `ETag`."""
    raise MethodNotAllowedError(allow=["GET", "HEAD", "PUT"])


@router.put(
    "/entries/{int:entry_id}/content",
    response={204: None},
    summary="Replace the content of a file",
    openapi_extra=_SENT,
)
def put_content(request: ApiRequest, entry_id: Id) -> NoReturn:
    """Make the body the newest version of a file: `If-Match` with the `ETag` of the content."""
    raise MethodNotAllowedError(allow=["GET", "HEAD", "PUT"])


@router.put(
    "/folders/{int:folder_id}/content/{name}",
    response={201: None, 204: None},
    summary="Put a file into a folder",
    openapi_extra=_SENT,
)
def put_file(request: ApiRequest, folder_id: Id, name: Name) -> NoReturn:
    """Make the body a file of a folder (201), or the newest version of the one there (204)."""
    raise MethodNotAllowedError(allow=["PUT"])


@router.get("/entries/{int:entry_id}/versions", response=Page[VersionTold], summary="List versions")
def list_versions(
    request: ApiRequest, entry_id: Id, limit: Limit = 100, cursor: After = ""
) -> HttpResponse:
    """List the contents that a file has had, newest first."""
    entry = locate(request.auth, entry_id).entry
    if entry.is_folder:
        raise NotAFileError(entry_id=entry_id)
    versions = Version.objects.filter(entry=entry).select_related("created_by")
    if (after := number_of(cursor)) is not None:
        versions = versions.filter(pk__lt=after)
    shown, last = split_page(list(versions.order_by("-pk")[: limit + 1]), limit)
    address = reverse("api:get_content", args=[entry_id])
    items = [VersionTold.of(version, address) for version in shown]
    return reply(Page[VersionTold](items=items, next=cursor_of(last.pk) if last else None))


@router.post(
    "/entries/{int:entry_id}/versions/{int:version_id}/restore",
    response=EntryTold,
    summary="Restore a version",
)
def restore(
    request: ApiRequest, entry_id: Id, version_id: Id, if_match: IfMatch = None
) -> HttpResponse:
    """Make an older content of a file its newest version again; those in between stay."""
    entry = locate(request.auth, entry_id, Right.READ | Right.EDIT).entry
    with if_unchanged(entry, check_of(if_match)):
        restore_version(entry, version_id, actor=request.auth)
    return told(locate(request.auth, entry_id).entry)
