"""list_locks and break_lock."""

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from files.models import Entry, Event, Grant, Lock
from tests.factories import (
    SYSTEM,
    last_events,
    make_file,
    make_lock,
    make_member,
    make_shared_space,
)

pytestmark = pytest.mark.django_db


def run(*arguments: str) -> list[str]:
    """Run a command, and give the lines it prints."""
    out = StringIO()
    call_command(*arguments, stdout=out)
    return out.getvalue().splitlines()


def test_list_locks_prints_a_line_for_each(root: Entry) -> None:
    bob = make_member(root, Grant.Role.EDITOR)
    letter = make_file(root, "letter")
    first = make_lock(root, actor=SYSTEM, deep=True, exclusive=False)
    second = make_lock(letter, actor=bob, exclusive=False)

    lines = run("list_locks")

    until = f"until {second.expires_at:%Y-%m-%d %H:%M} UTC"
    assert lines[0] == f"{second.pk}  space {root.space_id}  bob  shared  {until}  letter"
    assert lines[1].startswith(f"{first.pk}  space {root.space_id}  -  shared, deep  until ")
    assert lines[1].endswith("  /")


def test_list_locks_is_narrowed_down(root: Entry) -> None:
    bob = make_member(root, Grant.Role.EDITOR)
    other = make_shared_space("Other")
    lock = make_lock(make_file(root, "letter"), actor=bob)
    make_lock(make_file(root, "system's"))

    assert len(run("list_locks", "--space", str(root.space_id))) == 2
    assert run("list_locks", "--space", str(other.pk)) == []
    (line,) = run("list_locks", "--user", "bob", "--json")
    told = json.loads(line)
    assert (told["id"], told["entry"], told["user"]) == (lock.pk, lock.entry_id, "bob")
    assert (told["scope"], told["deep"], told["name"]) == ("exclusive", False, "letter")


def test_break_lock_breaks_and_records(root: Entry) -> None:
    lock = make_lock(root, actor=make_member(root, Grant.Role.EDITOR))

    assert run("break_lock", str(lock.pk)) == [f"lock {lock.pk} broken"]

    assert not Lock.objects.exists()
    assert last_events(root.space)[0].kind == Event.Kind.LOCK_BROKEN


@pytest.mark.parametrize(("key", "code"), [("x", "invalid-value"), ("9" * 18, "lock-not-found")])
def test_break_lock_refuses_what_is_no_lock(key: str, code: str, root: Entry) -> None:
    with pytest.raises(CommandError, match=rf"\[{code}\]"):
        run("break_lock", key)
