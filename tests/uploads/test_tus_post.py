"""An upload is begun by POST, perhaps with its first bytes."""

from base64 import b64encode
from datetime import UTC, datetime
from typing import Any

import pytest
from pytest_django import Settings

from files.models import Entry, Space, Upload
from files.operations.spaces import set_quota
from tests.factories import SYSTEM, make_file, make_user, paths_in, reread
from tests.http.client import DoorsClient
from tests.uploads.conftest import uploader
from tests.uploads.tus import Tus, checksum, code_of, metadata

pytestmark = pytest.mark.usefixtures("consistent")


def test_an_upload_is_begun(tus: Tus, root: Entry, space: Space) -> None:
    answer = tus.create(length=7)

    upload = Upload.objects.get()
    assert answer.status == 201
    assert answer.headers["location"] == f"/uploads/{upload.pk.hex}"
    assert answer.headers["upload-offset"] == "0"
    assert answer.headers["upload-expires"].endswith(" GMT")
    assert answer.headers["tus-resumable"] == "1.0.0"
    assert (upload.path, upload.length, upload.folder) == ("a", 7, root)
    assert reread(space).used_bytes == 7
    assert paths_in(root) == {}


@pytest.mark.parametrize("body", [b"content", [b"con", b"tent"]], ids=["sized", "chunked"])
def test_a_whole_file_comes_with_its_creation(tus: Tus, root: Entry, body: Any) -> None:
    answer = tus.create(body, length=7)

    assert answer.status == 201
    assert answer.headers["upload-offset"] == "7"
    assert answer.headers["upload-entry"] == f"/entries/{Upload.objects.get().entry_id}/"
    assert answer.headers["repr-digest"].startswith("sha-256=:")
    assert paths_in(root) == {"a": b"content"}


def test_the_first_bytes_come_with_the_creation(tus: Tus, root: Entry) -> None:
    answer = tus.create(b"cont", length=7)
    assert answer.headers["upload-offset"] == "4"

    tus.patch(answer.headers["location"], b"ent", at=4)

    assert paths_in(root) == {"a": b"content"}


def test_an_empty_file_is_complete_at_once(tus: Tus, root: Entry) -> None:
    answer = tus.create(length=0)

    assert (answer.status, answer.headers["upload-offset"]) == (201, "0")
    assert paths_in(root) == {"a": b""}


def test_the_length_may_be_told_later(tus: Tus, root: Entry) -> None:
    url = tus.begin(Upload_Defer_Length="1")
    assert tus.head(url).headers["upload-defer-length"] == "1"
    tus.patch(url, b"con")

    last = tus.patch(url, b"tent", at=3, Upload_Length="7")

    assert last.status == 204
    assert paths_in(root) == {"a": b"content"}


@pytest.mark.parametrize(
    ("values", "path"),
    [
        ({"filename": "b"}, "b"),
        ({"name": "b"}, "b"),
        ({"filename": "b", "relativePath": "x/y/c"}, "x/y/c"),
        ({"filename": "\u0430\u0301 \U0001f600.txt"}, "\u0430\u0301 \U0001f600.txt"),
    ],
)
def test_the_name_is_in_the_metadata(
    tus: Tus, root: Entry, values: dict[str, str], path: str
) -> None:
    tus.create(length=0, Upload_Metadata=metadata(folder=tus.folder, **values))

    assert path in paths_in(root)


def test_the_folder_may_be_in_the_address(tus: Tus, root: Entry) -> None:
    answer = tus.request(
        "POST",
        f"/uploads/?folder={root.pk}",
        Upload_Length="0",
        Upload_Metadata=metadata(filename="a"),
    )

    assert answer.status == 201
    assert paths_in(root) == {"a": b""}


@pytest.mark.parametrize(
    ("values", "modified_at"),
    [
        ({"lastModified": "1600000000123"}, datetime(2020, 9, 13, 12, 26, 40, 123000, UTC)),
        ({"mtime": "1600000000.5"}, datetime(2020, 9, 13, 12, 26, 40, 500000, UTC)),
        ({"mtime": "-1"}, datetime(1969, 12, 31, 23, 59, 59, 0, UTC)),
    ],
)
def test_the_time_is_in_the_metadata(
    tus: Tus, values: dict[str, str], modified_at: datetime
) -> None:
    tus.create(length=0, Upload_Metadata=metadata(folder=tus.folder, filename="a", **values))

    assert Entry.objects.get(name="a").modified_at == modified_at


def test_what_was_understood_is_given_back(tus: Tus) -> None:
    text = f"{metadata(folder=tus.folder, filename='a')},flag,colour {b64encode(b'red').decode()}"

    url = tus.begin(length=3, Upload_Metadata=text)

    told = metadata(folder=tus.folder, relativePath="a", clash="version")
    assert tus.head(url).headers["upload-metadata"] == told


def test_a_name_that_is_taken_is_a_new_version_or_both_or_refused(tus: Tus, root: Entry) -> None:
    make_file(root, "a", b"old")
    for clash, status in (("version", 201), ("both", 201), ("refuse", 409)):
        text = metadata(folder=tus.folder, filename="a", clash=clash)
        answer = tus.create(clash.encode(), length=len(clash), Upload_Metadata=text)
        assert answer.status == status

    assert paths_in(root) == {"a": b"version", "a (2)": b"both"}


