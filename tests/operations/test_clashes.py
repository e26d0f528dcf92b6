"""Names that are taken: new versions, numbers and refusals, and what they tell to whom."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from files.models import Entry, Grant, Space
from files.operations.versions import Clash
from tests.factories import (
    make_file,
    make_files,
    make_folder,
    make_member,
    paths_in,
    put_each,
    root_of,
)

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("clash", "expected"),
    [
        (Clash.NEW_VERSION, ["taken", "not-a-file", "free"]),
        (Clash.KEEP_BOTH, ["taken (2)", "folder (2)", "free"]),
        (Clash.REFUSE, ["entry-exists", "entry-exists", "free"]),
    ],
)
def test_clash_decides_what_happens_to_a_taken_name(
    root: Entry, clash: Clash, expected: list[str]
) -> None:
    make_file(root, "taken")
    make_folder(root, "folder")

    assert put_each(root, "taken", "folder", "free", clash=clash) == expected


def test_numbered_names_skip_what_is_taken_in_any_case(root: Entry) -> None:
    make_files(root, "a", "A (2)", "a (3)")

    assert put_each(root, "a", "a", "a (4)", clash=Clash.KEEP_BOTH) == ["a (5)", "a (6)", "a (4)"]


def test_numbers_are_found_beyond_a_thousand_in_few_queries(root: Entry) -> None:
    make_files(root, "scan.pdf", *[f"scan ({n}).pdf" for n in range(2, 1101)])

    with CaptureQueriesContext(connection) as queries:
        assert put_each(root, "scan.pdf", clash=Clash.KEEP_BOTH) == ["scan (1101).pdf"]
    assert len(queries) < 45


def test_numbered_names_fill_gaps_beyond_the_first_free_one(root: Entry) -> None:
    make_files(root, "a", "a (2)", "a (4)")

    assert put_each(root, *["a"] * 4, clash=Clash.KEEP_BOTH) == [
        "a (3)",
        "a (5)",
        "a (6)",
        "a (7)",
    ]


class TestUploader:
    """Who may add but not read: never overwrites, never learns what is there."""

    @pytest.mark.parametrize("clash", list(Clash))
    def test_clash_always_gets_a_new_name(self, root: Entry, clash: Clash) -> None:
        make_file(root, "a.txt", b"old")
        make_folder(root, "d")

        make_files(root, "a.txt", "d", actor=make_member(root, Grant.Role.UPLOADER), clash=clash)

        assert set(paths_in(root)) == {"a.txt", "a (2).txt", "d", "d (2)"}
        assert paths_in(root)["a.txt"] == b"old"

    def test_file_in_the_way_of_a_folder_gives_a_new_folder(self, root: Entry) -> None:
        make_file(root, "d")

        make_files(root, "d/a", "d/e/b", actor=make_member(root, Grant.Role.UPLOADER))

        assert set(paths_in(root)) == {"d", "d (2)", "d (2)/a", "d (2)/e", "d (2)/e/b"}

    def test_twins_get_a_new_name_where_they_are_refused(self, picky: Space) -> None:
        root = root_of(picky)
        make_files(root, "a", "d/x")

        make_files(root, "A", "D/x", actor=make_member(root, Grant.Role.UPLOADER))

        assert set(paths_in(root)) == {"a", "A (2)", "d", "d/x", "D (2)", "D (2)/x"}

    def test_adder_who_may_read_but_not_edit_overwrites_nothing(self, root: Entry) -> None:
        make_file(root, "a", b"old")
        bob = make_member(root, Grant.Role.UPLOADER)
        assert bob.user is not None
        Grant.objects.filter(user=bob.user).update(role=3)

        make_files(root, "a", actor=bob)

        assert set(paths_in(root)) == {"a", "a (2)"}


class TestCaseTwins:
    """Names that differ only in case: kept, or refused where the space says so."""

    def test_twins_are_kept_by_default(self, root: Entry) -> None:
        assert put_each(root, "a", "A", "d/x", "D/x") == ["a", "A", "x", "x"]

    def test_twins_are_refused_against_the_folder_and_the_call(self, picky: Space) -> None:
        root = root_of(picky)
        make_files(root, "there", "d/x")

        assert put_each(root, "THERE", "new", "NEW", "D/y", "e/a", "E/b") == [
            "case-twin",
            "new",
            "case-twin",
            "case-twin",
            "a",
            "case-twin",
        ]

    def test_twins_are_numbered_where_both_are_kept(self, picky: Space) -> None:
        root = root_of(picky)
        make_file(root, "a")

        assert put_each(root, "A", "b", "B", clash=Clash.KEEP_BOTH) == ["A (2)", "b", "B (2)"]

    def test_same_name_is_no_twin_of_itself(self, picky: Space) -> None:
        root = root_of(picky)
        make_file(root, "a")

        assert put_each(root, "a") == ["a"]
