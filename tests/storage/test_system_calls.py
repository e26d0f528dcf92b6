"""Copying whole files in every way that there is; and what the system tells of open files."""

import errno
import fcntl
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from files.storage import system_calls
from files.storage.system_calls import (
    PIECE_SIZE,
    STRETCH_SIZE,
    copy_file,
    is_open_for_writing,
    read_pieces,
)

SIZES = [0, 1, PIECE_SIZE, PIECE_SIZE + 1, STRETCH_SIZE + 1]


def _clone(_target: int, _request: int, source: int) -> int:
    """Stand in for a file system that shares blocks."""
    os.pwrite(_target, os.pread(source, 2**30, 0), 0)
    return 0


def _no_clone(*_args: Any) -> int:
    raise OSError(errno.EOPNOTSUPP, "not supported")


def _no_copy(*_args: Any) -> int:
    raise OSError(errno.EXDEV, "cross-device link")


@pytest.fixture(params=["clone", "in the system", "by hand"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Leave one way to copy."""
    monkeypatch.setattr(fcntl, "ioctl", _clone if request.param == "clone" else _no_clone)
    if request.param == "by hand":
        monkeypatch.setattr(os, "copy_file_range", _no_copy)
    return str(request.param)


@pytest.fixture
def target(tmp_path: Path) -> Iterator[int]:
    descriptor = os.open(tmp_path / "target", os.O_RDWR | os.O_CREAT)
    yield descriptor
    os.close(descriptor)


def open_source(tmp_path: Path, content: bytes) -> int:
    (tmp_path / "source").write_bytes(content)
    return os.open(tmp_path / "source", os.O_RDONLY)


@pytest.mark.parametrize("size", SIZES)
def test_a_file_is_copied_whole_whichever_way(
    tmp_path: Path, target: int, way: str, size: int
) -> None:
    content = os.urandom(size)
    source = open_source(tmp_path, content)

    copy_file(source, target)

    assert (tmp_path / "target").read_bytes() == content
    assert b"".join(read_pieces(source)) == content
    assert b"".join(read_pieces(target, start=1)) == content[1:]
    os.close(source)


def test_a_copy_can_be_interrupted(tmp_path: Path, target: int, way: str) -> None:
    source = open_source(tmp_path, b"x" * (STRETCH_SIZE + 1))
    calls = 0

    def check() -> None:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise KeyboardInterrupt

    if way == "clone":  # takes no time
        copy_file(source, target, check)
        assert calls == 0
    else:
        with pytest.raises(KeyboardInterrupt):
            copy_file(source, target, check)
        assert (tmp_path / "target").stat().st_size <= STRETCH_SIZE
    os.close(source)


@pytest.mark.parametrize("fail_at", [1, 2])
def test_a_full_disk_is_no_reason_to_try_another_way(
    tmp_path: Path, target: int, monkeypatch: pytest.MonkeyPatch, fail_at: int
) -> None:
    source = open_source(tmp_path, b"x" * (STRETCH_SIZE + 1))
    real, calls = os.copy_file_range, 0

    def copy(*args: Any) -> int:
        nonlocal calls
        calls += 1
        if calls == fail_at:
            raise OSError(errno.ENOSPC if fail_at == 1 else errno.EXDEV, "it does not work")
        return real(*args)

    monkeypatch.setattr(fcntl, "ioctl", _no_clone)
    monkeypatch.setattr(os, "copy_file_range", copy)

    with pytest.raises(OSError, match="it does not work"):
        copy_file(source, target)
    os.close(source)


def test_a_short_write_is_gone_on_with(
    tmp_path: Path, target: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    real: Callable[..., int] = os.pwrite
    monkeypatch.setattr(fcntl, "ioctl", _no_clone)
    monkeypatch.setattr(os, "copy_file_range", _no_copy)
    monkeypatch.setattr(os, "pwrite", lambda fd, piece, offset: real(fd, piece[:3], offset))
    source = open_source(tmp_path, b"0123456789")

    copy_file(source, target)

    assert (tmp_path / "target").read_bytes() == b"0123456789"
    os.close(source)


def test_a_writer_is_noticed_and_one_that_has_closed_is_not(tmp_path: Path) -> None:
    source = open_source(tmp_path, b"content")

    with (tmp_path / "source").open("ab"):
        assert is_open_for_writing(source)
    assert not is_open_for_writing(source)
    os.close(source)


def test_a_file_system_that_fails_to_sync_is_told(
    target: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    system_calls.sync_file_system(target)

    with pytest.raises(OSError, match="Bad file descriptor"):
        system_calls.sync_file_system(2**20)
