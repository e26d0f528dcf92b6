"""Bytes are appended by PATCH."""

import zlib
from base64 import b64encode
from typing import Any

import pytest

from files.models import Entry, Space, Upload
from files.operations.entries import trash_entries
from tests.factories import SYSTEM, make_folder, make_user, paths_in, reread
from tests.http.client import DoorsClient
from tests.uploads.conftest import uploader
from tests.uploads.tus import PART, Tus, checksum, code_of, metadata

pytestmark = pytest.mark.usefixtures("consistent")


@pytest.mark.parametrize("body", [b"tent", [b"te", b"nt"]], ids=["sized", "chunked"])
def test_parts_come_one_after_the_other(tus: Tus, root: Entry, space: Space, body: Any) -> None:
    url = tus.begin(length=7)

    first = tus.patch(url, b"con")
    assert (first.status, first.headers["upload-offset"]) == (204, "3")
    assert "upload-expires" in first.headers
    assert paths_in(root) == {}
    last = tus.patch(url, body, at=3)

    assert (last.status, last.headers["upload-offset"]) == (204, "7")
    assert last.headers["upload-entry"].startswith("/entries/")
    assert last.headers["repr-digest"] == "sha-256=:7XACtDnprIRfIjV9giusFERzD722AW0+yUMil7nsn3M=:"
    assert paths_in(root) == {"a": b"content"}
    assert reread(space).used_bytes == 7


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({"Upload_Offset": "1"}, 409, "offset-conflict"),
        ({"Upload_Offset": "7"}, 409, "offset-conflict"),
        ({"Upload_Offset": None}, 400, "malformed-request"),
        ({"Upload_Offset": "x"}, 400, "malformed-request"),
        ({"Upload_Offset": "-3"}, 400, "malformed-request"),
        ({"Content_Type": None}, 415, "unsupported-type"),
        ({"Content_Type": "application/octet-stream"}, 415, "unsupported-type"),
        ({"Upload_Length": "8"}, 400, "length-mismatch"),
        ({"Upload_Length": "x"}, 400, "malformed-request"),
        ({"Upload_Checksum": "md5 AAAA"}, 400, "malformed-request"),
        ({"Upload_Checksum": "sha1 !!"}, 400, "malformed-request"),
        ({"Upload_Checksum": "sha1"}, 400, "malformed-request"),
        ({"Upload_Checksum": checksum(b"other")}, 460, "digest-mismatch"),
    ],
)
def test_what_does_not_fit_is_refused_and_changes_nothing(
    tus: Tus, headers: dict[str, Any], status: int, code: str
) -> None:
    url = tus.begin(b"con", length=7)

    answer = tus.patch(url, b"tent", **{"Upload_Offset": "3", **headers})

    assert (answer.status, code_of(answer)) == (status, code)
    assert tus.head(url).headers["upload-offset"] == "3"
    assert tus.patch(url, b"tent", at=3).status == 204


def test_a_wrong_offset_is_told_the_right_one(tus: Tus) -> None:
    url = tus.begin(b"con", length=7)

    assert tus.patch(url, b"tent", at=4).headers["upload-offset"] == "3"


def test_more_than_the_length_is_refused_by_its_head(tus: Tus, root: Entry) -> None:
    url = tus.begin(length=3)

    answer = tus.patch(url, b"content")

    assert (answer.status, code_of(answer)) == (400, "length-mismatch")
    assert tus.head(url).headers["upload-offset"] == "0"
    assert paths_in(root) == {}


def test_more_than_the_length_in_chunks_ends_the_upload(tus: Tus, root: Entry) -> None:
    url = tus.begin(length=3)

    assert tus.patch(url, [b"con", b"tent"]).status == 400
    assert tus.head(url).status == 404
    assert paths_in(root) == {}


@pytest.mark.parametrize("algorithm", ["sha1", "sha256"])
def test_a_right_checksum_is_taken(tus: Tus, root: Entry, algorithm: str) -> None:
    url = tus.begin(length=7)

    assert tus.patch(url, b"con", Upload_Checksum=checksum(b"con", algorithm)).status == 204
    wrong, right = ((zlib.crc32(b"tent") + n).to_bytes(4) for n in (1, 0))
    answer = tus.patch(url, b"tent", at=3, Upload_Checksum=f"crc32 {b64encode(wrong).decode()}")
    assert answer.status == 460
    answer = tus.patch(url, b"tent", at=3, Upload_Checksum=f"crc32 {b64encode(right).decode()}")

    assert answer.status == 204
    assert paths_in(root) == {"a": b"content"}


def test_a_finished_upload_takes_nothing_but_a_repeated_end(tus: Tus) -> None:
    url = tus.begin(b"content", length=7)

    assert tus.patch(url, b"", at=7).status == 204
    answer = tus.patch(url, b"x", at=7)
    assert (answer.status, code_of(answer)) == (409, "upload-complete")


def test_an_upload_is_its_owners_alone(tus: Tus, anonymous: DoorsClient) -> None:
    url = tus.begin(length=7)
    eve = Tus(uploader(anonymous, make_user("eve")), tus.folder)

    assert eve.patch(url, b"con").status == 404
    assert eve.head(url).status == 404
    assert eve.request("DELETE", url).status == 404
    assert Upload.objects.get().offset == 0


def test_a_folder_that_is_gone_keeps_the_bytes_for_later(tus: Tus, root: Entry) -> None:
    folder = make_folder(root, "in")
    text = metadata(folder=folder.pk, filename="a")
    url = tus.begin(length=7, Upload_Metadata=text)
    trash_entries([folder], actor=SYSTEM)

    answer = tus.patch(url, b"content")

    assert (answer.status, code_of(answer)) == (404, "entry-not-found")
    upload = Upload.objects.get()
    assert (upload.state, upload.offset) == (Upload.State.OPEN, 7)


def test_the_method_may_be_in_a_header(tus: Tus, root: Entry) -> None:
    url = tus.begin(length=7)

    answer = tus.request(
        "POST",
        url,
        b"content",
        X_HTTP_Method_Override="PATCH",
        Content_Type=PART,
        Upload_Offset="0",
    )

    assert answer.status == 204
    assert paths_in(root) == {"a": b"content"}


def test_a_cut_connection_keeps_every_byte(tus: Tus, root: Entry) -> None:
    url = tus.begin(length=7)

    tus.patch(url, [b"co", b"nt"], gone=True)

    assert tus.head(url).headers["upload-offset"] == "4"
    assert tus.patch(url, b"ent", at=4).status == 204
    assert paths_in(root) == {"a": b"content"}
