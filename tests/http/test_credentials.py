"""Sign-in by token or password: one policy on both planes, with limits on failures."""

import logging
import time
from base64 import b64encode
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from django.db import DatabaseError, connection
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings

from files.access import Actor
from files.errors import FilesError, InvalidCredentialsError, SignInRequiredError
from files.http import attempts, credentials, passwords
from files.http.credentials import Scheme, challenges, parse_authorization, signed_in
from files.models import Entry, Event, Scope, Token
from files.operations.tokens import revoke_token
from tests.factories import (
    PASSWORD,
    SYSTEM,
    make_file,
    make_folder,
    make_token,
    make_user,
    paths_in,
    reread,
)
from tests.http.client import DoorsClient
from tests.multiparts import TYPE, file, form

DAV = Scheme.BASIC | Scheme.BEARER


@pytest.fixture(autouse=True)
def nothing_remembered(db: None) -> None:
    """Forget what a process remembers, and what the cache has counted."""
    passwords._remembered.clear()
    credentials._noted.clear()
    cache.clear()


@pytest.fixture
def user(db: None) -> User:
    return make_user("ada", password=PASSWORD)


@pytest.fixture
def secret(ada: User) -> str:
    return make_token(ada)[1]


def basic(name: str, password: str) -> str:
    return f"Basic {b64encode(f'{name}:{password}'.encode()).decode()}"


def sign_in(
    authorization: str | None,
    schemes: Scheme = DAV,
    door: Event.Door = Event.Door.WEBDAV,
    **more: Any,
) -> Actor:
    """Sign in by a header alone."""
    if authorization is not None:
        more["HTTP_AUTHORIZATION"] = authorization
    return signed_in(RequestFactory().get("/", **more), schemes=schemes, door=door)


def code_of(call: Callable[[], object]) -> str:
    """Give the code that a call is refused with, or "ok"."""
    try:
        call()
    except FilesError as error:
        return error.code
    return "ok"


def test_token_signs_in_by_either_scheme_in_one_query(user: User) -> None:
    token, secret = make_token(user, Scope.READ)

    for header in (
        f"Bearer {secret}",
        f"bearer  {secret}",
        basic("ada", secret),
        basic("", secret),
    ):
        with CaptureQueriesContext(connection) as queries:
            actor = sign_in(header)

        assert len(queries) == 1
        assert (actor.user, actor.door) == (user, Event.Door.WEBDAV)
        assert actor.limit is not None
        assert (actor.limit.token_id, actor.limit.rights) == (token.pk, Scope.READ.rights)


MALFORMED = [
    "Basic",
    "Basic !",
    "Basic \xe9",
    f"Basic {b64encode(b'no colon').decode()}",
    f"Basic {b64encode(bytes([0xFF, 0xFE]) + b':x').decode()}",
    f"Basic {b64encode(b'a:b' + bytes([0])).decode()}",
    f"Basic {b64encode(b'a:b').decode()}, Basic {b64encode(b'a:b').decode()}",
    f"Basic {'QUFB' * 50_000}",
]
WRONG = [
    "Bearer",
    "Bearer sr_",
    f"Bearer sr_{'A' * 32}",
    f"Bearer sr_{'A' * 1_000_000}",
    f"Bearer sr_{'é' * 32}",
    "Bearer \x00",
    basic("ada", f"sr_{'A' * 32}"),
    basic("ada", PASSWORD),
    basic("nobody", "x"),
    basic("ada", ""),
]
UNKNOWN = [None, "", "Negotiate abc", "Digest username=ada", "Basicx abc"]


@pytest.mark.parametrize(
    ("header", "code"),
    [
        *((header, "malformed-request") for header in MALFORMED),
        *((header, "invalid-credentials") for header in WRONG),
        *((header, "sign-in-required") for header in UNKNOWN),
    ],
)
def test_header_that_is_wrong_is_refused(user: User, header: str | None, code: str) -> None:
    assert code_of(lambda: sign_in(header)) == code


