"""LOCK, UNLOCK and the If header: who may write what meanwhile (RFC 4918, 9.10, 9.11 and 10.4)."""

import re
from time import thread_time
from typing import Any
from xml.etree.ElementTree import Element

import pytest
from defusedxml.ElementTree import fromstring
from django.contrib.auth.models import User

from files.dav.conditions import LENGTH, parse_if
from files.dav.put import DavPutFace, find_put
from files.errors import MalformedRequestError
from files.models import Entry, Grant, Lock
from tests.dav.client import D, DavClient, code_of, condition_of, document, lock_info
from tests.dav.conftest import As
from tests.factories import make_file, make_folder, make_member, paths_in

pytestmark = pytest.mark.usefixtures("consistent")


@pytest.fixture
def bob(dav_as: As, root: Entry) -> DavClient:
    """Give somebody who may change what is ada's."""
    return dav_as(make_member(root, Grant.Role.EDITOR).user)


def active(answer_text: str) -> Element:
    """Read the one lock that an answer tells of."""
    (found,) = fromstring(answer_text).iter(f"{D}activelock")
    return found


def test_lock_is_told_with_its_token(dav: DavClient, root: Entry) -> None:
    make_file(root, "a")

    answer = dav.request("LOCK", "/ada/a", lock_info(), Timeout="Second-100", Depth="0")

    told = active(answer.text)
    token = answer.headers["lock-token"].strip("<>")
    assert answer.status == 200
    assert told.findtext(f"{D}locktoken/{D}href") == token
    assert told.findtext(f"{D}lockroot/{D}href") == "/dav/ada/a"
    assert told.findtext(f"{D}depth") == "0"
    assert told.findtext(f"{D}owner") == "ada's laptop"
    assert told.find(f"{D}lockscope/{D}exclusive") is not None
    assert told.findtext(f"{D}timeout") in {"Second-100", "Second-99"}
    assert dav.propfind("/ada/a", "<D:lockdiscovery/>")["/dav/ada/a"].text("lockdiscovery")


TIMEOUTS = [
    ("Infinite", 86_400),
    ("Second-4100000000", 86_400),
    ("Infinite, Second-5", 86_400),
    ("Extend, Second-50", 50),
    ("nonsense", 1800),
    ("", 1800),
]


def test_timeout_is_within_what_is_allowed(
    dav: DavClient, root: Entry, subtests: pytest.Subtests
) -> None:
    for number, (wish, seconds) in enumerate(TIMEOUTS):
        with subtests.test(wish):
            answer = dav.request("LOCK", f"/ada/{number}", lock_info(), Timeout=wish)

            text = active(answer.text).findtext(f"{D}timeout") or ""
            assert seconds - 2 <= int(text.removeprefix("Second-")) <= seconds


def test_lock_of_what_is_not_there_makes_an_empty_file(dav: DavClient, root: Entry) -> None:
    answer = dav.request("LOCK", "/ada/new", lock_info())

    assert answer.status == 201
    assert paths_in(root) == {"new": b""}
    token = answer.headers["lock-token"]
    assert dav.status("PUT", "/ada/new", b"1") == 423
    assert dav.status("PUT", "/ada/new", b"1", If=f"({token})") == 204


CHANGES = [
    ("PUT", "/ada/folder/a", b"new", {}),
    ("PUT", "/ada/folder/new", b"new", {}),
    ("MKCOL", "/ada/folder/new", b"", {}),
    ("DELETE", "/ada/folder/a", b"", {}),
    ("DELETE", "/ada/folder", b"", {}),
    ("MOVE", "/ada/folder/a", b"", {"Destination": "/dav/ada/b"}),
    ("MOVE", "/ada/folder", b"", {"Destination": "/dav/ada/b"}),
    ("MOVE", "/ada/other", b"", {"Destination": "/dav/ada/folder/b"}),
    ("COPY", "/ada/other", b"", {"Destination": "/dav/ada/folder/b"}),
    ("COPY", "/ada/other", b"", {"Destination": "/dav/ada/folder/a"}),
    ("LOCK", "/ada/folder/new", lock_info().encode(), {}),
    (
        "PROPPATCH",
        "/ada/folder/a",
        document("propertyupdate", "<D:set><D:prop><c/></D:prop></D:set>").encode(),
        {},
    ),
]


