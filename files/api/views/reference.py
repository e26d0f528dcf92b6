"""The reference: the schema for programs, and as a page for people."""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from ninja import NinjaAPI

from files.api.openapi import schema_of
from files.api.reference import documents_of, operations_of
from files.errors import MethodNotAllowedError


def openapi(api: NinjaAPI, request: HttpRequest) -> HttpResponse:
    """Send the schema, which is the same for everybody."""
    _require_reading(request)
    return JsonResponse(schema_of(api))


def page(api: NinjaAPI, request: HttpRequest) -> HttpResponse:
    """Show the schema as a page."""
    _require_reading(request)
    schema = schema_of(api)
    context = {"groups": operations_of(schema), "documents": documents_of(schema)}
    return render(request, "files/api_reference.html", context)


def _require_reading(request: HttpRequest) -> None:
    """Raise MethodNotAllowedError for a method that would change something."""
    if request.method not in {"GET", "HEAD"}:
        raise MethodNotAllowedError(allow=["GET", "HEAD"])
