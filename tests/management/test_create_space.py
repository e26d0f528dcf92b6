"""Making a space from the command line."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from files.models import Event, Grant, Space
from tests.factories import make_user

pytestmark = pytest.mark.django_db


def create(*arguments: str) -> str:
    """Run the command and give what it prints."""
    out = StringIO()
    call_command("create_space", *arguments, stdout=out)
    return out.getvalue().strip()


def test_it_prints_the_id_of_the_new_space() -> None:
    key = create("Design team")

    space = Space.objects.get(pk=int(key))
    assert (space.name, space.kind, space.quota_bytes) == ("Design team", "shared", None)
    assert set(Event.objects.values_list("door", flat=True)) == {"command"}


def test_it_sets_manager_and_quota() -> None:
    bob = make_user("bob")

    space = Space.objects.get(pk=int(create("Team", "--manager", "bob", "--quota", "10G")))

    assert space.quota_bytes == 10 * 2**30
    assert Grant.objects.get(entry=space.root_id, user=bob).role == Grant.Role.MANAGER


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["Team", "--manager", "nobody"], "user-not-found"),
        (["Team", "--quota", "much"], "invalid-value"),
        ([" "], "invalid-value"),
    ],
)
def test_what_cannot_be_ends_with_one_line_and_leaves_nothing(
    arguments: list[str], code: str
) -> None:
    with pytest.raises(CommandError, match=rf"^[^\n]+ \[{code}\]$"):
        create(*arguments)
    assert not Space.objects.exists()
