"""Who WebDAV lets in, and how far tokens reach there: by scopes, and below one folder."""

from base64 import b64encode

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from pytest_django import Settings

from files.http import passwords
from files.models import Entry, Scope
from tests.dav.client import DavClient, document, lock_info
from tests.dav.conftest import As
from tests.factories import PASSWORD, make_file, make_folder, make_token, paths_in

COMMENT = document("propertyupdate", "<D:set><D:prop><x xmlns='urn:x'>1</x></D:prop></D:set>")


@pytest.fixture(autouse=True)
def nothing_remembered(db: None) -> None:
    """Forget what a process remembers, and what the cache has counted."""
    passwords._remembered.clear()
    cache.clear()


@pytest.fixture
def tree(root: Entry) -> Entry:
    """Give /top, with a file and a folder in it; there is a file beside it."""
    top = make_folder(root, "top")
    make_file(top, "in.txt", b"inside")
    make_folder(top, "folder")
    make_file(root, "out.txt", b"outside")
    return top


def by(dav_as: As, secret: str, name: str = "ada") -> DavClient:
    """Give a client with a secret of ada's."""
    client = dav_as(None)
    client.authorization = f"Basic {b64encode(f'{name}:{secret}'.encode()).decode()}"
    return client


def limited(dav_as: As, user: User, scopes: Scope, top: Entry | None = None) -> DavClient:
    """Give a client with a token."""
    return by(dav_as, make_token(user, scopes, top)[1])


METHODS = [
    # what is sent (method, path, body, headers); the status by a token that may read, and by one
    # that may write too
    (("GET", "/ada/top/in.txt", "", {}), 200, 200),
    (("PROPFIND", "/ada/top", "", {"Depth": "1"}), 207, 207),
    (("PUT", "/ada/top/new.txt", "x", {}), 403, 201),
    (("PUT", "/ada/top/in.txt", "x", {}), 403, 204),
    (("MKCOL", "/ada/top/new", "", {}), 403, 201),
    (("PROPPATCH", "/ada/top/in.txt", COMMENT, {}), 403, 207),
    (("LOCK", "/ada/top/in.txt", lock_info("exclusive"), {}), 403, 200),
    (("COPY", "/ada/top/in.txt", "", {"Destination": "/dav/ada/top/copy"}), 403, 201),
    (("MOVE", "/ada/top/in.txt", "", {"Destination": "/dav/ada/top/moved"}), 403, 201),
    (("DELETE", "/ada/top/in.txt", "", {}), 403, 204),
]


type Request = tuple[str, str, str, dict[str, str]]


@pytest.mark.parametrize(("request_", "read", "write"), METHODS)
def test_scopes_decide_what_methods_do(
    dav_as: As,
    ada: User,
    tree: Entry,
    request_: Request,
    read: int,
    write: int,
) -> None:
    reader, writer = (
        limited(dav_as, ada, scopes, tree) for scopes in (Scope.READ, Scope.READ | Scope.WRITE)
    )
    before, (method, path, body, headers) = paths_in(tree), request_

    assert reader.status(method, path, body, **headers) == read
    assert paths_in(tree) == before
    assert writer.status(method, path, body, **headers) == write


OUTSIDE = [
    ("PROPFIND", "/ada/", "", {"Depth": "0"}),
    ("GET", "/ada/out.txt", "", {}),
    ("PUT", "/ada/out.txt", "x", {}),
    ("PUT", "/ada/new.txt", "x", {}),
    ("MKCOL", "/ada/new", "", {}),
    ("DELETE", "/ada/out.txt", "", {}),
    ("DELETE", "/ada/top", "", {}),
    ("PROPPATCH", "/ada/out.txt", COMMENT, {}),
    ("LOCK", "/ada/out.txt", lock_info("exclusive"), {}),
    ("COPY", "/ada/out.txt", "", {"Destination": "/dav/ada/top/copy"}),
    ("MOVE", "/ada/out.txt", "", {"Destination": "/dav/ada/top/copy"}),
    ("COPY", "/ada/top/in.txt", "", {"Destination": "/dav/ada/copy"}),
    ("MOVE", "/ada/top/in.txt", "", {"Destination": "/dav/ada/copy"}),
    ("MOVE", "/ada/top/in.txt", "", {"Destination": "/dav/ada/out.txt"}),
    ("MOVE", "/ada/top", "", {"Destination": "/dav/ada/top2"}),
]


