"""How far an upload is, is asked by HEAD."""

from base64 import b64decode
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from hashlib import sha256
from typing import Any

import pytest

from files.models import Upload
from tests.factories import make_user
from tests.uploads.tus import Tus, base64, metadata

pytestmark = pytest.mark.usefixtures("consistent")


def read_metadata(text: str) -> dict[str, str]:
    pairs = (pair.split(" ") for pair in text.split(","))
    return {key: b64decode(value).decode() for key, value in pairs}


def test_open_upload_tells_all_about_itself(tus: Tus) -> None:
    meta = {
        "relativePath": "trip/é b.txt",
        "filetype": "text/plain",
        "lastModified": "1700000000123",
        "clash": "both",
    }
    url = tus.begin(b"first", length=20, meta=meta)

    answer = tus.head(url)

    told = answer.headers
    assert (answer.status, answer.body) == (200, b"")
    assert (told["upload-offset"], told["upload-length"]) == ("5", "20")
    assert told["tus-resumable"] == "1.0.0"
    assert told["cache-control"] == "no-store"
    assert read_metadata(told["upload-metadata"]) == {
        "folder": str(tus.folder),
        "filename": "a",
        **meta,
    }
    expires = parsedate_to_datetime(told["upload-expires"])
    assert 6 <= (expires - datetime.now(UTC)).days <= 7
    assert not {"upload-entry", "repr-digest", "upload-defer-length"} & told.keys()


def test_length_that_is_not_said_yet_is_told_as_such(tus: Tus) -> None:
    url = tus.begin(Upload_Defer_Length="1")

    told = tus.head(url).headers

    assert (told["upload-defer-length"], told["upload-offset"]) == ("1", "0")
    assert "upload-length" not in told


def test_finished_upload_tells_what_it_has_become(tus: Tus) -> None:
    url = tus.begin(length=5)
    last = tus.patch(url, b"whole").headers

    told = tus.head(url).headers

    digest = f"sha-256=:{base64(sha256(b'whole').digest())}:"
    assert (told["upload-offset"], told["upload-length"]) == ("5", "5")
    assert told["upload-entry"] == last["upload-entry"]
    assert told["upload-entry"] == f"/entries/{Upload.objects.get().entry_id}/"
    assert told["repr-digest"] == last["repr-digest"] == digest
    assert "upload-expires" not in told


def test_metadata_comes_back_as_it_was_sent(tus: Tus) -> None:
    sent = f"note {base64('kept')}, folder {base64(str(tus.folder))},filename YQ==,empty"
    url = tus.begin(length=5, Upload_Metadata=sent)

    assert tus.head(url).headers["upload-metadata"] == sent


def test_upload_that_tus_has_not_begun_tells_what_is_known_of_it(tus: Tus) -> None:
    url = tus.begin(length=5, meta={"filename": "a.txt"})
    Upload.objects.update(metadata="", folder=None)

    told = tus.head(url)

    assert told.status == 200
    assert read_metadata(told.headers["upload-metadata"]) == {
        "relativePath": "a.txt",
        "clash": "version",
    }


@pytest.mark.parametrize("who", ["eve", "nobody"])
def test_upload_of_somebody_else_is_not_told(tus: Tus, who: str) -> None:
    url = tus.begin(length=5)
    if who == "eve":
        tus.client = tus.client.sign_in(make_user("eve"))
    else:
        tus.client.cookies = {}

    answer = tus.head(url)

    assert (answer.status, answer.body) == (404 if who == "eve" else 401, b"")
    assert tus.head(f"/uploads/{'0' * 32}").status == answer.status


def test_method_may_be_overridden_on_a_post_only(tus: Tus) -> None:
    url = tus.begin(length=5)

    asked = tus.request("POST", url, X_HTTP_Method_Override="HEAD")
    kept = tus.request("HEAD", url, X_HTTP_Method_Override="DELETE")

    assert (asked.status, asked.headers["upload-offset"]) == (200, "0")
    assert (kept.status, Upload.objects.count()) == (200, 1)


@pytest.mark.parametrize(
    ("method", "url", "status", "allow"),
    [
        ("HEAD", "/uploads/", 405, "POST, OPTIONS"),
        ("PATCH", "/uploads/", 405, "POST, OPTIONS"),
        ("GET", None, 405, "HEAD, PATCH, DELETE, OPTIONS"),
        ("POST", None, 405, "HEAD, PATCH, DELETE, OPTIONS"),
    ],
)
def test_other_methods_are_refused(
    tus: Tus, method: str, url: str | None, status: int, allow: str
) -> None:
    answer = tus.request(method, url or tus.begin(length=5))

    assert (answer.status, answer.headers["allow"]) == (status, allow)


@pytest.mark.parametrize("version", ["0.2.2", "1.0.1", "", None])
def test_other_version_is_refused(tus: Tus, version: str | None) -> None:
    url = tus.begin(length=5)

    headers: dict[str, Any] = {"Tus_Resumable": version, "Upload_Metadata": metadata(a="b")}
    answer = tus.client.request("HEAD", url, **headers)

    assert (answer.status, answer.headers["tus-version"]) == (412, "1.0.0")


def test_upload_of_the_coming_standard_is_gone_on_with(tus: Tus) -> None:
    answer = tus.client.request(
        "POST",
        f"/uploads/?folder={tus.folder}&path=a",
        b"first",
        Upload_Complete="?0",
        Upload_Length="9",
    )
    url = answer.headers["location"]

    assert tus.head(url).headers["upload-offset"] == "5"
    assert tus.patch(url, b"last", at=5).headers["upload-entry"]
