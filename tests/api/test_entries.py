"""Entries: look, list, make, rename, move, copy, trash."""

from typing import Any

import pytest
from django.db import transaction
from pytest_django import DjangoAssertNumQueries

from files.models import Entry, Grant, Space
from files.operations.entries import trash_entries
from files.operations.locks import lock_entry
from files.operations.spaces import set_member
from files.operations.transfer import INLINE_LIMIT
from tests.factories import (
    SYSTEM,
    grow,
    make_file,
    make_folder,
    make_member,
    make_shared_space,
    make_tree,
    make_user,
    paths_in,
    reread,
    root_of,
)

from .client import Api, client_of, read_all


def test_an_entry_is_told_whole(ada: Api, root: Entry, space: Space) -> None:
    file = make_file(root, "a.txt", b"content")

    told = ada.get(f"/entries/{file.pk}")

    assert (told.status, told.etag) == (200, f'"r{file.revision}"')
    assert told.json | {"modified_at": "", "created_at": ""} == {
        "id": file.pk,
        "space": space.pk,
        "parent": root.pk,
        "kind": "file",
        "name": "a.txt",
        "size": 7,
        "media_type": "text/plain",
        "version": file.version_id,
        "sha256": "ed7002b439e9ac845f22357d822bac1444730fbdb6016d3ec9432297b9ec9f73",
        "revision": 1,
        "modified_at": "",
        "created_at": "",
        "trashed_at": None,
        "rights": ["read", "add", "edit", "share", "manage"],
    }


def test_a_path_is_looked_up_in_the_space(ada: Api, root: Entry, space: Space) -> None:
    make_tree(root)

    found = ada.get(f"/spaces/{space.pk}/entries?path=tree/inner/b")
    top = ada.get(f"/spaces/{space.pk}/entries")

    assert (found.status, found.json["name"]) == (200, "b")
    assert (top.status, top.json["id"]) == (200, root.pk)


@pytest.mark.parametrize(
    ("change", "sort", "status"),
    [
        ({"name": "z"}, "name", 410),
        ({"name": "F1"}, "name", 200),
        ({"name": "z"}, "size", 200),
        ({}, "-name", 410),
    ],
)
def test_a_list_does_not_go_on_where_an_entry_is_sorted_elsewhere_since(
    ada: Api, root: Entry, change: dict[str, str], sort: str, status: int
) -> None:
    for number in range(4):
        make_file(root, f"f{number}")
    first = "name" if sort == "-name" else sort
    page = ada.get(f"/folders/{root.pk}/entries?limit=2&sort={first}").json
    if change:
        ada.patch(f"/entries/{page['items'][-1]['id']}", change)

    answer = ada.get(f"/folders/{root.pk}/entries?sort={sort}&cursor={page['next']}")

    assert answer.status == status
    if status == 200:
        assert [item["name"] for item in answer.json["items"]] == ["f2", "f3"]
    else:
        assert answer.code == "stale-cursor"


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("nothing", 404, "entry-not-found"),
        ("tree/a/b", 404, "entry-not-found"),
        ("tree/trashed", 404, "entry-not-found"),
        ("tree//a", 422, "invalid-name"),
        ("../a", 422, "invalid-name"),
        ("%00", 422, "invalid-name"),
        ("a/" * 100, 409, "too-deep"),
        ("a" * 20_000, 422, "invalid-value"),
    ],
)
def test_a_path_that_leads_nowhere_is_refused(
    ada: Api, root: Entry, space: Space, path: str, status: int, code: str
) -> None:
    tree = make_tree(root)
    trashed = make_folder(tree, "trashed")
    ada.delete(f"/entries/{trashed.pk}")

    answer = ada.get(f"/spaces/{space.pk}/entries?path={path}")

    assert (answer.status, answer.code) == (status, code)


