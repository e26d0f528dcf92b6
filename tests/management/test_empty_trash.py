"""Emptying trashes from the command line."""

import json
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from files.access import trashed_in
from files.management.commands import empty_trash as command
from files.models import Entry, Event, Space, Version
from files.operations.entries import trash_entries
from files.operations.trash import empty_trash, spaces_to_purge
from tests.factories import (
    SYSTEM,
    grow,
    last_events,
    make_file,
    make_folder,
    make_shared_space,
    make_tree,
    paths_in,
    reread,
    root_of,
)

pytestmark = pytest.mark.usefixtures("consistent")


def empty(*arguments: str) -> str:
    """Run the command and give what it prints."""
    out = StringIO()
    call_command("empty_trash", *arguments, stdout=out)
    return out.getvalue()


def trash(*entries: Entry, days: int = 0) -> None:
    """Trash entries, so many days ago."""
    trash_entries(entries, actor=SYSTEM)
    at = timezone.now() - timedelta(days=days)
    Entry.objects.filter(pk__in=[entry.pk for entry in entries]).update(trashed_at=at)


def test_all_of_a_trash_goes_for_good(root: Entry, space: Space) -> None:
    keep = make_file(root, "keep", b"12345")
    trash(make_tree(root))

    told = empty("ada")

    assert told == f"space {space.pk} ada: 4 entries deleted, 12 B given back\n"
    assert set(Entry.objects.all()) == {root, keep}
    assert reread(space).used_bytes == 5
    (event,) = last_events(space)
    assert (event.kind, event.door) == (Event.Kind.TRASH_EMPTIED, "command")


def test_nothing_is_left_to_a_job(root: Entry, space: Space) -> None:
    folder = make_folder(root, "folder")
    rows = grow(folder, folders=20, files=60) + 1
    trash(folder)
    assert rows > 2 * 500

    told = empty(str(space.pk))

    size = 7 * (rows - 21)
    assert told.startswith(f"space {space.pk} ada: {rows} entries deleted, ")
    assert (Entry.objects.count(), Version.objects.count()) == (1, 0)
    assert f"{size / 1024:.1f} KiB" in told
    assert not spaces_to_purge().exists()


def test_what_an_interrupted_run_left_is_removed_by_the_next(root: Entry, space: Space) -> None:
    folder = make_folder(root, "folder")
    grow(folder, folders=20, files=60)
    trash(folder)
    empty_trash(space, actor=SYSTEM)  # and is killed here
    assert spaces_to_purge().exists()

    assert empty("--all") == "all spaces: 0 entries deleted, 0 B given back\n"

    assert Entry.objects.count() == 1
    assert reread(space).used_bytes == 0


@pytest.mark.parametrize("call", [[], ["--dry-run"], ["--older-than", "1d"], ["ada", "--all"]])
def test_it_has_to_be_said_which(space: Space, root: Entry, call: list[str]) -> None:
    trash(make_file(root, "file"))

    with pytest.raises(
        CommandError, match=r"^Say either which spaces, or --all \[usage\]$"
    ) as told:
        empty(*call)

    assert told.value.returncode == 2
    assert trashed_in(space).count() == 1


def test_only_the_spaces_that_are_named_are_emptied(root: Entry, space: Space) -> None:
    team = make_shared_space()
    trash(make_file(root_of(team), "theirs"))
    trash(make_file(root, "ours"))

    assert empty("Team").startswith(f"space {team.pk} Team: 1 entry deleted")

    assert (trashed_in(space).count(), trashed_in(team).count()) == (1, 0)


def test_a_space_that_there_is_not_ends_it_before_anything(root: Entry, space: Space) -> None:
    trash(make_file(root, "file"))

    with pytest.raises(CommandError, match=r"\[space-not-found\]$"):
        empty("ada", "Attic")
    assert trashed_in(space).count() == 1


def test_all_tells_of_those_that_had_something(root: Entry, space: Space) -> None:
    make_shared_space("Empty")
    team = make_shared_space()
    trash(make_file(root_of(team), "theirs", b"1" * 2048))
    trash(make_file(root, "ours"))

    assert empty("--all") == (
        f"space {space.pk} ada: 1 entry deleted, 7 B given back\n"
        f"space {team.pk} Team: 1 entry deleted, 2.0 KiB given back\n"
        "all spaces: 2 entries deleted, 2.0 KiB given back\n"
    )


def test_an_empty_trash_that_is_named_is_told(space: Space) -> None:
    seq = reread(space).last_seq

    assert empty("ada") == f"space {space.pk} ada: 0 entries deleted, 0 B given back\n"
    assert reread(space).last_seq == seq


def test_an_age_spares_what_was_trashed_since(root: Entry, space: Space) -> None:
    old, new = make_file(root, "old"), make_file(root, "new")
    trash(old, days=31)
    trash(new, days=29)

    assert "1 entry deleted" in empty("--all", "--older-than", "30d")
    assert set(trashed_in(space)) == {new}


@pytest.mark.parametrize("age", ["30", "soon", "-1d", "99999999w"])
def test_an_age_that_is_none_is_refused(space: Space, age: str) -> None:
    with pytest.raises(CommandError, match=r"\[invalid-value\]$"):
        empty("--all", f"--older-than={age}")


def test_a_dry_run_says_what_a_run_does_and_changes_nothing(root: Entry, space: Space) -> None:
    trash(make_tree(root, "old"), days=31)
    trash(make_tree(root, "new"))
    before = (Entry.objects.count(), reread(space).last_seq, reread(space).used_bytes)

    foreseen = empty("ada", "--older-than", "30d", "--dry-run")

    assert (
        foreseen == f"space {space.pk} ada: 4 entries would be deleted, 12 B would be given back\n"
    )
    assert before == (Entry.objects.count(), reread(space).last_seq, reread(space).used_bytes)
    assert empty("ada", "--older-than", "30d") == foreseen.replace("would be ", "")


def test_json_is_a_line_a_space_and_the_sums(root: Entry, space: Space) -> None:
    trash(make_tree(root))

    lines = [json.loads(line) for line in empty("--all", "--json", "--dry-run").splitlines()]

    figures = {"entries": 4, "bytes": 12, "dry_run": True}
    assert lines == [{"space": space.pk, "name": "ada", **figures}, figures]


def test_what_is_brought_back_in_that_moment_is_not_counted(
    root: Entry, space: Space, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "measure_trash", lambda _space, **_before: (1, 7))

    assert empty("ada") == f"space {space.pk} ada: 0 entries deleted, 0 B given back\n"


def test_spaces_with_an_empty_trash_cost_nothing(root: Entry, space: Space) -> None:
    trash(make_file(root, "file"))

    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            empty("--all", "--dry-run")
        return len(queries)

    before = cost()
    for n in range(5):
        make_shared_space(f"Team {n}")

    assert cost() == before
    assert paths_in(root) == {}
