"""What happens to an upload that is refused at the end, or met by a fault."""

import errno
import os
import sqlite3
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import DatabaseError, OperationalError

from files.models import Entry, Grant, Space
from files.operations import versions
from files.operations.entries import trash_entries
from files.operations.spaces import set_member
from files.storage.filesystem import BlobStorage, BlobWriter
from tests.factories import SYSTEM, make_folder, make_shared_space, root_of
from tests.http.client import DoorsClient
from tests.http.forms import (
    BODY,
    Scene,
    stored_files,
    upload,
    with_token,
)
from tests.multiparts import END, file, form

# When it is there.


@pytest.fixture
def before_act(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Give a list of calls to make when all bytes are there and nothing is recorded."""
    calls: list[Any] = []

    def after_calls(put: Any) -> Any:
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            for call in calls:
                call()
            return put(*args, **kwargs)

        return wrapped

    monkeypatch.setattr("files.http.uploads.put_files", after_calls(versions.put_files))
    monkeypatch.setattr("files.http.commits.put_waiting", after_calls(versions.put_waiting))
    return calls


def test_folder_trashed_meanwhile_takes_nothing(
    browser: DoorsClient, root: Entry, storage: BlobStorage, before_act: list[Any]
) -> None:
    folder = make_folder(root, "d")
    before_act.append(lambda: trash_entries([folder], actor=SYSTEM))

    assert upload(browser, folder).status == 404
    assert stored_files(storage) == []


def test_right_lost_meanwhile_is_lost(
    anonymous: DoorsClient, storage: BlobStorage, before_act: list[Any]
) -> None:
    space = make_shared_space(bob=Grant.Role.EDITOR)
    user = User.objects.get(username="bob")
    before_act.append(lambda: set_member(space, user=user, role=Grant.Role.VIEWER, actor=SYSTEM))

    assert upload(anonymous.sign_in(user), root_of(space)).status == 403
    assert stored_files(storage) == []


def test_quota_filled_meanwhile_is_kept(scene: Scene, before_act: list[Any]) -> None:
    before_act.append(lambda: Space.objects.filter(pk=scene.space.pk).update(quota_bytes=3))

    answer = upload(scene.browser, scene.root)

    assert answer.status == 507
    assert "a.txt" in answer.text
    scene.assert_nothing_came()


# What breaks.


def failing(function: Any, number: int, error: BaseException) -> Any:
    """Wrap a function so that its n-th call fails."""
    calls = iter(range(1, 10**6))

    def call(*args: Any, **kwargs: Any) -> Any:
        if next(calls) == number:
            raise error
        return function(*args, **kwargs)

    return call


@pytest.mark.parametrize(
    ("code", "status"), [("ENOSPC", 507), ("EDQUOT", 507), ("EIO", 500), ("EMFILE", 500)]
)
@pytest.mark.parametrize(
    ("call", "number"),
    [
        *(("write", n) for n in (1, 2, 3, 4)),
        *(("fsync", n) for n in (1, 2, 3, 4, 5)),  # of the files, then of the folders
        *(("open", n) for n in (1, 3, 4, 9)),
        *(("fchmod", n) for n in (1, 3)),
        *(("statvfs", n) for n in (2, 4)),  # the first is admit's
    ],
)
def test_failing_disk_leaves_nothing(
    scene: Scene,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    call: str,
    code: str,
    status: int,
    number: int,
) -> None:
    body = form(file("a", b"x" * 2_500_000), file("b"), file("c", b""))
    body = with_token(body)
    pieces = [body[at : at + 65_536] for at in range(0, len(body), 65_536)]
    error = OSError(getattr(errno, code), "planted")
    broken = failing(getattr(os, call), number, error)

    with monkeypatch.context() as patch:
        patch.setattr(f"files.storage.filesystem.os.{call}", broken)
        answer = upload(scene.browser, scene.root, pieces)

    assert answer.status == status
    assert "<h1" in answer.text
    scene.assert_nothing_came()
    said = [line for line in caplog.records if line.name == "files.http.disk"]
    assert [line.levelname for line in said] == ["ERROR" if status == 507 else "CRITICAL"]


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("error", [OperationalError("database is locked"), DatabaseError("gone")])
def test_failing_database_keeps_the_bytes_for_the_sweeper(
    browser: DoorsClient,
    root: Entry,
    space: Space,
    storage: BlobStorage,
    before_act: list[Any],
    error: Exception,
    count: int,
) -> None:
    def fail() -> None:
        raise error

    before_act.append(fail)

    answer = upload(browser, root, with_token(form(*[file("a")] * count)))

    assert answer.status == 500
    assert "<h1" in answer.text
    assert len(stored_files(storage)) == count
    space.refresh_from_db()
    assert space.used_bytes == 0
    assert not Entry.objects.filter(parent=root).exists()


@pytest.mark.parametrize("count", [1, 2])
def test_full_database_is_told_as_a_full_disk(
    scene: Scene, before_act: list[Any], count: int
) -> None:
    def fail() -> None:
        cause = sqlite3.OperationalError("database or disk is full")
        cause.sqlite_errorcode = sqlite3.SQLITE_FULL
        raise OperationalError(*cause.args) from cause

    before_act.append(fail)

    body = with_token(form(*[file("a")] * count))
    assert upload(scene.browser, scene.root, body).status == 507
    scene.assert_nothing_came()


def test_failing_database_before_the_body_is_a_page(
    browser: DoorsClient, root: Entry, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_args: Any) -> None:
        raise OperationalError("database is locked")

    monkeypatch.setattr("files.http.uploads.locate", fail)

    answer = upload(browser, root)

    assert answer.status == 500
    assert "<h1" in answer.text
    assert "x-content-type-options" in answer.headers


def test_bytes_that_cannot_be_removed_do_not_hide_the_answer(
    browser: DoorsClient, root: Entry, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_self: BlobWriter) -> None:
        raise PermissionError

    monkeypatch.setattr(BlobWriter, "discard", fail)

    assert upload(browser, root, BODY[: -len(END)]).status == 400