@pytest.mark.parametrize(
    "case", CHANGES, ids=[" ".join([case[0], case[1], *case[3].values()]) for case in CHANGES]
)
def test_nothing_locked_is_changed_without_the_token(
    dav: DavClient, bob: DavClient, root: Entry, case: tuple[str, str, bytes, dict[str, str]]
) -> None:
    method, path, body, headers = case
    make_file(make_folder(root, "folder"), "a", b"old")
    make_file(root, "other", b"other")
    token = dav.lock("/ada/folder")
    before = paths_in(root)
    given = {**headers, "If": f"</dav/ada/folder> (<{token}>)"}

    own = dav.request(method, path, body, **headers)
    foreign = bob.request(method, path, body, **given)

    assert (own.status, code_of(own)) == (423, "locked")
    assert condition_of(own) in {"lock-token-submitted", "no-conflicting-lock"}
    assert foreign.status == 423
    assert paths_in(root) == before
    if method != "LOCK":
        assert dav.status(method, path, body, **given) in {201, 204, 207}


def test_reading_needs_no_token(dav: DavClient, bob: DavClient, root: Entry) -> None:
    make_file(root, "a", b"1")
    dav.lock("/ada/a")

    assert bob.request("GET", "/ada/a").body == b"1"
    assert bob.status("COPY", "/ada/a", Destination="/dav/ada/b") == 201
    assert bob.propfind("/ada/b", "<D:lockdiscovery/>")["/dav/ada/b"].text("lockdiscovery") == ""


def test_deep_lock_is_told_of_what_lies_below(dav: DavClient, root: Entry) -> None:
    make_file(make_folder(root, "folder"), "a")
    token = dav.lock("/ada/folder")

    told = dav.propfind("/ada/folder", "<D:lockdiscovery/>", depth="1")

    for href in ("/dav/ada/folder/", "/dav/ada/folder/a"):
        found = told[href].found[f"{D}lockdiscovery"]
        assert [token] == [found.findtext(f"{D}activelock/{D}locktoken/{D}href")]
        assert found.findtext(f"{D}activelock/{D}lockroot/{D}href") == "/dav/ada/folder/"


def test_locks_of_members_are_told_at_their_own_addresses(dav: DavClient, root: Entry) -> None:
    make_folder(root, "folder")
    make_file(root, "a")
    make_file(root, "unlocked")
    dav.lock("/ada/folder")
    dav.lock("/ada/a")

    told = dav.propfind("/ada/", "<D:lockdiscovery/>", depth="1")

    path = f"{D}activelock/{D}lockroot/{D}href"
    assert {href: one.found[f"{D}lockdiscovery"].findtext(path) for href, one in told.items()} == {
        "/dav/ada/": None,
        "/dav/ada/folder/": "/dav/ada/folder/",
        "/dav/ada/a": "/dav/ada/a",
        "/dav/ada/unlocked": None,
    }


def test_shared_locks_stand_beside_each_other(dav: DavClient, bob: DavClient, root: Entry) -> None:
    make_file(root, "a")
    dav.lock("/ada/a", scope="shared")
    token = bob.lock("/ada/a", scope="shared")

    refused = bob.request("LOCK", "/ada/a", lock_info())

    assert (refused.status, condition_of(refused)) == (423, "no-conflicting-lock")
    assert bob.status("PUT", "/ada/a", b"1", If=f"(<{token}>)") == 204


def test_lock_is_kept_for_longer(dav: DavClient, root: Entry) -> None:
    make_file(make_folder(root, "folder"), "a")
    token = dav.lock("/ada/folder", Timeout="Second-10")

    answer = dav.request("LOCK", "/ada/folder/a", If=f"(<{token}>)", Timeout="Second-500")

    assert answer.status == 200
    assert "lock-token" not in answer.headers
    assert active(answer.text).findtext(f"{D}lockroot/{D}href") == "/dav/ada/folder/"
    assert re.search("Second-(499|500)", answer.text)


