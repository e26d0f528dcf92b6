"""Small files that arrive together: one trip, each with an outcome of its own."""

import asyncio
import os
import sqlite3
from collections.abc import Sequence
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.db import OperationalError

from files.access import Actor
from files.errors import DiskFullError, FilesError, StorageFailedError
from files.http import small_puts
from files.http.handler import SyncCoreHandler
from files.http.small_puts import SmallBody, SmallPut, SmallPuts, store_bodies
from files.models import Blob, Entry, Event, Grant
from files.operations.blobs import NewBlob
from files.operations.versions import Member, NewFile
from files.storage.base import blob_name
from files.storage.filesystem import BlobStorage, BlobWriter
from tests.factories import make_shared_space, paths_in, root_of
from tests.faults import FailingDisk
from tests.http.client import CallerExecutor
from tests.http.forms import stored_files

THREE = [SmallBody(b"a" * 10, "a.txt"), SmallBody(b"", "b.txt"), SmallBody(b"%PDF-1.7 ", "c")]


def content_of(storage: BlobStorage, outcome: NewBlob | FilesError) -> bytes:
    assert isinstance(outcome, NewBlob)
    with storage.open(blob_name(outcome.id)) as file:
        return bytes(file.read())


def test_bodies_lie_at_rest_and_say_what_they_are(storage: BlobStorage) -> None:
    blobs = store_bodies(THREE)

    assert [content_of(storage, blob) for blob in blobs] == [body.content for body in THREE]
    types = [blob.media_type for blob in blobs if isinstance(blob, NewBlob)]
    assert types == ["text/plain", "text/plain", "application/pdf"]


def test_body_gets_the_id_that_it_is_to_have(storage: BlobStorage) -> None:
    wanted = uuid4()

    (blob,) = store_bodies([SmallBody(b"x", "x", wanted)])

    assert isinstance(blob, NewBlob)
    assert blob.id == wanted


def test_those_of_one_trip_share_a_folder(storage: BlobStorage) -> None:
    store_bodies([SmallBody(b"x", "x") for _ in range(10)])

    assert len({item.rpartition("/")[0] for item in stored_files(storage)}) == 1