def test_a_path_tells_a_stranger_not_what_there_is(root: Entry, space: Space) -> None:
    make_tree(root)
    eve = client_of(make_user("eve"))

    answers = [
        eve.get(f"/spaces/{place}/entries?path={path}")
        for place, path in [(space.pk, "tree"), (space.pk, "nothing"), (space.pk, ""), (7777, "a")]
    ]

    assert {answer.status for answer in answers} == {404}
    assert len({answer.body for answer in answers}) == 1


@pytest.mark.parametrize("sort", ["name", "-name", "size", "-size", "date", "-date", "type"])
def test_a_list_read_page_by_page_leaves_none_out(ada: Api, root: Entry, sort: str) -> None:
    for number in range(7):
        make_file(root, f"f{number}", b"x" * (number % 3))
        make_folder(root, f"d{number}")

    found = read_all(ada, f"/folders/{root.pk}/entries?sort={sort}&limit=3")

    assert len({item["id"] for item in found}) == len(found) == 14
    assert [item["kind"] for item in found] == ["folder"] * 7 + ["file"] * 7


def test_a_list_goes_on_where_an_entry_was_trashed_and_not_where_it_has_gone(
    ada: Api, root: Entry
) -> None:
    for number in range(4):
        make_file(root, f"f{number}")
    elsewhere = make_folder(make_folder(root, "a"), "b")
    first = ada.get(f"/folders/{root.pk}/entries?limit=2").json
    ada.delete(f"/entries/{first['items'][-1]['id']}")
    goes_on = ada.get(f"/folders/{root.pk}/entries?limit=2&cursor={first['next']}")
    ada.patch(f"/entries/{goes_on.json['items'][-1]['id']}", {"parent": elsewhere.pk})

    stale = ada.get(f"/folders/{root.pk}/entries?limit=2&cursor={goes_on.json['next']}")

    assert [item["name"] for item in goes_on.json["items"]] == ["f1", "f2"]
    assert (stale.status, stale.code) == (410, "stale-cursor")


