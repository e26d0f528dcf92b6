"""Errors as HTML pages, said in a reader's words."""

from collections.abc import Callable
from http import HTTPStatus
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render, resolve_url
from django.utils.cache import patch_vary_headers
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from files.errors import (
    BodyTooLargeError,
    DiskFullError,
    FilesError,
    FilesRefusedError,
    FileTooLargeError,
    InvalidNameError,
    MethodNotAllowedError,
    QuotaExceededError,
    SignInRequiredError,
    TooDeepError,
    TooManyFilesError,
    TypeRefusedError,
)
from files.http.credentials import challenges
from files.templatetags.files import size

from .pages import see_other

_NAME_REASONS: dict[str, Promise] = {
    "empty": gettext_lazy("A name cannot be empty."),
    "encoding": gettext_lazy("The name contains characters that cannot be stored."),
    "reserved": gettext_lazy("The names “.” and “..” have a meaning of their own."),
    "slash": gettext_lazy("A name cannot contain a slash."),
    "control": gettext_lazy("A name cannot contain line breaks or other control characters."),
    "too-long": gettext_lazy("The name is too long: 255 bytes is the limit."),
}


def _limit_in_bytes(error: FilesError) -> str:
    """Add a limit that is a size."""
    return _("The limit is %(limit)s.") % {"limit": size(error.data["limit"])}


def _limit_in_pieces(error: FilesError) -> str:
    """Add a limit that is a count."""
    return _("The limit is %(limit)s.") % {"limit": error.data["limit"]}


def _room(error: FilesError) -> str:
    """Add how much is needed and how much is left; a quota may say used in place of free."""
    data = error.data
    free = data["free"] if "free" in data else max(0, data["quota"] - data["used"])
    return _("%(needed)s is needed, %(free)s is left.") % {
        "needed": size(data["needed"]),
        "free": size(free),
    }


def _name_reason(error: FilesError) -> str:
    """Say which rule a name breaks."""
    return str(_NAME_REASONS[error.data["reason"]])


def _its_type(error: FilesError) -> str:
    """Add what the content was found to be, whatever its name says."""
    return _("By its content it is %(type)s.") % {"type": error.data["media_type"]}


_DETAILS: dict[type[FilesError], Callable[[FilesError], str]] = {
    BodyTooLargeError: _limit_in_bytes,
    DiskFullError: _room,
    FileTooLargeError: _limit_in_bytes,
    InvalidNameError: _name_reason,
    QuotaExceededError: _room,
    TooDeepError: _limit_in_pieces,
    TooManyFilesError: _limit_in_pieces,
    TypeRefusedError: _its_type,
}


def sentence(error: FilesError) -> str:
    """Say in words what went wrong, with the figures that the error brought along."""
    describe = _DETAILS.get(type(error))
    if describe is None:
        return str(error.message)
    try:
        detail = describe(error)
    except (KeyError, TypeError):
        # Not every place that raises an error knows the figures.
        return str(error.message)
    # A broken rule of names says all by itself.
    return detail if isinstance(error, InvalidNameError) else f"{error.message} {detail}"


def error_response(request: HttpRequest, error: FilesError) -> HttpResponse:
    """Render the error page with the error's status, or the way to the sign-in page.

    A script that asks for JSON gets a problem document.
    """
    if wants_json(request):
        return problem(error)
    if isinstance(error, SignInRequiredError):
        return _to_sign_in(request)
    context = {
        "error": error,
        "sentence": sentence(error),
        "is_missing": error.status == HTTPStatus.NOT_FOUND,
    }
    response = render(request, "files/error.html", context, status=error.status)
    return _with_headers(response, error)


def wants_json(request: HttpRequest) -> bool:
    """Tell whether a request comes from a script, which prefers JSON to a page."""
    return request.get_preferred_type(["text/html", "application/json"]) == "application/json"


def problem(error: FilesError) -> JsonResponse:
    """Say in a document what went wrong (RFC 9457).

    Where single files are at fault, files holds their codes by path, and reasons the same in words.
    """
    document: dict[str, object] = {
        "type": "about:blank",
        "title": HTTPStatus(error.status).phrase,
        "status": error.status,
        "code": error.code,
        "detail": sentence(error),
    }
    if isinstance(error, FilesRefusedError):
        document["files"] = {path: fault.code for path, fault in error.refused.items()}
        document["reasons"] = {path: sentence(fault) for path, fault in error.refused.items()}
    response = JsonResponse(document, status=error.status, content_type="application/problem+json")
    patch_vary_headers(response, ["Accept"])
    return _with_headers(response, error)


def _with_headers[R: HttpResponse](response: R, error: FilesError) -> R:
    """Add the headers that an error's status asks for."""
    for name, value in challenges(error):
        response[name] = value
    if isinstance(error, MethodNotAllowedError):
        response["Allow"] = ", ".join(error.data.get("allow", []))
    return response


def _to_sign_in(request: HttpRequest) -> HttpResponse:
    """Redirect to the sign-in page, and back from there to where a GET was going."""
    url = resolve_url("account_login")
    if request.method in {"GET", "HEAD"}:
        url = f"{url}?{urlencode({'next': request.get_full_path()})}"
    return see_other(url)
