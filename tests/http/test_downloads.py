"""Bytes out, without nginx: what is sent for which request, and how it fails."""

import asyncio
import hashlib
import logging
import os
import random
from base64 import b64encode
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from django.utils.http import http_date

from files.errors import StorageFailedError
from files.http import bodies, downloads
from files.models import Entry, Version
from files.operations.entries import trash_entries
from files.storage.filesystem import BlobStorage
from tests.factories import SYSTEM, make_file, make_folder, make_user
from tests.http.client import Answer, DoorsClient
from tests.http.forms import upload, with_token
from tests.multiparts import file, form
from tests.responses import CONTENT, NAME, REQUESTS, Expected, Request

NGINX = {"x_sendfile_type": "X-Accel-Redirect"}


@pytest.fixture
def entry(root: Entry) -> Entry:
    """Give a file whose content and name the table knows."""
    return make_file(root, NAME, CONTENT)


def get(
    browser: DoorsClient, entry: Entry, method: str = "GET", query: str = "", **headers: Any
) -> Answer:
    return browser.request(method, f"/entries/{entry.pk}/content{query}", **headers)


def stored(entry: Entry, storage: BlobStorage) -> Path:
    assert entry.version is not None
    return Path(storage.path(str(entry.version.blob.file.name)))


@pytest.mark.parametrize("request_", REQUESTS, ids=lambda case: case.name)
def test_request_is_answered(browser: DoorsClient, entry: Entry, request_: Request) -> None:
    assert entry.version is not None
    etag, modified = f'"v{entry.version.pk}"', http_date(entry.modified_at.timestamp())
    headers = request_.filled(etag, modified)

    answer = get(browser, entry, request_.method, request_.query, **headers)

    Expected(request_, etag, modified).check(answer.status, answer.headers, answer.body)


@pytest.mark.parametrize("content", [b"", b"x"])
@pytest.mark.parametrize("asked", ["bytes=0-0", "bytes=-1", "bytes=0-", None])
def test_smallest_files(
    browser: DoorsClient, root: Entry, content: bytes, asked: str | None
) -> None:
    answer = get(browser, make_file(root, "a", content), range=asked)

    assert answer.status == (206 if content and asked else 200)
    assert answer.body == content
    assert answer.headers["content-length"] == str(len(content))


def test_three_gigabytes_are_not_read_to_be_asked_about(
    browser: DoorsClient, root: Entry, storage: BlobStorage
) -> None:
    size = 3 * 2**30
    entry = make_file(root, "big.bin", b"x")
    os.truncate(stored(entry, storage), size)
    assert entry.version is not None
    type(entry.version.blob).objects.update(size=size)

    head = get(browser, entry, "HEAD")
    last = get(browser, entry, range="bytes=-5")
    middle = get(browser, entry, range=f"bytes={2**31}-{2**31 + 9}")

    assert head.headers["content-length"] == str(size)
    assert head.body == b""
    assert last.headers["content-range"] == f"bytes {size - 5}-{size - 1}/{size}"
    assert (last.body, middle.body) == (bytes(5), bytes(10))


@pytest.mark.parametrize(
    ("name", "content", "shown_as"),
    [
        ("a.txt", b"plain text", "text/plain; charset=utf-8"),
        ("a.txt", "naïve".encode("latin-1"), "text/plain; charset=utf-8"),
        ("a", b"plain text", "text/plain; charset=utf-8"),
        ("a.png", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(40), "image/png"),
        ("a.pdf", b"%PDF-1.7\n" + b"x" * 100, "application/pdf"),
        ("a.html", b"<!doctype html><script>alert(1)</script>", None),
        ("a.svg", b'<svg xmlns="http://www.w3.org/2000/svg"><script/></svg>', None),
        ("a.png", b"<html><script>alert(1)</script>", None),
        ("a.xml", b"<?xml version='1.0'?><x/>", None),
        ("a.bin", bytes(range(256)), None),
    ],
)
def test_only_safe_types_are_shown(
    browser: DoorsClient,
    anonymous: DoorsClient,
    root: Entry,
    storage: BlobStorage,
    name: str,
    content: bytes,
    shown_as: str | None,
) -> None:

    upload(browser, root, with_token(form(file(name, content))))
    entry = Entry.objects.get(parent=root)

    shown, saved = get(browser, entry), get(browser, entry, query="?download")

    if shown_as is None or "latin" in repr(content):
        assert shown.headers["content-disposition"].startswith("attachment")
        assert shown.headers["content-type"] == "application/octet-stream"
    else:
        assert shown.headers["content-disposition"].startswith("inline")
        assert shown.headers["content-type"].startswith(shown_as.partition(";")[0])
    assert saved.headers["content-disposition"].startswith("attachment")
    assert saved.headers["content-type"] == "application/octet-stream"
    for answer in (shown, saved):
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert answer.body == content


