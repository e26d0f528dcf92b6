"""Uploads from pages of other origins (the Fetch standard, CORS), where a setting names them.

Cookies are never allowed there: such a page acts by what it sends itself, or as nobody.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from django.conf import settings

_METHODS: Final = "POST, PUT, HEAD, PATCH, DELETE, OPTIONS"
_ALLOWED: Final = (
    "Authorization", "Content-Type", "Content-Digest", "Content-Disposition", "Repr-Digest",
    "Tus-Resumable", "Upload-Checksum", "Upload-Complete", "Upload-Defer-Length",
    "Upload-Draft-Interop-Version", "Upload-Incomplete", "Upload-Length", "Upload-Metadata",
    "Upload-Offset", "X-HTTP-Method-Override", "X-Requested-With",
)  # fmt: skip
_EXPOSED: Final = (
    "Location", "Repr-Digest", "Retry-After", "Tus-Checksum-Algorithm", "Tus-Extension",
    "Tus-Max-Size", "Tus-Resumable", "Tus-Version", "Upload-Complete", "Upload-Defer-Length",
    "Upload-Entry", "Upload-Expires", "Upload-Incomplete", "Upload-Length", "Upload-Limit",
    "Upload-Metadata", "Upload-Offset", "X-Request-ID",
)  # fmt: skip
_MAX_AGE_SECONDS: Final = 86_400  # Chromium keeps a preflight for two hours at most


def cross_origin_headers(method: str, headers: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Write what lets a page read an answer, or by a preflight, send its request at all."""
    origins = settings.FILES_CORS_ORIGINS
    if not origins:
        return
    yield ("Vary", "Origin")
    origin = headers.get("origin", "")
    if origin not in origins:
        return
    yield ("Access-Control-Allow-Origin", origin)
    if method == "OPTIONS" and "access-control-request-method" in headers:
        yield ("Access-Control-Allow-Methods", _METHODS)
        yield ("Access-Control-Allow-Headers", ", ".join(_ALLOWED))
        yield ("Access-Control-Max-Age", str(_MAX_AGE_SECONDS))
    else:
        yield ("Access-Control-Expose-Headers", ", ".join(_EXPOSED))
