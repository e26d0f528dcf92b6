"""COPY and MOVE: where to, over what, how deep (RFC 4918, 9.8 and 9.9)."""

import pytest
from django.contrib.auth.models import User

from files.models import Entry, Event, Grant
from tests.dav.client import DavClient, code_of
from tests.factories import (
    TREE,
    last_events,
    make_file,
    make_folder,
    make_shared_space,
    make_tree,
    paths_in,
    root_of,
)

pytestmark = pytest.mark.usefixtures("consistent")

TREE_AS_B = {path.replace("tree", "b", 1): content for path, content in TREE.items()}


@pytest.mark.parametrize("destination", ["/dav/ada/b", "http://localhost/dav/ada/b/"])
def test_tree_is_moved_to_a_new_name(dav: DavClient, root: Entry, destination: str) -> None:
    tree = make_tree(root)

    assert dav.status("MOVE", "/ada/tree", Destination=destination) == 201
    assert paths_in(root) == TREE_AS_B
    assert Entry.objects.get(name="b", parent=root).pk in {tree.pk} | {
        entry.pk for entry in Entry.objects.filter(parent__parent=root)
    }


def test_tree_is_copied_and_shares_its_bytes(dav: DavClient, root: Entry) -> None:
    make_tree(root)

    assert dav.status("COPY", "/ada/tree/", Destination="/dav/ada/b/") == 201
    assert paths_in(root) == TREE | TREE_AS_B


def test_folder_alone_is_copied_with_its_properties(dav: DavClient, root: Entry) -> None:
    make_tree(root)
    dav.proppatch("/ada/tree", '<D:set><D:prop><x:c xmlns:x="u:x">red</x:c></D:prop></D:set>')

    assert dav.status("COPY", "/ada/tree", Destination="/dav/ada/b", Depth="0") == 201
    assert paths_in(root) == TREE | {"b": None}
    assert dav.propfind("/ada/b/")["/dav/ada/b/"].text("{u:x}c") == "red"


@pytest.mark.parametrize("method", ["COPY", "MOVE"])
def test_what_is_there_goes_to_the_trash(dav: DavClient, root: Entry, method: str) -> None:
    make_file(root, "a", b"new")
    old = make_file(root, "b", b"old")

    assert dav.status(method, "/ada/a", Destination="/dav/ada/b") == 204
    assert paths_in(root)["b"] == b"new"
    assert Entry.objects.get(pk=old.pk).trashed_at is not None


@pytest.mark.parametrize("method", ["COPY", "MOVE"])
def test_what_is_there_stays_if_the_client_says_so(
    dav: DavClient, root: Entry, method: str
) -> None:
    make_file(root, "a", b"new")
    make_file(root, "b", b"old")

    answer = dav.request(method, "/ada/a", Destination="/dav/ada/b", Overwrite="F")

    assert (answer.status, code_of(answer)) == (412, "entry-exists")
    assert paths_in(root) == {"a": b"new", "b": b"old"}


@pytest.mark.parametrize("method", ["COPY", "MOVE"])
def test_between_spaces_both_names_are_free_to_choose(
    dav: DavClient, root: Entry, ada: User, method: str
) -> None:
    team = make_shared_space("Team", ada=Grant.Role.EDITOR)
    make_tree(root)
    make_file(root_of(team), "tree", b"in the way of the old name")

    assert dav.status(method, "/ada/tree", Destination="/dav/team/b") == 201
    assert paths_in(root) == (TREE if method == "COPY" else {})
    assert paths_in(root_of(team)) == TREE_AS_B | {"tree": b"in the way of the old name"}


def test_move_into_another_folder_under_another_name_is_one_event(
    dav: DavClient, root: Entry
) -> None:
    make_file(root, "a", b"1")
    folder = make_folder(root, "folder")
    make_file(folder, "a", b"in the way of the old name")
    seq = last_events(root.space)[0].seq

    assert dav.status("MOVE", "/ada/a", Destination="/dav/ada/folder/b") == 201

    (event,) = Event.objects.filter(space=root.space, seq__gt=seq)
    assert event.kind == Event.Kind.ENTRY_MOVED
    assert paths_in(folder) == {"a": b"in the way of the old name", "b": b"1"}


