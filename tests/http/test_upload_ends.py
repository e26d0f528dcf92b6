"""How an upload ends: who says that it is whole, and what becomes of what contradicts itself."""

from hashlib import sha256
from typing import Any

import pytest
from django.contrib.auth.models import User

from files.errors import (
    DigestMismatchError,
    FilesError,
    LengthMismatchError,
    QuotaExceededError,
    UploadCompleteError,
    UploadNotFoundError,
)
from files.http.appending import Engine
from files.http.handler import ClientGoneError
from files.models import Space, Upload
from files.operations import uploads
from files.storage.filesystem import BlobStorage
from tests.factories import actor_of, reread
from tests.http.engine import Bench

pytestmark = pytest.mark.usefixtures("kept_connection", "consistent")


def test_last_body_of_unknown_length_finishes_the_upload(bench: Bench) -> None:
    bench.begin()
    assert not bench.append(b"one ", is_last=False).is_finished

    upload = bench.append(b"two", at=4, is_last=True)

    assert (upload.is_finished, upload.length, bench.files) == (True, 7, {"a": b"one two"})


def test_end_that_is_held_is_not_finished_by_reaching_the_length(bench: Bench) -> None:
    bench.begin(length=3)

    upload = bench.append(b"abc", is_last=False)

    assert (upload.offset, upload.is_finished, upload.is_held) == (3, False, True)
    assert not bench.query(length_tells=False).is_finished
    assert bench.files == {}
    assert bench.append(b"", at=3, sized=True, is_last=True).is_finished
    assert bench.files == {"a": b"abc"}


def test_asking_finishes_an_end_that_is_held_where_the_length_tells(bench: Bench) -> None:
    bench.begin(length=3)
    bench.append(b"abc", is_last=False)

    assert bench.query().is_finished
    assert bench.files == {"a": b"abc"}


def test_asking_finishes_what_a_crash_has_left_whole(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.begin(length=3)
    with monkeypatch.context() as patch:
        patch.setattr(Engine, "_finish", _crash)
        with pytest.raises(MemoryError):
            bench.append(b"abc", is_last=True)

    assert bench.query(length_tells=False).is_finished
    assert bench.files == {"a": b"abc"}


async def _crash(*_arguments: object) -> Upload:
    raise MemoryError


def test_last_word_is_said_once(bench: Bench) -> None:
    bench.begin(length=3)
    bench.append(b"abc")

    assert bench.append(b"", at=3, sized=True).is_finished
    with pytest.raises(UploadCompleteError):
        bench.append(b"", at=3, sized=True, is_last=True)


def test_last_body_that_ends_early_contradicts_the_length_and_is_kept(bench: Bench) -> None:
    bench.begin(length=10)

    with pytest.raises(LengthMismatchError):
        bench.append(b"short", is_last=True)

    assert bench.query().offset == 5
    assert bench.append(b" here", at=5).is_finished


def test_body_that_goes_on_behind_the_length_ends_the_upload(
    bench: Bench, space: Space, storage: BlobStorage
) -> None:
    bench.begin(length=3)

    with pytest.raises(LengthMismatchError):
        bench.append(b"abcd")

    with pytest.raises(UploadNotFoundError):
        bench.query()
    assert (bench.files, reread(space).used_bytes) == ({}, 0)


def test_head_that_contradicts_the_length_leaves_the_upload_as_it_was(bench: Bench) -> None:
    bench.begin(length=3)

    with pytest.raises(LengthMismatchError):
        bench.append(b"abcd", sized=True)

    assert bench.append(b"abc").is_finished


@pytest.mark.parametrize("when", ["at first", "at last"])
def test_wrong_file_is_told_as_such_and_thrown_away(bench: Bench, space: Space, when: str) -> None:
    other = sha256(b"xyz").hexdigest()
    bench.begin(length=3, sha256=other if when == "at first" else "")

    with pytest.raises(DigestMismatchError):
        bench.append(b"abc", sha256="" if when == "at first" else other)

    with pytest.raises(UploadNotFoundError):
        bench.query()
    assert (bench.files, reread(space).used_bytes) == ({}, 0)


def test_digest_may_be_stated_with_the_last_body(bench: Bench) -> None:
    bench.begin(length=6)
    bench.append(b"abc")

    upload = bench.append(b"def", at=3, sha256=sha256(b"abcdef").hexdigest())

    assert upload.is_finished


def test_second_digest_that_differs_is_refused_and_nothing_is_lost(bench: Bench) -> None:
    right = sha256(b"abc").hexdigest()
    bench.begin(length=3, sha256=right)

    with pytest.raises(DigestMismatchError) as caught:
        bench.append(b"abc", sha256=sha256(b"xyz").hexdigest())

    assert caught.value.data["of"] == "announcement"
    assert bench.append(b"abc", sha256=right).is_finished


def test_finished_upload_knows_its_digest(bench: Bench) -> None:
    bench.begin(length=3)

    assert bench.append(b"abc").sha256 == sha256(b"abc").hexdigest()


@pytest.mark.parametrize("limit", ["quota", "size"])
def test_upload_of_unknown_length_needs_no_more_room_than_its_bytes(
    bench: Bench, space: Space, limit: str, settings: Any
) -> None:
    if limit == "quota":
        Space.objects.filter(pk=space.pk).update(quota_bytes=1000)
    else:
        settings.FILES_MAX_UPLOAD_SIZE = 1000
    bench.begin()

    assert bench.append(b"x" * 1000, is_last=True).is_finished
    assert reread(space).used_bytes == 1000


def test_upload_of_unknown_length_reserves_as_it_comes(
    bench: Bench, space: Space, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "STEP", 10)
    bench.begin()

    upload = bench.append(b"x" * 25, is_last=False)

    assert (upload.reserved_bytes, reread(space).used_bytes) == (35, 35)


@pytest.mark.parametrize("gone", [False, True])
def test_upload_of_unknown_length_keeps_what_the_quota_has_room_for(
    bench: Bench, space: Space, *, gone: bool
) -> None:
    Space.objects.filter(pk=space.pk).update(quota_bytes=1000)
    bench.begin()

    with pytest.raises(FilesError if not gone else ClientGoneError) as caught:
        bench.append(b"x" * 1001, gone=gone)

    assert gone or isinstance(caught.value, QuotaExceededError)
    assert (bench.query().offset, reread(space).used_bytes) == (1000, 1000)


def test_actor_of_another_user_finds_no_upload(bench: Bench, ada: User) -> None:
    bench.begin(length=3)
    bench.actor = actor_of(User.objects.create_user("eve"))

    with pytest.raises(UploadNotFoundError):
        bench.append(b"abc")
