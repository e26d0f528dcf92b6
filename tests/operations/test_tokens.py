"""Tokens: made with a secret that is told once, limited, revoked."""

import json
import re
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from files.access import Actor, Limit, act_by, get_token, tokens_of
from files.errors import (
    EntryNotFoundError,
    ForbiddenError,
    InvalidValueError,
    TokenNotFoundError,
    TooManyTokensError,
)
from files.models import Event, Right, Scope, Space, Token
from files.models.tokens import digest_of
from files.operations import tokens
from files.operations.tokens import KEPT, create_token, forget_tokens, revoke_token
from tests.factories import (
    SYSTEM,
    actor_of,
    last_events,
    limited,
    make_folder,
    make_shared_space,
    make_space,
    make_token,
    make_user,
    reread,
    root_of,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada() -> User:
    return make_user("ada")


@pytest.fixture
def system_space() -> Space:
    return Space.objects.get_or_create(kind=Space.Kind.SYSTEM, defaults={"name": "System"})[0]


def test_secret_is_long_recognisable_and_kept_as_a_digest_alone(ada: User) -> None:
    token, secret = make_token(ada)

    assert re.fullmatch(r"sr_[A-Za-z0-9]{32}", secret)
    assert token.prefix == secret[:7]
    assert Token.objects.get(secret_sha256=digest_of(secret)) == token
    row = Token.objects.filter(pk=token.pk).values().get()
    assert secret not in map(str, row.values())


def test_no_two_secrets_are_the_same(ada: User) -> None:
    assert len({make_token(ada)[1] for _ in range(20)}) == 20


def test_making_and_revoking_are_recorded_without_the_secret(
    ada: User, system_space: Space
) -> None:
    token, secret = make_token(ada, Scope.READ | Scope.WRITE)
    revoke_token(token, actor=SYSTEM)

    created, revoked = last_events(system_space, 2)
    assert [(event.kind, event.actor_name) for event in (created, revoked)] == [
        (Event.Kind.TOKEN_CREATED, "ada"),
        (Event.Kind.TOKEN_REVOKED, ""),
    ]
    assert created.after is not None
    assert created.after["scopes"] == ["read", "write"]
    assert revoked.before == created.after
    assert secret not in json.dumps([created.after, revoked.before])


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": " \t"}, "name"),
        ({"name": "a\nb"}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"scopes": Scope.NONE}, "scopes"),
        ({"expires_at": timezone.now() - timedelta(seconds=1)}, "expires_at"),
    ],
)
def test_bad_values_are_refused(ada: User, more: dict[str, Any], field: str) -> None:
    wanted = {"name": "laptop", "scopes": Scope.READ, **more}

    with pytest.raises(InvalidValueError) as caught:
        create_token(ada, actor=actor_of(ada), **wanted)

    assert caught.value.data["field"] == field
    assert not Token.objects.exists()


def test_only_its_user_or_who_manages_all_makes_a_token(ada: User) -> None:
    eve = make_user("eve")
    staff = Actor(eve, Event.Door.ADMIN, everywhere=Right.MANAGE)

    create_token(ada, name="by staff", scopes=Scope.READ, actor=staff)
    create_token(ada, name="by the system", scopes=Scope.READ, actor=SYSTEM)
    for nobody in (actor_of(eve), limited(ada, Scope.ALL)):
        with pytest.raises(ForbiddenError):
            create_token(ada, name="laptop", scopes=Scope.READ, actor=nobody)

    assert Token.objects.count() == 2


def test_tree_of_a_token_is_one_that_its_user_sees(ada: User) -> None:
    hidden = root_of(make_shared_space("Others"))

    for actor in (actor_of(ada), SYSTEM):
        with pytest.raises(EntryNotFoundError):
            create_token(ada, name="laptop", scopes=Scope.READ, top=hidden, actor=actor)


