"""What the doors let through, and what bodies they read before Django sees them."""

import asyncio
import warnings
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from django.contrib.auth.models import User
from pytest_django import Settings

from files.http import bodies
from files.http.doors import Doors
from files.http.handler import SyncCoreHandler
from files.models import Entry
from tests.factories import make_file
from tests.http.client import SECRET, DoorsClient

LIMIT = 200_000
FORM = "application/x-www-form-urlencoded"


@pytest.fixture(autouse=True)
def limit(settings: Settings) -> None:
    """Bound bodies lower, to be faster."""
    settings.FILES_MAX_BODY_SIZE = LIMIT


@pytest.mark.parametrize("kind", ["websocket", "lifespan"])
def test_other_protocols_are_not_spoken(anonymous: DoorsClient, kind: str) -> None:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        raise AssertionError

    asyncio.run(anonymous.doors({"type": kind}, receive, send))

    assert sent == ([{"type": "websocket.close", "code": 1000}] if kind == "websocket" else [])


ROUTES = [
    "/",
    "/accounts/login/",
    "/healthz",
    "/upload/1",
    "/upload/x",
    "/entries/1/content",
    "/folders/1/archive",
    "/admin/login/",
    "/no/such/page",
]
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"]


@pytest.mark.parametrize("path", ROUTES)
@pytest.mark.parametrize("method", METHODS)
def test_chunked_body_is_bounded_on_every_route(
    browser: DoorsClient, root: Entry, method: str, path: str
) -> None:
    pieces = [b"x" * 65_536] * 20

    answer = browser.request(method, path, pieces)

    if (method, path) == ("POST", "/upload/1"):
        assert answer.status == 415
        assert answer.read_at_start == 0
    else:
        assert answer.status == 413
        assert answer.read_at_start == LIMIT // 65_536 + 1
    assert answer.read == 20
    assert answer.is_whole
    assert answer.headers["connection"] == "close"


@pytest.mark.parametrize("path", ROUTES)
@pytest.mark.parametrize("method", METHODS)
def test_stated_length_over_the_bound_is_refused_unread(
    browser: DoorsClient, root: Entry, method: str, path: str
) -> None:
    answer = browser.request(method, path, b"x" * (LIMIT + 1))

    assert answer.status in {413, 415}
    assert answer.read_at_start == 0
    assert answer.read == 1


@pytest.mark.parametrize("path", ROUTES)
@pytest.mark.parametrize("method", METHODS)
def test_small_chunked_body_breaks_nothing(
    browser: DoorsClient, root: Entry, method: str, path: str
) -> None:
    answer = browser.request(method, path, [b"", b"abc", b"", b"def"])

    assert 200 <= answer.status < 500
    assert answer.is_whole


def test_understated_length_is_counted(browser: DoorsClient) -> None:
    answer = browser.request("POST", "/accounts/login/", [b"x" * LIMIT, b"y"], content_length="5")

    assert answer.status == 413


def test_body_reaches_django_whole(browser: DoorsClient, root: Entry) -> None:
    pieces = [b"name=", b"d&", f"csrfmiddlewaretoken={SECRET}".encode()]

    answer = browser.request("POST", f"/folders/{root.pk}/new/", pieces, content_type=FORM)

    assert answer.status == 303
    assert Entry.objects.filter(name="d").exists()


def test_client_that_goes_before_its_body_is_whole_changes_nothing(
    browser: DoorsClient, root: Entry
) -> None:
    pieces = [f"name=d&csrfmiddlewaretoken={SECRET}".encode()]

    answer = browser.request(
        "POST", f"/folders/{root.pk}/new/", pieces, content_type=FORM, gone=True
    )

    assert answer.messages == []
    assert not Entry.objects.filter(name="d").exists()


def test_client_that_stalls_gets_a_timeout(
    browser: DoorsClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bodies, "IDLE_SECONDS", 0.05)

    answer = browser.request("POST", "/accounts/login/", [b"x"], stalls=True)

    assert (answer.status, answer.headers["connection"]) == (408, "close")
    assert answer.is_whole


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"])
@pytest.mark.parametrize("path", ["/entries/1/content", "/folders/1/archive"])
def test_byte_addresses_know_two_methods(browser: DoorsClient, method: str, path: str) -> None:
    answer = browser.request(method, path)

    assert answer.status == 405
    assert answer.headers["allow"] == "GET, HEAD"


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_upload_address_knows_other_methods_not(browser: DoorsClient, method: str) -> None:
    assert browser.request(method, "/upload/1").status in {403, 405}


def test_get_with_a_body_is_served_all_the_same(browser: DoorsClient, root: Entry) -> None:
    entry = make_file(root, "a.txt", b"hello")

    answer = browser.request("GET", f"/entries/{entry.pk}/content", [b"x", b"y"])

    assert (answer.status, answer.body, answer.read) == (200, b"hello", 2)


