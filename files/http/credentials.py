"""Who sends a request: by the session of a browser, or by a token or password that it brings.

One policy for both planes. With a token the cookies of a request do not count, nor does what is
asked of those who have some (doors.py takes them off).
"""

import binascii
import enum
import ipaddress
import re
import time
from base64 import b64decode
from dataclasses import dataclass, field
from functools import partial
from io import BytesIO
from typing import Final

from django.conf import settings
from django.contrib.auth.models import User
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest

from files.access import Actor, act_by, token_of
from files.errors import (
    FilesError,
    InsecureTransportError,
    InvalidCredentialsError,
    MalformedRequestError,
    SignInRequiredError,
)
from files.models import Event, Token
from files.models.tokens import SECRET_BEGIN
from files.operations.tokens import USE_NOTED_EVERY, note_use

from .attempts import count_failure
from .guard import Exchange, header, identify
from .handler import Scope
from .passwords import check_password, recall_password
from .requests import HeadRequest

REALM: Final = "Strongroom"
_LENGTH: Final = 2048  # characters of a header that can hold a name and a secret
_SECRET: Final = re.compile(rf"{SECRET_BEGIN}[A-Za-z0-9]{{32}}", re.ASCII)
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")


class Scheme(enum.Flag):
    """By what a door lets somebody sign in."""

    SESSION = enum.auto()  # the cookie of a browser
    BEARER = enum.auto()  # a token (RFC 6750)
    BASIC = enum.auto()  # user name and token, or password (RFC 7617)
    ANY = SESSION | BEARER | BASIC


@dataclass(frozen=True, slots=True)
class Credentials:
    """What an Authorization header says; name is empty where the scheme has none."""

    scheme: Scheme
    name: str
    secret: str = field(repr=False)

    @property
    def is_token(self) -> bool:
        """Tell whether the secret is written as those of tokens are."""
        return self.scheme is Scheme.BEARER or self.secret.startswith(SECRET_BEGIN)


def parse_authorization(text: str | None) -> Credentials | None:
    """Read an Authorization header; None for a scheme that is not spoken here, or no header.

    Raises MalformedRequestError.
    """
    scheme, _blank, rest = (text or "").partition(" ")
    rest = rest.strip(" ")
    match scheme.lower():
        case "bearer":
            return Credentials(Scheme.BEARER, "", rest)
        case "basic":
            return _parse_basic(rest)
        case _:
            return None


def _parse_basic(encoded: str) -> Credentials:
    """Read a name and a secret (RFC 7617, 2). Raises MalformedRequestError."""
    try:
        if len(encoded) > _LENGTH:
            raise ValueError
        name, colon, secret = b64decode(encoded, validate=True).decode().partition(":")
    except (ValueError, binascii.Error):  # UnicodeDecodeError is one
        raise MalformedRequestError(reason="authorization") from None
    if not colon or _CONTROL.search(name + secret):
        raise MalformedRequestError(reason="authorization")
    return Credentials(Scheme.BASIC, name, secret)


def brings_token(scope: Scope) -> bool:
    """Tell whether a request says by a token who sends it, so that its cookies do not count.

    A password does not: a proxy in front may ask for one of its own, which browsers then send with
    every request.
    """
    try:
        credentials = parse_authorization(header(scope, b"authorization"))
    except MalformedRequestError:
        return False
    return credentials is not None and credentials.is_token


def may_be_slow(scope: Scope) -> bool:
    """Tell whether finding out who sends a request may take long: a password is hashed on purpose.

    A session or a token is looked up.
    """
    return header(scope, b"authorization") is not None and not brings_token(scope)


def request_of(scope: Scope) -> HttpRequest:
    """Give what signed_in asks of a request; one with a password passes through more hands."""
    return ASGIRequest(scope, BytesIO()) if may_be_slow(scope) else HeadRequest(scope)


def signed_in(request: HttpRequest, *, schemes: Scheme = Scheme.ANY, door: Event.Door) -> Actor:
    """Give who sends a request, by one of the schemes; called in a thread.

    Where sessions are taken, passwords are not: only tokens are. Whoever comes by a token to a door
    of pages comes through the API.

    Where nginx asks whether a body may come, no failure is counted and no password hashed: the
    request itself is passed on, and refused then. Raises SignInRequiredError,
    InvalidCredentialsError, TooManyAttemptsError, InsecureTransportError and MalformedRequestError.
    """
    credentials = _taken(request, schemes)
    if credentials is None and Scheme.SESSION in schemes:
        return Actor(_user_of_session(request), door)
    if not _is_private(request):
        raise InsecureTransportError  # nor is anybody asked for what would be read on the way
    if credentials is None:
        raise SignInRequiredError
    door = Event.Door.API if door is Event.Door.WEB else door
    exchange = _exchange_of(request)
    is_admission = exchange is not None and exchange.is_admission
    actor = _act_by(credentials, request, door, is_admission=is_admission)
    if actor is None:
        if not is_admission:
            count_failure(address_of(request))
        raise InvalidCredentialsError
    if exchange is not None and actor.user is not None:
        exchange.user_id = actor.user.pk
        exchange.token_id = actor.limit.token_id if actor.limit else None
    return actor


