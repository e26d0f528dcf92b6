"""A request that comes again under its key is not done again."""

from datetime import timedelta

import pytest
from django.utils import timezone

from files.models import Entry, KeptAnswer
from files.operations.answers import KEPT, forget_answers
from files.operations.entries import trash_entries
from tests.factories import (
    SYSTEM,
    make_file,
    make_folder,
    make_space,
    make_token,
    make_user,
    paths_in,
    root_of,
)

from .client import Api, Reply, client_of


def make(api: Api, root: Entry, name: str = "a", key: str = "k1") -> Reply:
    """Make a folder under a key."""
    return api.post(f"/folders/{root.pk}/folders", {"name": name}, idempotency_key=key)


def test_a_repetition_gets_the_first_answer(ada: Api, root: Entry) -> None:
    first = make(ada, root)
    again = make(ada, root)

    assert (first.status, again.status) == (201, 201)
    assert again.body == first.body
    assert [again.headers[name] for name in ("etag", "location", "content-type")] == [
        first.headers[name] for name in ("etag", "location", "content-type")
    ]
    assert paths_in(root) == {"a": None}


def test_a_copy_is_made_once(ada: Api, root: Entry) -> None:
    file = make_file(root, "a")

    for _time in range(3):
        ada.post(f"/entries/{file.pk}/copy", {"parent": root.pk}, idempotency_key="copy")

    assert sorted(paths_in(root)) == ["a", "a (2)"]


def test_a_repetition_is_answered_where_its_source_is_gone(ada: Api, root: Entry) -> None:
    file, folder = make_file(root, "a"), make_folder(root, "there")
    requests = [
        (f"/entries/{file.pk}/copy", {"parent": folder.pk}),
        ("/entries/copy", {"entries": [file.pk], "parent": folder.pk}),
        (f"/folders/{folder.pk}/folders", {"name": "b"}),
        (f"/folders/{folder.pk}/known", {"path": "c", "size": 70_000, "sha256": "0" * 64}),
    ]
    first = [ada.post(*request, idempotency_key=f"k{n}") for n, request in enumerate(requests)]
    trash_entries([file, folder], actor=SYSTEM)

    again = [ada.post(*request, idempotency_key=f"k{n}") for n, request in enumerate(requests)]
    others = [ada.post(*request, idempotency_key=f"o{n}") for n, request in enumerate(requests)]

    assert [reply.status for reply in first] == [201, 200, 201, 200]
    assert [(reply.status, reply.body) for reply in again] == [
        (reply.status, reply.body) for reply in first
    ]
    assert [reply.code for reply in others] == ["entry-not-found"] * 4


def test_a_key_is_of_one_request_only(ada: Api, root: Entry) -> None:
    make(ada, root)

    other = make(ada, root, name="b")

    assert (other.status, other.code) == (422, "key-reused")
    assert paths_in(root) == {"a": None}


def test_what_was_refused_can_be_tried_again_under_its_key(ada: Api, root: Entry) -> None:
    file = make_file(root, "a")
    refused = make(ada, root)
    ada.patch(f"/entries/{file.pk}", {"name": "b"})

    assert (refused.status, refused.code) == (409, "entry-exists")
    assert make(ada, root).status == 201


def test_keys_are_of_their_user(ada: Api, root: Entry) -> None:
    make(ada, root)
    bob = make_user("bob")
    theirs = root_of(make_space(bob))

    assert make(client_of(bob), theirs).status == 201


def test_answer_is_kept_from_a_token_that_did_not_ask(ada: Api, root: Entry) -> None:
    assert root.space.owner is not None
    _token, secret = make_token(root.space.owner)
    make(ada, root)

    path, header = f"/folders/{root.pk}/folders", f"Bearer {secret}"
    other = ada.post(path, {"name": "a"}, idempotency_key="k1", authorization=header)

    assert (other.status, other.code) == (422, "key-reused")


def test_a_key_is_forgotten_with_its_time(ada: Api, root: Entry) -> None:
    make(ada, root)
    make(ada, root, name="b", key="k2")
    old = timezone.now() - KEPT - timedelta(seconds=1)
    KeptAnswer.objects.update(created_at=old)

    again = make(ada, root)

    assert (again.status, again.code) == (409, "entry-exists")
    assert forget_answers() == 2
    assert not KeptAnswer.objects.exists()


@pytest.mark.parametrize("key", ["", "a b", "a" * 256, "\t"])
def test_a_key_that_is_none_is_refused(ada: Api, root: Entry, key: str) -> None:
    answer = make(ada, root, key=key)

    assert (answer.status, answer.code) == (422, "invalid-value")
