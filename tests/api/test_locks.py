"""Locks by the API: listed where they cover, ended by who may."""

import pytest

from files.access import Actor
from files.models import Entry, Event, Grant, Lock
from tests.factories import (
    last_events,
    make_file,
    make_folder,
    make_lock,
    make_member,
    make_user,
)

from .client import Api, client_of, read_all


@pytest.fixture
def bob(root: Entry) -> Actor:
    """Give an editor, who locks."""
    return make_member(root, Grant.Role.EDITOR)


def test_the_locks_that_cover_an_entry_are_listed(ada: Api, root: Entry, bob: Actor) -> None:
    folder = make_folder(root, "folder")
    file = make_file(folder, "file")
    above = make_lock(folder, actor=bob, deep=True, exclusive=False)
    own = make_lock(file, exclusive=False)
    make_lock(make_file(root, "other"))

    items = read_all(ada, f"/entries/{file.pk}/locks?limit=1")

    assert [(one["id"], one["entry"], one["holder"]) for one in items] == [
        (above.pk, folder.pk, "bob"),
        (own.pk, file.pk, None),
    ]
    assert (items[0]["scope"], items[0]["deep"], items[1]["deep"]) == ("shared", True, False)
    assert "token" not in items[0]


def test_what_is_locked_is_a_problem_that_names_it(ada: Api, root: Entry, bob: Actor) -> None:
    file = make_file(root, "file")
    make_lock(file, actor=bob)

    answer = ada.patch(f"/entries/{file.pk}", {"name": "new"})

    assert (answer.status, answer.code) == (423, "locked")
    assert answer.json["data"] == {"conflicts": [file.pk]}


def test_a_manager_breaks_a_lock(ada: Api, root: Entry, bob: Actor) -> None:
    lock = make_lock(make_file(root, "file"), actor=bob)

    assert ada.delete(f"/locks/{lock.pk}").status == 204

    assert not Lock.objects.exists()
    assert last_events(root.space)[0].kind == Event.Kind.LOCK_BROKEN
    assert ada.delete(f"/locks/{lock.pk}").code == "lock-not-found"


def test_others_break_nothing(root: Entry, bob: Actor) -> None:
    lock = make_lock(make_file(root, "file"))

    assert client_of(bob.user).delete(f"/locks/{lock.pk}").code == "forbidden"
    assert client_of(make_user("eve")).delete(f"/locks/{lock.pk}").code == "lock-not-found"
    assert client_of(make_user("mallory")).get(f"/entries/{root.pk}/locks").status == 404

    assert Lock.objects.get() == lock


def test_one_ends_ones_own_lock(root: Entry, bob: Actor) -> None:
    lock = make_lock(make_file(root, "file"), actor=bob)

    assert client_of(bob.user).delete(f"/locks/{lock.pk}").status == 204

    assert not Lock.objects.exists()
