"""Bodies that come straight from a socket become the same files as those that come in messages."""

import os
from dataclasses import replace
from hashlib import sha256
from typing import Any

import pytest

from files.http import bodies, incoming, pace, writer
from files.models import Blob, Entry, Event, Upload
from files.operations.digests import take_digests
from files.storage.filesystem import BlobStorage
from tests.http.client import SECRET, Answer, DoorsClient
from tests.http.forms import contents, form_of, stored_files, upload
from tests.multiparts import CASES, FormCase
from tests.uploads.tus import Tus, checksum

KIB = os.urandom(1024)
SMALL = [case for case in CASES if len(case.body) < 3000]


@pytest.fixture
def straight(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let whatever comes pass for what comes fast, and every trip be short."""
    monkeypatch.setattr(bodies, "FAST_SIZE", 1)
    for module in (incoming, writer):
        monkeypatch.setattr(module, "PIECE_SIZE", 100)
    monkeypatch.setattr(writer, "TRIP_SIZE", 700)


@pytest.fixture
def outrun(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let any pace pass for a high one, and little for much."""
    monkeypatch.setattr(pace, "_SAMPLE", 100)
    monkeypatch.setattr(pace, "_HIGH", 0)
    for module in (incoming, writer):
        monkeypatch.setattr(module, "LARGE", 1000)


def put(browser: DoorsClient, root: Entry, body: bytes, **more: Any) -> Answer:
    path = f"/folders/{root.pk}/files/a.txt"
    return replace(browser, straight=300).request("PUT", path, body, **more)


@pytest.mark.usefixtures("straight")
@pytest.mark.parametrize("size", [7, 61, 1000])
@pytest.mark.parametrize("case", SMALL, ids=lambda case: case.name)
def test_form_is_answered_the_same(
    browser: DoorsClient, root: Entry, storage: BlobStorage, case: FormCase, size: int
) -> None:
    headers: dict[str, Any] = {name.replace("-", "_"): value for name, value in case.headers}

    answer = replace(browser, straight=size).request(
        "POST",
        f"/upload/{root.pk}",
        case.with_token(SECRET),
        content_type=case.content_type,
        **headers,
    )

    assert answer.status == case.status
    assert contents(root, storage) == case.stored


@pytest.mark.usefixtures("straight")
@pytest.mark.parametrize("size", [40, 41, 42, 43, 44, 45, 46, 47, 150, 4000])
def test_file_of_a_form_is_whole_wherever_it_is_cut(
    browser: DoorsClient, root: Entry, storage: BlobStorage, size: int
) -> None:
    content = 4 * KIB + b"\r\n--\r\n\r" + KIB + b"\r"

    answer = upload(replace(browser, straight=size), root, form_of(content))

    assert answer.status == 303
    assert contents(root, storage) == {"a.txt": content}
    assert Blob.objects.get().sha256 == sha256(content).hexdigest()


@pytest.mark.usefixtures("straight")
def test_put_is_whole(
    browser: DoorsClient, root: Entry, storage: BlobStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("files.http.putting.SMALL", 10)

    answer = put(browser, root, 9 * KIB)

    assert answer.status == 201
    assert contents(root, storage) == {"a.txt": 9 * KIB}
    assert Blob.objects.get().sha256 == sha256(9 * KIB).hexdigest()


@pytest.mark.usefixtures("straight", "outrun")
def test_digest_of_a_put_that_outruns_it_is_left_to_the_job(
    browser: DoorsClient, root: Entry, storage: BlobStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("files.http.putting.SMALL", 10)

    answer = put(browser, root, 9 * KIB)

    blob = Blob.objects.get()
    request = Event.objects.get(kind=Event.Kind.JOB_REQUESTED)
    assert answer.status == 201
    assert "repr-digest" not in answer.headers
    assert (blob.sha256, blob.crc32) == ("", None)
    assert request.after == {"digest": [str(blob.pk)]}
    assert take_digests([blob.pk]) == 1
    assert Blob.objects.get().sha256 == sha256(9 * KIB).hexdigest()
    assert contents(root, storage) == {"a.txt": 9 * KIB}


@pytest.mark.usefixtures("straight", "outrun")
def test_digest_that_is_stated_is_checked_however_fast_it_comes(
    browser: DoorsClient, root: Entry, storage: BlobStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("files.http.putting.SMALL", 10)
    wrong = "sha-256=:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=:"

    answer = put(browser, root, 9 * KIB, repr_digest=wrong)

    assert answer.status == 400
    assert contents(root, storage) == {}
    assert not Blob.objects.exists()


@pytest.mark.usefixtures("straight", "outrun")
def test_digest_of_a_form_that_outruns_it_is_left_to_the_job(
    browser: DoorsClient, root: Entry, storage: BlobStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("files.http.forms.TRIP_SIZE", 500)

    answer = upload(replace(browser, straight=300), root, form_of(9 * KIB))

    blob = Blob.objects.get()
    assert answer.status == 303
    assert (blob.sha256, blob.crc32) == ("", None)
    assert contents(root, storage) == {"a.txt": 9 * KIB}
    assert take_digests([blob.pk]) == 1
    assert Blob.objects.get().sha256 == sha256(9 * KIB).hexdigest()


@pytest.mark.usefixtures("straight", "outrun")
def test_upload_whose_digest_is_left_goes_on_in_chunks(
    browser: DoorsClient, root: Entry, storage: BlobStorage
) -> None:
    tus = Tus(replace(browser, straight=300), root.pk)
    url = tus.begin(length=9 * 1024)

    assert tus.patch(url, 5 * KIB).status == 204
    assert Upload.objects.get().hash_state is None
    assert tus.patch(url, 4 * KIB, at=5 * 1024).status == 204

    blob = Blob.objects.get()
    assert contents(root, storage) == {"a": 9 * KIB}
    assert (blob.sha256, take_digests([blob.pk])) == ("", 1)
    assert Blob.objects.get().sha256 == sha256(9 * KIB).hexdigest()


@pytest.mark.usefixtures("straight", "outrun")
def test_chunk_that_comes_fast_is_held_against_its_checksum(
    browser: DoorsClient, root: Entry, storage: BlobStorage
) -> None:
    tus = Tus(replace(browser, straight=300), root.pk)
    url = tus.begin(length=9 * 1024)

    wrong = tus.patch(url, 9 * KIB, Upload_Checksum=checksum(KIB))
    right = tus.patch(url, 9 * KIB, Upload_Checksum=checksum(9 * KIB, "crc32"))

    assert (wrong.status, right.status) == (460, 204)
    assert contents(root, storage) == {"a": 9 * KIB}


@pytest.mark.usefixtures("straight")
def test_file_of_a_form_may_not_be_larger_than_files_may_be(
    browser: DoorsClient, root: Entry, storage: BlobStorage, settings: Any
) -> None:
    settings.FILES_MAX_UPLOAD_SIZE = 5000

    answer = upload(replace(browser, straight=300), root, form_of(5 * KIB))

    assert answer.status == 413
    assert stored_files(storage) == []
    assert upload(replace(browser, straight=300), root, form_of(4 * KIB)).status == 303


@pytest.mark.usefixtures("straight")
@pytest.mark.parametrize("free", [500, 3000])
def test_disk_that_gets_full_keeps_its_reserve(
    browser: DoorsClient,
    root: Entry,
    storage: BlobStorage,
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
    free: int,
) -> None:
    tus = Tus(replace(browser, straight=300), root.pk)
    url = tus.begin(length=9 * 1024)
    left = iter([settings.FILES_MIN_FREE_SPACE + 10_000, *range(free, -(10**6), -300)])
    least = settings.FILES_MIN_FREE_SPACE
    monkeypatch.setattr(
        BlobStorage, "free_bytes", lambda _self: at if (at := next(left)) > 9999 else at + least
    )

    answer = tus.patch(url, 9 * KIB)

    assert answer.status == 507
    assert int(tus.head(url).headers["upload-offset"]) <= free
