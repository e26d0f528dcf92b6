"""PROPFIND: what is asked of which resource, and what is told (RFC 4918, 9.1)."""

from collections.abc import Iterable
from datetime import UTC, datetime
from urllib.parse import quote

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext

from files.models import Entry, Grant, Space
from files.models.rows import WINDOW
from files.operations.entries import rename_entry
from files.operations.properties import properties_of
from tests.dav.client import D, DavClient, code_of, condition_of, document, multistatus
from tests.dav.conftest import As
from tests.factories import SYSTEM, grow, make_file, make_folder, make_member, make_shared_space

OC = "{http://owncloud.org/ns}"

ALL_OF_A_FILE = {
    f"{D}{name}"
    for name in (
        "resourcetype", "displayname", "getcontentlength", "getcontenttype", "getetag",
        "getlastmodified", "creationdate", "lockdiscovery", "supportedlock",
    )
}  # fmt: skip


def test_home_lists_the_spaces_that_one_may_see(dav: DavClient, ada: User) -> None:
    make_shared_space("Team Files", ada=Grant.Role.VIEWER)
    make_shared_space("Others")

    found = dav.propfind("/", "<D:displayname/>", depth="1")

    assert {href: told.text("displayname") for href, told in found.items()} == {
        "/dav/": "Strongroom",
        "/dav/ada/": "ada",
        "/dav/team-files/": "Team Files",
    }


@pytest.mark.parametrize("path", ["", "/"])
def test_home_has_an_address_with_and_without_a_slash(dav: DavClient, path: str) -> None:
    assert list(dav.propfind(path)) == ["/dav/"]


@pytest.mark.parametrize("body", ["", document("propfind", "<D:allprop/>")])
def test_allprop_tells_what_the_standard_defines_and_dead_properties(
    dav: DavClient, root: Entry, body: str
) -> None:
    file = make_file(root, "a.txt", b"12345")
    dav.proppatch("/ada/a.txt", '<D:set><D:prop><x:c xmlns:x="u:x">red</x:c></D:prop></D:set>')

    told = dav.propfind("/ada/a.txt", body=body)["/dav/ada/a.txt"]

    assert told.found.keys() == ALL_OF_A_FILE | {"{u:x}c"}
    assert told.failed == {}
    assert told.text("getcontentlength") == "5"
    assert told.text("getcontenttype") == "text/plain"
    assert told.text("getetag") == f'"v{file.version_id}"'
    assert told.text("{u:x}c") == "red"


def test_allprop_can_include_more(dav: DavClient, root: Entry) -> None:
    body = document("propfind", "<D:allprop/><D:include><D:quota-used-bytes/><D:no/></D:include>")

    told = dav.propfind("/ada/", body=body)["/dav/ada/"]

    assert told.text("quota-used-bytes") == "0"
    assert told.failed == {f"{D}no": 404}
    assert f"{D}getetag" not in told.found


def test_propname_tells_names_alone(dav: DavClient, root: Entry) -> None:
    make_file(root, "a.txt")
    dav.proppatch("/ada/a.txt", '<D:set><D:prop><x:c xmlns:x="u:x">red</x:c></D:prop></D:set>')

    told = dav.propfind("/ada/a.txt", body=document("propfind", "<D:propname/>"))["/dav/ada/a.txt"]

    assert told.found.keys() >= ALL_OF_A_FILE | {"{u:x}c", f"{OC}checksums"}
    assert all(len(element) == 0 and not element.text for element in told.found.values())


def test_propname_of_a_folder_tells_of_the_quota(dav: DavClient, root: Entry) -> None:
    told = dav.propfind("/ada/", body=document("propfind", "<D:propname/>"))["/dav/ada/"]

    assert told.found.keys() >= {f"{D}quota-used-bytes", f"{D}quota-available-bytes"}


def test_missing_properties_are_told_unless_little_is_wanted(dav: DavClient, root: Entry) -> None:
    names = '<D:displayname/><x:no xmlns:x="u:x"/><none xmlns=""/><D:getetag/>'

    told = dav.propfind("/ada/", names)["/dav/ada/"]
    minimal = dav.propfind("/ada/", names, Prefer="return=minimal")["/dav/ada/"]

    assert told.failed == {"{u:x}no": 404, "none": 404, f"{D}getetag": 404}
    assert (minimal.failed, set(minimal.found)) == ({}, {f"{D}displayname"})