def test_older_version_is_named_by_the_query(browser: DoorsClient, root: Entry) -> None:
    first = make_file(root, "a.txt", b"one")
    second = make_file(root, "a.txt", b"two")
    other = make_file(root, "b.txt", b"three")
    assert first.version is not None
    assert other.version is not None

    assert get(browser, second).body == b"two"
    assert get(browser, second, query=f"?version={first.version.pk}").body == b"one"
    assert get(browser, second, query="?version=").body == b"two"
    for wrong in (other.version.pk, 0, -1, "x", "٣", "9" * 30, "1e1"):
        assert get(browser, second, query=f"?version={wrong}").status == 404


def test_older_version_has_the_time_it_came(browser: DoorsClient, root: Entry) -> None:
    first = make_file(root, "a.txt", b"one")
    assert first.version
    second = make_file(root, "a.txt", b"two")

    answer = get(browser, second, query=f"?version={first.version.pk}")

    version = Version.objects.get(pk=first.version.pk)
    assert answer.headers["last-modified"] == http_date(version.created_at.timestamp())
    assert answer.headers["etag"] == f'"v{version.pk}"'


def test_folder_has_no_content(browser: DoorsClient, root: Entry) -> None:
    assert get(browser, make_folder(root, "d")).status == 409


def test_anonymous_is_led_to_signing_in_and_back(anonymous: DoorsClient, entry: Entry) -> None:
    answer = get(anonymous, entry, query="?download")

    assert answer.status == 303
    assert answer.headers["location"].endswith(f"next=%2Fentries%2F{entry.pk}%2Fcontent%3Fdownload")


def test_stranger_sees_the_same_as_for_a_missing_file(anonymous: DoorsClient, entry: Entry) -> None:
    eve = anonymous.sign_in(make_user("eve"))

    hidden = get(eve, entry)
    missing = eve.request("GET", "/entries/999999/content")

    assert hidden.status == missing.status == 404
    assert (
        hidden.same_text.replace(f"/entries/{entry.pk}/", "/entries/999999/") == missing.same_text
    )


def test_trashed_file_is_not_there(browser: DoorsClient, entry: Entry) -> None:
    trash_entries([entry], actor=SYSTEM)

    assert get(browser, entry).status == 404


# What is broken.


def refuse(*_args: Any) -> int:
    raise PermissionError(13, "Permission denied")


DAMAGES: dict[str, Callable[[Path], Any]] = {
    "missing": lambda _path: None,
    "short": lambda path: path.write_bytes(CONTENT[:-1]),
    "long": lambda path: path.write_bytes(CONTENT + b"x"),
    "link": lambda path: path.symlink_to("/etc/hostname"),
    "folder": lambda path: path.mkdir(),
    "pipe": os.mkfifo,
}


@pytest.mark.parametrize("headers", [{}, NGINX], ids=["here", "nginx"])
@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_file_fails_loudly(
    browser: DoorsClient,
    entry: Entry,
    storage: BlobStorage,
    caplog: pytest.LogCaptureFixture,
    damage: str,
    headers: dict[str, str],
) -> None:
    path = stored(entry, storage)
    path.unlink()
    DAMAGES[damage](path)

    assert_failed_loudly(entry, get(browser, entry, **headers), caplog)


