"""OPTIONS, GET, HEAD, PUT, MKCOL and DELETE: (request, status), and what is there afterwards."""

from base64 import b64encode
from datetime import UTC, datetime
from hashlib import new, sha256

import pytest
from defusedxml.ElementTree import fromstring
from django.contrib.auth.models import User
from pytest_django import Settings

from files.http.small import SMALL
from files.models import Entry, Event, Grant, Scope, Space, Version
from tests.dav.client import D, DavClient, basic, code_of, document, lock_info
from tests.dav.conftest import As
from tests.factories import (
    last_events,
    make_file,
    make_folder,
    make_member,
    make_shared_space,
    make_token,
    paths_in,
    root_of,
)
from tests.http.client import DoorsClient

pytestmark = pytest.mark.usefixtures("consistent")

CONTENT = b"content"


def test_anybody_is_told_what_is_spoken(dav_as: As) -> None:
    answer = dav_as(None).request("OPTIONS", "/anything")

    assert answer.status == 200
    assert answer.headers["dav"].startswith("1, 2, 3")
    assert answer.headers["ms-author-via"] == "DAV"
    assert {"PROPFIND", "PUT", "LOCK", "REPORT"} <= set(answer.headers["allow"].split(", "))


def test_unknown_method_is_told_the_known_ones(dav: DavClient) -> None:
    answer = dav.request("PATCH", "/ada/a")

    assert (answer.status, code_of(answer)) == (405, "method-not-allowed")
    assert "PUT" in answer.headers["allow"]


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_file_is_sent_with_its_validators(dav: DavClient, root: Entry, method: str) -> None:
    file = make_file(root, "a", CONTENT)

    answer = dav.request(method, "/ada/a")

    assert (answer.status, answer.body) == (200, CONTENT if method == "GET" else b"")
    assert answer.headers["etag"] == f'"v{file.version_id}"'
    assert answer.headers["content-length"] == "7"


def test_ranges_and_conditions_are_those_of_downloads(dav: DavClient, root: Entry) -> None:
    file = make_file(root, "a", CONTENT)

    part = dav.request("GET", "/ada/a", Range="bytes=2-3")
    same = dav.request("GET", "/ada/a", If_None_Match=f'"v{file.version_id}"')

    assert (part.status, part.body) == (206, CONTENT[2:4])
    assert same.status == 304


@pytest.mark.parametrize("path", ["/", "/ada/", "/ada", "/ada/folder"])
def test_collection_leads_to_its_page(dav: DavClient, root: Entry, path: str) -> None:
    make_folder(root, "folder")

    answer = dav.request("GET", path)

    assert answer.status == 200
    assert 'href="/' in answer.text
    assert "default-src 'none'" in answer.headers["content-security-policy"]


@pytest.mark.parametrize(
    "body", [b"", b"small", b"x" * (SMALL + 1)], ids=["empty", "small", "large"]
)
@pytest.mark.parametrize("way", ["whole", "in chunks"])
def test_file_is_put_and_replaced(dav: DavClient, root: Entry, body: bytes, way: str) -> None:
    pieces = [body[at : at + 65_536] for at in range(0, len(body), 65_536)]
    sent = body if way == "whole" else pieces

    first = dav.request("PUT", "/ada/a%20b", sent)
    second = dav.request("PUT", "/ada/a%20b", b"new")

    entry = Entry.objects.get(parent=root)
    assert (first.status, second.status) == (201, 204)
    assert second.headers["etag"] == f'"v{entry.version_id}"'
    assert second.headers["oc-fileid"] == str(entry.pk)
    assert paths_in(root) == {"a b": b"new"}
    assert Version.objects.filter(entry=entry).count() == 2
    assert last_events(root.space)[0].door == Event.Door.WEBDAV


def test_other_spelling_of_a_name_is_the_same_file(dav: DavClient, root: Entry) -> None:
    dav.request("PUT", "/ada/%C3%BC", b"1")

    assert dav.status("PUT", "/ada/u%CC%88", b"2") == 204
    assert paths_in(root) == {"ü": b"2"}


def test_client_gives_the_time_of_a_file(dav: DavClient, root: Entry) -> None:
    answer = dav.request("PUT", "/ada/a", b"1", X_OC_Mtime="1600000000.5")

    assert answer.headers["x-oc-mtime"] == "accepted"
    wanted = datetime(2020, 9, 13, 12, 26, 40, 500_000, tzinfo=UTC)
    assert Entry.objects.get(parent=root).modified_at == wanted


def oc_checksum(algorithm: str, content: bytes) -> str:
    """Write ownCloud's header."""
    return f"{algorithm}:{new(algorithm, content, usedforsecurity=False).hexdigest()}"