def challenges(error: FilesError, schemes: Scheme = Scheme.ANY) -> list[tuple[str, str]]:
    """Give the headers that tell how to sign in, or when to try again (RFC 9110, 11.6.1).

    Basic is only asked for where there are no sessions: it makes browsers open a window.
    """
    if "retry_after" in error.data:
        return [("Retry-After", str(error.data["retry_after"]))]
    if not isinstance(error, SignInRequiredError | InvalidCredentialsError):
        return []
    if Scheme.BASIC in schemes and Scheme.SESSION not in schemes:
        return [("WWW-Authenticate", f'Basic realm="{REALM}", charset="UTF-8"')]
    if Scheme.BEARER not in schemes:
        return []
    is_wrong = isinstance(error, InvalidCredentialsError)
    reason = ', error="invalid_token"' if is_wrong else ""  # RFC 6750, 3.1
    return [("WWW-Authenticate", f'Bearer realm="{REALM}"{reason}')]


def _taken(request: HttpRequest, schemes: Scheme) -> Credentials | None:
    """Give the credentials of a request that count at this door. Raises MalformedRequestError."""
    try:
        credentials = parse_authorization(request.META.get("HTTP_AUTHORIZATION"))
    except MalformedRequestError:
        if Scheme.SESSION in schemes and request.COOKIES:
            return None  # as with a password: it is not meant for here
        raise
    if credentials is None or credentials.scheme not in schemes:
        return None
    if Scheme.SESSION in schemes and not credentials.is_token:
        return None
    return credentials


def _user_of_session(request: HttpRequest) -> User:
    """Give who is signed in with a browser. Raises SignInRequiredError."""
    # Django's own middleware may have read it.
    user = request.user if hasattr(request, "user") else identify(request)
    if not isinstance(user, User):
        raise SignInRequiredError
    return user


def _is_private(request: HttpRequest) -> bool:
    """Tell whether nobody on the way can read a request, or a setting says not to mind."""
    if request.is_secure() or settings.FILES_TOKENS_PLAIN_HTTP:
        return True
    address = address_of(request)
    return address is not None and ipaddress.ip_address(address).is_loopback


def address_of(request: HttpRequest) -> str | None:
    """Give the address that a request comes from; None where it has none.

    One of IPv4 is written so, also where it came to a socket of IPv6, and one of a link without the
    name of our end of it, which PostgreSQL does not take.
    """
    try:
        address = ipaddress.ip_address((request.META.get("REMOTE_ADDR") or "").partition("%")[0])
    except ValueError:
        return None
    return str(getattr(address, "ipv4_mapped", None) or address)


def _act_by(
    credentials: Credentials, request: HttpRequest, door: Event.Door, *, is_admission: bool
) -> Actor | None:
    """Act as who brought a token or, where a setting allows it, a password; None if it is wrong."""
    if not credentials.is_token:
        name, password = credentials.name, credentials.secret
        if is_admission:
            user = recall_password(name, password)
        else:
            user = check_password(request, name, password)
        return Actor(user, door) if user else None
    token = token_of(credentials.secret) if _SECRET.fullmatch(credentials.secret) else None
    if token is None or credentials.name not in {"", token.user.get_username()}:
        return None
    _note_use(token, request)
    return act_by(token, door)


_noted: dict[str, float] = {}  # digests of secrets, with when this process noted their use
_NOTED_MOST: Final = 10_000


def _note_use(token: Token, request: HttpRequest) -> None:
    """See to it that the use of a token is noted when the answer is out, once in a while."""
    now, every = time.monotonic(), USE_NOTED_EVERY.total_seconds()
    exchange, key = _exchange_of(request), token.secret_sha256
    if exchange is None or now - _noted.get(key, -every) < every:
        return
    if len(_noted) >= _NOTED_MOST:
        _noted.clear()
    _noted[key] = now
    exchange.later.append(partial(note_use, token.pk, address_of(request)))


def _exchange_of(request: HttpRequest) -> Exchange | None:
    """Give the exchange that a request is part of; None where it did not come by the doors."""
    exchange = getattr(request, "scope", {}).get("files.exchange")
    return exchange if isinstance(exchange, Exchange) else None
