"""Whether the server has a file already, for scripts that would otherwise send it."""

import json
import re
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.http import HttpResponse, JsonResponse
from django.urls import reverse
from django.views.decorators.csrf import csrf_exempt

from files.access import locate
from files.errors import InvalidValueError, MalformedRequestError, UnsupportedTypeError
from files.http.requests import FilesRequest
from files.http.stated import require_time
from files.ids import LARGEST
from files.models import Entry, Right
from files.names import split_path
from files.operations.known import put_known
from files.operations.placing import Clash
from files.operations.wanted import Wanted
from files.web.pages import page

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


# JSON comes from our own pages only: others may not send this type, and the doors have looked at
# the origin (files/http/guard.py).
@csrf_exempt
@page("POST")
def known(request: FilesRequest) -> HttpResponse:
    """Make a file of content that one can read already; docs/uploads-known.md is the contract.

    Answers 201 with the file, or 200 without one: then the bytes are to be sent.
    """
    folder_id, wanted = _wanted(_asked(request))
    located = locate(request.actor, folder_id, Right.ADD)
    entry = put_known(located.entry, wanted, actor=request.actor)
    if entry is None:
        return JsonResponse({"known": False, "entry": None})
    # Who may not read is not told by the name what else there is.
    told = _told(entry, wanted) if Right.READ in located.rights else None
    return JsonResponse({"known": True, "entry": told}, status=HTTPStatus.CREATED)


def _told(entry: Entry, wanted: Wanted) -> dict[str, object]:
    """Say what the content has become."""
    return {
        "id": entry.pk,
        "name": entry.name,
        "path": "/".join((*wanted.path[:-1], entry.name)),
        "size": entry.size,
        "version": entry.version_id,
        "sha256": wanted.sha256,
        "url": reverse("web:entry", args=[entry.pk]),
    }


def _asked(request: FilesRequest) -> dict[str, Any]:
    """Read the document of a request. Raises UnsupportedTypeError and MalformedRequestError."""
    if request.content_type != "application/json":
        raise UnsupportedTypeError(expected="application/json")
    try:
        asked = json.loads(request.body)
    except (ValueError, RecursionError):
        raise MalformedRequestError(reason="json") from None
    if not isinstance(asked, dict):
        raise MalformedRequestError(reason="json")
    return asked


def _wanted(asked: dict[str, Any]) -> tuple[int, Wanted]:
    """Read what is asked for. Raises InvalidValueError, InvalidNameError and TooDeepError."""
    folder_id, size = _number(asked, "folder"), _number(asked, "size")
    if size > LARGEST:
        raise InvalidValueError(field="size")
    path, sha256 = asked.get("path"), asked.get("sha256")
    if not isinstance(path, str):
        raise InvalidValueError(field="path")
    if not isinstance(sha256, str) or not re.fullmatch(r"[0-9a-f]{64}", sha256, re.ASCII):
        raise InvalidValueError(field="sha256")
    try:
        clash = Clash(asked.get("clash", Clash.NEW_VERSION.value))
    except ValueError:
        raise InvalidValueError(field="clash") from None
    names = split_path(path, max_depth=settings.FILES_MAX_DEPTH)
    return folder_id, Wanted(names, size, _time(asked), sha256=sha256, clash=clash)


def _number(asked: dict[str, Any], field: str) -> int:
    """Read a whole number. Raises InvalidValueError."""
    value = asked.get(field)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise InvalidValueError(field=field)
    return value


def _time(asked: dict[str, Any]) -> datetime | None:
    """Read when the file was changed, in milliseconds since 1970. Raises InvalidValueError."""
    value = asked.get("lastModified")
    if value is None:
        return None
    try:
        return require_time(_EPOCH + timedelta(milliseconds=value), "lastModified")
    except (TypeError, ValueError, OverflowError, MalformedRequestError):
        raise InvalidValueError(field="lastModified") from None
