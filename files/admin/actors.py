"""As whom staff act: with rights everywhere that their permissions in the admin give."""

from typing import Final

from django.contrib.auth.models import User
from django.http import HttpRequest

from files.access import Actor
from files.models import Event, Right

READ_CONTENT: Final = "files.read_content"

# What a permission on entries lets staff do with the entries of every space. Reading is of names
# and figures: content needs READ_CONTENT as well.
_ON_ENTRIES: Final = {
    "files.view_entry": Right.READ,
    "files.add_entry": Right.ADD,
    "files.change_entry": Right.READ | Right.EDIT,
    "files.delete_entry": Right.READ | Right.MANAGE,
}
_ON_SPACES: Final = {
    "files.view_space": Right.READ,
    "files.change_space": Right.READ | Right.MANAGE | Right.SHARE,
}


def staff_actor(user: User) -> Actor:
    """Act on entries as a member of staff."""
    return _actor(user, _ON_ENTRIES)


def space_actor(user: User) -> Actor:
    """Act on spaces as a member of staff: on their names, quotas and members."""
    return _actor(user, _ON_SPACES)


def _actor(user: User, table: dict[str, Right]) -> Actor:
    """Unite the rights of the permissions that a member of staff has; nobody else has any."""
    rights = Right.NONE
    if user.is_staff:
        for permission, right in table.items():
            if user.has_perm(permission):
                rights |= right
    return Actor(user, Event.Door.ADMIN, everywhere=rights)


def user_of(request: HttpRequest) -> User:
    """Give who is signed in; the admin has made sure that somebody is."""
    assert isinstance(request.user, User)  # noqa: S101 - as above
    return request.user
