"""Tokens: made, told, revoked; and what the API lets somebody do who comes by one."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import transaction
from django.test import Client
from django.utils import timezone

from files.models import Entry, Grant, KeptAnswer, Scope, Space
from tests.factories import (
    make_file,
    make_folder,
    make_shared_space,
    make_token,
    make_user,
    root_of,
)

from .client import Api, client_of, read_all


def by_token(secret: str) -> Api:
    """Give the client of a program that has a token."""
    return Api(Client(headers={"authorization": f"Bearer {secret}"}))


@pytest.fixture
def owner(space: Space) -> User:
    """Give ada."""
    assert space.owner is not None
    return space.owner


def test_a_token_is_made_told_once_listed_and_revoked(ada: Api, root: Entry) -> None:
    made = ada.post("/tokens", {"name": "backup", "scopes": ["read", "write"], "top": root.pk})
    program = by_token(made.json["secret"])
    address = made.headers["location"].removeprefix("/api/v1")

    assert made.status == 201
    assert made.json["token"]["scopes"] == ["read", "write"]
    assert made.json["secret"].startswith(made.json["token"]["begins_with"])
    assert program.get("/me").json["token"]["name"] == "backup"
    assert "secret" not in ada.get(address).json
    assert [one["name"] for one in read_all(ada, "/tokens?limit=1")] == ["backup"]
    assert ada.delete(address).status == 204
    assert ada.get(address).json["revoked_at"] is not None
    assert (program.get("/me").status, program.get("/me").code) == (401, "invalid-credentials")


@pytest.mark.parametrize(
    ("more", "status", "code"),
    [
        ({"scopes": []}, 422, "invalid-value"),
        ({"scopes": ["root"]}, 422, "invalid-value"),
        ({"name": ""}, 422, "invalid-value"),
        ({"name": "a\x00"}, 422, "invalid-value"),
        ({"top": 999_999}, 404, "entry-not-found"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, 422, "invalid-value"),
        ({"expires_at": "2099-01-01T00:00:00"}, 422, "invalid-value"),
        ({"expires_at": "soon"}, 422, "invalid-value"),
        ({"expires_at": "9999-12-31T23:59:59-12:00"}, 422, "invalid-value"),
    ],
)
def test_a_token_that_cannot_be_is_refused(
    ada: Api, more: dict[str, Any], status: int, code: str
) -> None:
    answer = ada.post("/tokens", {"name": "a", "scopes": ["read"], **more})

    assert (answer.status, answer.code) == (status, code)


def test_the_secret_is_kept_nowhere(ada: Api) -> None:
    answer = ada.post("/tokens", {"name": "a", "scopes": ["read"]}, idempotency_key="k")

    assert (answer.status, answer.code) == (400, "malformed-request")
    assert not KeptAnswer.objects.exists()


def test_a_token_makes_no_tokens_and_knows_itself_alone(ada: Api, owner: User) -> None:
    ada.post("/tokens", {"name": "other", "scopes": ["read"]})
    token, secret = make_token(owner, Scope.ALL)
    program = by_token(secret)

    assert program.post("/tokens", {"name": "a", "scopes": ["read"]}).code == "forbidden"
    assert [one["id"] for one in program.get("/tokens").json["items"]] == [token.pk]
    assert program.delete(f"/tokens/{token.pk}").status == 204


def test_tokens_of_others_are_not_there(ada: Api) -> None:
    token, _secret = make_token(make_user("bob"), Scope.READ)

    assert ada.get(f"/tokens/{token.pk}").code == "token-not-found"
    assert ada.delete(f"/tokens/{token.pk}").code == "token-not-found"


@pytest.mark.parametrize(
    "header",
    [
        "Bearer ",
        "Bearer sr_" + "x" * 32,
        "Bearer " + "x" * 100_000,
        "Basic !!!",
        "Basic " + "eA==",
        "Bearer \xff",
        "Nonsense",
    ],
)
def test_a_token_that_is_none_is_a_problem(db: None, header: str) -> None:
    answer = Api(Client(headers={"authorization": header})).get("/me")

    assert answer.status in {400, 401}
    assert answer.code in {"malformed-request", "invalid-credentials", "sign-in-required"}


def test_an_expired_token_and_one_of_a_closed_account_are_refused(owner: User) -> None:
    token, secret = make_token(owner, Scope.READ)
    _token, other = make_token(owner, Scope.READ)
    token.expires_at = timezone.now() - timedelta(seconds=1)
    token.save()
    expired = by_token(secret).get("/me")
    owner.is_active = False
    owner.save()

    assert (expired.status, by_token(other).get("/me").status) == (401, 401)


SCOPES = [Scope.READ, Scope.WRITE, Scope.READ | Scope.WRITE, Scope.ALL]
MATRIX = [
    # what tokens to read, to write, to do both, and all, of somebody who manages, are answered
    ("GET", "/entries/{file}", None, (200, 404, 200, 200)),
    ("GET", "/folders/{root}/entries", None, (200, 404, 200, 200)),
    ("PATCH", "/entries/{file}", {"name": "n"}, (403, 403, 200, 200)),
    ("DELETE", "/entries/{file}", None, (403, 403, 200, 200)),
    ("PUT", "/spaces/{space}/members/users/bob", {"role": "viewer"}, (403, 403, 403, 200)),
    ("GET", "/spaces/{space}/events", None, (200, 403, 200, 200)),
    ("DELETE", "/spaces/{space}/trash", None, (403, 403, 403, 200)),
    ("PATCH", "/spaces/{space}", {"name": "n"}, (403, 403, 403, 200)),
    ("GET", "/search?q=file", None, (200, 200, 200, 200)),
    ("GET", "/entries/{file}/locks", None, (200, 404, 200, 200)),
]


@pytest.mark.parametrize(("method", "path", "document", "statuses"), MATRIX)
def test_what_a_scope_lets_do(
    root: Entry, space: Space, method: str, path: str, document: Any, statuses: tuple[int, ...]
) -> None:
    make_user("bob")
    assert space.owner is not None

    for scopes, status in zip(SCOPES, statuses, strict=True):
        with transaction.atomic():
            ids = {"root": root.pk, "space": space.pk, "file": make_file(root, "file").pk}
            _token, secret = make_token(space.owner, scopes)
            answer = by_token(secret).send(method, path.format(**ids), document)
            transaction.set_rollback(True)
        assert (answer.status, scopes) == (status, scopes)
        if answer.status >= 400:
            assert answer.code in {"forbidden", "entry-not-found"}


def test_outside_of_its_tree_a_token_finds_nothing(owner: User, root: Entry, space: Space) -> None:
    inside, outside = make_folder(root, "inside"), make_file(root, "outside")
    file = make_file(inside, "file")
    _token, secret = make_token(owner, Scope.ALL, inside)
    program = by_token(secret)

    assert program.get(f"/entries/{file.pk}").status == 200
    assert program.get(f"/folders/{inside.pk}/entries").status == 200
    assert program.get(f"/entries/{outside.pk}").code == "entry-not-found"
    assert program.patch(f"/entries/{file.pk}", {"parent": root.pk}).code == "entry-not-found"
    assert program.get(f"/spaces/{space.pk}/entries?path=outside").code == "entry-not-found"
    assert program.get(f"/spaces/{space.pk}/events").code == "space-not-found"
    assert program.get("/spaces").json["items"] == []
    assert [one["id"] for one in program.get("/search?q=file").json["items"]] == [file.pk]


def test_who_never_came_by_the_pages_has_a_space_too(db: None) -> None:
    _token, secret = make_token(make_user("bob"), Scope.ALL)
    program = by_token(secret)

    (space,) = program.get("/spaces").json["items"]

    assert (space["kind"], space["name"]) == ("personal", "bob")
    assert program.get("/me").json["personal_space"] == space["id"]


def test_a_token_gives_no_more_than_its_user_has(owner: User) -> None:
    team = make_shared_space("Team", ada=Grant.Role.VIEWER)
    _token, secret = make_token(owner, Scope.ALL)

    answer = by_token(secret).post(f"/folders/{root_of(team).pk}/folders", {"name": "n"})

    assert (answer.status, answer.code) == (403, "forbidden")


def test_with_a_token_the_session_does_not_count(ada: Api, owner: User) -> None:
    _token, secret = make_token(make_user("bob"), Scope.READ)

    answer = ada.get("/me", authorization=f"Bearer {secret}")

    assert answer.json["username"] == "bob"
    assert client_of(owner).get("/me").json["username"] == "ada"
