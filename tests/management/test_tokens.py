"""Tokens from the command line: made, listed, revoked."""

import json
from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from files.access import token_of
from files.models import Entry, Event, Scope, Token
from tests.factories import make_file, make_folder, make_token, make_user, reread

pytestmark = pytest.mark.django_db


def run(command: str, *arguments: str) -> str:
    """Run a command and give what it prints."""
    out = StringIO()
    call_command(command, *arguments, stdout=out)
    return out.getvalue()


def test_secret_is_printed_alone_and_works(root: Entry) -> None:
    printed = run("create_token", "ada", "--scope", "read", "--scope", "write")

    token = token_of(printed.strip())
    assert token is not None
    assert printed.count("\n") == 1
    assert (token.user, token.scope) == (root.space.owner, Scope.READ | Scope.WRITE)
    assert (token.top_id, token.expires_at, token.name) == (None, None, "command line")
    assert Event.objects.latest("pk").door == Event.Door.COMMAND


def test_token_is_limited_as_it_is_told(root: Entry) -> None:
    folder = make_folder(make_folder(root, "a"), "b")

    run("create_token", "ada", "--scope", "read", "--space", "ada", "--name", "in space")
    run("create_token", "ada", "--scope", "read", "--folder", "ada:a/b", "--name", "in folder")

    tops = dict(Token.objects.values_list("name", "top_id"))
    assert tops == {"in space": root.pk, "in folder": folder.pk}


def test_expiry_is_an_age_or_the_end_of_a_day(root: Entry) -> None:
    run("create_token", "ada", "--scope", "read", "--expires", "90d", "--name", "age")
    run("create_token", "ada", "--scope", "read", "--expires", "2999-12-30", "--name", "day")

    ends = dict(Token.objects.values_list("name", "expires_at"))
    assert ends["age"] is not None
    assert abs(ends["age"] - timezone.now() - timedelta(days=90)) < timedelta(minutes=1)
    assert ends["day"] == datetime(2999, 12, 31, tzinfo=UTC)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["nobody", "--scope", "read"], "user-not-found"),
        (["ada"], "required"),
        (["ada", "--scope", "everything"], "invalid choice"),
        (["ada", "--scope", "read", "--space", "none"], "space-not-found"),
        (["ada", "--scope", "read", "--folder", "ada:none"], "entry-not-found"),
        (["ada", "--scope", "read", "--folder", "ada", "--space", "ada"], "not allowed"),
        (["eve", "--scope", "read", "--space", "ada"], "entry-not-found"),
        (["ada", "--scope", "read", "--expires", "soon"], "usage"),
        (["ada", "--scope", "read", "--expires", "9999-12-31"], "usage"),
        (["ada", "--scope", "read", "--expires", "2020-01-01"], "invalid-value"),
        (["ada", "--scope", "read", "--expires", "0s"], "invalid-value"),
        (["ada", "--scope", "read", "--name", " "], "invalid-value"),
    ],
)
def test_what_cannot_be_is_refused(root: Entry, arguments: list[str], code: str) -> None:
    make_user("eve")
    make_file(root, "file")

    with pytest.raises(CommandError, match=code):
        run("create_token", *arguments)

    assert not Token.objects.exists()


def test_list_tells_all_but_the_secret(root: Entry) -> None:
    owner = root.space.owner
    assert owner is not None
    token, secret = make_token(owner, Scope.READ | Scope.SHARE, root)
    make_token(make_user("eve"))

    line = run("list_tokens", "--user", "ada").strip()
    assert line == (
        f"{token.pk}  ada  {token.prefix}…  read+share  entry {root.pk}  never used"
        "  never expires  laptop"
    )
    Token.objects.filter(pk=token.pk).update(
        last_used_at=datetime(2026, 1, 2, 3, 4, tzinfo=UTC),
        last_ip="192.0.2.1",
        expires_at="2999-01-01 00:00Z",
    )
    line = run("list_tokens", "--user", "ada")
    assert "  used 2026-01-02 03:04 UTC from 192.0.2.1  expires 2999-01-01 00:00 UTC  " in line
    told = json.loads(run("list_tokens", "--user", "ada", "--json"))
    assert (told["scopes"], told["entry"], told["last_ip"]) == (
        ["read", "share"],
        root.pk,
        "192.0.2.1",
    )
    assert secret not in line + json.dumps(told)
    assert len(run("list_tokens").splitlines()) == 2


def test_revoked_ones_are_refused_and_listed_only_when_asked_for(root: Entry) -> None:
    owner = root.space.owner
    assert owner is not None
    token, secret = make_token(owner)

    assert run("revoke_token", str(token.pk)) == f"token {token.pk} revoked\n"
    assert run("revoke_token", str(token.pk)) == f"token {token.pk} revoked\n"

    assert token_of(secret) is None
    assert run("list_tokens") == ""
    assert f"  revoked {reread(token).revoked_at:%Y-%m-%d %H:%M} UTC  " in run(
        "list_tokens", "--all"
    )


@pytest.mark.parametrize("key", ["99", "x", "-1", "9" * 30])
def test_token_that_there_is_not_is_told(root: Entry, key: str) -> None:
    owner = root.space.owner
    assert owner is not None
    token, _secret = make_token(owner)
    err = StringIO()

    with pytest.raises(CommandError, match="token-not-found"):
        call_command("revoke_token", str(token.pk), "--", key, stdout=StringIO(), stderr=err)

    assert f"{key}: There is no such token. [token-not-found]" in err.getvalue()
    assert reread(token).revoked_at
