"""The doors with the faces of upload protocols, as somebody with a client sees them."""

import pytest
from django.contrib.auth.models import User

from files.http.doors import Doors
from files.models import Entry
from files.uploads.resumable import IETF
from tests.http.client import DoorsClient
from tests.http.conftest import ada, anonymous, kept_connection
from tests.uploads.ietf import Ietf

__all__ = ["ada", "anonymous", "kept_connection"]


@pytest.fixture
def ietf(anonymous: DoorsClient, ada: User, root: Entry) -> Ietf:
    """Give a client of Resumable Uploads for HTTP, in which ada is signed in."""
    anonymous.doors = Doors(anonymous.doors._django, resumable=[IETF])
    return Ietf(anonymous.sign_in(ada), root.pk)
