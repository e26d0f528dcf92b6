"""Middleware: who acts, and errors turned into the face's kind of answer."""

from collections.abc import Callable
from typing import Any

from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from django.utils.functional import SimpleLazyObject
from django.views import defaults

from files.access import Actor
from files.api.errors import problem
from files.errors import DiskFullError, FilesError
from files.http.guard import Exchange
from files.http.handler import is_full
from files.models import Event
from files.protocol_errors import InternalFaultError
from files.web.errors import error_response as page_of

_API = "/api/"


class FilesMiddleware:
    """Set request.actor, answer a FilesError as a page, and tell the log who and where."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Name the actor before the view runs; answer at once what a byte door has refused."""
        scope: dict[str, Any] = getattr(request, "scope", {})
        request.actor = SimpleLazyObject(lambda: _actor(request))  # type: ignore[attr-defined]
        response = self._answer(request, scope)
        if isinstance(exchange := scope.get("files.exchange"), Exchange):
            _tell(exchange, request)
        return response

    def _answer(self, request: HttpRequest, scope: dict[str, Any]) -> HttpResponse:
        """Answer by what a byte door has left in the scope, or else by the view."""
        if "files.fault" in scope:
            raise scope["files.fault"]  # Django logs it and shows its page
        if "files.refusal" in scope:
            return _say(request, scope["files.refusal"])
        if "files.outcome" in scope:
            # The door has checked the form's token, and the body is gone.
            request.csrf_processing_done = True  # type: ignore[attr-defined]
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Map FilesError once, here, so that views need not catch it; a full database is one."""
        if isinstance(exception, DatabaseError) and is_full(exception):
            exception = DiskFullError()
        return _say(request, exception) if isinstance(exception, FilesError) else None


def _say(request: HttpRequest, error: FilesError) -> HttpResponse:
    """Say what went wrong in the form of the face that the request is for."""
    return problem(error) if request.path.startswith(_API) else page_of(request, error)


def server_error(request: HttpRequest) -> HttpResponse:
    """Say that something broke, in the form of the face that the request is for."""
    if request.path.startswith(_API):
        return problem(InternalFaultError())
    return defaults.server_error(request)


def _actor(request: HttpRequest) -> Actor:
    """Give the signed-in user as an actor without rights beyond the grants."""
    user = request.user
    return Actor(user if user.is_authenticated else None, Event.Door.WEB)


def _tell(exchange: Exchange, request: HttpRequest) -> None:
    """Tell the log line the user and the pattern of the route."""
    if match := request.resolver_match:
        exchange.route = f"/{match.route}"
    # The user is known only if something asked for it; a log line is no reason to query.
    cached = getattr(request, "_cached_user", None)
    if cached is not None and cached.is_authenticated:
        exchange.user_id = cached.pk
