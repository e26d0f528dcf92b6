"""Who asks: the ways to sign in to the API, as its schema tells them."""

from typing import Final

from django.http import HttpRequest
from ninja.security import APIKeyCookie, HttpBearer

from files.access import Actor
from files.http.credentials import Scheme, signed_in
from files.models import Event

from .lock_tokens import held_of
from .rates import RATES


class Token(HttpBearer):
    """A token, as a bearer's or as the password of HTTP Basic; or else a session: see below.

    This one decides for both ways, as all doors do (files/http/credentials.py).
    """

    def __call__(self, request: HttpRequest) -> Actor:
        """Give who sent a request, and count it.

        Raises what signed_in and held_of raise, and TooManyRequestsError.
        """
        actor = signed_in(request, schemes=Scheme.ANY, door=Event.Door.API)
        if actor.user is not None:
            request.allowance = RATES.count(actor.user.pk)  # type: ignore[attr-defined]
        return actor.but(held=held_of(request.headers.get("Lock-Token")))

    def authenticate(self, request: HttpRequest, token: str) -> Actor:  # noqa: ARG002
        """Do the same, for the framework's sake."""
        return self(request)


class Session(APIKeyCookie):
    """The session of a browser, for the schema: Token takes it too.

    Unsafe requests with a cookie must come from our own pages (files/http/guard.py).
    """

    param_name = "sessionid"

    def authenticate(self, request: HttpRequest, key: str | None) -> None:
        """Give nobody: where this is asked, Token has answered."""


SIGN_IN: Final = [Token(), Session(csrf=False)]