DIGESTS = [
    *(
        ("OC_Checksum", oc_checksum(algorithm, CONTENT), oc_checksum(algorithm, b""))
        for algorithm in ("SHA1", "MD5", "SHA256")
    ),
    (
        "Repr_Digest",
        f"sha-256=:{b64encode(sha256(CONTENT).digest()).decode()}:",
        f"sha-256=:{b64encode(sha256(b'').digest()).decode()}:",
    ),
]


@pytest.mark.parametrize(("header", "right", "wrong"), DIGESTS)
def test_stated_digest_is_checked_before_a_file_is_there(
    dav: DavClient, root: Entry, header: str, right: str, wrong: str
) -> None:
    refused = dav.request("PUT", "/ada/a", CONTENT, **{header: wrong})
    assert (refused.status, code_of(refused)) == (400, "digest-mismatch")
    assert paths_in(root) == {}

    assert dav.status("PUT", "/ada/a", CONTENT, **{header: right}) == 201


def test_digest_of_an_unknown_kind_says_nothing(dav: DavClient, root: Entry) -> None:
    assert dav.status("PUT", "/ada/a", CONTENT, OC_Checksum="ADLER32:0BD402EF") == 201


PUT_REFUSED: list[tuple[str, str, dict[str, str], int, str]] = [
    ("parent missing", "/ada/no/a", {}, 409, "parent-not-found"),
    ("parent is a file", "/ada/file/a", {}, 409, "not-a-folder"),
    ("a collection", "/ada/folder", {}, 405, "not-a-file"),
    ("a space", "/ada", {}, 405, "not-a-file"),
    ("the home", "/", {}, 405, "not-a-file"),
    ("beside the spaces", "/new", {}, 403, "forbidden"),
    ("a slash behind", "/ada/new/", {}, 405, "not-a-file"),
    ("no such space", "/no/a", {}, 409, "parent-not-found"),
    ("slash in the name", "/ada/a%2Fb", {}, 400, "invalid-name"),
    ("name too long", "/ada/" + "x" * 256, {}, 400, "invalid-name"),
    ("another content", "/ada/file", {"If_Match": '"v0"'}, 412, "precondition-failed"),
    ("there already", "/ada/file", {"If_None_Match": "*"}, 412, "precondition-failed"),
    ("a part", "/ada/file", {"Content_Range": "bytes 0-1/2"}, 400, "malformed-request"),
    ("packed", "/ada/file", {"Content_Encoding": "gzip"}, 415, "unsupported-type"),
    ("strange time", "/ada/new", {"X_OC_Mtime": "now"}, 400, "malformed-request"),
    ("strange checksum", "/ada/new", {"OC_Checksum": "SHA1:abc"}, 400, "malformed-request"),
    ("short checksum", "/ada/new", {"OC_Checksum": "SHA1:abcdabcd"}, 400, "malformed-request"),
]


def test_put_is_refused_without_a_trace(
    dav: DavClient, root: Entry, subtests: pytest.Subtests
) -> None:
    make_file(root, "file", CONTENT)
    make_folder(root, "folder")

    for name, path, headers, status, code in PUT_REFUSED:
        with subtests.test(name):
            answer = dav.request("PUT", path, b"new", **headers)

            assert (answer.status, code_of(answer)) == (status, code)
            assert answer.read_at_start == 0
            assert paths_in(root) == {"file": CONTENT, "folder": None}


def test_full_space_refuses_before_a_byte(dav: DavClient, root: Entry, space: Space) -> None:
    Space.objects.filter(pk=space.pk).update(quota_bytes=3)

    answer = dav.request("PUT", "/ada/a", b"four")

    assert (answer.status, code_of(answer), answer.read_at_start) == (507, "quota-exceeded", 0)


def test_who_may_only_add_never_replaces_nor_learns(dav_as: As, root: Entry) -> None:
    box = make_folder(root, "box")
    make_file(box, "a", b"secret")
    bob = make_member(box, Grant.Role.UPLOADER).user

    answers = [dav_as(bob).status("PUT", f"/ada/box/{name}", b"mine") for name in ("a", "b")]

    assert answers == [201, 201]
    assert paths_in(box) == {"a": b"secret", "a (2)": b"mine", "b": b"mine"}


def test_viewer_changes_nothing(dav_as: As, root: Entry) -> None:
    file = make_file(root, "a", CONTENT)
    bob = dav_as(make_member(root, Grant.Role.VIEWER).user)

    statuses = [
        bob.status("PUT", "/ada/a", b"new"),
        bob.status("MKCOL", "/ada/new"),
        bob.status("DELETE", "/ada/a"),
        bob.status("MOVE", "/ada/a", Destination="/dav/ada/b"),
        bob.status("COPY", "/ada/a", Destination="/dav/ada/b"),
    ]

    assert statuses == [403] * 5
    assert paths_in(root) == {"a": CONTENT}
    assert bob.request("GET", "/ada/a").body == CONTENT
    assert file.version_id is not None


