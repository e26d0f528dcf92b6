"""What is the same for every answer of the API, around the framework's own views."""

from collections.abc import Callable
from functools import wraps
from http import HTTPStatus
from typing import Any, NoReturn

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from files.errors import BodyTooLargeError, MethodNotAllowedError
from files.protocol_errors import AddressNotFoundError

from .errors import problem
from .parsing import LIMIT
from .rates import Allowance

type View = Callable[..., HttpResponse]


def answered(view: View) -> View:
    """Let a view answer HEAD as GET, refuse what is too long, and tell of methods as a problem."""

    @csrf_exempt  # JSON by its type only, and the doors have looked at the origin
    @wraps(view)
    def answering(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if _length(request) > LIMIT:
            return problem(BodyTooLargeError(limit=LIMIT))
        if request.method == "HEAD":
            request.method = "GET"
        response = view(request, *args, **kwargs)
        allowance = getattr(request, "allowance", None)
        if isinstance(allowance, Allowance):
            for name, value in allowance.headers.items():
                response[name] = value
        if response.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
            return problem(MethodNotAllowedError(allow=_methods(response["Allow"])))
        return response

    return answering


def _methods(allow: str) -> list[str]:
    """Give the methods that an address takes; HEAD comes with GET."""
    methods = set(allow.split(", "))
    return [*methods | {"HEAD"}] if "GET" in methods else [*methods]


def _length(request: HttpRequest) -> int:
    """Give the stated length of a body."""
    length = request.META.get("CONTENT_LENGTH") or "0"
    return int(length) if length.isdecimal() else LIMIT + 1


@csrf_exempt
def nothing_here(_request: HttpRequest, address: str) -> NoReturn:  # noqa: ARG001
    """Answer for an address that the API does not have."""
    raise AddressNotFoundError
