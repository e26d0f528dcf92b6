"""Tokens in the admin: looked at without secrets, found, revoked by who may."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from files.access import token_of
from files.admin import confirming
from files.models import Entry, Event, Scope, Token
from files.operations.tokens import revoke_token
from tests.admin.conftest import World, make_staff, signed_in
from tests.factories import SYSTEM, make_folder, make_token, make_user, reread

TOKENS = "/admin/files/token/"
STAFF = ("files.change_token", "files.view_entry", "auth.view_user")


@pytest.fixture
def client(world: World) -> Client:
    """Give staff who may look and revoke."""
    return signed_in(make_staff("clerk", *STAFF))


def action(*found: Token, confirmed: bool) -> dict[str, Any]:
    """Give the form of the action, from the list or from the page that asks."""
    form = {"action": "revoke", "_selected_action": [token.pk for token in found]}
    return {**form, "confirmed": "yes"} if confirmed else form


def shown(client: Client, query: str = "") -> str:
    """Give the list."""
    return client.get(f"{TOKENS}{query}").content.decode()


def test_row_tells_all_but_the_secret(client: Client, world: World) -> None:
    token, secret = make_token(world.bob, Scope.READ, world.folder)
    Token.objects.update(last_ip="192.0.2.9", last_used_at=timezone.now())

    page = shown(client) + client.get(f"{TOKENS}{token.pk}/change/").content.decode()

    assert f"<code>{token.prefix}…</code>" in page
    assert ">bob<" in page
    assert "Photos" in page
    assert "192.0.2.9" in page
    assert secret not in page
    assert token.secret_sha256 not in page


def test_what_a_token_is_limited_to_may_be_a_space_or_gone(client: Client, world: World) -> None:
    token, _secret = make_token(world.bob, Scope.READ, world.root)
    assert "<bdi>Team</bdi>" in shown(client)

    Token.objects.filter(pk=token.pk).update(top_id=999_999)
    assert ">gone<" in shown(client)


def test_tokens_are_found_by_account_beginning_and_state(client: Client, world: World) -> None:
    valid, secret = make_token(world.bob)
    old, _secret = make_token(make_user("eve"), expires_at=timezone.now() + timedelta(hours=1))
    Token.objects.filter(pk=old.pk).update(expires_at=timezone.now())
    gone, _secret = make_token(world.bob)
    revoke_token(gone, actor=SYSTEM)

    def found(query: str) -> set[Token]:
        page = shown(client, query)
        return {token for token in (valid, old, gone) if token.prefix in page}

    assert found("") == {valid, old, gone}
    assert found("?q=eve") == {old}
    assert found(f"?q={secret}") >= {valid}
    assert found("?q=nobody") == set()
    assert found("?state=valid") == {valid}
    assert found("?state=expired") == {old}
    assert found("?state=revoked") == {gone}


def test_revoking_is_asked_for_and_recorded(client: Client, world: World) -> None:
    token, secret = make_token(world.bob)

    asked = client.post(TOKENS, action(token, confirmed=False)).content.decode()
    assert "Revoke 1 token?" in asked
    assert token_of(secret) == token
    client.post(TOKENS, action(token, confirmed=True))

    assert token_of(secret) is None
    event = Event.objects.latest("pk")
    assert (event.kind, event.door, event.actor_name) == ("token-revoked", "admin", "clerk")


def test_too_many_are_not_revoked_at_once(
    client: Client, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(confirming, "AT_ONCE", 0)
    token, _secret = make_token(world.bob)

    client.post(TOKENS, action(token, confirmed=True))

    assert reread(token).revoked_at is None


def test_list_takes_the_same_queries_for_many_tokens(client: Client, world: World) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            shown(client)
        return len(captured)

    def make(folder: Entry) -> None:
        make_token(world.bob, top=folder)

    make(world.folder)
    few = queries()
    for number in range(10):
        make(make_folder(world.root, f"folder {number}"))

    assert queries() == few


def test_events_say_in_words_what_a_token_was_for(world: World) -> None:
    until = datetime(2031, 5, 3, 14, 5, tzinfo=UTC)
    make_token(world.bob, Scope.READ | Scope.WRITE, world.folder, expires_at=until)
    client = signed_in(make_staff("clerk", "files.view_event", "files.view_entry"))

    page = client.get("/admin/files/event/").content.decode()

    assert "token created" in page
    assert "read, write" in page
    assert "Photos" in page
    assert "3 May 2031, 14:05" in page