def test_a_stated_digest_is_checked_before_the_file_is_visible(tus: Tus, root: Entry) -> None:
    right = "ed7002b439e9ac845f22357d822bac1444730fbdb6016d3ec9432297b9ec9f73"  # of "content"
    wrong = metadata(folder=tus.folder, filename="a", sha256="0" * 64)

    refused = tus.create(b"content", length=7, Upload_Metadata=wrong)
    assert (refused.status, code_of(refused)) == (400, "digest-mismatch")
    assert not Upload.objects.exists()
    assert paths_in(root) == {}

    text = metadata(folder=tus.folder, filename="a", sha256=right.upper())
    assert tus.create(b"content", length=7, Upload_Metadata=text).status == 201
    assert paths_in(root) == {"a": b"content"}


def test_a_wrong_checksum_leaves_the_upload_empty(tus: Tus) -> None:
    answer = tus.create(b"content", length=7, Upload_Checksum=checksum(b"other"))

    assert (answer.status, code_of(answer)) == (460, "digest-mismatch")
    assert tus.head(answer.headers["location"]).headers["upload-offset"] == "0"


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({"Upload_Length": None}, 400, "malformed-request"),
        ({"Upload_Length": "-1"}, 400, "malformed-request"),
        ({"Upload_Length": "seven"}, 400, "malformed-request"),
        ({"Upload_Length": "7, 8"}, 400, "malformed-request"),
        ({"Upload_Defer_Length": "1"}, 400, "malformed-request"),
        ({"Upload_Length": None, "Upload_Defer_Length": "2"}, 400, "malformed-request"),
        ({"Upload_Concat": "partial"}, 400, "malformed-request"),
        ({"Upload_Metadata": None}, 400, "malformed-request"),
        ({"Upload_Metadata": "filename !!!"}, 400, "malformed-request"),
        ({"Upload_Metadata": "filename /w=="}, 400, "malformed-request"),
        ({"Upload_Metadata": "filename YQ==,filename YQ=="}, 400, "malformed-request"),
        ({"Upload_Metadata": metadata(filename="a", folder="x")}, 400, "malformed-request"),
        ({"Upload_Metadata": metadata(filename="a")}, 400, "malformed-request"),
        ({"Upload_Metadata": metadata(folder=1)}, 400, "malformed-request"),
        ({"Upload_Metadata": "filename " + "A" * 9000}, 400, "malformed-request"),
        ({"Upload_Metadata": metadata(filename="a", folder=10**17)}, 404, "entry-not-found"),
        ({"Upload_Metadata": metadata(filename="../a", folder=1)}, 422, "invalid-name"),
        ({"Upload_Metadata": metadata(filename="a\n", folder=1)}, 422, "invalid-name"),
        (
            {"Upload_Metadata": metadata(filename="a", folder=1, sha256="xyz")},
            400,
            "malformed-request",
        ),
        (
            {"Upload_Metadata": metadata(filename="a", folder=1, clash="?")},
            400,
            "malformed-request",
        ),
        (
            {"Upload_Metadata": metadata(filename="a", folder=1, mtime="soon")},
            400,
            "malformed-request",
        ),
        (
            {"Upload_Metadata": metadata(filename="a", folder=1, mtime="9" * 17)},
            400,
            "malformed-request",
        ),
        ({"Upload_Length": str(200 * 2**30)}, 413, "file-too-large"),
        ({"Tus_Resumable": "0.2.2"}, 412, "unsupported-version"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_kept(
    tus: Tus, headers: dict[str, Any], status: int, code: str
) -> None:
    answer = tus.create(**{"Upload_Length": "7", **headers})

    assert (answer.status, code_of(answer)) == (status, code)
    assert not Upload.objects.exists()


def test_too_large_a_file_is_told_the_limit(tus: Tus, settings: Settings) -> None:
    settings.FILES_MAX_UPLOAD_SIZE = 6

    answer = tus.create(length=7)

    assert (answer.status, answer.headers["tus-max-size"]) == (413, "6")


def test_a_body_is_a_part_and_no_longer_than_the_file(tus: Tus) -> None:
    assert tus.create(b"x", length=7, Content_Type="text/plain").status == 415
    assert tus.create(b"too much", length=7).status == 400
    assert not Upload.objects.exists()


def test_what_the_quota_does_not_hold_is_refused_before_its_bytes(tus: Tus, space: Space) -> None:
    set_quota(space, quota_bytes=10, actor=SYSTEM)
    tus.begin(length=7)

    answer = tus.create(length=7)

    assert (answer.status, code_of(answer)) == (507, "quota-exceeded")
    assert reread(space).used_bytes == 7


def test_unfinished_uploads_are_limited(tus: Tus, settings: Settings) -> None:
    settings.FILES_MAX_OPEN_UPLOADS = 1
    tus.begin(length=7)

    answer = tus.create(length=7)

    assert (answer.status, code_of(answer)) == (429, "too-many-uploads")


def test_nobody_uploads_without_signing_in_or_being_let(tus: Tus, anonymous: DoorsClient) -> None:
    eve = uploader(anonymous, make_user("eve"))

    assert Tus(eve, tus.folder).create(length=7).status == 404
    eve.cookies.clear()
    answer = Tus(eve, tus.folder).create(length=7)
    assert (answer.status, code_of(answer)) == (401, "sign-in-required")


def test_another_site_cannot_begin_one(tus: Tus) -> None:
    answer = tus.create(length=7, Origin="https://evil.example", Sec_Fetch_Site="cross-site")

    assert answer.status == 403
    assert not Upload.objects.exists()
