"""Files of this machine on their way in: what the commands cannot easily bring about."""

import errno
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from pytest_django import Settings

from files.errors import DiskFullError, FilesError, UnsuitableFileError
from files.models import Entry, Space, Upload
from files.operations import local_moves
from files.operations.entries import trash_entries
from files.operations.local_files import LocalFile, copy_in, modified_at_of
from files.operations.local_moves import finish_moves, move_in, moving, take_away_same
from files.operations.local_plans import Planner, WantedFile
from files.operations.trash import delete_entries
from files.storage.filesystem import BlobStorage, BlobWriter
from files.storage.partial import PartialBlob
from tests.factories import SYSTEM, make_file, make_folder, paths_in, reread
from tests.invariants import check_disk_is_swept

type Open = Callable[..., LocalFile]


@pytest.fixture
def local(tmp_path: Path) -> Iterator[Open]:
    """Give what makes a file and opens it."""
    with ExitStack() as stack:
        parent = os.open(tmp_path, os.O_RDONLY)
        stack.callback(os.close, parent)

        def make(name: str, content: bytes = b"content") -> LocalFile:
            (tmp_path / name).write_bytes(content)
            (tmp_path / name).chmod(0o600)
            descriptor = os.open(tmp_path / name, os.O_RDONLY)
            stack.callback(os.close, descriptor)
            return LocalFile((name,), descriptor, parent, name, os.fstat(descriptor))

        yield make


def told(results: list[Any]) -> list[str]:
    """Give what became of each file: its name, or why it was refused."""
    return [
        f"{result.code} {result.data.get('reason', '')}".strip()
        if isinstance(result, FilesError)
        else result.name
        for result in results
    ]


def failing(real: Callable[..., Any], number: int, *, at: bytes = b"") -> Callable[..., Any]:
    """Make a call fail for files of some content."""

    def call(self: BlobWriter, *args: Any) -> Any:
        if self.head == at or not at:
            raise OSError(number, os.strerror(number))
        return real(self, *args)

    return call