@pytest.mark.parametrize("path", ["/upload/1", "/entries/1/content", "/folders/1/archive", "/"])
def test_failure_that_nobody_foresaw_is_a_page(
    browser: DoorsClient,
    root: Entry,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    path: str,
) -> None:
    def fail(*_args: Any) -> None:
        raise RuntimeError("planted")

    for place in ("uploads", "downloads", "archives"):
        monkeypatch.setattr(f"files.http.{place}.locate", fail)
    monkeypatch.setattr("files.access.visible_spaces", fail)
    monkeypatch.setattr("files.web.views.browse.visible_spaces", fail, raising=False)
    body = b"x" if path.startswith("/upload") else b""

    answer = browser.request("POST" if body else "GET", path, body, content_type="a/b")

    assert answer.status == 500
    assert "Something broke" in answer.text
    assert "planted" not in answer.text
    assert answer.headers["x-content-type-options"] == "nosniff"
    faults = [record for record in caplog.records if record.exc_info]
    assert [record.name for record in faults] == ["django.request"]


def test_static_files_are_streamed_without_a_warning(
    db: None, tmp_path: Path, settings: Settings, anonymous: DoorsClient, ada: User
) -> None:
    (tmp_path / "big.css").write_bytes(b"x" * 200_000)
    anonymous.doors._django.load_middleware()

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        whole = anonymous.request("GET", "/static/big.css")
        refused = anonymous.request("GET", "/static/big.css", b"x" * (LIMIT + 1))

    assert (whole.status, len(whole.body)) == (200, 200_000)
    assert refused.is_whole
    assert refused.status in {200, 413}


def test_threads_are_few() -> None:
    assert SyncCoreHandler().threads.count == 4


def test_django_that_cannot_read_a_request_still_answers(
    anonymous: DoorsClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_args: Any) -> None:
        raise UnicodeDecodeError("utf-8", b"", 0, 1, "planted")

    monkeypatch.setattr(anonymous.doors._django, "request_class", broken)

    answer = anonymous.request("POST", "/", b"x" * (LIMIT + 1))

    assert answer.status == 400


def test_doors_try_each_face(anonymous: DoorsClient, root: Entry) -> None:
    doors = Doors(anonymous.doors._django)

    answer = DoorsClient(doors, anonymous.executor).request("POST", f"/upload/{root.pk}", b"x")

    assert answer.status in {303, 403}


@pytest.mark.parametrize("path", ["/healthz", "/entries/1/content", "/upload/1"])
def test_connection_that_the_server_closed_is_a_client_that_went(
    browser: DoorsClient, root: Entry, path: str
) -> None:
    make_file(root, "a.txt")

    with pytest.raises(RuntimeError, match="planted"):
        browser.request("GET", path, send_error=RuntimeError("planted"))
    answer = browser.request(
        "GET", path, send_error=RuntimeError("the handler is closed"), scope={"http_version": "1.0"}
    )

    assert answer.messages == []


@pytest.mark.parametrize("entry_id", ["0", "9" * 18, "9" * 19, "9" * 30, "9" * 4000, "9" * 5000])
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/entries/{}/content"),
        ("GET", "/folders/{}/archive"),
        ("GET", "/entries/{}/"),
        ("GET", "/folders/{}/"),
        ("GET", "/trash/{}/"),
        ("GET", "/tokens/{}/revoke/"),
        ("GET", "/locks/{}/break/"),
        ("POST", "/upload/{}"),
        ("PUT", "/folders/{}/files/a"),
        ("POST", "/uploads/?folder={}&path=a"),
    ],
)
def test_an_id_that_no_row_can_have_is_not_found(
    browser: DoorsClient, method: str, path: str, entry_id: str
) -> None:
    body = b"x" if method != "GET" else b""

    answer = browser.request(method, path.format(entry_id), body, upload_complete="?1")

    assert answer.status == 404


@pytest.mark.parametrize("wanted", ["9" * 18, "9" * 19, "9" * 30, "9" * 5000, "x", "²", "٣"])
def test_archive_of_what_is_not_there_is_not_found(
    browser: DoorsClient, root: Entry, wanted: str
) -> None:
    file = make_file(root, "a")
    archive = f"/folders/{root.pk}/archive?entry="

    answer = browser.request("GET", f"{archive}{quote(wanted)}")
    beside = browser.request("GET", f"{archive}{file.pk}&entry={quote(wanted)}")

    assert (answer.status, beside.status) == (404, 404)
    assert browser.request("GET", f"{archive}{file.pk}&entry={file.pk}").status == 200
