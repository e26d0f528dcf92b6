"""What every page asks before its view runs, and where a form that was sent leads."""

from collections.abc import Callable
from functools import wraps
from http import HTTPStatus
from typing import Concatenate

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from files.errors import MethodNotAllowedError, SignInRequiredError
from files.http.requests import FilesRequest


def page[**P](
    *methods: str,
) -> Callable[
    [Callable[Concatenate[FilesRequest, P], HttpResponse]],
    Callable[Concatenate[HttpRequest, P], HttpResponse],
]:
    """Open a view to people who are signed in, for these methods only (HEAD comes with GET).

    Raises SignInRequiredError and MethodNotAllowedError, which become the sign-in page and a
    readable 405.
    """
    allowed = (*methods, "HEAD") if "GET" in methods else methods

    def decorate(
        view: Callable[Concatenate[FilesRequest, P], HttpResponse],
    ) -> Callable[Concatenate[HttpRequest, P], HttpResponse]:
        @wraps(view)
        def guarded(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
            if not request.user.is_authenticated:
                raise SignInRequiredError
            if request.method not in allowed:
                raise MethodNotAllowedError(allow=list(allowed))
            return view(request, *args, **kwargs)  # type: ignore[arg-type]  # has its actor by now

        return guarded

    return decorate


def see_other(url: str) -> HttpResponse:
    """Redirect a form that was sent to the page that follows it (RFC 9110, 15.4.4)."""
    return HttpResponseRedirect(url, status=HTTPStatus.SEE_OTHER)