def test_bytes_that_are_shared_are_hashed_as_they_are_stored(
    root: Entry, local: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    def clone(source: int, target: int) -> bool:
        os.pwrite(target, os.pread(source, 2**20, 0), 0)
        return True

    monkeypatch.setattr("files.storage.filesystem.clone_file", clone)

    assert told(copy_in(root, [local("a")], actor=SYSTEM)) == ["a"]
    assert paths_in(root) == {"a": b"content"}


def test_a_copy_that_is_shorter_than_its_source_is_refused(
    root: Entry, local: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(BlobWriter, "copy", lambda self, _source, _check: self.write(b"cont"))

    assert told(copy_in(root, [local("a")], actor=SYSTEM)) == ["unsuitable-file changed"]
    check_disk_is_swept()


def test_a_disk_that_fails_one_file_takes_the_others(
    root: Entry, local: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(BlobWriter, "sync", failing(BlobWriter.sync, errno.EIO, at=b"bad"))

    put = copy_in(root, [local("a", b"bad"), local("b")], actor=SYSTEM)

    assert told(put) == ["storage-failed Input/output error", "b"]
    check_disk_is_swept()


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_disk_that_is_full_takes_none(
    root: Entry, local: Open, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    monkeypatch.setattr(BlobWriter, "copy", failing(BlobWriter.copy, number))

    with pytest.raises(DiskFullError):
        copy_in(root, [local("a"), local("b")], actor=SYSTEM)
    check_disk_is_swept()


@pytest.mark.parametrize("change", [os.unlink, lambda path: path.rename(path.with_name("other"))])
def test_a_source_that_has_lost_its_name_is_not_removed(
    root: Entry, local: Open, tmp_path: Path, change: Callable[[Path], object]
) -> None:
    file = local("a")
    there = make_file(root, "a")
    change(tmp_path / "a")

    assert told(take_away_same([(file, there)])) == ["unsuitable-file changed"]


@pytest.mark.parametrize("other", [b"another", None])
def test_a_name_that_leads_elsewhere_is_left_alone(
    local: Open, tmp_path: Path, other: bytes | None
) -> None:
    file = local("a")
    (tmp_path / "a").unlink()
    if other is not None:
        (tmp_path / "a").write_bytes(other)

    with pytest.raises(UnsuitableFileError):
        file.require_name()


def test_copies_side_by_side_share_what_the_disk_has_left(
    root: Entry, local: Open, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = settings.FILES_MIN_FREE_SPACE + 10
    monkeypatch.setattr(BlobStorage, "free_bytes", lambda _self: left)

    with pytest.raises(DiskFullError):
        copy_in(root, [local("a"), local("b")], actor=SYSTEM)
    assert told(copy_in(root, [local("c")], actor=SYSTEM)) == ["c"]
    check_disk_is_swept()


def test_a_move_of_what_others_may_write_to_is_a_copy(
    root: Entry, local: Open, tmp_path: Path
) -> None:
    file = local("a")
    os.fchmod(file.descriptor, 0o666)
    file = replace(file, status=os.fstat(file.descriptor))

    assert told(move_in(root, [file], actor=SYSTEM)) == ["a"]
    assert not (tmp_path / "a").exists()


def test_a_source_that_cannot_be_read_is_not_removed(
    root: Entry, local: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def pread(*_args: object) -> bytes:
        raise OSError(errno.EIO, "Input/output error")

    pairs = [(local("a"), make_file(root, "a"))]
    monkeypatch.setattr(os, "pread", pread)

    assert told(take_away_same(pairs)) == ["unsuitable-file Input/output error"]
    assert (tmp_path / "a").exists()


def test_what_lies_on_another_mount_is_copied(
    root: Entry, local: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def rename(*_args: object, **_more: object) -> None:
        raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))

    monkeypatch.setattr(os, "rename", rename)

    with moving():
        assert told(move_in(root, [local("a")], actor=SYSTEM)) == ["a"]
    assert paths_in(root) == {"a": b"content"}
    assert not (tmp_path / "a").exists()
    assert not Upload.objects.exists()


def test_what_is_swapped_under_a_move_is_put_back(
    root: Entry, local: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = BlobStorage.adopt

    def adopt(self: BlobStorage, blob_id: UUID, name: str, *, parent: int) -> None:
        (tmp_path / name).unlink()
        (tmp_path / name).write_bytes(b"another")
        real(self, blob_id, name, parent=parent)

    file = local("a")
    monkeypatch.setattr(BlobStorage, "adopt", adopt)

    with moving():
        assert told(move_in(root, [file], actor=SYSTEM)) == ["unsuitable-file changed"]
    assert (tmp_path / "a").read_bytes() == b"another"
    assert not Upload.objects.exists()
    check_disk_is_swept()


def test_a_move_that_somebody_cancels_as_an_upload_stays_where_it_was(
    root: Entry, local: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = PartialBlob.sync_bytes

    def sync(self: PartialBlob) -> None:
        real(self)
        if self.read_head(3) == b"bad":
            Upload.objects.filter(path="a").delete()

    monkeypatch.setattr(local_moves, "take_side_by_side", one_after_the_other)
    monkeypatch.setattr(PartialBlob, "sync_bytes", sync)
    space = reread(root.space)
    before = space.used_bytes

    with moving():
        put = move_in(root, [local("a", b"bad"), local("b")], actor=SYSTEM)

    assert told(put) == ["upload-not-found", "b"]
    assert (tmp_path / "a").read_bytes() == b"bad"
    # That of the row that was deleted without its reservation stays, as only this test does that.
    space = reread(space)
    assert space.used_bytes == before + 3 + 7
    space.used_bytes -= 3
    space.save(update_fields=["used_bytes"])


def one_after_the_other(
    function: Callable[[LocalFile], Any], files: Sequence[LocalFile]
) -> list[Any]:
    """Stand in for threads, which have databases of their own."""
    return [function(file) for file in files]


def test_a_move_that_is_refused_at_the_end_is_put_back_and_reserves_nothing(
    space: Space, root: Entry, local: Open, tmp_path: Path
) -> None:
    make_folder(root, "a")

    with moving():
        put = move_in(root, [local("a"), local("b")], actor=SYSTEM)

    assert told(put) == ["not-a-file", "b"]
    assert (tmp_path / "a").read_bytes() == b"content"
    assert not Upload.objects.exists()
    assert reread(space).used_bytes == 7


def test_a_move_into_a_folder_that_is_gone_by_now_keeps_its_bytes(
    root: Entry, local: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make_folder(root, "folder")
    with monkeypatch.context() as patch:
        patch.setattr(local_moves, "put_taken", lambda *_args, **_more: 1 // 0)
        with pytest.raises(ZeroDivisionError):
            move_in(folder, [local("a")], actor=SYSTEM)
    trash_entries([folder], actor=SYSTEM)
    delete_entries([folder], actor=SYSTEM)

    done, refused = finish_moves(actor=SYSTEM)

    assert (done, told(refused)) == (0, ["entry-not-found"])
    upload = Upload.objects.get()
    assert PartialBlob(BlobStorage(), upload.pk).length == 7


def status_of(nanoseconds: int) -> Any:
    """Give what stat says of a file that was changed then."""

    class Status:
        st_mtime_ns = nanoseconds

    return Status


@pytest.mark.parametrize(
    ("nanoseconds", "year"), [(2**80, 9000), (-(2**80), 1000), (-(2**62) * 8, 1000), (2**68, 9000)]
)
def test_a_time_that_no_calendar_has_is_the_nearest_that_one_has(
    nanoseconds: int, year: int
) -> None:
    assert modified_at_of(status_of(nanoseconds)) == datetime(year, 1, 1, tzinfo=UTC)


def test_plans_count_the_quota_over_many_calls_or_afresh(space: Space, root: Entry) -> None:
    space.quota_bytes = 10
    space.save(update_fields=["quota_bytes"])
    planner = Planner(root, SYSTEM)

    def plan(name: str, *, keeps_count: bool) -> str:
        wanted = [WantedFile((name,), 6, datetime.now(UTC))]
        (made,) = planner.plan(wanted, keeps_count=keeps_count)
        return made.error.code if made.error else ""

    assert plan("a", keeps_count=True) == ""
    assert plan("b", keeps_count=True) == "quota-exceeded"
    assert plan("c", keeps_count=False) == ""
    assert reread(space).used_bytes == 0


def test_plans_keep_one_of_two_spellings(root: Entry) -> None:
    now = datetime.now(UTC)
    wanted = [WantedFile((name,), 1, now) for name in ("caf\u00e9", "cafe\u0301")]

    first, second = Planner(root, SYSTEM).plan(wanted)

    assert first.error is None
    assert second.error is not None
    assert second.error.code == "entry-exists"
