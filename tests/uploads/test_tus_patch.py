"""Bytes are appended by PATCH."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from files.http import appending
from files.models import Entry, Space, Upload
from files.storage.filesystem import BlobStorage
from files.storage.partial import PartialBlob
from tests.factories import make_file, make_user, paths_in, reread
from tests.uploads.tus import OFFSET, Tus, checksum, problem

pytestmark = pytest.mark.usefixtures("consistent")


def test_chunks_come_one_after_the_other(tus: Tus, root: Entry) -> None:
    url = tus.begin(length=7)

    first = tus.patch(url, b"one ")
    last = tus.patch(url, b"two", at=4)

    assert (first.status, first.body, first.headers["upload-offset"]) == (204, b"", "4")
    assert first.headers["upload-expires"].endswith(" GMT")
    assert "upload-entry" not in first.headers
    assert (last.status, last.headers["upload-offset"]) == (204, "7")
    assert last.headers["upload-entry"] == f"/entries/{Upload.objects.get().entry_id}/"
    assert last.headers["repr-digest"].startswith("sha-256=:")
    assert paths_in(root) == {"a": b"one two"}


@pytest.mark.parametrize("body", [b"whole", [b"wh", b"ole"]], ids=["sized", "chunked"])
@pytest.mark.parametrize("method", ["PATCH", "POST"])
def test_body_may_come_in_any_framing_and_under_another_method(
    tus: Tus, root: Entry, body: Any, method: str
) -> None:
    url = tus.begin(length=5)

    answer = tus.request(
        method,
        url,
        body,
        Content_Type=OFFSET,
        Upload_Offset="0",
        X_HTTP_Method_Override="PATCH" if method == "POST" else None,
    )

    assert (answer.status, answer.headers["upload-offset"]) == (204, "5")
    assert paths_in(root) == {"a": b"whole"}


REFUSED = [
    ({"Upload_Offset": "3"}, 409, "offset-conflict", {"upload-offset": "2"}),
    ({"Upload_Offset": "0"}, 409, "offset-conflict", {"upload-offset": "2"}),
    ({"Upload_Offset": None}, 400, "malformed-request", {}),
    ({"Upload_Offset": "-1"}, 400, "malformed-request", {}),
    ({"Upload_Offset": "2.0"}, 400, "malformed-request", {}),
    ({"Upload_Offset": "²"}, 400, "malformed-request", {}),
    ({"Upload_Offset": "9" * 19}, 400, "malformed-request", {}),
    ({"Content_Type": "application/octet-stream"}, 415, "unsupported-type", {}),
    ({"Content_Type": None}, 415, "unsupported-type", {"accept-patch": OFFSET}),
    ({"Content_Encoding": "gzip"}, 415, "unsupported-type", {}),
    ({"Tus_Resumable": "0.2.2"}, 412, "unsupported-version", {"tus-version": "1.0.0"}),
    ({"Tus_Resumable": None}, 412, "unsupported-version", {"tus-version": "1.0.0"}),
    ({"Upload_Checksum": "md5 AAAA"}, 400, "malformed-request", {}),
    ({"Upload_Checksum": "sha1"}, 400, "malformed-request", {}),
    ({"Upload_Checksum": "sha1 AAAA"}, 400, "malformed-request", {}),
    ({"Upload_Checksum": "sha1 ????"}, 400, "malformed-request", {}),
    ({"Upload_Checksum": "sha1 é"}, 400, "malformed-request", {}),
    ({"Upload_Length": "11"}, 400, "length-mismatch", {}),
    ({"Upload_Length": "ten"}, 400, "malformed-request", {}),
]


@pytest.mark.parametrize(("headers", "status", "code", "told"), REFUSED)
def test_refusal_is_told_before_a_byte_is_read_and_changes_nothing(
    tus: Tus, headers: dict[str, Any], status: int, code: str, told: dict[str, str]
) -> None:
    url = tus.begin(b"on", length=10)

    answer = tus.patch(url, b"e two", at=2, **headers)

    assert (answer.status, problem(answer)["code"]) == (status, code)
    assert answer.read_at_start == 0
    assert told.items() <= answer.headers.items()
    assert "location" not in answer.headers
    assert tus.head(url).headers["upload-offset"] == "2"


def test_more_than_the_length_is_refused(tus: Tus) -> None:
    url = tus.begin(length=3)

    answer = tus.patch(url, b"four")

    assert (answer.status, problem(answer)["length"]) == (400, 3)
    assert answer.read_at_start == 0


@pytest.mark.parametrize("algorithm", ["sha1", "sha256", "crc32"])
def test_chunk_that_is_not_what_its_checksum_says_is_thrown_away(
    tus: Tus, root: Entry, algorithm: str
) -> None:
    url = tus.begin(length=5)

    wrong = tus.patch(url, b"whale", Upload_Checksum=checksum(b"whole", algorithm))
    assert (wrong.status, problem(wrong)["code"]) == (460, "digest-mismatch")
    assert tus.head(url).headers["upload-offset"] == "0"

    right = tus.patch(url, b"whole", Upload_Checksum=checksum(b"whole", algorithm))
    assert right.status == 204
    assert paths_in(root) == {"a": b"whole"}


def test_chunk_with_a_checksum_that_is_cut_counts_nothing(tus: Tus) -> None:
    url = tus.begin(length=5)

    tus.client.request(
        "PATCH",
        url,
        [b"who"],
        gone=True,
        Tus_Resumable="1.0.0",
        Content_Type=OFFSET,
        Upload_Offset="0",
        Upload_Checksum=checksum(b"whole"),
    )

    assert tus.head(url).headers["upload-offset"] == "0"


def test_cut_chunk_keeps_every_byte(tus: Tus) -> None:
    url = tus.begin(length=5)

    tus.client.request(
        "PATCH",
        url,
        [b"wh", b"o"],
        gone=True,
        Tus_Resumable="1.0.0",
        Content_Type=OFFSET,
        Upload_Offset="0",
    )

    assert tus.head(url).headers["upload-offset"] == "3"


def test_wrong_file_is_told_as_such_and_its_upload_is_gone(tus: Tus, space: Space) -> None:
    url = tus.begin(length=5, meta={"sha256": "0" * 64})

    answer = tus.patch(url, b"whole")

    assert (answer.status, problem(answer)["code"]) == (400, "digest-mismatch")
    assert (tus.head(url).status, reread(space).used_bytes) == (404, 0)


def test_last_chunk_that_is_repeated_is_told_where_the_upload_stands(tus: Tus) -> None:
    url = tus.begin(length=5)
    tus.patch(url, b"whole")

    again = tus.patch(url, b"whole")
    assert (again.status, problem(again)["code"]) == (409, "upload-complete")
    assert again.headers["upload-offset"] == "5"

    empty = tus.patch(url, at=5)
    assert (empty.status, empty.headers["upload-offset"]) == (204, "5")
    assert empty.headers["upload-entry"]


def test_length_may_be_said_with_any_chunk(tus: Tus, root: Entry) -> None:
    url = tus.begin(Upload_Defer_Length="1")

    assert tus.patch(url, b"one ").status == 204
    assert tus.patch(url, b"", at=4, Upload_Length="7").status == 204
    assert tus.head(url).headers["upload-length"] == "7"
    assert tus.patch(url, b"two", at=4).headers["upload-entry"]
    assert paths_in(root) == {"a": b"one two"}


def test_length_beyond_the_limit_is_refused(tus: Tus, settings: Settings) -> None:
    url = tus.begin(Upload_Defer_Length="1")
    settings.FILES_MAX_UPLOAD_SIZE = 10

    answer = tus.patch(url, b"one", Upload_Length="11")

    assert (answer.status, problem(answer)["limit"]) == (413, 10)
    assert answer.headers["tus-max-size"] == "10"


def test_upload_of_somebody_else_is_not_found(tus: Tus) -> None:
    url = tus.begin(length=5)
    tus.client = tus.client.sign_in(make_user("eve"))

    answer = tus.patch(url, b"whole")

    assert (answer.status, problem(answer)["code"]) == (404, "upload-not-found")


def test_full_disk_tells_what_is_free(
    tus: Tus, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    url = tus.begin(length=5)
    settings.FILES_MIN_FREE_SPACE = 100
    monkeypatch.setattr(BlobStorage, "free_bytes", lambda _storage: 103)

    answer = tus.patch(url, b"whole")

    found = problem(answer)
    assert (answer.status, found["code"]) == (507, "disk-full")
    assert (found["needed"], found["free"]) == (5, 3)


def test_upload_that_is_held_is_told_as_busy(tus: Tus, monkeypatch: pytest.MonkeyPatch) -> None:
    url = tus.begin(length=5)
    monkeypatch.setattr(appending, "PATIENCE_SECONDS", 0.2)
    monkeypatch.setattr(PartialBlob, "try_lock", lambda _partial: False)

    answer = tus.patch(url, b"whole")

    assert (answer.status, problem(answer)["code"]) == (423, "upload-busy")
    assert answer.headers["retry-after"] == "1"


def test_name_that_was_taken_meanwhile_is_told_and_the_bytes_are_kept(
    tus: Tus, root: Entry
) -> None:
    url = tus.begin(length=5, meta={"clash": "refuse"})
    make_file(root, "a", b"other")

    answer = tus.patch(url, b"whole")

    assert (answer.status, problem(answer)["code"]) == (409, "entry-exists")
    assert tus.head(url).status == 409
    assert Upload.objects.get().offset == 5


def test_chunk_costs_a_flat_number_of_statements(tus: Tus) -> None:
    url = tus.begin(length=10_000_000)

    with CaptureQueriesContext(
        connection,
    ) as few:
        tus.patch(url, b"x")
    with CaptureQueriesContext(connection) as many:
        tus.patch(url, b"x" * 9_000_000, at=1)

    assert len(few) == len(many)