def test_large_tree_is_copied_by_a_job(
    dav: DavClient, root: Entry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("files.operations.transfer.INLINE_LIMIT", 2)
    make_tree(root)

    assert dav.status("COPY", "/ada/tree", Destination="/dav/ada/b") == 202

    (event,) = last_events(root.space)
    assert event.kind == Event.Kind.JOB_REQUESTED
    assert event.after is not None
    assert event.after["transfer"]["name"] == "b"


@pytest.mark.parametrize(("name", "written"), [("A", "A"), ("u\u0308", "u%CC%88")])
def test_spelling_of_a_name_can_be_changed(
    dav: DavClient, root: Entry, name: str, written: str
) -> None:
    make_file(root, "a" if name == "A" else "ü", b"1")
    source = "/ada/a" if name == "A" else "/ada/%C3%BC"

    assert dav.status("MOVE", source, Destination=f"/dav/ada/{written}") == 201
    assert paths_in(root) == {name: b"1"}


type Refused = tuple[str, str, str, dict[str, str], int, str | None]

REFUSED: list[Refused] = [
    ("no destination", "", "/ada/a", {}, 400, "malformed-request"),
    ("no address", "http://[x/dav/ada/b", "/ada/a", {}, 400, "malformed-request"),
    ("a query", "/dav/ada/b?x=1", "/ada/a", {}, 400, "malformed-request"),
    ("a name in front", "http://u@localhost/dav/ada/b", "/ada/a", {}, 400, "malformed-request"),
    ("another host", "http://example.org/dav/ada/b", "/ada/a", {}, 502, "foreign-destination"),
    ("another port", "http://localhost:81/dav/ada/b", "/ada/a", {}, 502, "foreign-destination"),
    ("another scheme", "ftp://localhost/dav/ada/b", "/ada/a", {}, 502, "foreign-destination"),
    ("not WebDAV", "/folders/1/", "/ada/a", {}, 502, "foreign-destination"),
    ("dots", "/dav/ada/../b", "/ada/a", {}, 400, "invalid-name"),
    ("slash in the name", "/dav/ada/b%2Fc", "/ada/a", {}, 400, "invalid-name"),
    ("parent missing", "/dav/ada/no/b", "/ada/a", {}, 409, "parent-not-found"),
    ("no such space", "/dav/no/b", "/ada/a", {}, 409, "parent-not-found"),
    ("a new space", "/dav/new", "/ada/a", {}, 403, "forbidden"),
    ("itself", "/dav/ada/a", "/ada/a", {}, 403, "move-into-self"),
    ("into itself", "/dav/ada/tree/inner/b", "/ada/tree", {}, 403, "move-into-self"),
    ("onto its folder", "/dav/ada/tree", "/ada/tree/inner", {}, 403, "move-into-self"),
    ("onto a space", "/dav/ada/", "/ada/tree/inner", {}, 403, "forbidden"),
    ("onto the home", "/dav/", "/ada/a", {}, 403, "forbidden"),
    ("nothing there", "/dav/ada/b", "/ada/no", {}, 404, "entry-not-found"),
    ("a whole space", "/dav/ada/b", "/ada", {}, 403, None),
    ("the home itself", "/dav/ada/b", "/", {}, 403, "forbidden"),
    ("strange overwrite", "/dav/ada/b", "/ada/a", {"Overwrite": "X"}, 400, "malformed-request"),
    ("one level", "/dav/ada/b", "/ada/tree", {"Depth": "1"}, 400, "malformed-request"),
    ("a condition", "/dav/ada/b", "/ada/a", {"If_Match": '"v0"'}, 412, "precondition-failed"),
]


@pytest.mark.parametrize("method", ["COPY", "MOVE"])
def test_refusals(dav: DavClient, root: Entry, method: str, subtests: pytest.Subtests) -> None:
    make_tree(root)
    make_file(root, "a", b"1")

    for name, destination, path, headers, status, code in REFUSED:
        with subtests.test(name):
            answer = dav.request(method, path, Destination=destination or None, **headers)

            assert answer.status == status, answer.text
            assert code is None or code_of(answer) == code
            assert paths_in(root) == TREE | {"a": b"1"}


def test_body_is_refused(dav: DavClient, root: Entry) -> None:
    make_file(root, "a", b"1")

    answer = dav.request("MOVE", "/ada/a", b"<x/>", Destination="/dav/ada/b")

    assert (answer.status, code_of(answer)) == (415, "unsupported-type")