def test_disk_that_fails_at_any_step_leaves_nothing_of_what_failed(
    storage: BlobStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk, n = FailingDisk(monkeypatch), 0
    while True:
        n += 1
        with disk.failing_at(n):
            outcomes = store_bodies(THREE)
        kept = [outcome for outcome in outcomes if isinstance(outcome, NewBlob)]
        failed = [outcome for outcome in outcomes if isinstance(outcome, FilesError)]
        assert sorted(stored_files(storage)) == sorted(blob_name(blob.id) for blob in kept)
        assert {type(error) for error in failed} <= {DiskFullError}
        for blob in kept:
            storage.unlink(blob_name(blob.id))
        if not failed:
            break
    assert n > 12  # open, write and sync of each, and of their folder


def test_folder_that_cannot_be_synced_fails_all_that_lie_in_it(
    storage: BlobStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_storage: BlobStorage, _folders: object) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(BlobStorage, "sync_folders", fail)

    assert [type(outcome) for outcome in store_bodies(THREE)] == [StorageFailedError] * 3
    assert stored_files(storage) == []


class Puts:
    """The small files of one process, and how many went in each trip."""

    def __init__(self, actor: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
        self.actor, self._executor, django = actor, CallerExecutor(), SyncCoreHandler()
        monkeypatch.setattr(django, "threads", self._executor)
        self._puts = SmallPuts(django)
        self.trips: list[int] = []
        real = small_puts.put_small

        def put_small(puts: Sequence[SmallPut]) -> list[tuple[Entry, NewBlob] | Exception]:
            self.trips.append(len(puts))
            return real(puts)

        monkeypatch.setattr(small_puts, "put_small", put_small)

    def put(self, *wanted: tuple[Entry, SmallBody]) -> list[str]:
        """Put files at the same time, and give the names that they have got, or their errors."""

        async def main() -> list[tuple[Entry, NewBlob] | BaseException]:
            puts = [self._puts.put(self._to(folder, body)) for folder, body in wanted]
            return await asyncio.gather(*puts, return_exceptions=True)

        outcomes = self._executor.run(main())
        return [o[0].name if isinstance(o, tuple) else type(o).__name__ for o in outcomes]

    def put_one_after_the_other(self, folder: Entry, count: int) -> None:
        """Put files, each when the one before is there."""

        async def main() -> None:
            for _ in range(count):
                await self._puts.put(self._to(folder, SmallBody(b"x", f"{uuid4()}")))

        self._executor.run(main())

    def put_late(self, folder: Entry, count: int) -> None:
        """Put files, each some milliseconds after the one before, which is not there yet."""

        async def one(number: int) -> None:
            await asyncio.sleep(number * 0.005)
            await self._puts.put(self._to(folder, SmallBody(b"x", f"{uuid4()}")))

        async def main() -> None:
            await asyncio.gather(*map(one, range(count)))

        self._executor.run(main())

    def be_patient(self, seconds: float) -> None:
        """Let the next trip wait so long for company."""
        self._puts._patience = seconds

    def _to(self, folder: Entry, body: SmallBody) -> SmallPut:
        def member(blob: NewBlob) -> Member:
            return Member(folder.pk, NewFile((body.name,), blob), self.actor)

        return SmallPut(folder.space_id, body, member)


@pytest.fixture
def puts(ada: User, monkeypatch: pytest.MonkeyPatch) -> Puts:
    return Puts(Actor(ada, Event.Door.UPLOAD), monkeypatch)


together = pytest.mark.usefixtures("kept_connection", "consistent")


@together
def test_who_waits_together_goes_in_one_trip(puts: Puts, root: Entry) -> None:
    many = [SmallBody(b"x", f"{number}.txt") for number in range(small_puts.AT_ONCE + 1)]

    names = puts.put(*((root, body) for body in many))

    assert names == [body.name for body in many]
    assert puts.trips == [small_puts.AT_ONCE, 1]
    assert len(paths_in(root)) == len(many)


@together
def test_trip_waits_a_moment_for_as_many_as_there_were(puts: Puts, root: Entry) -> None:
    puts.put_one_after_the_other(root, 2)  # both alone: nobody has seen company
    puts.put(*((root, body) for body in THREE))
    assert puts.trips == [1, 1, 3]

    puts.be_patient(10.0)
    puts.put_late(root, 3)  # as many as before, who come one by one
    assert puts.trips == [1, 1, 3, 3]

    puts.be_patient(0.01)
    puts.put_one_after_the_other(root, 2)  # the first waits for company, in vain
    assert puts.trips == [1, 1, 3, 3, 1, 1]


@together
def test_each_goes_to_its_space(puts: Puts, root: Entry, ada: User) -> None:
    other = root_of(make_shared_space(ada=Grant.Role.EDITOR))

    names = puts.put(*((folder, body) for folder in (root, other) for body in THREE))

    assert names == [body.name for body in THREE] * 2
    assert set(paths_in(root)) == set(paths_in(other)) == {body.name for body in THREE}


@together
def test_one_that_the_disk_fails_does_not_take_the_others_with_it(
    puts: Puts, root: Entry, storage: BlobStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = BlobWriter.write

    def write_no_pdf(writer: BlobWriter, piece: bytes) -> None:
        if piece.startswith(b"%PDF"):
            raise OSError(28, os.strerror(28))
        write(writer, piece)

    monkeypatch.setattr(BlobWriter, "write", write_no_pdf)

    assert puts.put(*((root, body) for body in THREE)) == ["a.txt", "b.txt", "DiskFullError"]
    assert len(stored_files(storage)) == 2


@together
def test_one_that_is_refused_leaves_nothing_and_the_others_are_put(
    puts: Puts, root: Entry, storage: BlobStorage
) -> None:
    bad = SmallBody(b"bad", "..")

    names = puts.put((root, THREE[0]), (root, bad), (root, THREE[1]))

    assert names == ["a.txt", "InvalidNameError", "b.txt"]
    assert len(stored_files(storage)) == 2


@together
def test_database_that_fails_behind_the_commit_takes_nothing_back(
    puts: Puts, root: Entry, storage: BlobStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_ids: object) -> None:
        raise OperationalError("planted")

    monkeypatch.setattr(small_puts, "discard_partial", fail)

    assert puts.put((root, THREE[0]), (root, SmallBody(b"bad", ".."))) == [
        "a.txt", "InvalidNameError",
    ]  # fmt: skip
    assert set(paths_in(root)) == {"a.txt"}
    known = set(Blob.objects.values_list("file", flat=True))
    for stray in set(stored_files(storage)) - known:
        storage.unlink(stray)


@together
def test_space_that_is_gone_takes_no_other_with_it(
    puts: Puts, root: Entry, storage: BlobStorage
) -> None:
    nowhere = Entry(pk=10**9, space_id=10**9)

    names = puts.put((nowhere, THREE[0]), (root, THREE[1]))

    assert names == ["SpaceNotFoundError", "b.txt"]
    assert len(stored_files(storage)) == 1


@together
@pytest.mark.parametrize(
    ("code", "name", "left"), [(13, "DiskFullError", 0), (10, "OperationalError", 3)]
)
def test_database_that_fails_is_told_to_all_who_wait(
    puts: Puts, root: Entry, storage: BlobStorage, monkeypatch: pytest.MonkeyPatch,
    code: int, name: str, left: int,
) -> None:  # fmt: skip
    def fail(_space_id: int, _members: object) -> None:
        cause = sqlite3.OperationalError("planted")
        cause.sqlite_errorcode = code
        raise OperationalError("planted") from cause

    monkeypatch.setattr(small_puts, "put_members", fail)

    assert puts.put(*((root, body) for body in THREE)) == [name] * 3
    # Without room nothing was committed; after any other failure it may have been.
    assert len(stored_files(storage)) == left
    for stray in stored_files(storage):
        storage.unlink(stray)


@together
def test_fault_is_told_to_all_who_wait(
    puts: Puts, root: Entry, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_bodies: object) -> None:
        raise RuntimeError("planted")

    monkeypatch.setattr(small_puts, "store_bodies", fail)

    assert puts.put(*((root, body) for body in THREE)) == ["RuntimeError"] * 3
