"""Scripts ask whether the server has a file already, in JSON."""

import json
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.http import HttpResponse  # noqa: TID251 - what the client gives
from django.test import Client

from files.models import Entry, Grant, Space
from files.operations.known import LEAST
from tests.factories import actor_of, make_file, make_shared_space, make_user, paths_in, root_of

from .pages import client_of

CONTENT = b"c" * LEAST
SHA256 = sha256(CONTENT).hexdigest()


@pytest.fixture
def ada(space: Space, root: Entry) -> User:
    """Give the owner of the space, who has the content."""
    assert space.owner is not None
    make_file(root, "first", CONTENT, actor=actor_of(space.owner))
    return space.owner


def ask(user: User, into: Entry, **more: Any) -> HttpResponse:
    """Ask for the content under the name again.bin; None leaves a field out."""
    asked = {"folder": into.pk, "path": "in/again.bin", "size": LEAST, "sha256": SHA256, **more}
    body = {name: value for name, value in asked.items() if value is not None}
    return post(client_of(user), json.dumps(body))


def post(client: Client, body: str, content_type: str = "application/json") -> HttpResponse:
    """Send a document."""
    return client.post(  # type: ignore[return-value]  # the test client adds to it
        "/uploads/known", body, content_type, headers={"accept": "application/json"}
    )


def test_known_content_becomes_a_file(ada: User, root: Entry) -> None:
    answer = ask(ada, root, lastModified=1_577_934_245_678)

    entry = Entry.objects.get(name="again.bin")
    assert answer.status_code == 201
    assert json.loads(answer.content) == {
        "known": True,
        "entry": {
            "id": entry.pk,
            "name": "again.bin",
            "path": "in/again.bin",
            "size": LEAST,
            "version": entry.version_id,
            "sha256": SHA256,
            "url": f"/entries/{entry.pk}/",
        },
    }
    assert entry.modified_at == datetime(2020, 1, 2, 3, 4, 5, 678_000, tzinfo=UTC)
    assert paths_in(root)["in/again.bin"] == CONTENT


def test_unknown_content_is_to_be_sent(ada: User, root: Entry) -> None:
    answer = ask(ada, root, sha256="f" * 64)

    assert (answer.status_code, json.loads(answer.content)) == (
        200,
        {"known": False, "entry": None},
    )


@pytest.mark.parametrize("folder", [0, 999_999, 2**63, 10**40])
def test_a_folder_that_cannot_be_is_not_found(ada: User, root: Entry, folder: int) -> None:
    answer = ask(ada, root, folder=folder)

    assert (answer.status_code, json.loads(answer.content)["code"]) == (404, "entry-not-found")


def test_content_of_others_gets_the_same_answer_as_that_of_nobody(ada: User) -> None:
    eve = make_user("eve")
    space = make_shared_space("Eve's", eve=Grant.Role.MANAGER)

    theirs, nobodys = ask(eve, root_of(space)), ask(eve, root_of(space), sha256="f" * 64)

    assert theirs.content == nobodys.content
    assert theirs.headers == nobodys.headers


def test_who_may_only_add_is_not_told_the_name(ada: User) -> None:
    team = make_shared_space("Team", ada=Grant.Role.UPLOADER)

    answer = ask(ada, root_of(team))

    assert (answer.status_code, json.loads(answer.content)) == (201, {"known": True, "entry": None})


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("folder", None),
        ("folder", "7"),
        ("folder", True),
        ("folder", -1),
        ("size", 2**63),
        ("size", None),
        ("size", -1),
        ("size", 1.5),
        ("path", None),
        ("path", ["a"]),
        ("sha256", None),
        ("sha256", SHA256.upper().replace("0", "A")),
        ("sha256", 7),
        ("clash", "overwrite"),
        ("clash", []),
        ("lastModified", "yesterday"),
        ("lastModified", 10**30),
        ("lastModified", float("inf")),
        ("lastModified", -62_135_596_800_000),
        ("lastModified", 253_402_214_400_000),
    ],
)
def test_a_value_that_cannot_be_is_named(ada: User, root: Entry, field: str, value: object) -> None:
    answer = ask(ada, root, **{field: value})

    assert answer.status_code == 422
    assert json.loads(answer.content)["code"] == "invalid-value"


@pytest.mark.parametrize(
    ("more", "status", "code"),
    [
        ({"path": "a/../b"}, 422, "invalid-name"),
        ({"path": "a/" * 99 + "b"}, 409, "too-deep"),
        ({"folder": 999_999}, 404, "entry-not-found"),
        ({"path": "first", "clash": "refuse"}, 409, "entry-exists"),
    ],
)
def test_a_refusal_is_a_problem_document(
    ada: User, root: Entry, more: dict[str, Any], status: int, code: str
) -> None:
    answer = ask(ada, root, **more)

    assert (answer.status_code, json.loads(answer.content)["code"]) == (status, code)
    assert answer["content-type"] == "application/problem+json"


@pytest.mark.parametrize("body", [" ", "{", "[]", "null", "[" * 100_000, '"\\ud800"'])
def test_what_is_no_document_is_malformed(ada: User, body: str) -> None:
    assert post(client_of(ada), body).status_code == 400


def test_only_json_is_taken_which_no_form_of_another_site_can_send(ada: User) -> None:
    for content_type in ("text/plain", "application/x-www-form-urlencoded"):
        assert post(client_of(ada), "{}", content_type).status_code == 415


def test_nobody_is_told_anything(ada: User, root: Entry, client: Client) -> None:
    assert post(client, "{}").status_code == 401
    assert client_of(ada).get("/uploads/known").status_code == 405