def test_quota_is_that_of_the_space_or_what_the_disk_has(
    dav: DavClient, root: Entry, space: Space
) -> None:
    make_file(root, "a", b"12345")
    names = "<D:quota-used-bytes/><D:quota-available-bytes/>"
    unlimited = dav.propfind("/ada/", names)["/dav/ada/"]
    Space.objects.filter(pk=space.pk).update(quota_bytes=12)

    limited = dav.propfind("/ada/", names)["/dav/ada/"]

    assert int(unlimited.text("quota-available-bytes")) > 12
    assert limited.text("quota-available-bytes") == "7"
    assert limited.text("quota-used-bytes") == "5"


def test_sync_clients_are_told_ids_digests_and_rights(dav: DavClient, root: Entry) -> None:
    file = make_file(root, "a", b"content")
    names = "<o:fileid/><o:checksums/><o:permissions/><o:size/>"
    body = document("propfind", f'<D:prop xmlns:o="http://owncloud.org/ns">{names}</D:prop>')

    told = dav.propfind("/ada/a", body=body)["/dav/ada/a"]

    assert told.text(f"{OC}fileid") == str(file.pk)
    assert told.text(f"{OC}permissions") == "GDNVW"
    assert told.text(f"{OC}size") == "7"
    assert file.version is not None
    assert told.text(f"{OC}checksums") == f"SHA256:{file.version.sha256}"


AWKWARD = [
    ("a b", "a%20b"),
    ("%#&+?", "%25%23%26%2B%3F"),
    ("<&>'\"", "%3C%26%3E%27%22"),
    ("ü", "%C3%BC"),
    ("u\u0308", "u%CC%88"),
    ("\U0001f600", "%F0%9F%98%80"),
    (" .x. ", "%20.x.%20"),
    ("x" * 255, "x" * 255),
    ("\\", "%5C"),
]


def test_members_are_found_at_the_addresses_they_are_listed_with(
    dav: DavClient, root: Entry, subtests: pytest.Subtests
) -> None:
    for name, written in AWKWARD:
        with subtests.test(name=name):
            top = make_folder(root, "top")
            make_folder(make_folder(top, name), name)

            listed = dav.propfind(f"/ada/top/{written}/", depth="1")

            inner = f"/dav/ada/top/{written}/{written}/"
            assert set(listed) == {f"/dav/ada/top/{written}/", inner}
            assert listed[inner].text("displayname") == name
            assert set(dav.propfind(inner.removeprefix("/dav"))) == {inner}
        rename_entry(top, name=f"done {top.pk}", actor=SYSTEM)


def test_names_are_found_in_either_normal_form_and_listed_as_asked(
    dav: DavClient, root: Entry
) -> None:
    make_file(make_folder(root, "ü"), "a")

    assert set(dav.propfind("/ada/u%CC%88/", depth="1")) == {
        "/dav/ada/u%CC%88/",
        "/dav/ada/u%CC%88/a",
    }


REFUSED: list[tuple[str, str, str, str | None, int, str]] = [
    ("whole tree", "/ada/", "", "infinity", 403, "depth-refused"),
    ("no depth", "/ada/", "", None, 403, "depth-refused"),
    ("strange depth", "/ada/", "", "2", 400, "malformed-request"),
    ("nothing there", "/ada/no", "", "0", 404, "entry-not-found"),
    ("file with a slash", "/ada/a/", "", "0", 404, "entry-not-found"),
    ("no such space", "/no/", "", "0", 404, "entry-not-found"),
    ("below no space", "/no/a/b", "", "0", 404, "entry-not-found"),
    ("below a file", "/ada/a/b", "", "0", 404, "entry-not-found"),
    ("slash in a name", "/ada/a%2Fb", "", "0", 404, "invalid-name"),
    ("empty name", "/ada//a", "", "0", 404, "invalid-name"),
    ("dots", "/ada/../ada", "", "0", 404, "invalid-name"),
    ("not UTF-8", "/ada/%ff", "", "0", 404, "invalid-name"),
    ("too deep", "/ada" + "/x" * 80, "", "0", 404, "too-deep"),
    ("not XML", "/ada/", "<D:propfind", "0", 400, "malformed-request"),
    ("another root", "/ada/", document("prop", ""), "0", 400, "malformed-request"),
    ("nothing asked", "/ada/", document("propfind", ""), "0", 400, "malformed-request"),
]


