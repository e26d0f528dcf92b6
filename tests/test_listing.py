import time
from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from files.models import Entry
from files.models.listing import Cursor, Order, Page, list_folder
from files.names import name_fold, name_key
from files.operations.entries import trash_entries
from tests.factories import SYSTEM, make_file, make_folder

ORDERS = ["name", "-name", "size", "-size", "date", "-date", "type", "-type"]


def fill(root: Entry, folders: int, files: int, *, sizes: int = 3) -> None:
    """Insert entries that tie in size, type and date, faster than through the operations."""
    rows = [
        Entry(
            space=root.space,
            parent=root,
            kind=kind,
            name=(name := f"{'ФfX'[i % 3]} {i:05}{'.txt' * kind}"),
            name_key=name_key(name),
            name_fold=name_fold(name),
            size=i % sizes if kind else 0,
            media_type=f"text/{i % 2}" if kind else "",
            modified_at=root.created_at + timedelta(seconds=i % 5),
        )
        for kind, count in ((Entry.Kind.FOLDER, folders), (Entry.Kind.FILE, files))
        for i in range(count)
    ]
    Entry.objects.bulk_create(rows)


def walk(root: Entry, order: Order, size: int) -> list[Page]:
    """Read all pages of a folder forwards."""
    pages = [list_folder(root, order, size=size)]
    while pages[-1].next:
        pages.append(list_folder(root, order, pages[-1].next, size=size))
    return pages


@pytest.mark.parametrize("text", ORDERS)
def test_pages_show_each_entry_once_in_the_order_asked_for(root: Entry, text: str) -> None:
    fill(root, 7, 16)
    order = Order.parse(text)

    pages = walk(root, order, 5)

    seen = [entry for page in pages for entry in page.entries]
    assert len(pages) == 5
    assert len({entry.pk for entry in seen}) == len(seen) == 23
    assert [entry.kind for entry in seen] == [0] * 7 + [1] * 16
    files = [getattr(entry, order.column_of(Entry.Kind.FILE)) for entry in seen[7:]]
    assert files == sorted(files, reverse=order.is_descending)


@pytest.mark.parametrize("text", ORDERS)
def test_previous_leads_back_over_the_same_pages(root: Entry, text: str) -> None:
    fill(root, 7, 16)
    order = Order.parse(text)
    pages = walk(root, order, 5)

    back = [pages[-1]]
    while back[-1].previous:
        back.append(list_folder(root, order, back[-1].previous, size=5))

    ids = [[entry.pk for entry in page.entries] for page in pages]
    assert [[entry.pk for entry in page.entries] for page in reversed(back)] == ids


@pytest.mark.parametrize("text", ["size", "-size", "type", "-type"])
def test_folders_go_by_name_where_they_have_nothing_to_sort_by(root: Entry, text: str) -> None:
    for name in ("b", "C", "a"):
        make_folder(root, name)

    page = list_folder(root, Order.parse(text))

    assert [entry.name for entry in page.entries] == ["a", "b", "C"]


def test_times_that_the_database_wrote_page_together_with_ours(root: Entry) -> None:
    fill(root, 0, 6)
    # SQLite's own Now() keeps milliseconds as text, Django microseconds: equal only as dates.
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE files_entry SET modified_at = %s WHERE parent_id = %s AND id %% 2 = 0",
            ["2026-05-03 10:00:00.120", root.pk],
        )
        cursor.execute(
            "UPDATE files_entry SET modified_at = %s WHERE parent_id = %s AND id %% 2 = 1",
            ["2026-05-03 10:00:00.120000", root.pk],
        )

    for order in (Order("date"), Order("date", is_descending=True)):
        seen = [entry.pk for page in walk(root, order, 1) for entry in page.entries]
        assert len(set(seen)) == len(seen) == 6


def test_a_cursor_whose_entry_was_trashed_still_continues_there(root: Entry) -> None:
    fill(root, 0, 6)
    first = list_folder(root, Order(), size=2)
    trash_entries([first.entries[-1]], actor=SYSTEM)

    second = list_folder(root, Order(), first.next, size=2)

    assert not {e.pk for e in first.entries} & {e.pk for e in second.entries}
    assert len(second.entries) == 2


def test_a_cursor_of_an_entry_elsewhere_gives_the_first_page(root: Entry) -> None:
    fill(root, 2, 2)
    secret = make_file(make_folder(root, "zz"), "m")

    page = list_folder(root, Order(), Cursor.at(secret, is_backward=False), size=3)

    assert page == list_folder(root, Order(), size=3)


def test_a_cursor_behind_which_nothing_is_left_gives_the_first_page(root: Entry) -> None:
    only = make_file(root, "a")

    page = list_folder(root, Order(), Cursor.at(only, is_backward=False))

    assert [entry.pk for entry in page.entries] == [only.pk]
    assert page.previous is page.next is None


@pytest.mark.parametrize(
    "text", ["", "x", "a2-1", "c1-1", "a1-", "a1-1x", "a1-٣", "a1-" + "9" * 19, "a1--1", "a1-1\n"]
)
def test_a_cursor_that_is_not_ours_is_none(text: str) -> None:
    assert Cursor.parse(text) is None


def test_a_cursor_survives_its_text(root: Entry) -> None:
    cursor = Cursor.at(root, is_backward=True)

    assert Cursor.parse(str(cursor)) == cursor


@pytest.mark.parametrize("text", ["", "-", "colour", "--name", "-x", "name_fold"])
def test_an_unknown_order_is_by_name(text: str) -> None:
    assert Order.parse(text) == Order("name", is_descending=False)


@pytest.mark.parametrize("text", ORDERS)
def test_every_page_is_a_range_of_an_index(root: Entry, text: str) -> None:
    fill(root, 4, 4)
    order = Order.parse(text)
    middle = list_folder(root, order, size=6).next
    assert middle is not None

    for cursor in (None, middle, replace(middle, is_backward=True)):
        with CaptureQueriesContext(connection) as queries:
            list_folder(root, order, cursor, size=3)
        assert len(queries) <= 3
        for query in queries:
            plan = explain(query["sql"])
            assert "TEMP B-TREE" not in plan, plan
            if "ORDER BY" in query["sql"]:
                assert "USING INDEX entry_by_" in plan, plan


def explain(sql: str) -> str:
    """Give SQLite's plan of a query."""
    if connection.vendor != "sqlite":
        pytest.skip("the plan is SQLite's")
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {sql}")
        return "\n".join(row[3] for row in cursor.fetchall())


def test_pages_of_ten_thousand_entries_cost_what_small_ones_cost(root: Entry) -> None:
    fill(root, 100, 10_000, sizes=7)
    order = Order("size", is_descending=True)
    page = list_folder(root, order)

    started = time.perf_counter()
    for _ in range(20):
        assert page.next is not None
        page = list_folder(root, order, page.next)
        assert len(page.entries) == 100
    # A page takes a few milliseconds; sorting the folder each time would take far more than this.
    assert time.perf_counter() - started < 2
