"""An upload that was begun in one protocol is gone on with in the other."""

import pytest

from files.models import Entry
from tests.factories import paths_in
from tests.uploads.ietf import Ietf
from tests.uploads.tus import Tus

pytestmark = pytest.mark.usefixtures("consistent")


@pytest.fixture
def both(tus: Tus, ietf: Ietf) -> tuple[Tus, Ietf]:
    return tus, ietf


def test_tus_then_ietf(both: tuple[Tus, Ietf], root: Entry) -> None:
    tus, ietf = both
    url = tus.begin(b"con", length=7)

    assert ietf.head(url).headers["upload-offset"] == "3"
    assert ietf.patch(url, b"tent", at=3, last=True).status == 201
    assert paths_in(root) == {"a": b"content"}


def test_ietf_then_tus(both: tuple[Tus, Ietf], root: Entry) -> None:
    tus, ietf = both
    url = ietf.begin(b"con", Upload_Length="7")

    assert tus.head(url).headers["upload-offset"] == "3"
    assert tus.patch(url, b"tent", at=3).status == 204
    assert paths_in(root) == {"a": b"content"}
