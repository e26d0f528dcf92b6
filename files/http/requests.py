"""The request types that views see, and that finding out who asks needs."""

from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.http import HttpRequest, parse_cookie

from files.access import Actor


class FilesRequest(HttpRequest):
    """A request whose actor the middleware has set."""

    actor: Actor
    user: User


class HeadRequest(HttpRequest):
    """What a byte door needs of a request to find out who sent it: address, scheme, cookies.

    Django's ASGIRequest reads all of the head, for views, and costs more than the look-up does.
    """

    def __init__(self, scope: dict[str, Any]) -> None:
        self.scope = scope
        self.META = {}
        if scope.get("client"):
            self.META["REMOTE_ADDR"] = scope["client"][0]
        wanted = {b"authorization": "HTTP_AUTHORIZATION"}
        if settings.SECURE_PROXY_SSL_HEADER:
            key = settings.SECURE_PROXY_SSL_HEADER[0]
            wanted[key.removeprefix("HTTP_").replace("_", "-").lower().encode()] = key
        cookies = ""
        for name, value in scope["headers"]:
            if name == b"cookie":
                cookies = (
                    f"{cookies}; {value.decode('latin-1')}" if cookies else value.decode("latin-1")
                )
            elif name in wanted:
                before = self.META.get(wanted[name])
                text = value.decode("latin-1")
                self.META[wanted[name]] = text if before is None else f"{before},{text}"
        self.COOKIES = parse_cookie(cookies)

    def _get_scheme(self) -> str:
        """Give the scheme that the server has found out."""
        return str(self.scope.get("scheme") or "http")
