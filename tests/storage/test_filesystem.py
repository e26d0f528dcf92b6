"""The local disk: links are never followed, modes are exact, and what was promised is synced."""

import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.core.files.base import ContentFile
from pytest_django import Settings

from files.storage.base import blob_name, new_blob_ids
from files.storage.filesystem import BlobStorage, prepare_folders, sync_folder
from tests.faults import FailingDisk
from tests.storage.conformance import StorageConformance

ID = UUID("ab" + "0" * 30)


class TestFilesystem(StorageConformance):
    """The conformance suite on the local disk."""


def path_of(storage: BlobStorage, blob_id: UUID = ID) -> Path:
    return Path(storage.path(blob_name(blob_id)))


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """Give a file outside of the storage that nothing may touch."""
    canary = tmp_path / "outside" / "canary"
    canary.parent.mkdir()
    canary.write_bytes(b"canary")
    return canary


def test_prepare_makes_all_folders_with_exact_modes_under_any_umask(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        prepare_folders(tmp_path / "deep" / "uploads")
        storage = BlobStorage(tmp_path / "deep" / "uploads")
        storage.save(blob_name(ID), ContentFile(b"content"))
    finally:
        os.umask(before)

    folders = sorted((tmp_path / "deep" / "uploads" / "blobs").iterdir())
    assert [folder.name for folder in folders] == [f"{number:02x}" for number in range(256)]
    for folder in [*folders, folders[0].parent, tmp_path / "deep" / "uploads"]:
        assert stat.S_IMODE(folder.stat().st_mode) == 0o750
    assert stat.S_IMODE(path_of(storage).stat().st_mode) == 0o640


def test_prepare_again_changes_nothing(storage: BlobStorage) -> None:
    name = storage.save(blob_name(ID), ContentFile(b"content"))
    folder = path_of(storage).parent
    folder.chmod(0o700)

    prepare_folders(Path(storage.location))

    assert storage.size(name) == 7
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_linked_blob_is_never_read_written_or_followed(
    storage: BlobStorage, outside: Path
) -> None:
    path_of(storage).symlink_to(outside)
    name = blob_name(ID)

    assert not storage.exists(name)
    for call in (storage.open, storage.size, storage.open_blob):
        with pytest.raises(OSError, match=r"symbolic links|blobs/ab"):
            call(name)
    with pytest.raises(FileExistsError):
        storage.writer(ID)
    assert storage.unlink(name)
    assert outside.read_bytes() == b"canary"


def test_a_dangling_link_is_not_written_through(storage: BlobStorage, outside: Path) -> None:
    path_of(storage).symlink_to(outside.parent / "new")

    with pytest.raises(FileExistsError):
        storage.save(blob_name(ID), ContentFile(b"content"))
    assert not (outside.parent / "new").exists()


def test_a_linked_folder_leads_nowhere(storage: BlobStorage, outside: Path) -> None:
    folder = path_of(storage).parent
    folder.rmdir()
    folder.symlink_to(outside.parent)
    (outside.parent / ID.hex).write_bytes(b"victim")
    name = blob_name(ID)

    assert not storage.exists(name)
    for call in (storage.unlink, storage.delete, storage.open, storage.open_blob):
        with pytest.raises(NotADirectoryError):
            call(name)
    with pytest.raises(NotADirectoryError):
        storage.writer(ID)
    assert (outside.parent / ID.hex).read_bytes() == b"victim"


def test_cleaning_up_a_cut_upload_does_not_follow_a_link_planted_meanwhile(
    storage: BlobStorage, outside: Path
) -> None:
    writer = storage.writer(ID)
    (outside.parent / ID.hex).write_bytes(b"victim")
    path_of(storage).unlink()
    path_of(storage).parent.rmdir()
    path_of(storage).parent.symlink_to(outside.parent)

    with pytest.raises(NotADirectoryError):
        writer.discard()
    assert (outside.parent / ID.hex).read_bytes() == b"victim"


def test_the_root_of_the_storage_may_be_a_link(storage: BlobStorage, tmp_path: Path) -> None:
    (tmp_path / "linked").symlink_to(storage.location)
    linked = BlobStorage(tmp_path / "linked")

    name = linked.save(blob_name(ID), ContentFile(b"content"))

    assert storage.size(name) == 7


def test_scan_names_what_is_no_blob_and_follows_no_link(
    storage: BlobStorage, outside: Path
) -> None:
    blobs = Path(storage.location) / "blobs"
    (blobs / "ab" / "notes.txt").write_bytes(b"note")
    (blobs / "ab" / "deeper").mkdir()
    (blobs / "ab" / "deeper" / ID.hex).write_bytes(b"deep")
    (blobs / "linked").symlink_to(outside.parent)
    path_of(storage).symlink_to(outside)

    found = {item.name: item for item in storage.scan()}

    assert set(found) == {
        "blobs/ab/notes.txt",
        f"blobs/ab/deeper/{ID.hex}",
        "blobs/linked",
        blob_name(ID),
    }
    assert found[blob_name(ID)].blob_id == ID
    assert not found[blob_name(ID)].is_regular
    assert not found["blobs/linked"].is_regular
    assert found["blobs/ab/notes.txt"].blob_id is None


def test_scan_passes_over_what_is_unlinked_while_it_walks(
    storage: BlobStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage.save(blob_name(ID), ContentFile(b"content"))
    real = os.scandir

    class Vanishing:
        """Unlinks each file after its name was read and before it is looked at."""

        def __init__(self, path: Path) -> None:
            self.items = real(path)

        def __enter__(self) -> Any:
            for item in self.items:
                if item.is_file():
                    Path(item.path).unlink()
                yield item

        def __exit__(self, *_args: object) -> None:
            self.items.close()

    monkeypatch.setattr(os, "scandir", Vanishing)

    assert list(storage.scan()) == []


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir], ids=["pipe", "folder"])
def test_what_is_not_a_regular_file_is_not_opened(
    storage: BlobStorage, make: Callable[[Path], None]
) -> None:
    make(path_of(storage))

    assert not storage.exists(blob_name(ID))
    with pytest.raises(OSError, match="not a regular file"):
        storage.open_blob(blob_name(ID))