def test_one_keeps_ones_own_of_the_locks_that_are_named(
    dav: DavClient, bob: DavClient, root: Entry
) -> None:
    make_file(root, "a")
    other = dav.lock("/ada/a", scope="shared")
    token = bob.lock("/ada/a", scope="shared")

    answer = bob.request("LOCK", "/ada/a", If=f"(<{other}> <{token}>)", Timeout="Second-500")

    assert answer.status == 200
    assert active(answer.text).findtext(f"{D}locktoken/{D}href") == token


@pytest.mark.parametrize(
    ("given", "status"), [(None, 400), ("(<opaquelocktoken:no>)", 412), ("()", 400)]
)
def test_lock_is_not_kept_without_its_token(
    dav: DavClient, root: Entry, given: str | None, status: int
) -> None:
    make_file(root, "a")
    dav.lock("/ada/a")

    assert dav.request("LOCK", "/ada/a", If=given).status == status


def test_nobody_keeps_or_gives_up_the_lock_of_another(
    dav: DavClient, bob: DavClient, root: Entry
) -> None:
    make_file(root, "a")
    token = dav.lock("/ada/a")

    assert bob.status("LOCK", "/ada/a", If=f"(<{token}>)") == 412
    assert bob.status("UNLOCK", "/ada/a", Lock_Token=f"<{token}>") == 409
    assert Lock.objects.filter(token=token).exists()


@pytest.mark.parametrize(
    ("path", "given", "status"),
    [
        ("/ada/a", "<{token}>", 204),
        ("/ada/b", "<{token}>", 409),
        ("/ada/no", "<{token}>", 409),
        ("/ada/a", "<opaquelocktoken:no>", 409),
        ("/ada/a", "{token}", 400),
        ("/ada/a", "", 400),
    ],
)
def test_unlock(dav: DavClient, root: Entry, path: str, given: str, status: int) -> None:
    make_file(root, "a")
    make_file(root, "b")
    token = dav.lock("/ada/a")

    assert dav.status("UNLOCK", path, Lock_Token=given.format(token=token)) == status
    assert dav.status("PUT", "/ada/a", b"1") == (204 if status == 204 else 423)


IF = [
    ("(<{token}>)", 204),
    ("(<{token}> [{etag}])", 204),
    ('(<{token}> ["v0"])', 412),
    ("(<{token}>) (Not <DAV:no-lock>)", 204),
    ("(Not <DAV:no-lock>)", 423),
    ("(<DAV:no-lock>)", 412),
    ("(<{token}>x)", 400),
    ("(<{token}x>) (Not <DAV:no-lock>)", 423),
    ("(Not <{token}>)", 412),
    ("(not <DAV:no-lock> <{token}>)", 204),
    ("</dav/ada/a> (<{token}>)", 204),
    ("<http://localhost/dav/ada/a> (<{token}>)", 204),
    ("<http://elsewhere.example/a> (<{token}>)", 412),
    ("<http://elsewhere.example/a> (Not <{token}>)", 204),
    ('</dav/ada/b> (Not ["v0"]) </dav/ada/a> (<{token}>)', 204),
    ("</dav/ada/no> ([{etag}] <{token}>)", 412),
    ("(<{token}>) </dav/ada/a> (<{token}>)", 400),
    ("", 400),
    ("(", 400),
    ("()", 400),
    ("(<{token}>", 400),
    ("</dav/ada/a>", 400),
    ("([{etag}) ", 400),
    ("(<{token}>) rest", 400),
    (f"(<{'x' * LENGTH}>)", 400),
    ("(<a:b>)" * 101, 400),
    ("".join(f"</dav/ada/{n}> (<a:b>)" for n in range(40)), 400),
]


