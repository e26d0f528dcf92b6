"""Small bodies that arrive together: one trip, each with an outcome of its own."""

import asyncio
import os
from collections.abc import Sequence
from uuid import uuid4

import pytest

from files.errors import DiskFullError, FilesError, StorageFailedError
from files.http import small_store
from files.http.small_store import SmallBody, SmallStore, store_bodies
from files.operations.blobs import NewBlob
from files.storage.base import blob_name
from files.storage.filesystem import BlobStorage, BlobWriter
from tests.faults import FailingDisk
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


def test_who_waits_together_goes_in_one_trip(
    storage: BlobStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    trips = []

    def store(bodies: Sequence[SmallBody]) -> list[NewBlob | FilesError]:
        trips.append(len(bodies))
        return store_bodies(bodies)

    monkeypatch.setattr(small_store, "store_bodies", store)

    async def main() -> list[NewBlob]:
        some = SmallStore()
        first = asyncio.ensure_future(some.store(THREE[0]))
        await asyncio.sleep(0)
        later = [some.store(SmallBody(b"x", "x")) for _ in range(small_store.AT_ONCE + 1)]
        return await asyncio.gather(first, *later)

    blobs = asyncio.run(main())

    assert trips == [1, small_store.AT_ONCE, 1]
    assert len({blob.id for blob in blobs}) == small_store.AT_ONCE + 2


def test_one_that_fails_does_not_take_the_others_with_it(
    storage: BlobStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = BlobWriter.write

    def write_no_pdf(writer: BlobWriter, piece: bytes) -> None:
        if piece.startswith(b"%PDF"):
            raise OSError(28, os.strerror(28))
        write(writer, piece)

    monkeypatch.setattr(BlobWriter, "write", write_no_pdf)

    async def main() -> list[NewBlob | BaseException]:
        store = SmallStore()
        waiting = [store.store(body) for body in THREE]
        return await asyncio.gather(*waiting, return_exceptions=True)

    kinds = [type(outcome) for outcome in asyncio.run(main())]

    assert kinds == [NewBlob, NewBlob, DiskFullError]
    assert len(stored_files(storage)) == 2


def test_fault_is_told_to_all_who_wait(
    storage: BlobStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_bodies: object) -> None:
        raise RuntimeError("planted")

    monkeypatch.setattr(small_store, "store_bodies", fail)

    async def main() -> list[NewBlob | BaseException]:
        store = SmallStore()
        return await asyncio.gather(*map(store.store, THREE), return_exceptions=True)

    assert [str(outcome) for outcome in asyncio.run(main())] == ["planted"] * 3
