"""One policy for the byte doors and for Django's pages: the same table runs on both."""

import logging
import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.test import Client, RequestFactory
from django.utils import timezone
from pytest_django import Settings

from files.http.guard import SECURITY_HEADERS, has_form_token, identify
from files.models import Entry
from tests.factories import make_file
from tests.http.client import SECRET, Answer, DoorsClient
from tests.http.forms import BODY
from tests.multiparts import TYPE

NAMES = ("content", "archive", "upload", "page", "action")


@pytest.fixture(params=NAMES)
def plane(request: pytest.FixtureRequest, root: Entry) -> tuple[str, str, bytes, str, str]:
    """Give method, path, body, type and route of a request of either plane."""
    entry = make_file(root, "a.txt")
    form_type = "application/x-www-form-urlencoded"
    return {
        "content": (
            "GET",
            f"/entries/{entry.pk}/content",
            b"",
            "",
            "/entries/<int:entry_id>/content",
        ),
        "archive": (
            "GET",
            f"/folders/{root.pk}/archive",
            b"",
            "",
            "/folders/<int:entry_id>/archive",
        ),
        "upload": ("POST", f"/upload/{root.pk}", BODY, TYPE, "/upload/<int:folder_id>"),
        "page": ("GET", f"/folders/{root.pk}/", b"", "", "/folders/<int:entry_id>/"),
        "action": (
            "POST",
            f"/folders/{root.pk}/new/",
            f"name=d&csrfmiddlewaretoken={SECRET}".encode(),
            form_type,
            "/folders/<int:entry_id>/new/",
        ),
    }[request.param]


type Plane = tuple[str, str, bytes, str, str]


def send(browser: DoorsClient, plane: Plane, **headers: Any) -> Answer:
    method, path, body, content_type, _route = plane
    return browser.request(method, path, body, content_type=content_type, **headers)


@pytest.mark.parametrize(
    "host",
    ["evil.example", "", None, "localhost, localhost", "localhost@evil.example", "[::1", "a b"],
)
def test_host_that_is_not_ours_is_refused_plainly(
    browser: DoorsClient, plane: Plane, host: str | None
) -> None:
    answer = send(browser, plane, host=host)

    assert answer.status == 400
    assert answer.headers["content-type"].startswith("text/plain")
    assert answer.text == "This is not a name of this server.\n"


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:8000", "127.0.0.1:1", "[::1]:8000"])
def test_host_of_ours_is_served(browser: DoorsClient, plane: Plane, host: str) -> None:
    assert send(browser, plane, host=host).status in {200, 303}


ORIGINS = [
    # Origin, Sec-Fetch-Site, whether it is ours
    ("http://localhost", None, True),
    ("http://localhost", "same-origin", True),
    (None, "same-origin", True),
    ("null", "same-origin", False),
    ("https://trusted.example", "cross-site", True),
    ("https://a.wild.example", None, True),
    (None, None, False),
    (None, "none", False),
    (None, "same-site", False),
    (None, "cross-site", False),
    ("null", None, False),
    ("null", "cross-site", False),
    ("https://localhost", "same-origin", False),
    ("http://localhost:81", "same-origin", False),
    ("http://localhost.evil.example", None, False),
    ("http://evil.example", "same-origin", False),
    ("http://localhost, http://localhost", None, False),
    ("https://a.wild.example.evil", None, False),
    ("http://a.wild.example", None, False),
    ("http://[", None, False),
    ("", None, False),
]


@pytest.mark.parametrize(("origin", "site", "is_ours"), ORIGINS)
def test_unsafe_request_with_a_cookie_comes_from_our_pages(
    browser: DoorsClient,
    plane: Plane,
    settings: Settings,
    origin: str | None,
    site: str | None,
    is_ours: bool,  # noqa: FBT001 - of the table
) -> None:
    settings.CSRF_TRUSTED_ORIGINS = ["https://trusted.example", "https://*.wild.example"]

    answer = send(browser, plane, origin=origin, sec_fetch_site=site)

    if plane[0] == "GET":
        assert answer.status == 200
    elif is_ours:
        assert answer.status == 303
    else:
        assert answer.status == 403
        assert answer.read_at_start == 0
        assert "<h1" in answer.text


def test_without_a_cookie_there_is_nothing_to_protect(anonymous: DoorsClient, plane: Plane) -> None:
    answer = send(anonymous, plane, origin="http://evil.example", sec_fetch_site="cross-site")

    # Django's own check wants the token's cookie as well.
    assert answer.status == (403 if plane[1].endswith("/new/") else 303)


@pytest.mark.parametrize("signed_in", [True, False])
def test_answer_has_the_security_headers(
    browser: DoorsClient,
    anonymous: DoorsClient,
    plane: Plane,
    signed_in: bool,  # noqa: FBT001
) -> None:
    answer = send(browser if signed_in else anonymous, plane)

    names = [name.lower() for name, _value in answer.messages[0]["headers"]]
    for name, value in SECURITY_HEADERS:
        assert names.count(name) == 1, name
        if name != b"cache-control":
            assert answer.headers[name.decode()] == value.decode()
    assert "content-security-policy" in answer.headers
    assert answer.headers["cache-control"].startswith(("private", "max-age=0, no-cache"))
    assert re.fullmatch("[0-9a-f]{32}", answer.headers["x-request-id"])
    assert "strict-transport-security" not in answer.headers


