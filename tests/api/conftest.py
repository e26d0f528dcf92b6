"""Clients of the API: somebody who is signed in, or nobody."""

import pytest
from pytest_django import Settings

from files.models import Entry, Space
from tests.api.client import Api, client_of


@pytest.fixture(autouse=True)
def plain_static_files(settings: Settings) -> None:
    """Link static files by the names they have in the source."""
    backend = "django.contrib.staticfiles.storage.StaticFilesStorage"
    settings.STORAGES = {**settings.STORAGES, "staticfiles": {"BACKEND": backend}}


@pytest.fixture(autouse=True)
def no_rates(settings: Settings) -> None:
    """Count no requests: a process would add up those of all tests, and tell the cache of them."""
    settings.FILES_API_RATE = 0


@pytest.fixture
def ada(space: Space, root: Entry) -> Api:
    """Give the client of ada, who owns the space."""
    return client_of(space.owner)
