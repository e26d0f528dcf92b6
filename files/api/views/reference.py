"""The reference: the schema for programs, and as a page for people."""

from django.http import HttpRequest, HttpResponse, JsonResponse
from ninja import NinjaAPI

from files.api.openapi import schema_of
from files.errors import MethodNotAllowedError


def openapi(api: NinjaAPI, request: HttpRequest) -> HttpResponse:
    """Send the schema, which is the same for everybody."""
    if request.method not in {"GET", "HEAD"}:
        raise MethodNotAllowedError(allow=["GET", "HEAD"])
    return JsonResponse(schema_of(api))
