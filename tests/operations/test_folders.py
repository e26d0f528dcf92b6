"""Making many folders at once."""

from datetime import UTC, datetime
from typing import Any

import pytest
from pytest_django import Settings

from files.errors import FilesError, NotAFolderError
from files.models import Entry, Event, Space
from files.operations.folders import NewFolder, foresee_folders, make_folders
from tests.factories import SYSTEM, last_events, make_file, make_folder, paths_in

YESTERYEAR = datetime(2001, 2, 3, tzinfo=UTC)


def make(root: Entry, *paths: str) -> list[bool | str]:
    """Make folders; give for each whether it was made, or the code of what refuses it."""
    folders = [NewFolder(tuple(path.split("/"))) for path in paths]
    foreseen = foresee_folders(root, folders, actor=SYSTEM)
    made = make_folders(root, folders, actor=SYSTEM)
    told = [[r.code if isinstance(r, FilesError) else r for r in some] for some in (foreseen, made)]
    assert told[0] == told[1]
    return told[1]


def test_missing_folders_are_made_with_those_on_the_way(root: Entry) -> None:
    make_folder(root, "there")

    assert make(root, "there", "a/b/c", "a/b", "there/in") == [False, True, True, True]
    assert paths_in(root) == dict.fromkeys(("there", "there/in", "a", "a/b", "a/b/c"))


def test_each_is_an_event(space: Space, root: Entry) -> None:
    make(root, "a/b")

    events = last_events(space, 2)
    assert [event.kind for event in events] == [Event.Kind.FOLDER_CREATED] * 2


def test_a_folder_has_its_own_time_and_one_that_is_there_keeps_it(root: Entry) -> None:
    there = make_folder(root, "there")
    wanted = [NewFolder(("there",), YESTERYEAR), NewFolder(("a", "b"), YESTERYEAR)]

    make_folders(root, wanted, actor=SYSTEM)

    times = dict(Entry.objects.values_list("name", "modified_at"))
    assert times["b"] == YESTERYEAR
    assert times["there"] == there.modified_at
    assert times["a"] > YESTERYEAR


def test_what_cannot_be_made_is_told_and_the_rest_is_made(root: Entry, settings: Settings) -> None:
    settings.FILES_MAX_DEPTH = 3
    make_file(root, "file")

    assert make(root, "file", "file/in", "a/b", "a/b/c", "a\n", "b") == [
        "not-a-folder",
        "not-a-folder",
        True,
        "too-deep",
        "invalid-name",
        True,
    ]
    assert sorted(paths_in(root)) == ["a", "a/b", "b", "file"]


def test_nothing_is_made_in_a_file(root: Entry) -> None:
    file = make_file(root, "file")

    with pytest.raises(NotAFolderError):
        make_folders(file, [NewFolder(("a",))], actor=SYSTEM)


def test_many_take_few_queries(root: Entry, django_assert_max_num_queries: Any) -> None:
    folders = [NewFolder((f"f{n % 20}", f"g{n}")) for n in range(400)]

    with django_assert_max_num_queries(16):
        assert all(make_folders(root, folders, actor=SYSTEM))
