"""The pages of tokens: the list, a new one whose secret is shown once, revoking."""

import re
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from files.access import token_of
from files.models import Entry, Event, Scope, Space, Token
from files.operations import tokens
from files.operations.entries import trash_entries
from files.operations.tokens import revoke_token
from tests.factories import SYSTEM, make_folder, make_shared_space, make_token, make_user, reread

from .pages import Looker, client_of

FORM = {"name": "Backup", "scopes": ["read", "write"], "top": "", "expires": "90"}


@pytest.fixture
def ada(space: Space) -> User:
    """Give the owner of the space."""
    assert space.owner is not None
    return space.owner


@pytest.fixture
def client(ada: User) -> Client:
    """Give ada's browser."""
    return client_of(ada)


def test_new_token_is_shown_once_and_works(client: Client, ada: User) -> None:
    response = client.post("/tokens/new/", FORM)

    page = response.content.decode()
    (secret,) = re.findall(r'id="secret" value="(sr_\w{32})"', page)
    token = token_of(secret)
    assert token is not None
    assert (token.user, token.scope, token.top_id) == (ada, Scope.READ | Scope.WRITE, None)
    assert token.expires_at is not None
    assert timedelta(days=89) < token.expires_at - timezone.now() <= timedelta(days=90)
    assert Event.objects.latest("pk").door == Event.Door.WEB
    assert secret not in client.get("/tokens/").content.decode()
    assert token.prefix in client.get("/tokens/").content.decode()


def test_token_is_limited_to_a_space_or_the_folder_one_came_from(
    client: Client, root: Entry
) -> None:
    make_shared_space("Others")
    folder = make_folder(root, "trips")
    offered = re.findall(
        r'<option value="(\d*)"( selected)?',
        client.get(f"/tokens/new/?folder={folder.pk}").content.decode(),
    )

    client.post("/tokens/new/", {**FORM, "top": str(root.pk), "name": "space"})
    client.post("/tokens/new/", {**FORM, "top": str(folder.pk), "folder": str(folder.pk)})

    assert ("", "") in offered
    assert (str(root.pk), "") in offered
    assert (str(folder.pk), " selected") in offered
    tops = dict(Token.objects.values_list("name", "top_id"))
    assert tops == {"space": root.pk, "Backup": folder.pk}


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": ""},
        {"name": "x" * 101},
        {"name": "a\u200eb\u2028c"},
        {"scopes": []},
        {"scopes": ["everything"]},
        {"top": "999"},
        {"expires": "999999999"},
    ],
)
def test_wrong_form_is_shown_again(client: Client, wrong: dict[str, object]) -> None:
    response = client.post("/tokens/new/", {**FORM, **wrong})

    assert response.status_code == 422
    assert 'class="errorlist"' in response.content.decode()
    assert not Token.objects.exists()


def test_folder_of_others_is_not_found(client: Client, root: Entry) -> None:
    hidden = make_shared_space("Others").root_id

    for folder in (str(hidden), "99999"):
        assert client.get(f"/tokens/new/?folder={folder}").status_code == 404
        assert client.post("/tokens/new/", {**FORM, "folder": folder}).status_code == 404
    for nonsense in ("x", "-1", "9" * 30):
        assert client.get(f"/tokens/new/?folder={nonsense}").status_code == 200


def test_too_many_tokens_are_told_on_the_form(
    client: Client, ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tokens, "MAX_LIVING", 1)
    make_token(ada)

    response = client.post("/tokens/new/", FORM)

    assert response.status_code == 409
    assert "too many tokens" in response.content.decode()


def test_list_says_where_a_token_reaches_and_when_it_was_used(
    client: Client, ada: User, root: Entry
) -> None:
    folder = make_folder(root, "trips")
    token, _secret = make_token(ada, Scope.READ, folder)
    Token.objects.filter(pk=token.pk).update(last_used_at=timezone.now(), last_ip="192.0.2.7")

    page = client.get("/tokens/").content.decode()

    assert "May read <bdi>ada / … / trips</bdi>" in page
    assert "from 192.0.2.7" in page
    trash_entries([folder], actor=SYSTEM)
    assert "in a place that is gone" in client.get("/tokens/").content.decode()


def test_list_takes_the_same_queries_for_many_tokens(
    client: Client,
    ada: User,
    root: Entry,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    for number in range(12):
        make_token(ada, top=make_folder(root, f"folder {number}"))

    with django_assert_max_num_queries(9):
        client.get("/tokens/")


def test_revoked_token_is_refused_and_shown_as_over(client: Client, ada: User) -> None:
    token, secret = make_token(ada)
    path = f"/tokens/{token.pk}/revoke/"

    asked = client.get(path)
    assert asked.status_code == 200
    assert reread(token).revoked_at is None
    response = client.post(path, follow=True)

    assert token_of(secret) is None
    page = response.content.decode()
    assert "was revoked" in page
    assert "No longer valid" in page
    assert path not in Looker(page).links()


def test_tokens_of_others_are_neither_shown_nor_revoked(client: Client) -> None:
    token, _secret = make_token(make_user("eve"))

    assert token.prefix not in client.get("/tokens/").content.decode()
    assert client.get(f"/tokens/{token.pk}/revoke/").status_code == 404
    assert client.post(f"/tokens/{token.pk}/revoke/").status_code == 404
    assert reread(token).revoked_at is None


def test_pages_need_somebody_and_no_token_opens_them(db: None, ada: User) -> None:
    token, secret = make_token(ada)
    revoke = f"/tokens/{token.pk}/revoke/"

    for path in ("/tokens/", "/tokens/new/", revoke):
        response = Client().get(path, headers={"authorization": f"Bearer {secret}"})
        assert response.status_code == 303
    revoke_token(token, actor=SYSTEM)
