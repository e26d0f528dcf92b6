"""Properties: set and removed all or nothing, copied with their entry, gone with it."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from files.dav_errors import PropertiesTooLargeError
from files.errors import EntryNotFoundError, FilesError, ForbiddenError, InvalidValueError
from files.models import Entry, Event, Grant, Property
from files.operations import properties
from files.operations.entries import move_within_space, trash_entries
from files.operations.properties import PropertyChange, properties_of, set_properties
from files.operations.transfer import copy_entries, move_entries, run_transfer
from files.operations.trash import delete_entries
from tests.factories import (
    SYSTEM,
    last_events,
    make_file,
    make_folder,
    make_member,
    make_tree,
    reread,
)

pytestmark = pytest.mark.django_db

NS = "http://example.com/ns"
A, B = (NS, "a"), (NS, "b")


def put(entry: Entry, *changes: tuple[str, str | None]) -> None:
    """Change properties of our namespace; None removes."""
    wanted = [PropertyChange(NS, name, value) for name, value in changes]
    set_properties(entry.pk, wanted, actor=SYSTEM)


def properties_in(entry: Entry) -> dict[tuple[str, str], str]:
    """Give the properties of one entry."""
    return properties_of([entry.pk]).get(entry.pk, {})


def test_properties_are_set_changed_and_removed(root: Entry) -> None:
    put(root, ("a", "1"), ("b", "<x>é</x>"))
    assert properties_in(root) == {A: "1", B: "<x>é</x>"}

    put(root, ("a", "2"), ("b", None), ("missing", None))
    assert properties_in(root) == {A: "2"}


def test_the_last_step_about_a_property_counts(root: Entry) -> None:
    put(root, ("a", "1"), ("a", None), ("b", None), ("b", "2"))

    assert properties_in(root) == {B: "2"}


def test_one_name_in_two_namespaces_is_two_properties(root: Entry) -> None:
    changes = [PropertyChange(namespace, "a", namespace) for namespace in ("", NS, NS.upper())]

    set_properties(root.pk, changes, actor=SYSTEM)

    assert set(properties_in(root)) == {("", "a"), A, (NS.upper(), "a")}


def test_a_change_is_one_event_and_a_new_revision(root: Entry) -> None:
    file = make_file(root, "file")

    put(file, ("b", "1"), ("a", "2"))

    (event,) = last_events(root.space)
    assert (event.kind, event.entry_id) == (Event.Kind.PROPERTIES_CHANGED, file.pk)
    assert event.before == file.placement
    names = [f"{{{NS}}}a", f"{{{NS}}}b"]
    assert event.after == {**reread(file).placement, "properties": names}
    assert reread(file).revision == file.revision + 1


def test_what_changes_nothing_is_no_event(root: Entry) -> None:
    put(root, ("a", "1"))
    before = reread(root.space).last_seq

    put(root, ("a", "1"), ("b", None))

    assert reread(root.space).last_seq == before


def test_a_client_may_say_when_the_content_was_changed(root: Entry) -> None:
    file = make_file(root, "file")
    moment = datetime(2020, 2, 29, 12, tzinfo=UTC)

    for _time in range(2):
        set_properties(file.pk, [], modified_at=moment, actor=SYSTEM)

    assert reread(file).modified_at == moment
    assert reread(file).revision == file.revision + 1


LARGE = properties.MOST_BYTES
REFUSED: list[tuple[list[tuple[str, str | None]], type[FilesError], object]] = [
    ([("n" * 256, "1")], InvalidValueError, "property"),
    ([("", "1")], InvalidValueError, "property"),
    ([("a", "é" * (LARGE // 2) + "x")], PropertiesTooLargeError, "size"),
    ([(f"n{n}", "") for n in range(properties.MOST + 1)], PropertiesTooLargeError, "count"),
    ([("a", None)] * (2 * properties.MOST + 1), PropertiesTooLargeError, "count"),
    ([(f"n{n}", "x" * LARGE) for n in range(5)], PropertiesTooLargeError, "total"),
]


@pytest.mark.parametrize(("changes", "error", "reason"), REFUSED)
def test_what_is_too_much_is_refused_whole(
    changes: list[tuple[str, str | None]],
    error: type[FilesError],
    reason: object,
    root: Entry,
) -> None:
    put(root, ("b", "kept"))

    with pytest.raises(error) as caught:
        put(root, ("c", "1"), ("b", None), *changes)

    assert reason in caught.value.data.values()
    assert properties_in(root) == {B: "kept"}


def test_as_much_as_may_be_is_kept(root: Entry) -> None:
    put(root, *((f"n{n}", "x" * LARGE) for n in range(4)))
    put(root, *((f"m{n}", "") for n in range(properties.MOST - 4)), ("n0", "y" * LARGE))

    assert len(properties_in(root)) == properties.MOST


def test_a_long_namespace_is_refused(root: Entry) -> None:
    with pytest.raises(InvalidValueError):
        set_properties(root.pk, [PropertyChange("n" * 256, "a", "1")], actor=SYSTEM)


def test_only_who_may_change_an_entry_may_change_its_properties(root: Entry) -> None:
    change = [PropertyChange(NS, "a", "1")]

    with pytest.raises(ForbiddenError):
        set_properties(root.pk, change, actor=make_member(root, Grant.Role.VIEWER))
    with pytest.raises(EntryNotFoundError):
        set_properties(10**9, change, actor=SYSTEM)


def test_properties_of_many_entries_are_read_in_one_query(root: Entry) -> None:
    first, second, third = make_file(root, "1"), make_file(root, "2"), make_file(root, "3")
    put(first, ("a", "1"))
    put(second, ("a", "2"), ("b", "3"))

    with CaptureQueriesContext(connection) as queries:
        found = properties_of([first.pk, second.pk, third.pk])

    assert found == {first.pk: {A: "1"}, second.pk: {A: "2", B: "3"}}
    assert len(queries) == 1


def test_a_new_version_keeps_the_properties(root: Entry) -> None:
    file = make_file(root, "file")
    put(file, ("a", "1"))

    make_file(root, "file", b"newer")

    assert properties_in(file) == {A: "1"}


def test_a_move_keeps_the_properties(root: Entry) -> None:
    file, folder = make_file(root, "file"), make_folder(root, "folder")
    put(file, ("a", "1"))

    move_within_space([file], parent=folder, actor=SYSTEM)

    assert properties_in(file) == {A: "1"}


def give_properties(tree: Entry) -> None:
    """Give each entry of a tree a property with its own name."""
    put(tree, ("a", tree.name))
    for entry in Entry.objects.children_of(tree):
        give_properties(entry)


def named(tree: Entry) -> dict[str, dict[tuple[str, str], str]]:
    """Give the properties of each entry of a tree by its name."""
    found = {tree.name: properties_in(tree)}
    for entry in Entry.objects.children_of(tree):
        found |= named(entry)
    return found


NAMED = {name: {A: name} for name in ("tree", "a", "inner", "b")}


def test_a_copy_has_the_properties_too(root: Entry) -> None:
    tree = make_tree(root)
    give_properties(tree)

    (copy,) = copy_entries([tree], parent=make_folder(root, "there"), actor=SYSTEM).done

    assert named(copy) == named(tree) == NAMED


def test_a_move_to_another_space_takes_the_properties_along(root: Entry, there: Entry) -> None:
    tree = make_tree(root)
    give_properties(tree)

    (moved,) = move_entries([tree], parent=there, actor=SYSTEM).done

    assert named(moved) == NAMED
    assert Property.objects.count() == len(NAMED)


def test_a_copy_by_a_job_has_the_properties_too(
    root: Entry, there: Entry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("files.operations.transfer.INLINE_LIMIT", 0)
    tree = make_tree(root)
    give_properties(tree)
    copy_entries([tree], parent=there, actor=SYSTEM)

    (copy,) = run_transfer(*last_events(there.space), actor=SYSTEM)

    assert named(copy) == NAMED


def test_properties_go_with_their_entry(root: Entry) -> None:
    tree = make_tree(root)
    give_properties(tree)
    trash_entries([tree], actor=SYSTEM)
    assert Property.objects.count() == len(NAMED)

    delete_entries([tree], actor=replace(SYSTEM))

    assert not Property.objects.exists()
