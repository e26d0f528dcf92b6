"""WebDAV as ada sees it: her files are below /ada/."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User

from files.dav.face import DAV
from files.http.doors import Doors
from files.models import Entry
from tests.dav.client import DavClient, basic
from tests.http.client import DoorsClient
from tests.http.conftest import ada, anonymous, kept_connection

__all__ = ["ada", "anonymous", "kept_connection"]

type As = Callable[[User | None], DavClient]


@pytest.fixture(autouse=True)
def committed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do at once what follows a commit, for which a test's own transaction never comes."""
    monkeypatch.setattr("files.operations.uploads.transaction.on_commit", lambda act: act())


@pytest.fixture
def dav_as(anonymous: DoorsClient) -> As:
    """Give what makes a client for somebody, or for nobody."""
    anonymous.doors = Doors(anonymous.doors._django, methods=[DAV])
    return lambda user: DavClient(anonymous, basic(user) if user is not None else None)


@pytest.fixture
def dav(dav_as: As, ada: User, root: Entry) -> DavClient:
    """Give ada's client."""
    return dav_as(ada)
