"""An upload is given up by DELETE."""

import pytest

from files.models import Entry, Space, Upload
from files.storage.filesystem import BlobStorage
from tests.factories import paths_in, reread
from tests.uploads.tus import Tus

pytestmark = pytest.mark.usefixtures("consistent")


def test_an_upload_is_given_up_with_its_bytes(tus: Tus, space: Space, storage: BlobStorage) -> None:
    url = tus.begin(b"con", length=7)

    answer = tus.request("DELETE", url)

    assert (answer.status, answer.body) == (204, b"")
    assert not Upload.objects.exists()
    assert reread(space).used_bytes == 0
    assert tus.head(url).status == 404
    assert tus.request("DELETE", url).status == 404


def test_a_finished_upload_is_only_forgotten(tus: Tus, root: Entry) -> None:
    url = tus.begin(b"content", length=7)

    assert tus.request("DELETE", url).status == 204
    assert paths_in(root) == {"a": b"content"}
    assert tus.head(url).status == 404
