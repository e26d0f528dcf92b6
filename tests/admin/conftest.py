"""Staff of all kinds, and a space with something in it."""

from dataclasses import dataclass
from pathlib import Path

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from pytest_django import Settings

from files.models import Entry, Grant, Space
from files.operations.entries import trash_entries
from tests.factories import SYSTEM, make_file, make_folder, make_shared_space, make_user, root_of
from tests.http.conftest import kept_connection

__all__ = ["kept_connection"]  # a fixture


@pytest.fixture(autouse=True)
def plain_static(settings: Settings, tmp_path: Path) -> None:
    """Serve pages without collected files."""
    settings.STATIC_ROOT = tmp_path
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    }


def make_staff(username: str, *permissions: str) -> User:
    """Make a member of staff with permissions such as files.view_entry."""
    user = make_user(username, is_staff=True)
    for permission in permissions:
        app, _, codename = permission.partition(".")
        user.user_permissions.add(
            Permission.objects.get(content_type__app_label=app, codename=codename)
        )
    return user


def signed_in(user: User | None) -> Client:
    """Give the browser of a user, or of somebody who is not signed in."""
    client = Client()
    if user is not None:
        client.force_login(user)
    return client


@pytest.fixture
def superuser(db: None) -> User:
    """Give somebody who may do all."""
    return make_user("root", is_staff=True, is_superuser=True)


@dataclass(frozen=True)
class World:
    """A shared space of which bob is a member, with a folder, two files, one of them trashed."""

    space: Space
    root: Entry
    folder: Entry
    file: Entry
    trashed: Entry
    bob: User


@pytest.fixture
def world(db: None) -> World:
    """Make the world."""
    space = make_shared_space("Team", bob=Grant.Role.EDITOR)
    root = root_of(space)
    folder = make_folder(root, "Photos")
    file = make_file(folder, "beach.txt", b"sand")
    trashed = make_file(root, "old.txt", b"old")
    trash_entries([trashed], actor=SYSTEM)
    return World(space, root, folder, file, trashed, User.objects.get(username="bob"))
