"""Usage counted afresh: exact for every space, in few statements."""

import pytest
from django.db import connection
from django.db.models import QuerySet
from django.test.utils import CaptureQueriesContext

from files.models import Entry, Space
from files.operations import usage
from files.operations.usage import Recount, correct_usage, recount_usage
from tests.factories import (
    SYSTEM,
    last_events,
    make_file,
    make_shared_space,
    make_tree,
    reread,
    root_of,
)


def _spaces() -> QuerySet[Space]:
    """Give the spaces that hold something: not that of the events which belong to none."""
    return Space.objects.exclude(kind=Space.Kind.SYSTEM)


def test_all_versions_count_at_their_full_size(root: Entry, space: Space) -> None:
    make_tree(root)

    assert list(recount_usage(_spaces())) == [Recount(space.pk, "ada", 12, 12)]


def test_a_space_without_files_counts_as_0(space: Space) -> None:
    assert list(recount_usage(Space.objects.filter(pk=space.pk))) == [
        Recount(space.pk, "ada", 0, 0)
    ]


@pytest.mark.parametrize(("kept", "drift"), [(9, 2), (5, -2), (7, 0)])
def test_drift_is_by_how_much_too_much_is_kept(
    root: Entry, space: Space, kept: int, drift: int
) -> None:
    make_file(root, "a.txt", b"1234567")
    _spaces().update(used_bytes=kept)

    (found,) = recount_usage(_spaces())

    assert (found.kept, found.counted, found.drift) == (kept, 7, drift)
    assert correct_usage(space.pk, actor=SYSTEM) == -drift


@pytest.mark.django_db
def test_spaces_are_counted_a_batch_a_statement(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(usage, "BATCH", 3)
    spaces = [make_shared_space(f"Team {n}") for n in range(7)]
    make_file(root_of(spaces[4]), "a.txt", b"1234567")

    with CaptureQueriesContext(connection) as queries:
        found = list(recount_usage(_spaces()))

    assert [row.space_id for row in found] == [space.pk for space in spaces]
    assert [row.counted for row in found] == [0, 0, 0, 0, 7, 0, 0]
    assert len(queries) == 4


def test_a_correction_is_recorded(root: Entry, space: Space) -> None:
    make_file(root, "a.txt", b"1234567")
    _spaces().update(used_bytes=9)

    assert correct_usage(space.pk, actor=SYSTEM) == -2

    (event,) = last_events(space)
    assert (event.kind, event.before, event.after) == ("space-changed", {"used": 9}, {"used": 7})
    assert reread(space).used_bytes == 7
