"""The doors, as somebody with a browser sees them."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from pytest_django import Settings

from files.models import Entry, Space
from files.storage.filesystem import BlobStorage
from tests.http.client import DoorsClient, make_client
from tests.http.engine import Bench
from tests.http.forms import Scene
from tests.multiparts import MAX_FILES


@pytest.fixture
def kept_connection(db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Keep the connection, which is in the transaction of the test; Django's own client does so."""
    monkeypatch.setattr("files.http.handler.close_old_connections", lambda: None)
    signals = (request_started, request_finished)
    for signal in signals:
        signal.disconnect(close_old_connections)
    yield
    for signal in signals:
        signal.connect(close_old_connections)


@pytest.fixture
def anonymous(
    kept_connection: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> DoorsClient:
    """Give somebody who is not signed in."""
    settings.FILES_MAX_UPLOAD_FILES = MAX_FILES
    settings.STATIC_ROOT = tmp_path
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    }
    return make_client(monkeypatch)


@pytest.fixture
def ada(space: Space) -> User:
    """Give the owner of space."""
    assert space.owner is not None
    return space.owner


@pytest.fixture
def browser(anonymous: DoorsClient, ada: User, root: Entry) -> DoorsClient:
    """Give a browser in which ada is signed in."""
    return anonymous.sign_in(ada)


@pytest.fixture
def scene(browser: DoorsClient, space: Space, root: Entry, storage: BlobStorage) -> Scene:
    """Give ada's browser with all that it works on."""
    return Scene(browser, space, root, storage)


@pytest.fixture
def bench(
    kept_connection: None,
    root: Entry,
    ada: User,
    storage: BlobStorage,
    monkeypatch: pytest.MonkeyPatch,
) -> Bench:
    """Give an engine with an upload to work on."""
    return Bench(root, ada, storage, monkeypatch)