@pytest.mark.parametrize("request_", OUTSIDE)
def test_nothing_outside_the_folder_is_seen_or_changed(
    dav_as: As,
    ada: User,
    root: Entry,
    tree: Entry,
    request_: Request,
) -> None:
    client = limited(dav_as, ada, Scope.ALL, tree)
    before, (method, path, body, headers) = paths_in(root), request_

    answer = client.request(method, path, body, **headers)

    assert answer.status in {403, 404, 409}
    assert "outside" not in answer.text
    assert paths_in(root) == before


def test_answers_for_what_is_outside_are_those_for_what_is_not_there(
    dav_as: As, ada: User, tree: Entry
) -> None:
    client = limited(dav_as, ada, Scope.ALL, tree)

    for method in ("GET", "PROPFIND", "DELETE"):
        there, missing = (client.request(method, path) for path in ("/ada/out.txt", "/ada/nowhere"))
        assert (there.status, there.text) == (missing.status, missing.text)


def test_home_lists_the_spaces_that_a_token_reaches_whole(
    dav_as: As, ada: User, root: Entry, tree: Entry
) -> None:
    folder = limited(dav_as, ada, Scope.ALL, tree)
    space = limited(dav_as, ada, Scope.ALL, root)

    assert set(folder.propfind("/", depth="1")) == {"/dav/"}
    assert set(space.propfind("/", depth="1")) == {"/dav/", "/dav/ada/"}
    assert "/dav/ada/top/in.txt" in folder.propfind("/ada/top", depth="1")


def test_nobody_is_asked_for_a_name_and_a_password(dav_as: As, ada: User) -> None:
    for client in (dav_as(None), by(dav_as, "wrong"), by(dav_as, f"sr_{'A' * 32}")):
        answer = client.request("PROPFIND", "/ada/")

        assert answer.status == 401
        assert answer.headers["www-authenticate"] == 'Basic realm="Strongroom", charset="UTF-8"'


@pytest.mark.parametrize("method", ["PROPFIND", "PROPPATCH", "MKCOL", "LOCK", "REPORT", "PUT"])
def test_nothing_is_read_before_it_is_known_who_asks(
    dav_as: As, ada: User, root: Entry, method: str
) -> None:
    body = [document("propfind", "<D:allprop/>").encode()]

    for client in (dav_as(None), by(dav_as, f"sr_{'A' * 32}")):
        answer = client.request(method, "/ada/new", body)

        assert (answer.status, answer.read_at_start) == (401, 0)


def test_by_plain_http_from_elsewhere_nobody_is_asked(dav_as: As, ada: User) -> None:
    secret = make_token(ada)[1]

    for client in (dav_as(None), by(dav_as, secret)):
        client.client.address = "192.0.2.1"
        answer = client.request("PROPFIND", "/ada/")
        assert answer.status == 403
        assert "www-authenticate" not in answer.headers


def test_password_of_an_account_counts_where_a_setting_says_so(
    dav_as: As, ada: User, root: Entry, settings: Settings
) -> None:
    ada.set_password(PASSWORD)
    ada.save()
    client = by(dav_as, PASSWORD)
    assert client.request("PROPFIND", "/ada/").status == 401

    settings.FILES_DAV_PASSWORDS = True

    assert client.request("PROPFIND", "/ada/", Depth="0").status == 207
    assert client.request("PUT", "/ada/a.txt", "x").status == 201