def open_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_save_syncs_the_file_and_then_its_folder(
    storage: BlobStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[Path] = []
    real = os.fsync

    def fsync(descriptor: int) -> None:
        synced.append(Path(f"/proc/self/fd/{descriptor}").readlink())
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)

    storage.save(blob_name(ID), ContentFile(b"content"))

    assert synced == [path_of(storage), path_of(storage).parent]


def test_a_failure_at_any_call_of_a_save_leaves_nothing(
    storage: BlobStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = FailingDisk(monkeypatch)
    storage.save(blob_name(uuid4()), ContentFile(b"content"))
    calls = len(disk.calls)
    descriptors = open_descriptors()

    for n in range(1, calls + 1):
        with disk.failing_at(n), pytest.raises(OSError, match="No space left"):
            storage.save(blob_name(uuid4()), ContentFile(b"content"))

    assert calls >= 8
    assert len(list(storage.scan())) == 1
    assert open_descriptors() == descriptors


def test_sync_that_fails_closes_the_file_and_is_not_tried_again(
    storage: BlobStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = storage.writer(uuid4())
    writer.write(b"content")
    disk = FailingDisk(monkeypatch)

    with disk.failing_at(1), pytest.raises(OSError, match="No space left"):
        writer.sync()
    with pytest.raises(ValueError, match="descriptor"):
        writer.sync()
    writer.discard()
    assert list(storage.scan()) == []


def test_write_goes_on_after_a_short_write(
    storage: BlobStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, piece: real(descriptor, piece[:3]))
    writer = storage.writer(uuid4())

    writer.write(b"0123456789")
    writer.sync()

    assert storage.open(writer.name).read() == b"0123456789"
    assert writer.size == 10


def test_sync_folders_syncs_each_once(
    storage: BlobStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    folders = [storage.writer(uuid4()).folder for _ in range(3)]
    disk = FailingDisk(monkeypatch)

    storage.sync_folders([*folders, *folders])

    assert disk.calls.count("fsync") == len(set(folders))


def test_sync_folder_closes_what_it_opened_when_it_fails(
    storage: BlobStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    descriptors = open_descriptors()
    disk = FailingDisk(monkeypatch)

    with disk.failing_at(2), pytest.raises(OSError, match="No space left"):
        sync_folder(path_of(storage).parent)
    assert open_descriptors() == descriptors


def test_storage_lies_below_the_data_folder_by_default(settings: Settings) -> None:
    assert BlobStorage().location == str(settings.FILES_DATA_DIR / "uploads")


def test_ids_of_a_batch_are_different_and_lie_in_few_folders() -> None:
    ids = new_blob_ids(100)

    assert len(set(ids)) == 100
    assert len({blob_name(blob_id).split("/")[1] for blob_id in ids}) <= 4
    assert {blob_id.version for blob_id in ids} == {4}
    assert new_blob_ids(0) == []
