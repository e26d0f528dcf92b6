"""The addresses of the API: its routers, its schema and its reference."""

from functools import partial
from typing import Any

from django.urls import URLPattern, path
from ninja.errors import HttpError, ValidationError

from files.errors import FilesError

from . import errors
from .answering import answered, nothing_here
from .auth import SIGN_IN
from .openapi import RestApi
from .parsing import StrictParser
from .views import (
    batches,
    content,
    entries,
    events,
    jobs,
    locks,
    me,
    members,
    reference,
    search,
    spaces,
    start,
    tokens,
    trash,
    uploads,
)

app_name = "api"

api = RestApi(
    title="Strongroom",
    version="1",
    description="Files, folders and spaces. Errors are problem documents (RFC 9457).",
    urls_namespace="api",
    docs_url=None,
    openapi_url=None,
    auth=SIGN_IN,
    parser=StrictParser(),
)
_handlers: dict[type[Exception], Any] = {
    FilesError: errors.of_files,
    ValidationError: errors.of_values,
    HttpError: errors.of_http,
}
for kind, handler in _handlers.items():
    api.add_exception_handler(kind, handler)
_rooms = (
    start, me, tokens, spaces, members, entries, content, batches, trash, search, uploads, events,
    jobs, locks,
)  # fmt: skip
for room in _rooms:
    api.add_router("", room.router)

_views = [one for one in api.urls[0] if isinstance(one, URLPattern) and one.name != "api-root"]
urlpatterns = [
    path("openapi.json", partial(reference.openapi, api), name="openapi"),
    path("docs", partial(reference.page, api), name="docs"),
    *(path(str(one.pattern), answered(one.callback), name=one.name) for one in _views),
    path("<path:address>", nothing_here),
]