@pytest.mark.parametrize("path", ["/ada/new", "/ada/new/"])
def test_collection_is_made(dav: DavClient, root: Entry, path: str) -> None:
    assert dav.status("MKCOL", path) == 201
    assert paths_in(root) == {"new": None}


EXTENDED = document(
    "mkcol",
    "<D:set><D:prop><D:resourcetype><D:collection/></D:resourcetype>"
    '<x:c xmlns:x="u:x">red</x:c></D:prop></D:set>',
)


def test_collection_is_made_with_properties(dav: DavClient, root: Entry) -> None:
    assert dav.status("MKCOL", "/ada/new", EXTENDED, Content_Type="application/xml") == 201
    assert dav.propfind("/ada/new/")["/dav/ada/new/"].text("{u:x}c") == "red"


def test_collection_is_made_with_a_time(dav: DavClient, root: Entry) -> None:
    time = "<D:getlastmodified>Tue, 01 Jan 2019 00:00:00 GMT</D:getlastmodified>"
    body = document("mkcol", f"<D:set><D:prop>{time}</D:prop></D:set>")

    assert dav.status("MKCOL", "/ada/new", body, Content_Type="application/xml") == 201
    assert Entry.objects.get(name="new").modified_at == datetime(2019, 1, 1, tzinfo=UTC)


MKCOL_REFUSED = [
    ("there already", "/ada/folder", "", "", 405, "entry-exists"),
    ("a file", "/ada/file", "", "", 405, "entry-exists"),
    ("a file, as a collection", "/ada/file/", "", "", 405, "entry-exists"),
    ("a space", "/ada", "", "", 405, "entry-exists"),
    ("a new space", "/new", "", "", 403, "forbidden"),
    ("parent missing", "/ada/no/new", "", "", 409, "parent-not-found"),
    ("too deep", "/ada" + "/x" * 80, "", "", 409, "too-deep"),
    ("parent is a file", "/ada/file/new", "", "", 409, "not-a-folder"),
    ("unknown body", "/ada/new", "x", "text/plain", 415, "unsupported-type"),
    ("removal", "/ada/new", document("mkcol", "<D:remove/>"), "text/xml", 400, "malformed-request"),
]


def test_mkcol_is_refused(dav: DavClient, root: Entry, subtests: pytest.Subtests) -> None:
    make_folder(root, "folder")
    make_file(root, "file", CONTENT)

    for name, path, body, kind, status, code in MKCOL_REFUSED:
        with subtests.test(name):
            answer = dav.request("MKCOL", path, body, Content_Type=kind)

            assert (answer.status, code_of(answer)) == (status, code)
            assert paths_in(root) == {"file": CONTENT, "folder": None}


def test_collection_of_another_type_is_not_made(dav: DavClient, root: Entry) -> None:
    body = EXTENDED.replace("<D:collection/>", "<D:collection/><D:calendar/>")

    answer = dav.request("MKCOL", "/ada/new", body, Content_Type="text/xml")

    told = fromstring(answer.text)
    refused, others = told.findall(f"{D}propstat")
    assert (answer.status, told.tag) == (403, f"{D}mkcol-response")
    assert [name.tag for name in refused.iterfind(f"{D}prop/*")] == [f"{D}resourcetype"]
    assert refused.findtext(f"{D}status") == "HTTP/1.1 403 Forbidden"
    assert refused.find(f"{D}error/{D}valid-resourcetype") is not None
    assert [name.tag for name in others.iterfind(f"{D}prop/*")] == ["{u:x}c"]
    assert others.findtext(f"{D}status") == "HTTP/1.1 424 Failed Dependency"
    assert paths_in(root) == {}


def test_collection_with_a_protected_property_is_not_made(dav: DavClient, root: Entry) -> None:
    body = EXTENDED.replace("</D:prop>", "<D:getetag>x</D:getetag></D:prop>")

    answer = dav.request("MKCOL", "/ada/new", body, Content_Type="text/xml")

    assert answer.status == 403
    assert "cannot-modify-protected-property" in answer.text
    assert "424 Failed Dependency" in answer.text
    assert paths_in(root) == {}


