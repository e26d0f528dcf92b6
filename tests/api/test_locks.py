"""Locks by the API: listed where they cover, ended by who may."""

import pytest
from django.utils import timezone

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


def test_a_lock_is_taken_kept_and_given_up(root: Entry, bob: Actor) -> None:
    api, file = client_of(bob.user), make_file(root, "file")
    taken = api.post(f"/entries/{file.pk}/locks", {"seconds": 60})
    lock = taken.json["lock"]

    kept = api.patch(f"/locks/{lock['id']}", {"seconds": 3600})
    ended = api.delete(f"/locks/{lock['id']}")

    assert taken.status == 201
    assert (lock["entry"], lock["holder"]) == (file.pk, "bob")
    assert (lock["scope"], lock["deep"]) == ("exclusive", False)
    assert (kept.status, kept.json["id"]) == (200, lock["id"])
    assert kept.json["expires_at"] > lock["expires_at"]
    assert ended.status == 204
    assert not Lock.objects.exists()


def test_who_holds_a_lock_changes_with_its_token_what_it_covers(ada: Api, root: Entry) -> None:
    folder = make_folder(root, "folder")
    taken = ada.post(f"/entries/{folder.pk}/locks", {})
    path, token = f"/folders/{folder.pk}/folders", f"<{taken.json['token']}>"

    refused = ada.post(path, {"name": "in"})
    made = ada.post(path, {"name": "in"}, lock_token=token)
    renamed = ada.patch(f"/entries/{folder.pk}", {"name": "new"}, lock_token=token)

    assert (refused.status, refused.code) == (423, "locked")
    assert (made.status, renamed.status) == (201, 200)
    assert not Lock.objects.exists()  # a move ends it (RFC 4918, 7.7)


def test_a_lock_of_a_folder_covers_what_is_below_where_it_is_deep(ada: Api, root: Entry) -> None:
    folder = make_folder(root, "folder")
    file = make_file(folder, "file")
    shared = {"scope": "shared", "deep": True}

    taken = [ada.post(f"/entries/{folder.pk}/locks", shared) for _time in range(2)]
    exclusive = ada.post(f"/entries/{file.pk}/locks", {})

    assert [(reply.status, reply.json["lock"]["deep"]) for reply in taken] == [(201, True)] * 2
    assert (exclusive.status, exclusive.code) == (423, "locked")
    assert ada.delete(f"/entries/{file.pk}").code == "locked"
    tokens = f"<opaquelocktoken:other>, <{taken[1].json['token']}>"
    assert ada.delete(f"/entries/{file.pk}", lock_token=tokens).status == 200


def test_a_token_counts_for_who_took_the_lock_alone(ada: Api, root: Entry, bob: Actor) -> None:
    lock = make_lock(make_file(root, "file"), actor=bob)

    answer = ada.patch(f"/entries/{lock.entry_id}", {"name": "new"}, lock_token=f"<{lock.token}>")

    assert answer.code == "locked"


def test_a_repeated_request_for_a_lock_gets_its_token_once_more(ada: Api, root: Entry) -> None:
    path = f"/entries/{make_file(root, 'file').pk}/locks"

    first = ada.post(path, {}, idempotency_key="k")
    again = ada.post(path, {}, idempotency_key="k")

    assert first.json["token"] == again.json["token"]
    assert Lock.objects.count() == 1


def test_who_may_not_change_an_entry_does_not_lock_it(root: Entry) -> None:
    file = make_file(root, "file")
    carol = client_of(make_member(root, Grant.Role.VIEWER, "carol").user)
    eve = client_of(make_user("eve"))

    assert carol.post(f"/entries/{file.pk}/locks", {}).code == "forbidden"
    assert eve.post(f"/entries/{file.pk}/locks", {}).code == "entry-not-found"
    assert not Lock.objects.exists()


def test_nobody_keeps_the_lock_of_another_or_one_that_is_over(
    ada: Api, root: Entry, bob: Actor
) -> None:
    lock = make_lock(make_file(root, "file"), actor=bob)
    replies = [ada.patch(f"/locks/{lock.pk}", {}), ada.patch(f"/locks/{10**30}", {})]
    Lock.objects.update(expires_at=timezone.now())
    replies.append(client_of(bob.user).patch(f"/locks/{lock.pk}", {}))

    assert [(reply.status, reply.code) for reply in replies] == [(404, "lock-not-found")] * 3


@pytest.mark.parametrize(
    "token", ["x", "<x", "<>", "<a b>", "<x> <y>", "<x>,", ",".join(["<x>"] * 101)]
)
def test_a_lock_token_that_is_none_is_refused(ada: Api, root: Entry, token: str) -> None:
    file = make_file(root, "file")

    answer = ada.patch(f"/entries/{file.pk}", {"name": "new"}, lock_token=token)

    assert (answer.status, answer.code) == (400, "malformed-request")