def test_a_list_takes_as_many_queries_for_many_entries_as_for_few(
    ada: Api, root: Entry, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    small, large = make_folder(root, "small"), make_folder(root, "large")
    grow(small, folders=1, files=0)
    grow(large, folders=60, files=0)
    ada.get(f"/folders/{small.pk}/entries")

    for folder in (small, large):
        with django_assert_num_queries(6):
            ada.get(f"/folders/{folder.pk}/entries?limit=100")


def test_a_folder_is_made_and_told_with_its_address(ada: Api, root: Entry) -> None:
    made = ada.post(f"/folders/{root.pk}/folders", {"name": "photos"})

    assert (made.status, made.json["name"], made.json["kind"]) == (201, "photos", "folder")
    assert made.headers["location"] == f"/api/v1/entries/{made.json['id']}"


def test_who_may_not_read_is_not_told_the_name_that_a_folder_got(root: Entry) -> None:
    bob = make_member(root, Grant.Role.UPLOADER)

    made = client_of(bob.user).post(f"/folders/{root.pk}/folders", {"name": "photos"})

    assert (made.status, made.body) == (204, b"")
    assert paths_in(root) == {"photos": None}


def test_an_entry_is_renamed(ada: Api, root: Entry) -> None:
    file = make_file(root, "a")

    told = ada.patch(f"/entries/{file.pk}", {"name": "b"}, if_match=f'"r{file.revision}"')

    assert (told.status, told.json["name"], told.etag) == (200, "b", '"r2"')
    assert paths_in(root) == {"b": b"content"}


def test_an_entry_is_moved_and_copied(ada: Api, root: Entry) -> None:
    file, folder = make_file(root, "a"), make_folder(root, "f")

    copied = ada.post(f"/entries/{file.pk}/copy", {"parent": root.pk})
    moved = ada.patch(f"/entries/{file.pk}", {"parent": folder.pk})

    assert (copied.status, copied.json["name"]) == (201, "a (2)")
    assert (moved.status, moved.json["parent"]) == (200, folder.pk)
    assert paths_in(root) == {"a (2)": b"content", "f": None, "f/a": b"content"}


def test_an_entry_is_moved_and_copied_under_another_name(ada: Api, root: Entry) -> None:
    file, folder = make_file(root, "a"), make_folder(root, "f")

    copied = ada.post(f"/entries/{file.pk}/copy", {"parent": folder.pk, "name": "b"})
    taken = ada.post(f"/entries/{file.pk}/copy", {"parent": folder.pk, "name": "b"})
    refused = ada.patch(f"/entries/{file.pk}", {"parent": folder.pk, "name": "b"})
    moved = ada.patch(f"/entries/{file.pk}", {"parent": folder.pk, "name": "c"})

    assert (copied.status, copied.json["name"]) == (201, "b")
    assert (taken.code, refused.code) == ("entry-exists", "entry-exists")
    assert (moved.status, moved.json["name"], moved.json["parent"]) == (200, "c", folder.pk)
    assert paths_in(root) == {"f": None, "f/b": b"content", "f/c": b"content"}


def test_what_is_locked_is_changed_by_its_holder_alone(ada: Api, root: Entry) -> None:
    file = make_file(root, "a")
    bob = make_member(root, Grant.Role.EDITOR)
    lock = lock_entry(file.pk, actor=bob, exclusive=True, deep=False, owner="", timeout=None)

    refused = ada.patch(f"/entries/{file.pk}", {"name": "b"})
    (told,) = ada.get(f"/entries/{file.pk}/locks").json["items"]
    broken = ada.delete(f"/locks/{told['id']}")

    assert (refused.status, refused.code) == (423, "locked")
    assert refused.json["data"] == {"conflicts": [file.pk]}
    assert (told["id"], told["holder"], told["entry"]) == (lock.pk, "bob", file.pk)
    assert broken.status == 204
    assert ada.patch(f"/entries/{file.pk}", {"name": "b"}).status == 200
    assert ada.delete(f"/locks/{lock.pk}").code == "lock-not-found"


def test_a_change_on_a_condition_that_does_not_hold_is_refused(ada: Api, root: Entry) -> None:
    file, folder = make_file(root, "a"), make_folder(root, "f")

    refused = [
        ada.patch(f"/entries/{file.pk}", {"name": "b"}, if_match='"r7"'),
        ada.patch(f"/entries/{file.pk}", {"parent": folder.pk}, if_match='W/"r1"'),
        ada.delete(f"/entries/{file.pk}", if_match="nonsense"),
    ]

    assert [(answer.status, answer.code) for answer in refused] == [
        (412, "precondition-failed")
    ] * 3
    assert reread(file).revision == 1


def test_an_entry_goes_to_the_trash_unless_that_is_only_tried(ada: Api, root: Entry) -> None:
    file = make_file(root, "a")

    tried = ada.delete(f"/entries/{file.pk}?dry_run=true")
    there = ada.get(f"/entries/{file.pk}")
    done = ada.delete(f"/entries/{file.pk}", if_match="*")

    assert (tried.status, there.status, done.status) == (200, 200, 200)
    assert done.json["trashed_at"] is not None
    assert ada.get(f"/entries/{file.pk}").code == "entry-not-found"


def test_many_entries_are_moved_copied_and_trashed_all_or_none(ada: Api, root: Entry) -> None:
    files = [make_file(root, name) for name in ("a", "b")]
    folder, ids = make_folder(root, "f"), [file.pk for file in files]

    copied = ada.post("/entries/copy", {"entries": ids, "parent": folder.pk})
    taken = ada.post("/entries/move", {"entries": ids, "parent": folder.pk})
    unknown = ada.post("/entries/trash", {"entries": [*ids, 999_999]})
    trashed = ada.post("/entries/trash", {"entries": ids})

    assert [item["name"] for item in copied.json["entries"]] == ["a", "b"]
    assert (taken.status, taken.code) == (409, "entry-exists")
    assert (unknown.status, unknown.code) == (404, "entry-not-found")
    assert (trashed.status, len(trashed.json["entries"])) == (200, 2)
    assert paths_in(root) == {"f": None, "f/a": b"content", "f/b": b"content"}


def test_what_is_too_large_for_a_request_is_left_to_a_job(ada: Api, root: Entry) -> None:
    tree = make_folder(root, "tree")
    grow(tree, folders=1, files=INLINE_LIMIT)

    asked = ada.post(f"/entries/{tree.pk}/copy", {"parent": root.pk})

    assert (asked.status, asked.json["entries"]) == (202, [])
    assert asked.json["job"] == asked.headers["location"]


MATRIX = [
    # method, path, document; what viewer, uploader, editor, manager and a stranger are answered
    ("GET", "/entries/{file}", None, (200, 404, 200, 200, 404)),
    ("GET", "/folders/{root}/entries", None, (200, 404, 200, 200, 404)),
    ("POST", "/folders/{root}/folders", {"name": "n"}, (403, 204, 201, 201, 404)),
    ("PATCH", "/entries/{file}", {"name": "n"}, (403, 404, 200, 200, 404)),
    ("PATCH", "/entries/{file}", {"parent": "{folder}"}, (403, 404, 200, 200, 404)),
    ("POST", "/entries/{file}/copy", {"parent": "{folder}"}, (403, 404, 201, 201, 404)),
    ("POST", "/entries/{file}/versions/{version}/restore", None, (403, 404, 200, 200, 404)),
    ("DELETE", "/entries/{file}", None, (403, 404, 200, 200, 404)),
    ("GET", "/spaces/{space}", None, (200, 200, 200, 200, 404)),
    ("GET", "/spaces/{space}/usage", None, (200, 403, 200, 200, 404)),
    ("PATCH", "/spaces/{space}", {"name": "n"}, (403, 403, 403, 200, 404)),
    ("GET", "/spaces/{space}/entries?path=file", None, (200, 404, 200, 200, 404)),
    ("GET", "/spaces/{space}/trash", None, (200, 403, 200, 200, 404)),
    ("DELETE", "/spaces/{space}/trash", None, (403, 403, 403, 200, 404)),
    ("POST", "/trash/restore", {"entries": ["{trashed}"]}, (403, 404, 200, 200, 404)),
    ("POST", "/trash/delete", {"entries": ["{trashed}"]}, (403, 404, 403, 200, 404)),
]
ROLES = [Grant.Role.VIEWER, Grant.Role.UPLOADER, Grant.Role.EDITOR, Grant.Role.MANAGER, None]


@pytest.mark.parametrize(("method", "path", "document", "statuses"), MATRIX)
def test_who_may_do_what(
    db: None, method: str, path: str, document: Any, statuses: tuple[int, ...]
) -> None:
    space, bob = make_shared_space("Team"), make_user("bob")
    root = root_of(space)
    ids = {
        "space": space.pk,
        "root": root.pk,
        "version": make_file(root, "file").version_id or 0,
        "file": make_file(root, "file").pk,
        "folder": make_folder(root, "folder").pk,
        "trashed": trash_entries([make_file(root, "trashed")], actor=SYSTEM)[0].pk,
    }

    for role, status in zip(ROLES, statuses, strict=True):
        with transaction.atomic():
            set_member(space, user=bob, role=role, actor=SYSTEM)
            answer = client_of(bob).send(method, path.format(**ids), filled(document, ids))
            transaction.set_rollback(True)
        assert (answer.status, role) == (status, role)
        if answer.status >= 400:
            assert answer.code in {"forbidden", "entry-not-found", "space-not-found"}


def filled(document: Any, ids: dict[str, int]) -> Any:
    """Fill ids into a document."""
    match document:
        case dict():
            return {name: filled(value, ids) for name, value in document.items()}
        case list():
            return [filled(value, ids) for value in document]
        case str() if document.startswith("{"):
            return ids[document.strip("{}")]
    return document