def test_refused_collection_names_properties_of_any_namespace(dav: DavClient, root: Entry) -> None:
    more = '<oc:id xmlns:oc="http://owncloud.org/ns">7</oc:id>'

    answer = dav.request("MKCOL", "/ada/new", EXTENDED.replace("</D:prop>", f"{more}</D:prop>", 1))

    assert answer.status == 403
    assert [name.tag for name in fromstring(answer.text).iterfind(f"{D}propstat/{D}prop/*")] == [
        "{http://owncloud.org/ns}id",
        "{u:x}c",
    ]


def test_deleted_tree_goes_to_the_trash(dav: DavClient, root: Entry) -> None:
    folder = make_folder(root, "folder")
    make_file(folder, "a")

    assert dav.status("DELETE", "/ada/folder/") == 204
    assert Entry.objects.get(pk=folder.pk).trashed_at is not None
    assert dav.status("DELETE", "/ada/folder/") == 404


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/", {}, 403),
        ("/ada/", {}, 403),
        ("/ada/no", {}, 404),
        ("/ada/folder", {"Depth": "0"}, 400),
        ("/ada/folder", {"If_Match": '"v0"'}, 412),
    ],
)
def test_delete_is_refused(
    dav: DavClient, root: Entry, path: str, headers: dict[str, str], status: int
) -> None:
    make_folder(root, "folder")

    assert dav.status("DELETE", path, **headers) == status
    assert paths_in(root) == {"folder": None}


def test_names_are_kept_out_by_a_setting(dav: DavClient, root: Entry, settings: Settings) -> None:
    settings.FILES_DAV_REFUSED_NAMES = ["._*", ".DS_Store"]
    make_file(root, "a", CONTENT)

    answers = [
        dav.request("PUT", "/ada/._a", b"x"),
        dav.request("MKCOL", "/ada/.DS_Store"),
        dav.request("MOVE", "/ada/a", Destination="/dav/ada/._a"),
    ]

    assert [(answer.status, code_of(answer)) for answer in answers] == [(403, "name-refused")] * 3
    assert paths_in(root) == {"a": CONTENT}


def test_shared_spaces_are_reached_by_their_slug(dav: DavClient, ada: User) -> None:
    team = make_shared_space("Team Files", ada=Grant.Role.EDITOR)

    assert dav.status("PUT", "/team-files/a", b"1") == 201
    assert paths_in(root_of(team)) == {"a": b"1"}


def test_token_of_a_folder_reaches_that_folder_alone(
    anonymous: DoorsClient, dav: DavClient, ada: User, root: Entry
) -> None:
    folder = make_folder(root, "folder")
    make_file(folder, "a", CONTENT)
    make_file(root, "other", b"other")
    _token, secret = make_token(ada, top=folder)
    limited = DavClient(anonymous, basic(ada, secret))

    assert set(limited.propfind("/ada/folder", depth="1")) == {
        "/dav/ada/folder/",
        "/dav/ada/folder/a",
    }
    assert set(limited.propfind("/", depth="1")) == {"/dav/"}
    assert limited.status("PUT", "/ada/folder/b", b"1") == 201
    assert limited.status("PROPFIND", "/ada/", Depth="1") == 404
    assert limited.status("GET", "/ada/other") == 404
    assert limited.status("PUT", "/ada/new", b"1") == 409
    assert limited.status("MOVE", "/ada/folder/a", Destination="/dav/ada/a") == 409
    assert limited.status("DELETE", "/ada/folder") == 403
    assert paths_in(root) == {
        "folder": None,
        "folder/a": CONTENT,
        "folder/b": b"1",
        "other": b"other",
    }


def test_token_to_read_changes_nothing(
    anonymous: DoorsClient, dav: DavClient, ada: User, root: Entry
) -> None:
    make_file(root, "a", CONTENT)
    _token, secret = make_token(ada, Scope.READ)
    reader = DavClient(anonymous, basic(ada, secret))

    assert reader.request("GET", "/ada/a").body == CONTENT
    assert reader.status("PUT", "/ada/a", b"new") == 403
    assert reader.status("LOCK", "/ada/a", lock_info()) == 403
    assert reader.status("DELETE", "/ada/a") == 403


def test_cookies_do_not_sign_in(dav_as: As, anonymous: DoorsClient, ada: User, root: Entry) -> None:
    dav_as(None)
    make_file(root, "a", CONTENT)

    assert DavClient(anonymous.sign_in(ada), None).status("GET", "/ada/a") == 401


def test_wrong_token_is_told_how_to_sign_in(dav: DavClient, ada: User, root: Entry) -> None:
    wrong = DavClient(dav.client, basic(ada, "sr_" + "x" * 32))

    answer = wrong.request("PROPFIND", "/", Depth="0")

    assert (answer.status, code_of(answer)) == (401, "invalid-credentials")
    assert answer.headers["www-authenticate"].startswith("Basic ")
