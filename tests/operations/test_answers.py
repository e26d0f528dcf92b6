"""Requests that come again at the same moment: one is done, and all are answered the same."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.contrib.auth.models import User
from django.db import connection

from files.access import Actor
from files.errors import EntryNotFoundError, FilesError
from files.models import Entry, KeptAnswer, Space
from files.operations.answers import Answer, answer_once
from files.operations.entries import create_folder
from files.operations.unchanged import if_unchanged
from files.protocol_errors import KeyReusedError
from tests.factories import actor_of, make_folder, make_space, paths_in, root_of

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def space(transactional_db: None) -> Space:
    """Give the personal space of ada, committed."""
    return make_space()


@pytest.fixture
def user(space: Space) -> User:
    """Give ada."""
    assert space.owner is not None
    return space.owner


def make(root: Entry, actor: Actor, name: str = "made") -> Answer:
    """Make a folder, and answer with its id."""
    return Answer(201, {"ETag": "1"}, str(create_folder(root, name=name, actor=actor).pk))


def test_of_many_at_once_one_is_done_and_all_are_answered_by_it(space: Space, user: User) -> None:
    root, actor, start = root_of(space), actor_of(user), threading.Barrier(4)

    def ask() -> Answer:
        try:
            start.wait(timeout=30)
            return answer_once(user, "key", "digest", lambda: make(root, actor))
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(ask) for _time in range(4)]
        answers = [one.result() for one in asked]

    (folder,) = Entry.objects.filter(name="made")
    assert answers == [Answer(201, {"ETag": "1"}, str(folder.pk))] * 4
    assert KeptAnswer.objects.count() == 1


def test_what_fails_leaves_neither_the_change_nor_the_key(space: Space, user: User) -> None:
    root, actor = root_of(space), actor_of(user)
    make_folder(root, "taken")

    def make_two() -> Answer:
        make(root, actor, "first")
        return make(root, actor, "taken")

    with pytest.raises(FilesError):
        answer_once(user, "key", "digest", make_two)

    assert paths_in(root) == {"taken": None}
    assert not KeptAnswer.objects.exists()


def test_a_key_is_of_one_request(space: Space, user: User) -> None:
    root, actor = root_of(space), actor_of(user)
    answer_once(user, "key", "digest", lambda: make(root, actor))

    with pytest.raises(KeyReusedError):
        answer_once(user, "key", "other", lambda: make(root, actor, "b"))


def test_the_account_may_go_before_its_answers(space: Space, user: User) -> None:
    other = User.objects.create(username="bob")
    answer_once(other, "key", "digest", lambda: Answer(204, {}, ""))

    other.delete()

    assert KeptAnswer.objects.get().user is None


def test_a_key_that_was_taken_since_it_was_looked_for_answers_too(
    space: Space, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, actor = root_of(space), actor_of(user)
    first = answer_once(user, "key", "digest", lambda: make(root, actor))
    monkeypatch.setattr("files.operations.answers._find", lambda _user, _key: None)

    again = answer_once(user, "key", "digest", lambda: make(root, actor, "twice"))

    assert again == first
    assert paths_in(root) == {"made": None}


def test_what_is_gone_is_not_changed_on_a_condition(space: Space, user: User) -> None:
    folder = make_folder(root_of(space), "a")
    gone = Entry(pk=folder.pk + 1, space=space)

    with pytest.raises(EntryNotFoundError), if_unchanged(gone, print):
        raise AssertionError
