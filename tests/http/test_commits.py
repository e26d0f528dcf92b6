"""Group commit: what waits together becomes visible together, and each is told of its own."""

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import DatabaseError, OperationalError

from files.access import Actor
from files.errors import (
    BlobConflictError,
    DiskFullError,
    FilesError,
    InvalidNameError,
    SpaceNotFoundError,
)
from files.http import commits
from files.http.commits import Commits
from files.http.handler import SyncCoreHandler, is_full
from files.models import Entry, Event, Space
from files.operations import journal, versions
from files.operations.versions import Member
from files.storage.base import blob_name
from files.storage.filesystem import BlobStorage
from tests.factories import make_shared_space, new_file, paths_in, root_of
from tests.faults import database_error
from tests.http.client import CallerExecutor
from tests.processes import wait_until

pytestmark = pytest.mark.usefixtures("kept_connection", "consistent")

type Result = Entry | BaseException


class Queue:
    """The queues of one process, and what went through them."""

    def __init__(self, actor: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
        self.actor, self._executor, django = actor, CallerExecutor(), SyncCoreHandler()
        monkeypatch.setattr(django, "threads", self._executor)
        self.commits = Commits(django)
        self.groups: list[list[str]] = []
        self.before: Callable[[], None] = lambda: None
        real = versions.put_waiting

        def put_waiting(
            space_id: int, take: Callable[[], Sequence[Member]]
        ) -> list[Entry | FilesError]:
            def take_and_tell() -> Sequence[Member]:
                members = take()
                self.groups.append([member.file.path[-1] for member in members])
                self.before()
                return members

            return real(space_id, take_and_tell)

        monkeypatch.setattr(commits, "put_waiting", put_waiting)

    def put(self, folder: Entry, *names: str) -> list[Result]:
        """Put files at the same time, and give what became of each."""
        members = [Member(folder.pk, new_file(name), self.actor) for name in names]
        return self.put_members([(folder.space_id, member) for member in members])

    def put_members(self, members: Sequence[tuple[int, Member]]) -> list[Result]:
        """Put files of several spaces at the same time."""

        async def main() -> list[Result]:
            puts = [self.commits.put(space_id, member) for space_id, member in members]
            return await asyncio.gather(*puts, return_exceptions=True)

        return self.run(main())

    def run[T](self, main: Coroutine[Any, Any, T]) -> T:
        return self._executor.run(main)


@pytest.fixture
def queue(ada: User, monkeypatch: pytest.MonkeyPatch) -> Queue:
    return Queue(Actor(ada, Event.Door.UPLOAD), monkeypatch)


def names(results: Sequence[Result]) -> list[str]:
    return [r.name if isinstance(r, Entry) else type(r).__name__ for r in results]


def test_files_that_wait_together_go_in_one_transaction(queue: Queue, root: Entry) -> None:
    assert names(queue.put(root, "a", "b", "c")) == ["a", "b", "c"]

    assert queue.groups == [["a", "b", "c"]]
    assert set(paths_in(root)) == {"a", "b", "c"}


def waits_for(queue: Queue, space: int, count: int) -> None:
    """Wait until so many files wait."""
    wait_until(lambda: len(queue.commits._waiting.get(space, ())) == count)


def test_who_comes_while_one_is_under_way_goes_with_the_next(queue: Queue, root: Entry) -> None:
    started = threading.Event()
    files = {name: new_file(name) for name in "abc"}

    def others_come() -> None:
        if not started.is_set():
            started.set()
            waits_for(queue, root.space_id, 2)

    async def main() -> None:
        members = {name: Member(root.pk, files[name], queue.actor) for name in "abc"}
        first = asyncio.ensure_future(queue.commits.put(root.space_id, members["a"]))
        while not started.is_set():  # noqa: ASYNC110 - it is set in a thread
            await asyncio.sleep(0.001)
        others = (queue.commits.put(root.space_id, members[name]) for name in "bc")
        await asyncio.gather(first, *others)

    queue.before = others_come
    queue.run(main())

    assert queue.groups == [["a"], ["b", "c"]]


def test_who_comes_while_the_lock_is_waited_for_goes_along(
    queue: Queue, root: Entry, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock_spaces = journal.lock_spaces

    def lock_slowly(space_id: int) -> object:
        waits_for(queue, space_id, 3)
        return lock_spaces(space_id)

    monkeypatch.setattr(versions, "lock_spaces", lock_slowly)

    queue.put(root, "a", "b", "c")

    assert queue.groups == [["a", "b", "c"]]


def test_space_that_is_gone_is_told_to_all_who_wait(
    queue: Queue, root: Entry, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(space_id: int) -> object:
        raise SpaceNotFoundError(space_id=space_id)

    monkeypatch.setattr(versions, "lock_spaces", gone)

    assert names(queue.put(root, "a", "b")) == ["SpaceNotFoundError"] * 2
    assert queue.commits._waiting == {}


def test_transaction_has_a_limit(
    queue: Queue, root: Entry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commits, "AT_ONCE", 2)

    queue.put(root, "a", "b", "c", "d", "e")

    assert queue.groups == [["a", "b"], ["c", "d"], ["e"]]


def test_spaces_do_not_wait_for_each_other(queue: Queue, root: Entry) -> None:
    queue.actor = Actor.system(Event.Door.JOB)
    there = root_of(make_shared_space())
    members = [
        (folder.space_id, Member(folder.pk, new_file("a"), queue.actor)) for folder in (root, there)
    ]

    assert names(queue.put_members(members)) == ["a", "a"]

    assert queue.groups == [["a"], ["a"]]


def test_refused_file_is_told_alone(queue: Queue, root: Entry) -> None:
    results = queue.put(root, "a", "..", "b")

    assert names(results) == ["a", "InvalidNameError", "b"]
    assert isinstance(results[1], InvalidNameError)
    assert set(paths_in(root)) == {"a", "b"}


def test_bytes_that_are_gone_refuse_their_file_alone(
    queue: Queue, root: Entry, storage: BlobStorage
) -> None:
    files = [new_file(name) for name in "abc"]
    storage.unlink(blob_name(files[1].blob.id))

    results = queue.put_members(
        [(root.space_id, Member(root.pk, file, queue.actor)) for file in files]
    )

    assert names(results) == ["a", "BlobConflictError", "c"]
    assert isinstance(results[1], BlobConflictError)
    assert set(paths_in(root)) == {"a", "c"}


@pytest.mark.parametrize(
    ("code", "told"),
    [(sqlite3.SQLITE_FULL, DiskFullError), (sqlite3.SQLITE_IOERR, OperationalError)],
)
def test_database_that_fails_is_told_to_all_who_wait_and_the_next_are_served(
    queue: Queue, root: Entry, code: int, told: type[Exception]
) -> None:
    def fail() -> None:
        raise database_error(code)

    queue.before = fail
    results = queue.put(root, "a", "b")

    assert [type(result) for result in results] == [told, told]
    queue.before = lambda: None
    assert names(queue.put(root, "c")) == ["c"]
    assert set(paths_in(root)) == {"c"}


def test_full_disk_is_known_by_its_code_alone() -> None:
    assert is_full(database_error(sqlite3.SQLITE_FULL))
    assert not is_full(DatabaseError())


def test_file_of_who_went_away_is_put_all_the_same(queue: Queue, root: Entry) -> None:
    files = [new_file(name) for name in "ab"]

    async def main() -> Entry:
        one, two = (
            asyncio.ensure_future(
                queue.commits.put(root.space_id, Member(root.pk, file, queue.actor))
            )
            for file in files
        )
        await asyncio.sleep(0)
        one.cancel()
        return await two

    queue.run(main())

    assert set(paths_in(root)) == {"a", "b"}


def test_quota_is_granted_in_the_order_of_the_files(
    queue: Queue, root: Entry, space: Space
) -> None:
    Space.objects.filter(pk=space.pk).update(quota_bytes=len(b"content") * 2)

    assert names(queue.put(root, "a", "b", "c")) == ["a", "b", "QuotaExceededError"]
