"""Recounting from the command line: a drift is told, and put right on request."""

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from files.models import Entry, Event, Space
from tests.factories import last_events, make_file, make_shared_space, reread


def recount(*arguments: str) -> tuple[str, str]:
    """Run the command; give what it prints and the error it ends with."""
    out = StringIO()
    try:
        call_command("recount_usage", *arguments, stdout=out)
    except CommandError as error:
        return out.getvalue(), str(error)
    return out.getvalue(), ""


@pytest.fixture
def drifting(root: Entry) -> Space:
    """Give a space of 7 bytes that is said to hold 9."""
    make_file(root, "a.txt", b"1234567")
    Space.objects.filter(pk=root.space_id).update(used_bytes=9)
    return Space.objects.get(pk=root.space_id)


def test_all_spaces_are_counted(root: Entry, consistent: None) -> None:
    make_file(root, "a.txt", b"1234567")
    team = make_shared_space("Design team")

    out, error = recount()

    assert out.splitlines() == [
        f"space {root.space_id} ada: 7 kept, 7 counted, drift 0",
        f"space {team.pk} Design team: 0 kept, 0 counted, drift 0",
        "clean: 2 spaces, 0 repaired",
    ]
    assert error == ""


def test_a_drift_is_told_and_nothing_changed(drifting: Space) -> None:
    events = Event.objects.count()

    assert recount() == (
        f"space {drifting.pk} ada: 9 kept, 7 counted, drift 2\n",
        "The usage of 1 of 1 spaces drifts [usage-drift]",
    )
    assert reread(drifting).used_bytes == 9
    assert Event.objects.count() == events


def test_a_drift_is_repaired_and_recorded(drifting: Space, consistent: None) -> None:
    out, error = recount("--repair")

    assert out.splitlines() == [
        f"space {drifting.pk} ada: 9 kept, 7 counted, drift 2, repaired",
        "clean: 1 spaces, 1 repaired",
    ]
    assert error == ""
    (event,) = last_events(drifting)
    assert (event.kind, event.door) == ("space-changed", "command")
    assert (event.before, event.after) == ({"used": 9}, {"used": 7})
    assert recount()[1] == ""


def test_only_the_spaces_that_are_named_are_counted_each_once(drifting: Space) -> None:
    team = make_shared_space("Team")

    out, error = recount("Team", str(team.pk))

    assert out.startswith(f"space {team.pk} Team: ")
    assert (len(out.splitlines()), error) == (2, "")


def test_json_is_a_line_a_space_and_the_totals(drifting: Space) -> None:
    out, error = recount("--json")

    space, totals = map(json.loads, out.splitlines())
    figures = {"kept": 9, "counted": 7, "drift": 2, "repaired": False}
    assert space == {"space": drifting.pk, "name": "ada", **figures}
    assert totals == {"spaces": 1, "drifted": 1, "repaired": 0, "clean": False}
    assert error.endswith("[usage-drift]")


def test_a_space_that_there_is_not_ends_it_before_anything(drifting: Space) -> None:
    assert recount("ada", "Attic", "--repair") == (
        "",
        "There is no space Attic [space-not-found]",
    )
    assert reread(drifting).used_bytes == 9
