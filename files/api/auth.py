"""Who asks: the two ways to sign in to the API, as its schema tells them."""

from typing import Final

from django.http import HttpRequest
from ninja.security import APIKeyCookie

from files.access import Actor
from files.models import Event

from .rates import RATES


class Session(APIKeyCookie):
    """The session of a browser. Unsafe requests must come from our own pages (http/guard.py)."""

    param_name = "sessionid"

    def __init__(self) -> None:
        super().__init__(csrf=False)

    def authenticate(self, request: HttpRequest, key: str | None) -> Actor | None:  # noqa: ARG002
        """Give who is signed in; None for nobody."""
        user = request.user
        if not user.is_authenticated:
            return None
        request.allowance = RATES.count(user.pk)  # type: ignore[attr-defined]
        return Actor(user, Event.Door.API)


SIGN_IN: Final = [Session()]