def test_if_header(dav: DavClient, root: Entry, subtests: pytest.Subtests) -> None:
    make_file(root, "a", b"old")
    make_file(root, "b")
    token = dav.lock("/ada/a")

    for number, (given, status) in enumerate(IF):
        with subtests.test(given[:60]):
            etag = dav.propfind("/ada/a", "<D:getetag/>")["/dav/ada/a"].text("getetag")
            before, new = paths_in(root)["a"], f"new {number}".encode()
            text = given.replace("{token}", token).replace("{etag}", etag)

            assert dav.status("PUT", "/ada/a", new, If=text) == status
            assert paths_in(root)["a"] == (new if status == 204 else before)


def test_if_header_of_white_space_costs_by_its_length() -> None:
    started = thread_time()

    with pytest.raises(MalformedRequestError):
        parse_if("(" + " " * (LENGTH - 2) + "x")

    assert thread_time() - started < 0.1  # seconds; by the square of its length, about one


@pytest.mark.parametrize("if_match", [None, "*"])
def test_content_that_a_condition_was_held_against_is_still_there_when_it_is_replaced(
    dav: DavClient, root: Entry, monkeypatch: pytest.MonkeyPatch, if_match: str | None
) -> None:
    file = make_file(root, "a", b"old")
    etag = f'"v{file.version_id}"'

    def find_and_change(*arguments: Any, **more: Any) -> DavPutFace:
        found = find_put(*arguments, **more)
        make_file(root, "a", b"of somebody else")
        return found

    monkeypatch.setattr("files.dav.face.find_put", find_and_change)
    answer = dav.request("PUT", "/ada/a", b"new", If=f"([{etag}])", If_Match=if_match)

    assert answer.status == 412
    assert paths_in(root) == {"a": b"of somebody else"}


CONDITIONS = [("If", "([{etag}])", '(["v0"])'), ("If_Match", "{etag}", '"v0"')]


@pytest.mark.parametrize(("header", "right", "wrong"), CONDITIONS)
def test_changes_are_made_on_conditions(
    dav: DavClient, root: Entry, header: str, right: str, wrong: str
) -> None:
    file = make_file(root, "a", b"old")
    given = right.replace("{etag}", f'"v{file.version_id}"')
    to_b = {"Destination": "/dav/ada/b"}

    refused = [
        dav.status("MOVE", "/ada/a", **to_b, **{header: wrong}),
        dav.status("DELETE", "/ada/a", **{header: wrong}),
    ]
    done = [
        dav.status("MOVE", "/ada/a", **to_b, **{header: given}),
        dav.status("DELETE", "/ada/b", **{header: given}),
    ]

    assert (refused, done) == ([412, 412], [201, 204])
    assert paths_in(root) == {}


LOCKINFO_REFUSED = {
    "no scope": document("lockinfo", "<D:locktype><D:write/></D:locktype>"),
    "no type": document("lockinfo", "<D:lockscope><D:shared/></D:lockscope>"),
    "another type": lock_info().replace("D:write", "D:read"),
    "another scope": lock_info("no"),
    "long owner": lock_info().replace("ada", "a" * 5_000),
}


def test_unknown_locks_are_refused(dav: DavClient, root: Entry, subtests: pytest.Subtests) -> None:
    for name, body in LOCKINFO_REFUSED.items():
        with subtests.test(name):
            assert dav.status("LOCK", "/ada/new", body) == 400
            assert paths_in(root) == {}


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/", {}, 403),
        ("/new", {}, 403),
        ("/ada/no/new", {}, 409),
        ("/ada/new/", {}, 400),
        ("/ada/a", {"Depth": "1"}, 400),
    ],
)
def test_lock_is_refused(
    dav: DavClient, root: Entry, path: str, headers: dict[str, str], status: int
) -> None:
    make_file(root, "a")

    assert dav.status("LOCK", path, lock_info(), **headers) == status


def test_viewer_locks_nothing(dav_as: As, root: Entry, ada: User) -> None:
    make_file(root, "a")
    bob = dav_as(make_member(root, Grant.Role.VIEWER).user)

    assert bob.status("LOCK", "/ada/a", lock_info()) == 403
    assert bob.status("LOCK", "/ada/new", lock_info()) == 403
