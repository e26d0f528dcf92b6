"""Locks in the admin: seen while they hold, found, and broken after a question."""

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from files.admin import confirming, locks
from files.models import Event, Grant, Lock
from files.operations.locks import break_lock
from tests.admin.conftest import World, make_staff, signed_in
from tests.factories import SYSTEM, actor_of, last_events, make_file, make_lock

LOCKS = "/admin/files/lock/"


@pytest.fixture
def lock(world: World) -> Lock:
    """Give a lock of bob's."""
    return make_lock(world.file, actor=actor_of(world.bob), owner="<script>alert(1)</script>")


@pytest.fixture
def client(world: World) -> Client:
    """Give staff who may look at locks and break them."""
    return signed_in(make_staff("clerk", "files.view_lock", "files.delete_lock"))


def shown(client: Client, query: str = "") -> str:
    """Give the list."""
    return client.get(f"{LOCKS}{query}").content.decode()


def action(lock: Lock, *, confirmed: bool) -> dict[str, Any]:
    """Give the form of the action, from the list or from the page that asks."""
    form = {"action": "break_locks", "_selected_action": [str(lock.pk)]}
    return {**form, "confirmed": "yes"} if confirmed else form


def test_a_row_says_what_is_locked_and_by_whom(client: Client, lock: Lock) -> None:
    page = shown(client)

    assert "beach.txt" in page
    assert "bob" in page
    assert ">exclusive<" in page


def test_a_row_says_whether_all_below_is_locked(client: Client, world: World) -> None:
    make_lock(world.folder, deep=True, exclusive=False)

    assert ">shared, with all below<" in shown(client)


def test_what_a_client_says_is_text(client: Client, lock: Lock) -> None:
    page = client.get(f"{LOCKS}{lock.pk}/change/").content.decode()

    assert "&lt;script&gt;" in page
    assert "<script>alert" not in page


@pytest.mark.parametrize(
    ("query", "is_found"),
    [("?q=bob", True), ("?q=ada", False), ("?q=%23{entry}", True), ("?q=%231", False)],
)
def test_locks_are_found_by_holder_and_entry(
    query: str, is_found: object, client: Client, lock: Lock
) -> None:
    page = shown(client, query.format(entry=lock.entry_id))

    assert ("beach.txt" in page) is is_found


def test_locks_that_are_over_are_not_listed(client: Client, lock: Lock) -> None:
    Lock.objects.update(expires_at=timezone.now())

    assert "beach.txt" not in shown(client)


def test_a_lock_is_broken_after_a_question(client: Client, world: World, lock: Lock) -> None:
    question = client.post(LOCKS, action(lock, confirmed=False)).content.decode()
    assert "Break 1 lock?" in question
    assert "beach.txt" in question
    assert Lock.objects.exists()

    answer = client.post(LOCKS, action(lock, confirmed=True), follow=True)

    assert "1 lock was broken." in answer.content.decode()
    assert not Lock.objects.exists()
    (event,) = last_events(world.space)
    assert (event.kind, event.door) == (Event.Kind.LOCK_BROKEN, Event.Door.ADMIN)


def test_staff_break_a_lock_that_they_took_and_may_no_more_use(world: World) -> None:
    clerk = make_staff("clerk", "files.view_lock", "files.delete_lock")
    grant = Grant.objects.create(entry=world.root, user=clerk, role=Grant.Role.EDITOR)
    lock = make_lock(world.file, actor=actor_of(clerk))
    grant.delete()

    answer = signed_in(clerk).post(LOCKS, action(lock, confirmed=True), follow=True)

    assert "1 lock was broken." in answer.content.decode()
    assert not Lock.objects.exists()


def test_a_lock_that_went_meanwhile_is_no_failure(
    client: Client, lock: Lock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def late(lock_id: int, **more: Any) -> Lock:
        Lock.objects.all().delete()
        return break_lock(lock_id, **more)

    monkeypatch.setattr(locks, "break_lock", late)

    answer = client.post(LOCKS, action(lock, confirmed=True), follow=True)

    assert "0 locks were broken." in answer.content.decode()


def test_too_many_at_once_are_refused(
    client: Client, world: World, lock: Lock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(confirming, "AT_ONCE", 1)
    other = make_lock(make_file(world.root, "other"))
    form = {**action(lock, confirmed=True), "_selected_action": [str(lock.pk), str(other.pk)]}

    answer = client.post(LOCKS, form, follow=True)

    assert "Please select at most 1 at once." in answer.content.decode()
    assert Lock.objects.count() == 2


def test_the_lock_of_a_whole_space_links_nowhere(client: Client, world: World) -> None:
    lock = make_lock(world.root, actor=SYSTEM, deep=True)

    page = client.get(f"{LOCKS}{lock.pk}/change/").content.decode()

    assert f"/entry/{world.root.pk}/" not in page


def test_the_list_asks_as_little_for_many_as_for_one(
    client: Client, world: World, lock: Lock
) -> None:
    client.get(LOCKS)
    with CaptureQueriesContext(connection) as one:
        client.get(LOCKS)
    for n in range(5):
        make_lock(make_file(world.root, f"{n}"), actor=actor_of(world.bob))

    with CaptureQueriesContext(connection) as many:
        client.get(LOCKS)

    assert len(many) == len(one)