def test_refusals(dav: DavClient, root: Entry, subtests: pytest.Subtests) -> None:
    make_file(root, "a")

    for name, path, body, depth, status, code in REFUSED:
        with subtests.test(name):
            answer = dav.request("PROPFIND", path, body, Depth=depth)

            assert (answer.status, code_of(answer)) == (status, code)
            if code == "depth-refused":
                assert condition_of(answer) == "propfind-finite-depth"


def test_strangers_are_told_the_same_of_what_is_there_and_what_is_not(
    dav_as: As, root: Entry, django_user_model: type[User]
) -> None:
    make_folder(root, "a")
    eve = dav_as(django_user_model.objects.create_user("eve"))

    there, missing = (eve.request("PROPFIND", f"/ada/{name}", Depth="0") for name in ("a", "b"))

    assert (there.status, there.text) == (missing.status, missing.text)
    assert there.status == 404
    assert eve.status("PROPFIND", "/ada/", Depth="0") == 404


@pytest.mark.parametrize("path", ["/", "/eve/"])
def test_first_request_of_somebody_makes_their_space(
    dav_as: As, path: str, django_user_model: type[User]
) -> None:
    eve = dav_as(django_user_model.objects.create_user("eve"))

    assert "/dav/eve/" in eve.propfind(path, depth="1")
    assert eve.status("PUT", "/eve/a", b"1") == 201


def test_who_may_only_add_sees_the_folder_and_nothing_in_it(dav_as: As, root: Entry) -> None:
    box = make_folder(root, "box")
    make_file(box, "secret")
    bob = make_member(box, Grant.Role.UPLOADER).user
    assert bob is not None

    client = dav_as(bob)

    assert set(client.propfind("/ada/box/", depth="1")) == {"/dav/ada/box/"}
    assert client.status("PROPFIND", "/ada/box/secret", Depth="0") == 404
    assert client.status("GET", "/ada/box/") == 404


def test_nobody_is_asked_to_sign_in(dav_as: As) -> None:
    answer = dav_as(None).request("PROPFIND", "/", Depth="1")

    assert answer.status == 401
    assert answer.headers["www-authenticate"] == 'Basic realm="Strongroom", charset="UTF-8"'


def test_long_listing_is_sent_in_pieces_with_every_member_once(dav: DavClient, root: Entry) -> None:
    folder = make_folder(root, "many")
    grow(folder, folders=WINDOW + 1, files=0)

    answer = dav.request("PROPFIND", "/ada/many/", Depth="1")

    pieces = [message for message in answer.messages[1:] if message.get("body")]
    assert len(pieces) > 2
    assert len(multistatus(answer)) == WINDOW + 3


