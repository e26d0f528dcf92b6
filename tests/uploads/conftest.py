"""The doors with the faces of upload protocols, as somebody with a client sees them."""

import pytest
from django.contrib.auth.models import User

from files.http.doors import Doors
from files.models import Entry
from files.uploads.resumable import IETF
from files.uploads.tus import TUS
from tests.http.client import DoorsClient
from tests.http.conftest import ada, anonymous, kept_connection
from tests.uploads.ietf import Ietf
from tests.uploads.tus import Tus

__all__ = ["ada", "anonymous", "kept_connection"]


@pytest.fixture
def ietf(anonymous: DoorsClient, ada: User, root: Entry) -> Ietf:
    """Give a client of Resumable Uploads for HTTP, in which ada is signed in."""
    anonymous.doors = Doors(anonymous.doors._django, resumable=[IETF])
    return Ietf(anonymous.sign_in(ada), root.pk)


@pytest.fixture
def tus(anonymous: DoorsClient, ada: User, root: Entry) -> Tus:
    """Give a client of tus, in which ada is signed in; the server speaks the other protocol too."""
    anonymous.doors = Doors(anonymous.doors._django, resumable=[TUS, IETF])
    return Tus(anonymous.sign_in(ada), root.pk)
