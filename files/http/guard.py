"""What holds for every request, whichever plane answers it.

Host and origin are checked, the session is read as Django reads it, security headers are set, and
one line is logged. The byte doors and Django's pages both pass through here, so that there is one
policy and no second one to forget.
"""

import logging
import re
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from importlib import import_module
from typing import Final
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth import get_user
from django.contrib.auth.models import User
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, HttpResponse, HttpResponseForbidden, QueryDict
from django.http.request import split_domain_port, validate_host
from django.middleware.csrf import CsrfViewMiddleware
from django.urls import Resolver404, resolve
from django.utils.http import is_same_domain

from files.errors import CrossSiteRequestError, FilesError, SignInRequiredError

from .handler import ClientGoneError, Headers, Message, Scope, Send

logger = logging.getLogger("files.requests")

SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})

# Set where an answer has no such header of its own.
SECURITY_HEADERS: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=()"),
    (b"cache-control", b"private, no-store"),
)

_REQUEST_ID: Final = re.compile(r"[0-9a-f]{32}")  # as nginx makes them
CLIENT_GONE: Final = 499  # logged where no answer began, as nginx says it


@dataclass(slots=True)
class Exchange:
    """One request and its answer, for the log line; who finds out sets user, token and route."""

    method: str
    request_id: str
    started: float = field(default_factory=time.perf_counter)
    route: str = ""  # a pattern, never the path: that may hold names
    user_id: int | None = None
    token_id: int | None = None  # where somebody came by one
    is_admission: bool = False  # nginx asks whether a body may come; the request itself follows
    later: list[Callable[[], None]] = field(default_factory=list)  # when the answer is out
    status: int = 0  # 0 until an answer began
    sent_bytes: int = 0  # of the body; where nginx sends a file, what it was told to send

    def find_route(self, path: str) -> None:
        """Name the route of a path as Django's URL configuration does, for a byte door."""
        try:
            self.route = f"/{resolve(path).route}"
        except Resolver404:
            self.route = ""

    def log(self) -> None:
        """Write the line of this request."""
        duration = time.perf_counter() - self.started
        logger.info(
            "request",
            extra={
                "request_id": self.request_id,
                "user_id": self.user_id,
                "token_id": self.token_id,
                "method": self.method,
                "route": self.route,
                "status": self.status or CLIENT_GONE,
                "bytes": self.sent_bytes,
                "duration_ms": round(duration * 1000, 1),
            },
        )


def header(scope: Scope, name: bytes) -> str | None:
    """Give a header's value, repeated ones joined as RFC 9110, 5.3 says; None if it is missing."""
    values = [value for key, value in scope["headers"] if key == name]
    return b", ".join(values).decode("latin-1") if values else None


def guarded(scope: Scope, send: Send) -> tuple[Exchange, Send]:
    """Begin an exchange, and wrap send so that it sets headers and counts what goes out."""
    given = header(scope, b"x-request-id")
    if given is None or not _REQUEST_ID.fullmatch(given):
        given = uuid.uuid4().hex
    exchange = Exchange(scope["method"], given)
    scope["files.exchange"] = exchange

    async def guarded_send(message: Message) -> None:
        if message["type"] == "http.response.start":
            exchange.status = message["status"]
            added = _security_headers(scope, message["headers"])
            request_id = (b"x-request-id", exchange.request_id.encode())
            message = {**message, "headers": [*message["headers"], *added, request_id]}
        elif scope["method"] != "HEAD":
            exchange.sent_bytes += len(message.get("body", b""))
        try:
            await send(message)
        except RuntimeError as error:
            # uvicorn closes a connection that sends nonsense behind its request; uvloop says so.
            if "handler is closed" not in str(error):
                raise
            raise ClientGoneError from error

    return exchange, guarded_send


def _security_headers(scope: Scope, headers: Headers) -> Headers:
    """Give the security headers that an answer lacks."""
    wanted = [*SECURITY_HEADERS]
    if scope["scheme"] == "https" and settings.SECURE_HSTS_SECONDS:
        max_age = f"max-age={settings.SECURE_HSTS_SECONDS}".encode()
        wanted.append((b"strict-transport-security", max_age))
    present = {name.lower() for name, _value in headers}
    return [(name, value) for name, value in wanted if name not in present]


