"""Transfers by a job: in bounded steps, and finished once whatever kills or disturbs it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from files.errors import (
    ChangedMeanwhileError,
    EntryNotFoundError,
    ForbiddenError,
    QuotaExceededError,
    TypeRefusedError,
)
from files.models import Entry, Event, Grant, Space
from files.operations import transfer
from files.operations.entries import rename_entry, trash_entries
from files.operations.spaces import set_quota, set_type_rules
from files.operations.transfer import (
    copy_entries,
    discard_staged,
    move_entries,
    run_transfer,
)
from files.operations.trash import purge_some
from tests.factories import (
    SYSTEM,
    TREE,
    grow,
    last_events,
    make_file,
    make_folder,
    make_member,
    make_tree,
    paths_in,
    reread,
)

pytestmark = pytest.mark.django_db

Kind = Event.Kind


@pytest.fixture
def by_job(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make every transfer a job, with few rows a step."""
    monkeypatch.setattr(transfer, "INLINE_LIMIT", 0)
    monkeypatch.setattr(transfer, "BATCH", 3)


class Killed(BaseException):
    """The process dies here."""


@contextmanager
def killed_at(monkeypatch: pytest.MonkeyPatch, name: str, call: int) -> Iterator[None]:
    """Die at the nth call of a function of the module, before it does anything."""
    real, calls = getattr(transfer, name), 0

    def dying(*args: Any, **more: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == call:
            raise Killed
        return real(*args, **more)

    monkeypatch.setattr(transfer, name, dying)
    with pytest.raises(Killed):
        yield
    monkeypatch.setattr(transfer, name, real)


def asked(space: Space) -> Event:
    """Give the newest request of a space."""
    return Event.objects.filter(space=space, kind=Kind.JOB_REQUESTED).latest("seq")


def test_large_transfer_asks_a_job_and_does_nothing_yet(
    root: Entry, space: Space, there: Entry, other: Space
) -> None:
    big, small = make_folder(root, "big"), make_file(root, "small")
    near = make_file(there, "near")
    grow(big, folders=5, files=100)

    outcome = move_entries([big, small], parent=there, actor=SYSTEM)

    assert (outcome.done, outcome.queued) == ([], True)
    event = asked(other)
    assert event.entry_id == there.pk
    assert event.after == {
        "transfer": {"entries": [big.pk, small.pk], "parent": there.pk, "moves": True}
    }
    assert set(paths_in(there)) == {"near"}
    assert near.parent_id == there.pk

    tops = run_transfer(event, actor=SYSTEM)

    assert [top.name for top in tops] == ["big", "small"]
    assert len(paths_in(there)) == 509
    assert paths_in(root) == {}
    while purge_some(space):
        pass
    assert reread(space).used_bytes == 0


def test_job_copies_a_tree_in_steps(by_job: None, root: Entry, there: Entry, other: Space) -> None:
    tree = make_tree(root)
    for n in range(8):
        make_file(tree, f"f{n}", b"x")
    expected = paths_in(root)
    copy_entries([tree], parent=there, actor=SYSTEM)

    run_transfer(asked(other), actor=SYSTEM)

    assert paths_in(there) == expected == paths_in(root)
    assert last_events(other)[0].kind == Kind.ENTRY_COPIED


@pytest.mark.usefixtures("by_job")
@pytest.mark.parametrize("work", [copy_entries, move_entries])
@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("_stage", 1),
        ("_copy_children", 1),
        ("_copy_children", 2),
        ("_attach", 1),
        ("_stage", 2),
        ("_copy_children", 4),
        ("_attach", 2),
        ("_discard", 1),
    ],
)
def test_job_killed_anywhere_is_finished_by_the_next_run(
    root: Entry,
    there: Entry,
    monkeypatch: pytest.MonkeyPatch,
    work: Callable[..., object],
    name: str,
    call: int,
) -> None:
    trees = [make_tree(root), make_tree(root, "tree two")]
    expected, space, other = paths_in(root), root.space, there.space
    work(trees, parent=there, actor=SYSTEM)

    with killed_at(monkeypatch, name, call):
        run_transfer(asked(other), actor=SYSTEM)
    seen = set(paths_in(there))
    assert seen <= set(expected)
    assert {path.split("/")[0] for path in seen} <= {"tree"}
    first = run_transfer(asked(other), actor=SYSTEM)
    second = run_transfer(asked(other), actor=SYSTEM)

    assert paths_in(there) == expected
    assert first == second
    assert paths_in(root) == ({} if work is move_entries else expected)
    while purge_some(space):
        pass
    assert Entry.objects.filter(parent=None).count() == 2