def test_long_responses_are_sent_before_the_next_are_written(
    dav: DavClient, root: Entry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("files.dav.responses.MOST_TEXT", 1_000)
    for name in "abc":
        make_file(root, name)
        value = f'<x:c xmlns:x="u:x">{name * 2_000}</x:c>'
        dav.proppatch(f"/ada/{name}", f"<D:set><D:prop>{value}</D:prop></D:set>")

    answer = dav.request("PROPFIND", "/ada/", Depth="1")

    sizes = [len(message.get("body", b"")) for message in answer.messages[1:]]
    assert max(sizes) < 5_000
    assert set(multistatus(answer)) == {"/dav/ada/", "/dav/ada/a", "/dav/ada/b", "/dav/ada/c"}


@pytest.mark.parametrize("name", ["%s", "100%(size)s", "{0}%%", "a b", "a&b", "<é>", "~-_.0"])
def test_whatever_a_name_holds_is_told_as_it_is(dav: DavClient, root: Entry, name: str) -> None:
    make_file(make_folder(root, name), name, b"12")
    href = f"/dav/ada/{quote(name, safe='')}/"
    asked = '<D:displayname/><D:getcontentlength/><x:c xmlns:x="u:%(size)s%s"/>'

    found = dav.propfind(href.removeprefix("/dav"), asked, depth="1")

    assert set(found) == {href, f"{href}{quote(name, safe='')}"}
    assert [told.text("displayname") for told in found.values()] == [name, name]
    assert [told.failed.get("{u:%(size)s%s}c") for told in found.values()] == [404, 404]


def test_times_are_told_to_the_second_they_are_in(dav: DavClient, root: Entry) -> None:
    time = datetime(2019, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)
    Entry.objects.filter(pk=make_file(root, "a").pk).update(modified_at=time, created_at=time)

    for depth, path in (("0", "/ada/a"), ("1", "/ada/")):
        told = dav.propfind(path, depth=depth)["/dav/ada/a"]

        assert told.text("getlastmodified") == "Tue, 31 Dec 2019 23:59:59 GMT"
        assert told.text("creationdate") == "2019-12-31T23:59:59Z"


def test_large_properties_are_read_a_few_resources_at_a_time(
    dav: DavClient, root: Entry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("files.dav.listing.MOST_DEAD", 5_000)
    read: list[int] = []

    def counting(ids: Iterable[int]) -> dict[int, dict[tuple[str, str], str]]:
        found = properties_of(ids)
        read.append(sum(len(value) for some in found.values() for value in some.values()))
        return found

    monkeypatch.setattr("files.dav.listing.properties_of", counting)
    for name in "abcd":
        make_file(root, name)
        value = f'<x:c xmlns:x="u:x">{name * 2_000}</x:c>'
        dav.proppatch(f"/ada/{name}", f"<D:set><D:prop>{value}</D:prop></D:set>")

    found = dav.propfind("/ada/", depth="1")

    assert len(read) == 2
    assert max(read) <= 5_000
    assert [found[f"/dav/ada/{name}"].text("{u:x}c") for name in "abcd"] == [
        name * 2_000 for name in "abcd"
    ]


def test_queries_do_not_grow_with_the_members(dav: DavClient, root: Entry) -> None:
    folder = make_folder(root, "some")
    dav.propfind("/")  # the first use of a token is noted
    counts = []
    for _round in range(2):
        grow(make_folder(folder, f"f{_round}"), folders=1, files=1)
        for number in range(5):
            make_folder(folder, f"{_round} {number}")
        with CaptureQueriesContext(
            connection,
        ) as queries:
            dav.propfind("/ada/some/", depth="1")
        counts.append(len(queries))

    assert counts[0] == counts[1]


def test_bodies_are_bounded(dav: DavClient, root: Entry) -> None:
    body = document("propfind", "<D:allprop/>" + " " * 300_000)

    answer = dav.request("PROPFIND", "/ada/", body, Depth="0")

    assert (answer.status, code_of(answer)) == (413, "body-too-large")


HOSTILE = {
    "bomb": '<!DOCTYPE b [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>'
    '<D:propfind xmlns:D="DAV:"><D:prop><b>&b;</b></D:prop></D:propfind>',
    "file": '<!DOCTYPE b [<!ENTITY a SYSTEM "file:///etc/passwd">]>'
    '<D:propfind xmlns:D="DAV:"><D:prop><b>&a;</b></D:prop></D:propfind>',
    "parameter entity": '<!DOCTYPE b [<!ENTITY % p SYSTEM "http://192.0.2.1/x"> %p;]>'
    '<D:propfind xmlns:D="DAV:"><D:allprop/></D:propfind>',
    "plain doctype": '<!DOCTYPE b><D:propfind xmlns:D="DAV:"><D:allprop/></D:propfind>',
    "deep": document("propfind", "<D:prop>" + "<a>" * 20_000 + "</a>" * 20_000 + "</D:prop>"),
    "many names": document(
        "propfind", f"<D:prop>{''.join(f'<a{n}/>' for n in range(501))}</D:prop>"
    ),
    "undeclared prefix": document("propfind", "<D:prop><x:a/></D:prop>"),
    "unknown encoding": '<?xml version="1.0" encoding="x-no"?><a/>',
    "no text": "\x00\x01\x02",
}


@pytest.mark.parametrize("method", ["PROPFIND", "PROPPATCH", "LOCK", "MKCOL", "REPORT"])
def test_hostile_documents_are_refused(
    dav: DavClient, root: Entry, method: str, subtests: pytest.Subtests
) -> None:
    path = "/ada/new" if method == "MKCOL" else "/ada/"

    for name, body in HOSTILE.items():
        with subtests.test(name):
            answer = dav.request(method, path, body, Depth="0", Content_Type="text/xml")

            assert (answer.status, code_of(answer)) == (400, "malformed-request")