def test_answer_over_https_says_so(browser: DoorsClient, plane: Plane, settings: Settings) -> None:
    settings.SECURE_HSTS_SECONDS = 60

    answer = send(
        browser,
        plane,
        scope={"scheme": "https"},
        sec_fetch_site="same-origin",
        origin="https://localhost",
        referer="https://localhost/",
    )

    assert answer.status in {200, 303}
    assert answer.headers["strict-transport-security"].startswith("max-age=")


def test_plain_line_leads_to_the_other_where_https_is_on(
    browser: DoorsClient, plane: Plane, settings: Settings
) -> None:
    settings.SECURE_SSL_REDIRECT = True
    browser.doors._django.load_middleware()

    answer = send(browser, plane)

    assert answer.status == 301
    assert answer.headers["location"] == f"https://localhost{plane[1]}"


def lines(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    return [record for record in caplog.records if record.name == "files.requests"]


@pytest.mark.parametrize("plane", NAMES, indirect=True)
def test_each_request_is_one_line(
    browser: DoorsClient, ada: User, plane: Plane, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)

    answer = send(browser, plane)

    (line,) = lines(caplog)
    said = vars(line)
    assert said["message"] == "request"
    assert said["request_id"] == answer.headers["x-request-id"]
    assert said["user_id"] == ada.pk
    assert (said["method"], said["route"]) == (plane[0], plane[4])
    assert (said["status"], said["bytes"]) == (answer.status, len(answer.body))
    assert said["duration_ms"] > 0


@pytest.mark.parametrize("plane", NAMES, indirect=True)
def test_line_of_somebody_unknown(
    anonymous: DoorsClient, plane: Plane, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)

    answer = send(anonymous, plane)

    (line,) = lines(caplog)
    assert (vars(line)["user_id"], vars(line)["status"]) == (None, answer.status)
    assert vars(line)["route"] == plane[4]


def test_home_page_has_a_route(browser: DoorsClient, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)

    browser.request("GET", "/")
    browser.request("GET", "/no/such/page")
    browser.request("POST", "/no/such/page", b"x" * 3_000_000)

    assert [vars(line)["route"] for line in lines(caplog)] == ["/", "", ""]


def test_head_is_logged_without_bytes(
    browser: DoorsClient, root: Entry, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)

    browser.request("HEAD", f"/folders/{root.pk}/")

    assert vars(lines(caplog)[0])["bytes"] == 0


@pytest.mark.parametrize("given", ["0123456789abcdef" * 2, "x" * 32, "a" * 31, '"}\n{"forged', ""])
def test_request_id_is_taken_only_as_nginx_makes_it(
    browser: DoorsClient, plane: Plane, given: str
) -> None:
    answer = send(browser, plane, x_request_id=given)

    assert (answer.headers["x-request-id"] == given) == given.startswith("0123")
    assert re.fullmatch("[0-9a-f]{32}", answer.headers["x-request-id"])


SESSIONS = [
    "none",
    "unknown",
    "expired",
    "ended",
    "inactive",
    "password",
    "backend",
    "fallback",
    "good",
]


@pytest.mark.parametrize("state", SESSIONS)
def test_doors_know_who_it_is_as_django_does(
    browser: DoorsClient,
    ada: User,
    plane: Plane,
    settings: Settings,
    state: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    if state == "none":
        del browser.cookies["sessionid"]
    elif state == "unknown":
        browser.cookies["sessionid"] = "x" * 32
    elif state == "expired":
        Session.objects.update(expire_date=timezone.now() - timedelta(seconds=1))
    elif state == "ended":
        client = Client()
        client.cookies["sessionid"] = browser.cookies["sessionid"]
        client.logout()
    elif state == "inactive":
        User.objects.update(is_active=False)
    elif state == "password":
        User.objects.update(password="another")
    elif state == "backend":
        settings.AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
    elif state == "fallback":
        settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
        settings.SECRET_KEY = "another key"

    send(browser, plane)

    is_known = state in {"good", "fallback"}
    assert vars(lines(caplog)[0])["user_id"] == (ada.pk if is_known else None)


def test_change_of_the_secret_key_signs_nobody_out(
    browser: DoorsClient, root: Entry, settings: Settings
) -> None:
    entry = make_file(root, "a.txt")
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another key"

    for _ in range(2):
        assert browser.request("GET", f"/entries/{entry.pk}/content").status == 200


def test_user_is_known_outside_of_the_doors_too(
    rf: RequestFactory, browser: DoorsClient, ada: User
) -> None:
    request = rf.get("/")
    request.COOKIES["sessionid"] = browser.cookies["sessionid"]

    assert identify(request) == ada


@pytest.mark.parametrize(
    ("token", "cookie", "is_right"),
    [
        (SECRET, SECRET, True),
        ("", SECRET, False),
        ("t" * 32, SECRET, False),
        (SECRET, None, False),
        (SECRET, "short", False),
        ("ü" * 32, SECRET, False),
    ],
)
def test_form_token_belongs_to_the_cookie(
    rf: RequestFactory,
    token: str,
    cookie: str | None,
    is_right: bool,  # noqa: FBT001 - of the table
) -> None:
    request = rf.post("/", HTTP_HOST="localhost")
    if cookie:
        request.COOKIES["csrftoken"] = cookie

    assert has_form_token(request, token) is is_right