def test_secret_is_not_shown_with_its_credentials() -> None:
    assert "xyzzy" not in repr(parse_authorization(basic("ada", "xyzzy")))


def expired(token: Token) -> None:
    Token.objects.filter(pk=token.pk).update(expires_at=timezone.now())


def revoked(token: Token) -> None:
    revoke_token(token, actor=SYSTEM)


def closed(token: Token) -> None:
    User.objects.filter(pk=token.user_id).update(is_active=False)


@pytest.mark.parametrize("end", [expired, revoked, closed])
def test_token_that_ended_is_refused_at_once(user: User, end: Callable[[Token], None]) -> None:
    token, secret = make_token(user, expires_at=timezone.now() + timedelta(hours=1))
    assert code_of(lambda: sign_in(f"Bearer {secret}")) == "ok"

    end(token)

    assert code_of(lambda: sign_in(f"Bearer {secret}")) == "invalid-credentials"


def test_token_of_another_user_than_the_name_is_refused(user: User) -> None:
    secret = make_token(make_user("bob"))[1]

    assert code_of(lambda: sign_in(basic("ada", secret))) == "invalid-credentials"
    assert code_of(lambda: sign_in(basic("bob", secret))) == "ok"


@pytest.mark.parametrize(
    ("address", "scheme", "allowed", "code"),
    [
        ("127.0.0.1", "http", False, "ok"),
        ("::1", "http", False, "ok"),
        ("::ffff:127.0.0.1", "http", False, "ok"),
        ("::ffff:192.0.2.1", "http", False, "https-required"),
        ("192.0.2.1", "http", False, "https-required"),
        ("unix:", "http", False, "https-required"),
        ("", "http", False, "https-required"),
        ("192.0.2.1", "https", False, "ok"),
        ("192.0.2.1", "http", True, "ok"),
    ],
)
def test_secret_is_not_taken_where_others_read_it(
    user: User,
    settings: Settings,
    address: str,
    scheme: str,
    allowed: bool,  # noqa: FBT001 - of the table
    code: str,
) -> None:
    settings.FILES_TOKENS_PLAIN_HTTP = allowed
    secret = make_token(user)[1]
    more: dict[str, Any] = {"REMOTE_ADDR": address, "secure": scheme == "https"}

    assert code_of(lambda: sign_in(f"Bearer {secret}", **more)) == code
    asked = "sign-in-required" if code == "ok" else code
    assert code_of(lambda: sign_in(None, **more)) == asked
    # A door of pages lets sessions in by plain http, as a setting of its own says.
    assert code_of(lambda: sign_in(None, Scheme.ANY, **more)) == "sign-in-required"


def test_failures_from_an_address_are_limited_and_right_tokens_are_not(user: User) -> None:
    secret = make_token(user)[1]
    wrong = f"Bearer sr_{'A' * 32}"

    for _time in range(attempts.FAILURES):
        assert code_of(lambda: sign_in(wrong)) == "invalid-credentials"

    assert code_of(lambda: sign_in(wrong)) == "too-many-attempts"
    assert code_of(lambda: sign_in(f"Bearer {secret}")) == "ok"
    other: dict[str, Any] = {"REMOTE_ADDR": "2001:db8::1", "secure": True}
    neighbour: dict[str, Any] = {"REMOTE_ADDR": "2001:db8::2", "secure": True}
    assert code_of(lambda: sign_in(wrong, **other)) == "invalid-credentials"
    for _time in range(attempts.FAILURES - 1):
        assert code_of(lambda: sign_in(wrong, **neighbour)) == "invalid-credentials"
    assert code_of(lambda: sign_in(wrong, **other)) == "too-many-attempts"


def test_failures_of_ipv4_are_those_of_one_address_on_a_socket_of_ipv6(user: User) -> None:
    def fail(address: str) -> str:
        return code_of(lambda: sign_in("Bearer wrong", REMOTE_ADDR=address, secure=True))

    for _time in range(attempts.FAILURES):
        assert fail("::ffff:192.0.2.1") == "invalid-credentials"

    assert fail("192.0.2.1") == "too-many-attempts"
    assert fail("::ffff:192.0.2.2") == "invalid-credentials"


