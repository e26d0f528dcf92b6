"""How allauth behaves here: staff make accounts, and signing in makes the personal space."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse

from files.access import Actor
from files.models import Event
from files.operations.spaces import ensure_personal_space


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth has no types
    """allauth's hooks."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:  # noqa: ARG002  # allauth's name
        """Refuse sign-up: accounts are made in the admin."""
        return False

    def post_login(self, request: HttpRequest, user: User, **kwargs: Any) -> HttpResponse:
        """Make the personal space on the first sign-in, then go on as allauth does."""
        ensure_personal_space(user, actor=Actor(user, Event.Door.WEB))
        response: HttpResponse = super().post_login(request, user, **kwargs)
        return response
