"""Commands while people put, trash and delete: nothing drifts, and nothing new is lost."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import connection, transaction
from django.utils import timezone

from files.access import trashed_in
from files.models import Entry, Space
from files.operations.entries import trash_entries
from files.operations.journal import lock_spaces
from files.operations.trash import delete_entries
from tests.factories import (
    SYSTEM,
    grow,
    make_file,
    make_folder,
    make_shared_space,
    make_space,
    make_tree,
    reread,
    root_of,
)
from tests.invariants import check_everything

pytestmark = pytest.mark.django_db(transaction=True)


@contextmanager
def meanwhile(*works: Callable[[int], None]) -> Iterator[list[BaseException]]:
    """Repeat each work, with the number of the turn, in a thread of its own, until the end."""
    ended, failed = threading.Event(), list[BaseException]()

    def run(work: Callable[[int], None]) -> None:
        turn = 0
        try:
            while not ended.is_set() or not turn:
                work(turn)
                turn += 1
        except BaseException as error:  # noqa: BLE001 - handed to the test
            failed.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=[work]) for work in works]
    for thread in threads:
        thread.start()
    try:
        yield failed
    finally:
        ended.set()
        for thread in threads:
            thread.join(timeout=60)


def run(*arguments: str) -> str:
    """Run a command and give what it prints."""
    out = StringIO()
    call_command(*arguments, stdout=out)
    return out.getvalue()


def old_trash(space: Space) -> None:
    """Trash a tree of some thousand entries, a month ago."""
    with transaction.atomic():
        lock_spaces(space.pk)  # which the quick way of making them does not
        top = make_folder(root_of(space), f"old of {space.pk}")
        grow(top, folders=20, files=50)
    trash_entries([top], actor=SYSTEM)
    Entry.objects.filter(pk=top.pk).update(trashed_at=timezone.now() - timedelta(days=31))


def test_nothing_drifts_and_nothing_new_is_lost(transactional_db: None) -> None:
    spaces = [make_space(), make_shared_space()]
    roots = [root_of(space) for space in spaces]
    trashed: list[int] = []

    def put_and_trash(root: Entry) -> Callable[[int], None]:
        def work(turn: int) -> None:
            make_file(root, "again and again", b"1" * turn)
            tree = make_tree(root, f"tree {turn}")
            trash_entries([tree], actor=SYSTEM)
            trashed.append(tree.pk)

        return work

    def delete(turn: int) -> None:
        file = make_file(roots[1], f"short-lived {turn}")
        trash_entries([file], actor=SYSTEM)
        delete_entries([file], actor=SYSTEM)

    with meanwhile(*map(put_and_trash, roots), delete) as failed:
        for _round in range(2):
            for space in spaces:
                old_trash(space)
            assert run("recount_usage").endswith("clean: 2 spaces, 0 repaired\n")
            told = run("empty_trash", "--all", "--older-than", "1d")
            assert "all spaces: 2044 entries deleted" in told
            assert run("recount_usage").endswith("clean: 2 spaces, 0 repaired\n")

    assert failed == []
    assert len(trashed) > 2
    left = {entry.pk for space in spaces for entry in trashed_in(reread(space))}
    assert left == set(trashed)
    check_everything()


def test_all_of_a_trash_goes_while_it_is_filled(transactional_db: None) -> None:
    space = make_space()
    root = root_of(space)

    def put_and_trash(turn: int) -> None:
        trash_entries([make_tree(root, f"tree {turn}")], actor=SYSTEM)

    with meanwhile(put_and_trash) as failed:
        for _round in range(5):
            run("empty_trash", "ada")
    run("empty_trash", "ada")

    assert failed == []
    assert set(Entry.objects.all()) == {root}
    assert reread(space).used_bytes == 0
    check_everything()