def is_known_host(scope: Scope) -> bool:
    """Tell whether a request is for a host of ours; where not, nothing of it may be trusted."""
    return _is_allowed(header(scope, b"host") or "", tuple(settings.ALLOWED_HOSTS))


@lru_cache(256)
def _is_allowed(host: str, allowed: tuple[str, ...]) -> bool:
    """Tell whether a Host header names a host that is allowed."""
    domain, _port = split_domain_port(host)
    return bool(domain) and validate_host(domain, allowed)


def check_head(scope: Scope) -> FilesError | None:
    """Give the reason to refuse a request by its head alone, before anything is read.

    An unsafe method with a cookie must come from one of our own pages, by Origin or else by
    Sec-Fetch-Site: a form token alone does not cover what JavaScript can send. So must one with a
    password that a browser sends.
    """
    if scope["method"] in SAFE_METHODS:
        return None
    if header(scope, b"cookie") is None and not _is_from_page_with_password(scope):
        return None
    return None if _is_same_origin(scope) else CrossSiteRequestError()


def _is_from_page_with_password(scope: Scope) -> bool:
    """Tell whether a page makes a browser send a password that it may have kept by itself.

    A browser sends what was typed at a Basic prompt along with any page's requests, as it does with
    a cookie; a program states no origin. A Bearer token is only sent by who has it.
    """
    scheme = (header(scope, b"authorization") or "").partition(" ")[0].lower()
    origin = header(scope, b"origin")
    is_stated = origin is not None or header(scope, b"sec-fetch-site") is not None
    return scheme == "basic" and is_stated and origin not in settings.FILES_CORS_ORIGINS


def _is_same_origin(scope: Scope) -> bool:
    """Tell whether a request with a cookie was made by a page of ours."""
    origin, site = header(scope, b"origin"), header(scope, b"sec-fetch-site")
    if origin is None:
        return site == "same-origin"
    return origin == f"{scope['scheme']}://{header(scope, b'host')}" or _is_trusted(origin)


def _is_trusted(origin: str) -> bool:
    """Tell whether a setting names an origin, by itself or by a pattern ("https://*.example.org")."""
    scheme, _, netloc = origin.partition("://")
    return any(
        scheme == trusted.scheme and is_same_domain(netloc, trusted.netloc.lstrip("*"))
        for trusted in map(urlsplit, settings.CSRF_TRUSTED_ORIGINS)
    )


def without_cookies(scope: Scope) -> Scope:
    """Take the cookies off a request, which then acts by what else it brings, on either plane."""
    return {**scope, "headers": [pair for pair in scope["headers"] if pair[0] != b"cookie"]}


def identify(request: HttpRequest) -> User | None:
    """Read who sent a request from its session cookie, as Django's own middleware does.

    The session must exist and not be expired, its hash must be that of the user's password, and
    the account must be active. Nothing is cached: signing out takes effect at once.
    """
    engine = import_module(settings.SESSION_ENGINE)
    session = engine.SessionStore(request.COOKIES.get(settings.SESSION_COOKIE_NAME))
    # After a change of SECRET_KEY Django would give the session another key here, which only its
    # own middleware can tell the browser.
    session.cycle_key = lambda: None
    request.session = session
    user = get_user(request)
    if not isinstance(user, User):
        return None
    if (scope := getattr(request, "scope", None)) is not None:
        scope["files.exchange"].user_id = user.pk
    return user


def require_user(request: ASGIRequest) -> User:
    """Give who sent a request. Raises SignInRequiredError."""
    user = identify(request)
    if user is None:
        raise SignInRequiredError
    return user


class _TokenCheck(CsrfViewMiddleware):
    """Django's check of form tokens, without the page that tells of a wrong one."""

    def _reject(self, request: HttpRequest, reason: str) -> HttpResponse:  # noqa: ARG002
        """Refuse; the face has a page of its own."""
        return HttpResponseForbidden()


def has_form_token(request: HttpRequest, token: str) -> bool:
    """Tell whether a form's token belongs to the cookie that came with it, as Django tells it."""
    check = _TokenCheck(HttpResponse)  # in the place of a view, which is never called
    form = QueryDict(mutable=True)
    form["csrfmiddlewaretoken"] = token
    request.POST = form  # type: ignore[assignment]
    check.process_request(request)
    return check.process_view(request, HttpResponse, (), {}) is None
