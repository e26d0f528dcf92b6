"""PROPPATCH: properties of clients, and the time that they state (RFC 4918, 9.2)."""

from datetime import UTC, datetime

import pytest
from defusedxml.ElementTree import fromstring, tostring

from files.models import Entry
from tests.dav.client import D, DavClient, code_of, document
from tests.factories import make_file, reread

WIN = "{urn:schemas-microsoft-com:}"


def set_to(*elements: str) -> str:
    """Write what sets properties."""
    return f"<D:set><D:prop>{''.join(elements)}</D:prop></D:set>"


VALUES = [
    '<x:c xmlns:x="u:x">red</x:c>',
    '<x:c xmlns:x="u:x" xml:lang="en">red</x:c>',
    '<c xmlns="">no namespace</c>',
    '<x:c xmlns:x="u:x"><y:d xmlns:y="u:y" y:e="1">a<f xmlns=""/>b</y:d> tail</x:c>',
    '<x:c xmlns:x="u:x"/>',
    '<x:c xmlns:x="u:x">&lt;&amp;&#x10000;</x:c>',
    '<x:c xmlns:x="a&quot;b&amp;c">red</x:c>',
    "<xml:c>red</xml:c>",
]


def test_value_comes_back_as_it_was_given(
    dav: DavClient, root: Entry, subtests: pytest.Subtests
) -> None:
    make_file(root, "a")

    for element in VALUES:
        with subtests.test(element):
            (tag,) = dav.proppatch("/ada/a", set_to(element)).found

            found = dav.propfind("/ada/a")["/dav/ada/a"].found[tag]
            assert tostring(found) == tostring(fromstring(document("x", element))[0])


def test_steps_are_done_in_order(dav: DavClient, root: Entry) -> None:
    make_file(root, "a")
    one, gone = '<x:one xmlns:x="u:x">1</x:one>', '<x:gone xmlns:x="u:x">1</x:gone>'
    removal = f"<D:remove><D:prop>{gone}</D:prop></D:remove>"

    told = dav.proppatch("/ada/a", set_to(one, gone) + removal)

    assert told.found.keys() == {"{u:x}one", "{u:x}gone"}
    assert "{u:x}gone" not in dav.propfind("/ada/a")["/dav/ada/a"].found


def test_language_around_a_value_is_kept(dav: DavClient, root: Entry) -> None:
    make_file(root, "a")

    dav.proppatch("/ada/a", '<D:set><D:prop xml:lang="de"><c xmlns="u:x">rot</c></D:prop></D:set>')

    found = dav.propfind("/ada/a")["/dav/ada/a"].found["{u:x}c"]
    assert found.get("{http://www.w3.org/XML/1998/namespace}lang") == "de"


@pytest.mark.parametrize("name", ["getetag", "resourcetype", "displayname", "lockdiscovery"])
def test_protected_property_takes_the_others_with_it(
    dav: DavClient, root: Entry, name: str
) -> None:
    make_file(root, "a")

    told = dav.proppatch("/ada/a", set_to('<c xmlns="u:x">red</c>', f"<D:{name}>x</D:{name}>"))

    assert told.failed == {f"{D}{name}": 403, "{u:x}c": 424}
    assert "{u:x}c" not in dav.propfind("/ada/a")["/dav/ada/a"].found


TIMES = [
    ("<D:lastmodified>1600000000</D:lastmodified>", f"{D}lastmodified"),
    ("<D:getlastmodified>Sun, 13 Sep 2020 12:26:40 GMT</D:getlastmodified>", f"{D}getlastmodified"),
    (
        (
            '<Win32LastModifiedTime xmlns="urn:schemas-microsoft-com:">'
            "Sun, 13 Sep 2020 12:26:40 GMT</Win32LastModifiedTime>"
        ),
        f"{WIN}Win32LastModifiedTime",
    ),
]


@pytest.mark.parametrize(("element", "tag"), TIMES)
def test_time_of_a_file_can_be_set(dav: DavClient, root: Entry, element: str, tag: str) -> None:
    file = make_file(root, "a")

    told = dav.proppatch("/ada/a", set_to(element))

    assert told.found.keys() == {tag}
    assert reread(file).modified_at == datetime(2020, 9, 13, 12, 26, 40, tzinfo=UTC)
    assert reread(file).version_id == file.version_id


@pytest.mark.parametrize("text", ["", "yesterday", "1e9", "99999999999999"])
def test_what_is_no_time_is_refused(dav: DavClient, root: Entry, text: str) -> None:
    file = make_file(root, "a")

    told = dav.proppatch("/ada/a", set_to(f"<D:lastmodified>{text}</D:lastmodified>"))

    assert told.failed == {f"{D}lastmodified": 409}
    assert reread(file).modified_at == file.modified_at


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        ("/ada/a", "", 400, "malformed-request"),
        ("/ada/a", document("propertyupdate", ""), 400, "malformed-request"),
        ("/ada/a", document("propertyupdate", "<D:set/>"), 400, "malformed-request"),
        ("/ada/no", document("propertyupdate", set_to("<c/>")), 404, "entry-not-found"),
        ("/", document("propertyupdate", set_to("<c/>")), 403, "forbidden"),
        (
            "/ada/a",
            document("propertyupdate", set_to(f"<c>{'x' * 70_000}</c>")),
            507,
            "properties-too-large",
        ),
        (
            "/ada/a",
            document("propertyupdate", set_to(*(f"<c{n}/>" for n in range(101)))),
            507,
            "properties-too-large",
        ),
    ],
)
def test_refusals(
    dav: DavClient, root: Entry, path: str, body: str, status: int, code: str
) -> None:
    make_file(root, "a")

    answer = dav.request("PROPPATCH", path, body)

    assert (answer.status, code_of(answer)) == (status, code)
