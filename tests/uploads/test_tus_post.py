"""An upload is begun by POST, with its first bytes or without."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from files.errors import StorageFailedError
from files.models import Blob, Entry, Grant, Space, Upload
from files.storage.filesystem import BlobStorage, BlobWriter
from tests.factories import (
    make_file,
    make_folder,
    make_member,
    make_shared_space,
    make_user,
    paths_in,
    reread,
    root_of,
)
from tests.uploads.tus import OFFSET, Tus, checksum, metadata, problem

pytestmark = pytest.mark.usefixtures("consistent")


def test_upload_is_begun_and_reserves_its_length(tus: Tus, space: Space) -> None:
    answer = tus.create(length=100)

    assert (answer.status, answer.body) == (201, b"")
    told = answer.headers
    assert told["location"] == f"/uploads/{Upload.objects.get().pk.hex}"
    assert (told["upload-offset"], told["tus-resumable"]) == ("0", "1.0.0")
    assert told["upload-expires"].endswith(" GMT")
    assert reread(space).used_bytes == 100


def test_empty_file_is_there_at_once(tus: Tus, root: Entry) -> None:
    answer = tus.create(length=0)

    assert (answer.status, answer.headers["upload-offset"]) == (201, "0")
    assert answer.headers["upload-entry"]
    assert paths_in(root) == {"a": b""}


def test_folder_may_be_named_by_the_address(tus: Tus, root: Entry) -> None:
    folder = make_folder(root, "there")
    headers: dict[str, Any] = {"Upload_Metadata": metadata(filename="a")}

    answer = tus.create(b"x", length=1, url=f"/uploads/?folder={folder.pk}", **headers)
    told = tus.create(b"y", length=1, url=f"/uploads/?folder={folder.pk}")

    assert (answer.status, told.status) == (201, 201)
    assert paths_in(root) == {"there": None, "there/a": b"x", "a": b"y"}


METADATA = [
    ({"relativePath": "x/y/z", "filename": "z"}, {"path": "x/y/z"}),
    ({"relativePath": "null", "filename": "z"}, {"path": "z"}),
    ({"relativePath": "", "filename": "z"}, {"path": "z"}),
    ({"filename": "", "name": "n"}, {"path": "n"}),
    ({"filename": "null"}, {"path": "null"}),
    ({"filename": "é☃"}, {"path": "é☃"}),
    ({"filetype": "text/plain"}, {"media_type": "text/plain"}),
    ({"type": "image/png"}, {"media_type": "image/png"}),
    ({"lastModified": "1000"}, {"modified_at": datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC)}),
    ({"lastModified": "-1000"}, {"modified_at": datetime(1969, 12, 31, 23, 59, 59, tzinfo=UTC)}),
    ({"mtime": "1.5"}, {"modified_at": datetime(1970, 1, 1, 0, 0, 1, 500_000, tzinfo=UTC)}),
    (
        {"mtime": "2", "lastModified": "1"},
        {"modified_at": datetime(1970, 1, 1, 0, 0, 2, tzinfo=UTC)},
    ),
    ({"sha256": "AB" * 32}, {"sha256": "ab" * 32}),
    ({"clash": "refuse"}, {"clash": "refuse"}),
    ({"caption": "read over", "empty": ""}, {"path": "a"}),
]


@pytest.mark.parametrize(("meta", "columns"), METADATA)
def test_metadata_says_what_the_file_is(
    tus: Tus, meta: dict[str, str], columns: dict[str, Any]
) -> None:
    tus.begin(length=5, meta=meta)

    upload = Upload.objects.get()
    assert {name: getattr(upload, name) for name in columns} == columns


BAD_METADATA = [
    ("", "folder"),
    ("folder", "folder"),
    ("folder Nw==", "relativePath"),
    ("folder Nw==,folder Nw==", "upload-metadata"),
    ("folder Nw==,,filename YQ==", "upload-metadata"),
    ("folder Nw==,fil\u00e9 YQ==", "upload-metadata"),
    (f"folder Nw==,{'k' * 65} YQ==", "upload-metadata"),
    ("folder Nw==,filename YQ", "filename"),
    ("folder Nw==,filename Y Q==", "filename"),
    ("folder Nw==,filename /w==", "filename"),
    ("folder Nw==,filename YQ==,note Y_-=", "note"),
    ("folder LTE=,filename YQ==", "folder"),
    ("folder wrI=,filename YQ==", "folder"),
    (f"folder Nw==,filename YQ==,note {'A' * 8192}", "upload-metadata"),
]


@pytest.mark.parametrize(("text", "reason"), BAD_METADATA)
def test_badly_written_metadata_is_refused(tus: Tus, text: str, reason: str) -> None:
    answer = tus.create(length=5, Upload_Metadata=text.replace("\u00e9", "\xe9"))

    found = problem(answer)
    assert (answer.status, found["code"], found["reason"]) == (400, "malformed-request", reason)
    assert Upload.objects.count() == 0


REFUSED_METADATA = [
    ({"folder": "x"}, 400, "malformed-request"),
    ({"folder": "9" * 18}, 404, "entry-not-found"),
    ({"folder": "9" * 19}, 404, "entry-not-found"),
    ({"folder": "9" * 5000}, 404, "entry-not-found"),
    ({"filename": ""}, 400, "malformed-request"),
    ({"filename": ".."}, 422, "invalid-name"),
    ({"relativePath": "/a"}, 422, "invalid-name"),
    ({"relativePath": "a//b"}, 422, "invalid-name"),
    ({"relativePath": "../b"}, 422, "invalid-name"),
    ({"filename": "a\0b"}, 422, "invalid-name"),
    ({"relativePath": "/".join("a" * 70)}, 409, "too-deep"),
    ({"filetype": "text/\n"}, 400, "malformed-request"),
    ({"filetype": "x" * 256}, 400, "malformed-request"),
    ({"mtime": "now"}, 400, "malformed-request"),
    ({"mtime": "1e9"}, 400, "malformed-request"),
    ({"mtime": "NaN"}, 400, "malformed-request"),
    ({"mtime": "9" * 12}, 400, "malformed-request"),
    ({"lastModified": "1.5"}, 400, "malformed-request"),
    ({"lastModified": "-" + "9" * 15}, 400, "malformed-request"),
    ({"lastModified": "253402214400000"}, 400, "malformed-request"),
    ({"sha256": "abc"}, 400, "malformed-request"),
    ({"clash": "overwrite"}, 400, "malformed-request"),
]


@pytest.mark.parametrize(("meta", "status", "code"), REFUSED_METADATA)
def test_metadata_that_cannot_be_is_refused(
    tus: Tus, meta: dict[str, str], status: int, code: str
) -> None:
    for length in (5, 5_000_000):
        answer = tus.create([b"x"], length=length, meta=meta)

        assert (answer.status, problem(answer)["code"]) == (status, code)
        assert answer.read_at_start == 0
    assert (Upload.objects.count(), Blob.objects.count()) == (0, 0)


REFUSED = [
    ({"Upload_Length": None}, 400, "malformed-request"),
    ({"Upload_Length": "-1"}, 400, "malformed-request"),
    ({"Upload_Length": "1, 1"}, 400, "malformed-request"),
    ({"Upload_Defer_Length": "1"}, 400, "malformed-request"),
    ({"Upload_Length": None, "Upload_Defer_Length": "2"}, 400, "malformed-request"),
    ({"Upload_Length": str(10**12)}, 413, "file-too-large"),
    ({"Upload_Concat": "partial"}, 400, "malformed-request"),
    ({"Content_Type": "text/plain"}, 415, "unsupported-type"),
    ({"Content_Type": None}, 415, "unsupported-type"),
    ({"Content_Encoding": "gzip"}, 415, "unsupported-type"),
    ({"Tus_Resumable": "2.0.0"}, 412, "unsupported-version"),
    ({"Tus_Resumable": None}, 412, "unsupported-version"),
    ({"X_HTTP_Method_Override": "PATCH"}, 405, "method-not-allowed"),
    ({"Upload_Checksum": "md5 AAAA"}, 400, "malformed-request"),
]


@pytest.mark.parametrize(("headers", "status", "code"), REFUSED)
def test_refusal_is_told_before_a_byte_is_read(
    tus: Tus, headers: dict[str, Any], status: int, code: str
) -> None:
    answer = tus.create(b"12345", length=10, **headers)

    assert (answer.status, problem(answer)["code"]) == (status, code)
    assert answer.read_at_start == 0
    assert Upload.objects.count() == 0


def test_page_of_another_site_begins_nothing(tus: Tus) -> None:
    answer = tus.create(length=5, Origin="https://evil.example", Sec_Fetch_Site="cross-site")

    assert (answer.status, Upload.objects.count()) == (403, 0)


def test_nobody_begins_nothing(tus: Tus) -> None:
    tus.client.cookies = {}

    answer = tus.create(length=5)

    assert (answer.status, problem(answer)["code"]) == (401, "sign-in-required")


def test_who_may_only_read_begins_nothing(tus: Tus) -> None:
    folder = root_of(make_shared_space())
    bob = make_member(folder, Grant.Role.VIEWER)
    assert bob.user
    tus.client, tus.folder = tus.client.sign_in(bob.user), folder.pk

    for body, length in ((b"", 5), (b"x", 1)):
        answer = tus.create(body, length=length)
        assert (answer.status, problem(answer)["code"]) == (403, "forbidden")


def test_stranger_is_told_of_no_folder(tus: Tus) -> None:
    tus.client = tus.client.sign_in(make_user("eve"))

    assert problem(tus.create(length=5))["code"] == "entry-not-found"


def test_quota_tells_what_is_free(tus: Tus, space: Space) -> None:
    Space.objects.filter(pk=space.pk).update(quota_bytes=10)

    for body, length in ((b"", 11), (b"x" * 11, 11)):
        answer = tus.create(body, length=length)
        found = problem(answer)
        assert (answer.status, found["code"], found["free"]) == (507, "quota-exceeded", 10)
    assert reread(space).used_bytes == 0


def test_too_many_open_uploads_are_refused(tus: Tus, settings: Settings) -> None:
    settings.FILES_MAX_OPEN_UPLOADS = 1
    tus.begin(length=5)

    answer = tus.create(length=5)

    assert (answer.status, problem(answer)["limit"]) == (429, 1)
    assert tus.create(b"small", length=5).status == 201


# With the bytes: small ones go in one transaction, others through the engine.


@pytest.mark.parametrize("size", [5, 2**20, 2**20 + 1])
def test_whole_file_may_come_with_the_creation(tus: Tus, root: Entry, size: int) -> None:
    content = b"x" * size
    answer = tus.create(content, length=size, Upload_Checksum=checksum(content))

    told = answer.headers
    assert (answer.status, told["upload-offset"]) == (201, str(size))
    assert (told["repr-digest"][:9], "upload-expires" in told) == ("sha-256=:", False)
    assert paths_in(root) == {"a": content}
    asked = tus.head(told["location"]).headers
    for name in ("upload-offset", "upload-entry", "repr-digest"):
        assert asked[name] == told[name]
    assert asked["upload-length"] == str(size)


@pytest.mark.parametrize("body", [b"first", [b"fi", b"rst"]], ids=["sized", "chunked"])
def test_beginning_may_come_with_the_creation(tus: Tus, root: Entry, body: Any) -> None:
    answer = tus.create(body, length=9)

    assert (answer.status, answer.headers["upload-offset"]) == (201, "5")
    assert tus.patch(answer.headers["location"], b"last", at=5).status == 204
    assert paths_in(root) == {"a": b"firstlast"}


def test_beginning_of_an_unknown_length_may_come_with_the_creation(tus: Tus) -> None:
    answer = tus.create(b"first", Upload_Defer_Length="1")

    assert (answer.status, answer.headers["upload-offset"]) == (201, "5")


@pytest.mark.parametrize("length", [5, 9])
def test_bytes_that_are_not_what_their_checksum_says_are_thrown_away(
    tus: Tus, root: Entry, length: int
) -> None:
    answer = tus.create(b"whale", length=length, Upload_Checksum=checksum(b"whole"))

    assert (answer.status, problem(answer)["code"]) == (460, "digest-mismatch")
    assert paths_in(root) == {}
    if length == 9:  # the upload is there, and can be gone on with
        assert tus.head(answer.headers["location"]).headers["upload-offset"] == "0"
    else:
        assert Upload.objects.count() == 0


def test_small_file_costs_one_transaction(tus: Tus) -> None:
    tus.create(b"x", length=1, meta={"filename": "first"})

    with CaptureQueriesContext(connection) as queries:
        assert tus.create(b"small", length=5).status == 201

    writes = [q["sql"] for q in queries if q["sql"].startswith(("INSERT", "UPDATE", "DELETE"))]
    outer = [q for q in queries if q["sql"].startswith("SAVEPOINT")]
    assert len([sql for sql in writes if "files_upload" in sql]) == 1
    assert (len(queries), len(outer)) < (30, 6)


@pytest.mark.parametrize(
    ("meta", "status", "code"),
    [
        ({"sha256": "0" * 64}, 400, "digest-mismatch"),
        ({"clash": "refuse", "filename": "there"}, 409, "entry-exists"),
        ({"clash": "refuse", "relativePath": "in/there"}, 409, "entry-exists"),
        ({"relativePath": "there/a"}, 409, "not-a-folder"),
    ],
)
def test_small_file_that_is_refused_leaves_nothing(
    tus: Tus, root: Entry, storage: BlobStorage, meta: dict[str, str], status: int, code: str
) -> None:
    make_file(root, "there")
    make_file(make_folder(root, "in"), "there")
    before = {item.name for item in storage.scan()}

    answer = tus.create(b"small", length=5, meta=meta)

    assert (answer.status, problem(answer)["code"]) == (status, code)
    assert "location" not in answer.headers
    assert Upload.objects.count() == 0
    assert {item.name for item in storage.scan()} == before


def test_small_file_that_is_cut_leaves_nothing(tus: Tus, storage: BlobStorage) -> None:
    tus.client.request(
        "POST",
        "/uploads/",
        b"whole",
        gone=True,
        Tus_Resumable="1.0.0",
        Content_Type=OFFSET,
        Content_Length="9",
        Upload_Length="9",
        Upload_Metadata=metadata(folder=str(tus.folder), filename="a"),
    )

    assert (Upload.objects.count(), list(storage.scan())) == (0, [])


@pytest.mark.parametrize("stated", ["4", "6"])
def test_small_file_of_another_size_than_stated_is_refused(tus: Tus, stated: str) -> None:
    answer = tus.create(b"whole", length=stated, Content_Length=stated)

    assert (answer.status, problem(answer)["code"]) == (400, "length-mismatch")
    assert Upload.objects.count() == 0


def test_disk_that_fails_leaves_nothing_of_a_small_file(
    tus: Tus, storage: BlobStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def sync(_writer: BlobWriter) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(BlobWriter, "sync", sync)

    answer = tus.create(b"whole", length=5)

    assert problem(answer)["code"] == StorageFailedError.code
    assert (Upload.objects.count(), list(storage.scan())) == (0, [])
