"""Every test has a disk of its own; on SQLite the database is a file, as in production."""

import logging
import os
import shutil
import signal
from collections.abc import Iterator

import pytest
from django.conf import settings as django_settings
from django.db import connection
from django.utils import translation
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from pytest_django import Settings

from files.models import Blob, Entry, Space
from files.storage.filesystem import BlobStorage, prepare_folders
from tests.factories import make_space, root_of
from tests.invariants import check_everything

# Some tests send Ctrl-C; what runs in the background of a shell is told to ignore it.
signal.signal(signal.SIGINT, signal.default_int_handler)

# The lines of requests have a handler of their own, which writes them from a thread, be it in the
# middle of a test that counts what reaches the disk. Here they go the way of all others, to caplog.
logging.getLogger("files.requests").handlers.clear()
logging.getLogger("files.requests").propagate = True

# Not from the environment: settings are read before this file is.
django_settings.SECRET_KEY = "for tests only"

# HYPOTHESIS_PROFILE=long looks further; the default keeps the suite short.
_CALM = hypothesis_settings(deadline=None, suppress_health_check=list(HealthCheck))
hypothesis_settings.register_profile("short", _CALM, max_examples=60, stateful_step_count=30)
hypothesis_settings.register_profile("long", _CALM, max_examples=1000, stateful_step_count=60)
hypothesis_settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "short"))


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    django_db_modify_db_settings_parallel_suffix: None, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Put the SQLite database in a file: in memory, threads would share more than they do.

    It is not synced, as no test here cuts the power.
    """
    if connection.vendor == "sqlite":
        folder = tmp_path_factory.mktemp("database")
        connection.settings_dict["TEST"]["NAME"] = str(folder / "test.sqlite3")
        options = connection.settings_dict["OPTIONS"]
        options["init_command"] += "PRAGMA synchronous=OFF;"


@pytest.fixture(autouse=True)
def storage(
    tmp_path_factory: pytest.TempPathFactory, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> Iterator[BlobStorage]:
    """Put blobs below the test's own data folder, which goes with the test: it is 258 folders."""
    settings.FILES_DATA_DIR = settings.STATIC_ROOT = tmp_path_factory.mktemp("data")
    location = settings.FILES_DATA_DIR / "uploads"
    prepare_folders(location)
    settings.MEDIA_ROOT = location
    storage = BlobStorage(location)
    monkeypatch.setattr(Blob._meta.get_field("file"), "storage", storage)
    yield storage
    shutil.rmtree(settings.FILES_DATA_DIR)


@pytest.fixture(autouse=True)
def language() -> Iterator[None]:
    """Let no test leave its language to the next: Django's client does, after its last request."""
    with translation.override(django_settings.LANGUAGE_CODE):
        yield


@pytest.fixture
def space(db: None) -> Space:
    """Give the personal space of ada."""
    return make_space()


@pytest.fixture
def root(space: Space) -> Entry:
    """Give the root folder of the space of ada."""
    return root_of(space)


@pytest.fixture
def consistent(db: None) -> Iterator[None]:
    """Hold database and disk against each other after the test."""
    yield
    check_everything()