def test_living_tokens_of_an_account_are_limited(
    ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tokens, "MAX_LIVING", 2)
    first, _secret = make_token(ada)
    make_token(ada)

    with pytest.raises(TooManyTokensError):
        make_token(ada)
    make_token(make_user("bob"))
    revoke_token(first, actor=actor_of(ada))
    make_token(ada)


def test_revoking_twice_is_told_once(ada: User, system_space: Space) -> None:
    token, _secret = make_token(ada)

    first = revoke_token(token, actor=actor_of(ada)).revoked_at
    second = revoke_token(token, actor=actor_of(ada)).revoked_at

    assert first == second == reread(token).revoked_at
    assert Event.objects.filter(kind=Event.Kind.TOKEN_REVOKED).count() == 1


def test_tokens_of_others_are_not_found(ada: User) -> None:
    token, _secret = make_token(ada)
    other, _secret = make_token(ada)
    by_itself = Actor(ada, Event.Door.API, limit=Limit(Right.READ, token_id=token.pk))
    found = {
        "ada": actor_of(ada),
        "system": SYSTEM,
        "by itself": by_itself,
    }

    for actor in found.values():
        assert get_token(actor, token.pk) == token
    for actor in (actor_of(make_user("eve")), Actor(None, Event.Door.WEB), limited(ada, Scope.ALL)):
        assert not tokens_of(actor).exists()
        with pytest.raises(TokenNotFoundError):
            revoke_token(token, actor=actor)
    with pytest.raises(TokenNotFoundError):
        revoke_token(other, actor=by_itself)
    assert revoke_token(token, actor=by_itself).revoked_at


@pytest.mark.parametrize(
    ("scopes", "rights"),
    [
        (Scope.NONE, Right.NONE),
        (Scope.READ, Right.READ),
        (Scope.WRITE, Right.ADD),
        (Scope.READ | Scope.WRITE, Right.READ | Right.ADD | Right.EDIT),
        (Scope.SHARE, Right.SHARE),
        (Scope.ADMIN, Right.MANAGE),
        (Scope.ALL, Right.ALL),
    ],
)
def test_scopes_leave_rights(scopes: Scope, rights: Right) -> None:
    assert scopes.rights == rights
    assert Scope.of_words(scopes.words) == scopes


def test_living_is_neither_revoked_nor_expired(ada: User) -> None:
    now = timezone.now()
    endless, _secret = make_token(ada)
    young, _secret = make_token(ada, expires_at=now + timedelta(hours=1))
    revoked, _secret = make_token(ada)
    revoke_token(revoked, actor=SYSTEM)
    later = now + timedelta(hours=1)

    assert set(Token.objects.living(timezone.now())) == {endless, young}
    assert set(Token.objects.living(later)) == {endless}
    assert [token.is_living(later) for token in (endless, young, reread(revoked))] == [
        True,
        False,
        False,
    ]


def test_tokens_are_forgotten_long_after_their_end_and_events_name_them(
    ada: User, system_space: Space, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("files.operations.tokens._STEP", 1)
    now = timezone.now()
    before, after = now - KEPT - timedelta(hours=1), now - KEPT + timedelta(hours=1)
    ends: list[dict[str, datetime]] = [
        {"revoked_at": before},
        {"expires_at": before},
        {"revoked_at": after},
        {"expires_at": after},
        {"created_at": before},
    ]
    tokens = [make_token(ada)[0] for _end in ends]
    folder = make_folder(root_of(make_space(ada)), "by it", actor=act_by(tokens[0], Event.Door.API))
    for token, end in zip(tokens, ends, strict=True):
        Token.objects.filter(pk=token.pk).update(**end)

    assert forget_tokens() == 2

    assert list(Token.objects.order_by("pk")) == tokens[2:]
    event = Event.objects.get(entry_id=folder.pk)
    assert (event.token_id, event.token_name) == (tokens[0].pk, "laptop")


def test_events_without_a_token_name_none(ada: User) -> None:
    folder = make_folder(root_of(make_space(ada)), "by hand", actor=actor_of(ada))

    event = Event.objects.get(entry_id=folder.pk)
    assert (event.token_id, event.token_name) == (None, "")
