"""Setting quotas from the command line."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from files.models import Space
from tests.factories import make_shared_space

pytestmark = pytest.mark.django_db


def run(*arguments: str) -> str:
    """Run the command and give what it prints."""
    out = StringIO()
    call_command("set_quota", *arguments, stdout=out)
    return out.getvalue().strip()


@pytest.mark.parametrize("by", ["pk", "name"])
def test_a_space_is_named_by_id_or_name(by: str) -> None:
    space = make_shared_space("Design team")

    told = run(str(getattr(space, by)), "512MiB")

    space.refresh_from_db()
    assert space.quota_bytes == 512 * 2**20
    assert told == f"space {space.pk}: quota 512 MiB, used 0"


def test_none_lifts_the_limit() -> None:
    make_shared_space("Team")
    run("Team", "1G")

    assert run("Team", "none").endswith("quota none, used 0")
    assert Space.objects.get(kind=Space.Kind.SHARED).quota_bytes is None


def test_a_number_may_also_be_a_name() -> None:
    space = make_shared_space("2026")

    run("2026", "1G")

    space.refresh_from_db()
    assert space.quota_bytes == 2**30


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["Nowhere", "1G"], "space-not-found"),
        (["99999999999999999999", "1G"], "space-not-found"),
        (["Twin", "1G"], "space-ambiguous"),
        (["Team", "lots"], "invalid-value"),
        (["System", "1G"], "space-not-found"),
    ],
)
def test_what_cannot_be_ends_with_one_line(arguments: list[str], code: str) -> None:
    for name in ("Team", "Twin", "Twin"):  # and that of the system, which comes with the first
        make_shared_space(name)

    with pytest.raises(CommandError, match=rf"^[^\n]+ \[{code}\]$"):
        run(*arguments)
