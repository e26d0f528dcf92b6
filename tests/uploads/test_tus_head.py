"""HEAD tells how far an upload is."""

import pytest

from files.models import Entry
from tests.uploads.tus import Tus

pytestmark = pytest.mark.usefixtures("consistent")


def test_an_open_upload_tells_offset_and_length(tus: Tus) -> None:
    url = tus.begin(b"con", length=7)

    answer = tus.head(url)

    assert (answer.status, answer.body) == (200, b"")
    assert answer.headers["upload-offset"] == "3"
    assert answer.headers["upload-length"] == "7"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["upload-metadata"].startswith("folder ")


def test_a_finished_upload_still_answers(tus: Tus) -> None:
    url = tus.begin(b"content", length=7)

    answer = tus.head(url)

    assert (answer.headers["upload-offset"], answer.headers["upload-length"]) == ("7", "7")
    entry = Entry.objects.get(name="a")
    assert answer.headers["upload-entry"] == f"/entries/{entry.pk}/"
    assert "repr-digest" in answer.headers


@pytest.mark.parametrize("name", ["0" * 32, "f" * 32])
def test_an_unknown_upload_is_not_found(tus: Tus, name: str) -> None:
    assert tus.head(f"/uploads/{name}").status == 404


def test_head_needs_a_session(tus: Tus) -> None:
    url = tus.begin(length=7)
    tus.client.cookies.clear()

    assert tus.head(url).status == 401
