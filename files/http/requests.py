"""The request type that views see."""

from django.contrib.auth.models import User
from django.http import HttpRequest

from files.access import Actor


class FilesRequest(HttpRequest):
    """A request whose actor the middleware has set."""

    actor: Actor
    user: User