def test_job_of_a_move_starts_over_when_the_source_changed(
    by_job: None, root: Entry, there: Entry, other: Space, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree = make_tree(root)
    move_entries([tree], parent=there, actor=SYSTEM)
    real, rounds = transfer._fill, 0

    def fill(*args: Any) -> None:
        nonlocal rounds
        real(*args)
        rounds += 1
        if rounds == 1:
            make_file(Entry.objects.get(name="inner", space=tree.space), "late", b"late")
            rename_entry(tree, name="renamed", actor=SYSTEM)

    monkeypatch.setattr(transfer, "_fill", fill)

    run_transfer(asked(other), actor=SYSTEM)

    assert rounds == 2
    assert paths_in(there) == {
        path.replace("tree", "renamed"): content
        for path, content in {**TREE, "tree/inner/late": b"late"}.items()
    }


def test_job_of_a_move_gives_up_when_the_source_never_holds_still(
    by_job: None, root: Entry, there: Entry, other: Space, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree = make_tree(root)
    move_entries([tree], parent=there, actor=SYSTEM)
    real, rounds = transfer._fill, 0

    def fill(*args: Any) -> None:
        nonlocal rounds
        real(*args)
        rounds += 1
        make_file(tree, f"late {rounds}")

    monkeypatch.setattr(transfer, "_fill", fill)

    with pytest.raises(ChangedMeanwhileError):
        run_transfer(asked(other), actor=SYSTEM)
    assert rounds == transfer.TRIES
    assert paths_in(there) == {}
    assert reread(other).used_bytes == 0
    assert set(Entry.objects.filter(space=other)) == {there}


def test_job_of_a_move_does_not_mind_changes_elsewhere_in_the_space(
    by_job: None, root: Entry, there: Entry, other: Space, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree = make_tree(root)
    move_entries([tree], parent=there, actor=SYSTEM)
    real, rounds = transfer._fill, 0

    def fill(*args: Any) -> None:
        nonlocal rounds
        real(*args)
        rounds += 1
        trash_entries([make_file(make_folder(root, "aside"), "file")], actor=SYSTEM)

    monkeypatch.setattr(transfer, "_fill", fill)

    run_transfer(asked(other), actor=SYSTEM)

    assert rounds == 1
    assert paths_in(there) == TREE


def test_what_was_moved_out_of_the_source_meanwhile_is_not_lost(
    by_job: None, root: Entry, there: Entry, other: Space, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree = make_tree(root)
    move_entries([tree], parent=there, actor=SYSTEM)
    real, rounds = transfer._fill, 0

    def fill(*args: Any) -> None:
        nonlocal rounds
        real(*args)
        rounds += 1
        if rounds == 1:
            inner = Entry.objects.get(name="inner", space=tree.space)
            move_entries([inner], parent=root, actor=SYSTEM)

    monkeypatch.setattr(transfer, "_fill", fill)

    run_transfer(asked(other), actor=SYSTEM)

    assert paths_in(there) == {"tree": None, "tree/a": b"new"}
    assert set(paths_in(root)) == {"inner", "inner/b"}


def test_job_has_the_rights_that_its_actor_has_now(
    by_job: None, root: Entry, there: Entry, other: Space
) -> None:
    bob = make_member(there, Grant.Role.EDITOR)
    Grant.objects.create(entry=root, user=bob.user, role=Grant.Role.EDITOR)
    move_entries([make_tree(root)], parent=there, actor=bob)
    Grant.objects.filter(user=bob.user, entry=root).update(role=Grant.Role.VIEWER)

    with pytest.raises(ForbiddenError):
        run_transfer(asked(other), actor=bob)
    Grant.objects.filter(user=bob.user).delete()
    with pytest.raises(EntryNotFoundError):
        run_transfer(asked(other), actor=bob)
    assert paths_in(there) == {}


def test_job_over_quota_half_way_leaves_nothing(
    by_job: None, root: Entry, there: Entry, other: Space, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree = make_tree(root)
    copy_entries([tree], parent=there, actor=SYSTEM)
    set_quota(other, quota_bytes=4, actor=SYSTEM)
    with pytest.raises(QuotaExceededError):
        run_transfer(asked(other), actor=SYSTEM)

    monkeypatch.setattr(transfer, "size_of", lambda *_args, **_more: 0)
    with pytest.raises(QuotaExceededError):
        run_transfer(asked(other), actor=SYSTEM)

    assert set(Entry.objects.filter(space=other)) == {there}
    assert reread(other).used_bytes == 0


def test_job_that_meets_a_type_which_may_not_come_leaves_nothing(
    by_job: None, root: Entry, there: Entry, other: Space, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree = make_tree(root)
    move_entries([tree], parent=there, actor=SYSTEM)
    set_type_rules(other, allowed="", forbidden="text/*", actor=SYSTEM)
    with pytest.raises(TypeRefusedError):
        run_transfer(asked(other), actor=SYSTEM)

    monkeypatch.setattr(transfer, "types_of", lambda *_args, **_more: [])
    with pytest.raises(TypeRefusedError):
        run_transfer(asked(other), actor=SYSTEM)

    assert set(Entry.objects.filter(space=other)) == {there}
    assert reread(other).used_bytes == 0
    assert paths_in(root) == TREE


def test_second_run_of_a_job_at_the_same_time_makes_no_double(
    by_job: None, root: Entry, there: Entry, other: Space, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree = make_tree(root)
    copy_entries([tree], parent=there, actor=SYSTEM)
    real, runs = transfer._fill, 0

    def fill(*args: Any) -> None:
        nonlocal runs
        runs += 1
        if runs == 1:
            run_transfer(asked(other), actor=SYSTEM)  # discards what the first has staged
        real(*args)

    monkeypatch.setattr(transfer, "_fill", fill)

    with pytest.raises(ChangedMeanwhileError):
        run_transfer(asked(other), actor=SYSTEM)
    assert paths_in(there) == TREE
    assert Entry.objects.filter(space=other, parent=None).count() == 1


def test_run_that_comes_last_does_not_attach_what_another_has(
    by_job: None, root: Entry, there: Entry, other: Space, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree = make_tree(root)
    copy_entries([tree], parent=there, actor=SYSTEM)
    real, runs = transfer._fill, 0

    def fill(*args: Any) -> None:
        nonlocal runs
        runs += 1
        real(*args)
        if runs == 1:
            with monkeypatch.context() as patch:
                patch.setattr(transfer, "_discard", lambda *_args: None)
                run_transfer(asked(other), actor=SYSTEM)

    monkeypatch.setattr(transfer, "_fill", fill)

    with pytest.raises(ChangedMeanwhileError):
        run_transfer(asked(other), actor=SYSTEM)
    assert paths_in(there) == TREE
    assert Entry.objects.filter(space=other, parent=None).count() == 1


def test_copies_that_no_job_took_up_again_are_discarded_by_age(
    by_job: None,
    root: Entry,
    there: Entry,
    other: Space,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    copy_entries([make_tree(root)], parent=there, actor=SYSTEM)
    with killed_at(monkeypatch, "_attach", 1):
        run_transfer(asked(other), actor=SYSTEM)

    discard_staged(other, older_than=timedelta(days=1))
    assert reread(other).used_bytes == 5
    discard_staged(other, older_than=timedelta())

    assert reread(other).used_bytes == 0
    assert set(Entry.objects.filter(space=other)) == {there}


def test_copy_of_what_was_made_long_ago_is_no_older_than_its_request(
    by_job: None,
    root: Entry,
    there: Entry,
    other: Space,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tree = make_tree(root)
    Entry.objects.filter(pk=tree.pk).update(created_at=timezone.now() - timedelta(days=1000))
    move_entries([tree], parent=there, actor=SYSTEM)
    with killed_at(monkeypatch, "_attach", 1):
        run_transfer(asked(other), actor=SYSTEM)

    discard_staged(other, older_than=timedelta(days=1))

    assert reread(other).used_bytes > 0
    run_transfer(asked(other), actor=SYSTEM)
    assert not Entry.objects.filter(pk=tree.pk).exists()


def test_large_copy_that_is_discarded_goes_in_steps(
    root: Entry, there: Entry, other: Space, monkeypatch: pytest.MonkeyPatch
) -> None:
    grow(root, folders=2, files=700)
    folders = [entry for entry in Entry.objects.children_of(root) if entry.is_folder]
    copy_entries(folders, parent=there, actor=SYSTEM)
    with killed_at(monkeypatch, "_attach", 1):
        run_transfer(asked(other), actor=SYSTEM)

    discard_staged(other, older_than=timedelta())

    assert reread(other).used_bytes == 0
    assert set(Entry.objects.filter(space=other)) == {there}