@pytest.mark.parametrize(
    ("peer", "address"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8::1", "2001:db8::1"),
        ("fe80::1%eth0", "fe80::1"),
        ("", None),
        ("nonsense", None),
    ],
)
def test_address_is_one_that_the_database_takes(peer: str, address: str | None) -> None:
    assert credentials.address_of(RequestFactory().get("/", REMOTE_ADDR=peer)) == address


def test_limit_on_failures_ends_with_its_window(
    user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = "Bearer wrong"
    for _time in range(attempts.FAILURES):
        assert code_of(lambda: sign_in(wrong)) == "invalid-credentials"
    later = time.time() + attempts.WINDOW + 1
    monkeypatch.setattr(time, "time", lambda: later)

    assert code_of(lambda: sign_in(wrong)) == "invalid-credentials"


def test_account_password_is_taken_only_where_a_setting_says_so(
    user: User, settings: Settings
) -> None:
    header = basic("ada", PASSWORD)
    assert code_of(lambda: sign_in(header)) == "invalid-credentials"

    settings.FILES_DAV_PASSWORDS = True

    actor = sign_in(header)
    assert (actor.user, actor.limit) == (user, None)
    assert code_of(lambda: sign_in(basic("ada", "wrong"))) == "invalid-credentials"
    assert code_of(lambda: sign_in(header, Scheme.ANY)) == "sign-in-required"


def test_right_password_is_hashed_once_and_forgotten_when_it_changes(
    user: User, settings: Settings
) -> None:
    settings.FILES_DAV_PASSWORDS = True
    header = basic("ada", PASSWORD)
    sign_in(header)

    with CaptureQueriesContext(connection) as queries:
        sign_in(header)
    assert len(queries) == 1

    User.objects.filter(pk=user.pk).update(is_active=False)
    assert code_of(lambda: sign_in(header)) == "invalid-credentials"
    User.objects.filter(pk=user.pk).update(is_active=True)
    user.set_password("another one")
    user.save()
    assert code_of(lambda: sign_in(header)) == "invalid-credentials"


def test_attempts_with_passwords_share_the_limit_of_the_sign_in_page(
    user: User, settings: Settings
) -> None:
    settings.FILES_DAV_PASSWORDS = True

    codes = [code_of(lambda: sign_in(basic("ada", "wrong"))) for _time in range(6)]

    assert codes == ["invalid-credentials"] * 5 + ["too-many-attempts"]
    assert code_of(lambda: sign_in(basic("ada", PASSWORD))) == "too-many-attempts"


def test_challenges_are_of_the_form_that_clients_understand() -> None:
    required, wrong = SignInRequiredError(), InvalidCredentialsError()
    dav = ("WWW-Authenticate", 'Basic realm="Strongroom", charset="UTF-8"')

    assert challenges(required, DAV) == challenges(wrong, DAV) == [dav]
    assert challenges(required) == [("WWW-Authenticate", 'Bearer realm="Strongroom"')]
    assert challenges(wrong) == [
        ("WWW-Authenticate", 'Bearer realm="Strongroom", error="invalid_token"')
    ]
    assert challenges(required, Scheme.SESSION) == []


# The doors.


@pytest.fixture
def place(root: Entry) -> dict[str, Entry]:
    """Give a folder to limit tokens to, with a file, and a file beside it."""
    folder = make_folder(root, "folder")
    return {
        "root": root,
        "folder": folder,
        "inside": make_file(folder, "inside.txt", b"inside"),
        "outside": make_file(root, "outside.txt", b"outside"),
    }


def put(client: DoorsClient, folder: Entry, name: str, **headers: Any) -> int:
    path = f"/folders/{folder.pk}/files/{name}"
    return client.request("PUT", path, b"bytes", sec_fetch_site=None, **headers).status


def read(client: DoorsClient, entry: Entry, **headers: Any) -> int:
    path = f"/entries/{entry.pk}/content"
    return client.request("GET", path, accept="application/json", **headers).status


def upload(client: DoorsClient, folder: Entry, **headers: Any) -> int:
    body = form(file("a.txt", b"content"))
    path = f"/upload/{folder.pk}"
    return client.request(
        "POST", path, body, content_type=TYPE, sec_fetch_site=None, **headers
    ).status


def begin(client: DoorsClient, folder: Entry, **headers: Any) -> int:
    metadata = f"folder {b64encode(str(folder.pk).encode()).decode()},filename YQ=="
    more: dict[str, Any] = {
        "tus_resumable": "1.0.0",
        "upload_length": "3",
        "upload_metadata": metadata,
    }
    return client.request("POST", "/uploads/", sec_fetch_site=None, **more, **headers).status


def archive(client: DoorsClient, folder: Entry, **headers: Any) -> int:
    path = f"/folders/{folder.pk}/archive"
    return client.request("GET", path, accept="application/json", **headers).status


@pytest.mark.parametrize(
    ("scopes", "read_status", "write_status"),
    [(Scope.READ, 200, 403), (Scope.WRITE, 404, 201), (Scope.READ | Scope.WRITE, 200, 201)],
)
def test_doors_take_tokens_within_their_scopes(
    anonymous: DoorsClient,
    ada: User,
    place: dict[str, Entry],
    scopes: Scope,
    read_status: int,
    write_status: int,
) -> None:
    secret = make_token(ada, scopes, place["folder"])[1]

    for header in (f"Bearer {secret}", basic("ada", secret)):
        assert read(anonymous, place["inside"], authorization=header) == read_status
        assert read(anonymous, place["outside"], authorization=header) == 404
        assert upload(anonymous, place["folder"], authorization=header) == write_status
        assert upload(anonymous, place["root"], authorization=header) == 404
        assert put(anonymous, place["root"], "b.txt", authorization=header) == 404
    assert put(anonymous, place["folder"], "b.txt", authorization=header) == write_status
    archived = archive(anonymous, place["folder"], authorization=header)
    assert archived == (200 if scopes & Scope.READ else 404)
    assert ("b.txt" in paths_in(place["folder"])) is (write_status == 201)


def test_cookies_do_not_count_beside_a_token(browser: DoorsClient, place: dict[str, Entry]) -> None:
    eve = make_token(make_user("eve"))[1]
    cross: dict[str, Any] = {"origin": "https://evil.example"}

    assert read(browser, place["inside"]) == 200
    assert read(browser, place["inside"], authorization=f"Bearer {eve}") == 404
    assert read(browser, place["inside"], authorization="Bearer wrong") == 401
    # What is asked of who has a cookie is not asked of a token.
    assert put(browser, place["folder"], "c", authorization=f"Bearer {eve}", **cross) == 404
    assert put(browser, place["folder"], "c", **cross) == 403


def test_password_of_a_proxy_in_front_does_not_count(
    browser: DoorsClient, place: dict[str, Entry]
) -> None:
    for header in (basic("proxy", "secret"), "Basic !", "Negotiate abc"):
        assert read(browser, place["inside"], authorization=header) == 200


def test_password_that_a_browser_sends_by_itself_needs_one_of_our_pages(
    anonymous: DoorsClient, place: dict[str, Entry], secret: str, settings: Settings
) -> None:
    settings.FILES_CORS_ORIGINS = ["https://app.example"]
    header: dict[str, Any] = {"authorization": basic("ada", secret)}

    assert put(anonymous, place["folder"], "a", origin="https://evil.example", **header) == 403
    assert put(anonymous, place["folder"], "b", origin="null", **header) == 403
    assert put(anonymous, place["folder"], "c", origin="http://localhost", **header) == 201
    assert put(anonymous, place["folder"], "d", origin="https://app.example", **header) == 201
    assert put(anonymous, place["folder"], "e", **header) == 201


def test_pages_and_the_admin_take_no_tokens(
    anonymous: DoorsClient, browser: DoorsClient, place: dict[str, Entry], ada: User, secret: str
) -> None:
    User.objects.filter(pk=ada.pk).update(is_staff=True, is_superuser=True)
    header: dict[str, Any] = {"authorization": f"Bearer {secret}"}
    entry = place["inside"].pk

    for client in (anonymous, browser):
        page = client.request("GET", f"/folders/{place['root'].pk}/", **header)
        content = client.request("GET", f"/admin/files/entry/{entry}/content/", **header)
        assert (page.status, content.status) == (303, 303)


def test_program_is_told_in_json_how_its_form_went(
    anonymous: DoorsClient, place: dict[str, Entry], secret: str
) -> None:
    body = form(file("a.txt", b"content"))
    answer = anonymous.request(
        "POST",
        f"/upload/{place['folder'].pk}",
        body,
        content_type=TYPE,
        sec_fetch_site=None,
        authorization=f"Bearer {secret}",
    )

    assert answer.status == 201
    assert answer.headers["content-type"] == "application/json"
    event = Event.objects.latest("pk")
    assert (event.door, event.actor_name) == ("api", "ada")


@pytest.mark.parametrize("accept", ["text/html", "application/json"])
def test_wrong_token_is_answered_with_a_challenge(
    anonymous: DoorsClient, place: dict[str, Entry], accept: str
) -> None:
    answers = [
        anonymous.request("GET", path, accept=accept, authorization="Bearer wrong")
        for path in (
            f"/entries/{place['inside'].pk}/content",
            f"/folders/{place['root'].pk}/archive",
        )
    ]
    tus: dict[str, Any] = {"tus_resumable": "1.0.0", "authorization": "Bearer wrong"}
    answers.append(anonymous.request("HEAD", f"/uploads/{'0' * 32}", **tus))

    for answer in answers:
        assert answer.status == 401
        assert answer.headers["www-authenticate"].startswith('Bearer realm="Strongroom"')


def test_uploads_go_on_by_token(
    anonymous: DoorsClient, place: dict[str, Entry], secret: str, ada: User
) -> None:
    assert begin(anonymous, place["folder"], authorization=f"Bearer {secret}") == 201
    limited_to = make_token(ada, Scope.ALL, place["folder"])[1]
    assert begin(anonymous, place["root"], authorization=f"Bearer {limited_to}") == 404
    assert begin(anonymous, place["folder"]) == 401


def test_line_of_the_log_names_the_token_and_never_its_secret(
    anonymous: DoorsClient,
    place: dict[str, Entry],
    ada: User,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    token, secret = make_token(ada)

    read(anonymous, place["inside"], authorization=f"Bearer {secret}")
    read(anonymous, place["inside"], authorization=f"Bearer {secret}x")

    lines = [vars(line) for line in caplog.records if line.name == "files.requests"]
    assert [(line["user_id"], line["token_id"]) for line in lines] == [
        (ada.pk, token.pk),
        (None, None),
    ]
    assert secret not in caplog.text + str(lines)


def test_use_is_noted_after_the_answer_once_a_minute(
    anonymous: DoorsClient, place: dict[str, Entry], ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    token, secret = make_token(ada)
    header: dict[str, Any] = {"authorization": f"Bearer {secret}"}

    read(anonymous, place["inside"], **header)
    first = reread(token)
    assert first.last_ip == "127.0.0.1"
    assert first.last_used_at is not None

    read(anonymous, place["inside"], **header)
    credentials._noted.clear()  # another process knows nothing of this one
    read(anonymous, place["inside"], **header)
    assert reread(token).last_used_at == first.last_used_at

    Token.objects.update(last_used_at=first.last_used_at - timedelta(minutes=2))
    credentials._noted.clear()
    read(anonymous, place["inside"], **header)
    assert (reread(token).last_used_at or first.last_used_at) > first.last_used_at


def test_use_that_cannot_be_noted_costs_nobody_an_answer(
    anonymous: DoorsClient, place: dict[str, Entry], secret: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_arguments: Any) -> None:
        raise DatabaseError("locked")

    monkeypatch.setattr(credentials, "note_use", fail)

    assert read(anonymous, place["inside"], authorization=f"Bearer {secret}") == 200
