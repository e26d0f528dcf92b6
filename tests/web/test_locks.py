"""Locks on pages: who works on what, until when, and who may end that."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from files.access import Actor
from files.models import Entry, Event, Grant, Lock
from tests.factories import (
    SYSTEM,
    actor_of,
    last_events,
    make_file,
    make_folder,
    make_lock,
    make_member,
    make_user,
)

from .pages import Looker, client_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def bob(root: Entry) -> Actor:
    """Give an editor, who locks."""
    return make_member(root, Grant.Role.EDITOR)


def seen(entry: Entry, actor: Actor | None = None) -> str:
    """Give the page of an entry, as its owner or somebody else sees it."""
    user = actor.user if actor else entry.space.owner
    where = "folders" if entry.is_folder else "entries"
    response = client_of(user).get(f"/{where}/{entry.pk}/")
    assert response.status_code == 200
    return response.content.decode()


def test_a_locked_member_is_marked_in_its_folder(root: Entry, bob: Actor) -> None:
    make_lock(make_file(root, "letter"), actor=bob)
    make_file(root, "other")

    text = seen(root)

    assert text.count('class="entry-name__lock"') == 1
    assert 'title="Locked by bob until' in text
    assert 'title="Locked by you until' in seen(root, bob)


def test_the_page_of_a_locked_file_says_so_and_leads_to_its_end(root: Entry, bob: Actor) -> None:
    file = make_file(root, "letter")
    lock = make_lock(file, actor=bob)

    text = seen(file)

    assert "Locked by bob until" in text
    assert f"/locks/{lock.pk}/break/" in Looker(text).links()


def test_a_deep_lock_is_told_on_the_folder_and_below(root: Entry, bob: Actor) -> None:
    folder = make_folder(root, "trips")
    file = make_file(folder, "letter")
    make_lock(folder, actor=bob, deep=True)

    assert "So is all that is in this folder." in seen(folder)
    assert 'class="entry-name__lock"' not in seen(folder)
    assert "The lock is on a folder that this lies in." in seen(file)


def test_a_lock_of_a_deleted_account_has_no_name(root: Entry) -> None:
    file = make_file(root, "letter")
    make_lock(file, actor=SYSTEM)

    assert "Locked until" in seen(file)


def test_who_may_only_edit_is_not_led_to_breaking(root: Entry, bob: Actor) -> None:
    assert root.space.owner is not None
    file = make_file(root, "letter")
    lock = make_lock(file, actor=actor_of(root.space.owner))

    links = Looker(seen(file, bob)).links()
    response = client_of(bob.user).post(f"/locks/{lock.pk}/break/")

    assert f"/locks/{lock.pk}/break/" not in links
    assert response.status_code == 403
    assert Lock.objects.get() == lock


def test_a_manager_breaks_a_lock_after_a_question(root: Entry, bob: Actor) -> None:
    file = make_file(root, "letter")
    lock = make_lock(file, actor=bob)
    client = client_of(root.space.owner)

    question = client.get(f"/locks/{lock.pk}/break/").content.decode()
    assert "Locked by bob until" in question
    assert "is recorded" in question
    response = client.post(f"/locks/{lock.pk}/break/", follow=True)

    assert response.redirect_chain == [(f"/entries/{file.pk}/", 303)]
    assert "The lock is gone." in response.content.decode()
    assert not Lock.objects.exists()
    assert last_events(root.space)[0].kind == Event.Kind.LOCK_BROKEN


def test_one_unlocks_what_one_has_locked(root: Entry, bob: Actor) -> None:
    folder = make_folder(root, "trips")
    lock = make_lock(folder, actor=bob)
    client = client_of(bob.user)

    question = client.get(f"/locks/{lock.pk}/break/").content.decode()
    response = client.post(f"/locks/{lock.pk}/break/")

    assert "Unlock" in question
    assert "is recorded" not in question
    assert response.headers["location"] == f"/folders/{folder.pk}/"
    assert not Lock.objects.exists()


def test_a_lock_that_is_gone_is_not_found(root: Entry, bob: Actor) -> None:
    lock = make_lock(root, actor=bob)

    for user in (make_user("eve"), bob.user):
        response = client_of(user).get(f"/locks/{lock.pk + (user == bob.user)}/break/")

        assert response.status_code == 404


def test_a_change_of_what_is_locked_is_refused_in_words(root: Entry, bob: Actor) -> None:
    file = make_file(root, "letter")
    make_lock(file, actor=bob)

    response = client_of(bob.user).post(
        f"/folders/{root.pk}/actions", {"action": "trash", "entry": file.pk}
    )

    assert response.status_code == 423
    assert "This is locked" in response.content.decode()


def test_locks_take_one_query_however_many_there_are(root: Entry, bob: Actor) -> None:
    files = [make_file(root, f"{n}") for n in range(5)]
    client = client_of(root.space.owner)
    client.get(f"/folders/{root.pk}/")

    counts = []
    for locked in ([], files[:1], files[1:]):
        for file in locked:
            make_lock(file, actor=bob)
        with CaptureQueriesContext(connection) as queries:
            client.get(f"/folders/{root.pk}/")
        counts.append(len(queries))

    assert counts == [counts[0], counts[0] + 1, counts[0] + 1]