def test_file_that_may_not_be_read_fails_loudly(
    browser: DoorsClient,
    entry: Entry,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(BlobStorage, "open_blob", refuse)

    assert_failed_loudly(entry, get(browser, entry), caplog)


def assert_failed_loudly(entry: Entry, answer: Answer, caplog: pytest.LogCaptureFixture) -> None:
    assert answer.status == 500
    assert "<h1" in answer.text
    assert "x-accel-redirect" not in answer.headers
    said = [line for line in caplog.records if line.levelno == logging.CRITICAL]
    assert len(said) == 1
    assert entry.version is not None
    assert str(entry.version.blob_id) in said[0].getMessage()
    assert NAME not in caplog.text


def test_missing_empty_file_fails_too(
    browser: DoorsClient, root: Entry, storage: BlobStorage
) -> None:
    entry = make_file(root, "a", b"")
    stored(entry, storage).unlink()

    assert get(browser, entry).status == 500
    assert get(browser, entry, "HEAD").status == 500


def test_file_that_ends_early_breaks_the_connection(
    browser: DoorsClient, root: Entry, storage: BlobStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = make_file(root, "a.bin", b"x" * 1_000_000)
    send_head = downloads._send_head

    async def send_head_and_cut(*args: Any) -> None:
        await send_head(*args)
        os.truncate(stored(entry, storage), 600_000)

    monkeypatch.setattr(downloads, "_send_head", send_head_and_cut)

    with pytest.raises(StorageFailedError):
        get(browser, entry)


# nginx.


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"range": "bytes=0-1"},
        {"range": "bytes=0-1,4-5"},
        {"range": "bytes=0-", "if_range": '"x"'},
    ],
)
def test_nginx_is_told_where_the_bytes_are(
    browser: DoorsClient, entry: Entry, caplog: pytest.LogCaptureFixture, headers: dict[str, str]
) -> None:
    caplog.set_level(logging.INFO)

    answer = get(browser, entry, **NGINX, **headers)

    assert entry.version is not None
    blob_id = entry.version.blob_id.hex
    assert (answer.status, answer.body) == (200, b"")
    assert answer.headers["x-accel-redirect"] == f"/_blobs/{blob_id[:2]}/{blob_id}"
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert "content-range" not in answer.headers
    line = vars(next(line for line in caplog.records if line.name == "files.requests"))
    whole = "if_range" in headers or not headers
    assert line["status"] == (200 if whole else 206)
    assert line["bytes"] == (len(CONTENT) if whole else line["bytes"]) > 0


@pytest.mark.parametrize(
    ("method", "headers"),
    [
        ("HEAD", {}),
        ("GET", {"if_match": "*"}),
        ("GET", {"if_unmodified_since": "Fri, 01 Jan 2100 00:00:00 GMT"}),
        ("GET", {"range": "bytes=x"}),
        ("GET", {"range": "lines=0-1"}),
        ("GET", {"range": "bytes=" + ",".join(f"{n}-{n}" for n in range(17))}),
        ("GET", {"range": "bytes=0-,0-,0-"}),
        ("GET", {"range": "bytes=9999-"}),
        ("GET", {"if_none_match": "*"}),
    ],
)
def test_nginx_is_not_asked_where_it_would_decide_otherwise(
    browser: DoorsClient, entry: Entry, method: str, headers: dict[str, str]
) -> None:
    alone = get(browser, entry, method, **headers)
    behind = get(browser, entry, method, **NGINX, **headers)

    assert "x-accel-redirect" not in behind.headers
    assert (alone.status, alone.body) == (behind.status, behind.body)


# The connection.


def test_pieces_stop_when_the_client_has_gone(browser: DoorsClient, root: Entry) -> None:
    entry = make_file(root, "a.bin", random.randbytes(3_000_000))  # noqa: S311 - any bytes
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208

    answer = get(browser, entry, body=b"", gone=True)

    assert not answer.is_whole
    assert len(answer.body) < 3_000_000
    assert len(os.listdir("/proc/self/fd")) <= before  # noqa: PTH208


def test_client_that_takes_nothing_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "IDLE_SECONDS", 0.05)
    closed = False

    async def pieces() -> AsyncIterator[bytes]:
        nonlocal closed
        try:
            while True:
                yield b"x"
        finally:
            closed = True

    async def never(*_args: Any) -> Any:
        await asyncio.Event().wait()

    asyncio.run(downloads.send_pieces(pieces(), never, never))

    assert closed


def test_digest_is_that_of_the_whole(browser: DoorsClient, entry: Entry) -> None:
    answer = get(browser, entry, range="bytes=0-0")

    digest = b64encode(hashlib.sha256(CONTENT).digest()).decode()
    assert answer.headers["repr-digest"] == f"sha-256=:{digest}:"


def test_blob_without_a_digest_has_none(browser: DoorsClient, entry: Entry) -> None:
    assert entry.version is not None
    type(entry.version.blob).objects.update(sha256="")

    assert "repr-digest" not in get(browser, entry).headers
