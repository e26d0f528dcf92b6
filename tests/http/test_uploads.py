"""Who may upload what, decided from the head, while it comes, and once more when it is there."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.utils import timezone
from pytest_django import Settings

from files.http import bodies, incoming
from files.models import Entry, Grant, Space
from files.operations.entries import trash_entries
from files.storage.filesystem import BlobStorage
from tests.factories import SYSTEM, actor_of, make_folder, make_shared_space, make_user, root_of
from tests.http.client import SECRET, DoorsClient
from tests.http.forms import BODY, Scene, contents, form_of, stored_files, upload, with_token
from tests.multiparts import END, A, file, form, part

HUGE = str(2**40)


# Admit: by the head alone.


def test_anonymous_upload_leads_to_signing_in_and_back(anonymous: DoorsClient, root: Entry) -> None:
    answer = upload(anonymous, root)

    assert answer.status == 303
    assert answer.headers["location"] == f"/accounts/login/?next=%2Fupload%2F{root.pk}"
    assert answer.read_at_start == 0


def test_stranger_finds_nothing_at_a_folder_as_at_a_missing_one(
    anonymous: DoorsClient, root: Entry
) -> None:
    eve = anonymous.sign_in(make_user("eve"))

    hidden, missing = upload(eve, root), upload(eve, 999_999)

    assert hidden.status == missing.status == 404
    assert hidden.same_text.replace(f"/upload/{root.pk}", "/upload/999999") == missing.same_text
    assert hidden.read_at_start == missing.read_at_start == 0


def test_viewer_is_forbidden(anonymous: DoorsClient) -> None:
    space = make_shared_space(bob=Grant.Role.VIEWER)
    bob = anonymous.sign_in(User.objects.get(username="bob"))

    answer = upload(bob, root_of(space))

    assert answer.status == 403
    assert answer.read_at_start == 0


def test_uploader_may_add_and_reads_nothing(anonymous: DoorsClient, storage: BlobStorage) -> None:
    space = make_shared_space(bob=Grant.Role.UPLOADER)
    bob, root = anonymous.sign_in(User.objects.get(username="bob")), root_of(space)

    assert [upload(bob, root).status for _ in range(2)] == [303, 303]
    assert sorted(contents(root, storage)) == ["a (2).txt", "a.txt"]


def test_trashed_folder_is_not_there(browser: DoorsClient, root: Entry) -> None:
    folder = make_folder(root, "old")
    trash_entries([folder], actor=SYSTEM)

    assert upload(browser, folder).status == 404


def test_file_is_no_folder(browser: DoorsClient, root: Entry) -> None:
    upload(browser, root)
    answer = upload(browser, Entry.objects.get(name="a.txt"))

    assert answer.status == 409


def test_folder_that_is_too_deep_takes_nothing(
    browser: DoorsClient, root: Entry, settings: Settings
) -> None:
    settings.FILES_MAX_DEPTH = 3
    folder = make_folder(make_folder(root, "d"), "d")

    answer = upload(browser, folder)

    assert answer.status == 409
    assert answer.read_at_start == 0


@pytest.mark.parametrize("quota", [0, 10_000])
def test_more_than_the_quota_is_refused_unread(
    browser: DoorsClient, root: Entry, space: Space, quota: int
) -> None:
    Space.objects.filter(pk=space.pk).update(quota_bytes=quota)

    answer = upload(browser, root, BODY, content_length=HUGE)

    assert answer.status == 507
    assert answer.read_at_start == 0
    assert answer.headers["connection"] == "close"
    assert "1\xa0TiB is needed" in answer.text
    assert "is left" in answer.text


def test_more_than_the_disk_has_is_refused_unread(
    browser: DoorsClient, root: Entry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(BlobStorage, "free_bytes", lambda _self: 2**30)

    answer = upload(browser, root, BODY, content_length=HUGE)

    assert answer.status == 507
    assert answer.read_at_start == 0
    assert "512" in answer.text  # MB: what is left beside the reserve


@pytest.mark.parametrize("value", ["-1", "1e3", "0x10", "12 12", "12, 12", "", "9" * 30, "+5", "٣"])
def test_malformed_length_is_refused_unread(scene: Scene, value: str) -> None:
    answer = upload(scene.browser, scene.root, BODY, content_length=value)

    assert answer.status == 400
    assert answer.read_at_start == 0
    scene.assert_nothing_came()


@pytest.mark.parametrize("change", ["expired", "signed out", "inactive", "password", "deleted"])
def test_session_that_ended_uploads_nothing(
    browser: DoorsClient, ada: User, root: Entry, change: str
) -> None:
    if change == "expired":
        Session.objects.update(expire_date=timezone.now() - timedelta(seconds=1))
    elif change == "signed out":
        Session.objects.all().delete()
    elif change == "inactive":
        User.objects.filter(pk=ada.pk).update(is_active=False)
    elif change == "password":
        User.objects.filter(pk=ada.pk).update(password="another")
    else:
        browser.cookies["sessionid"] = "x" * 32

    answer = upload(browser, root)

    assert answer.status == 303
    assert answer.headers["location"].startswith("/accounts/login/")
    assert answer.read_at_start == 0


# While it comes.


@pytest.mark.parametrize(("size", "status"), [(99_999, 303), (100_000, 303), (100_001, 507)])
@pytest.mark.parametrize("limit", ["quota", "disk"])
def test_room_is_used_to_the_last_byte(
    scene: Scene,
    monkeypatch: pytest.MonkeyPatch,
    settings: Settings,
    limit: str,
    size: int,
    status: int,
) -> None:
    if limit == "quota":
        Space.objects.filter(pk=scene.space.pk).update(quota_bytes=100_000)
    else:
        free = settings.FILES_MIN_FREE_SPACE + 100_000

        def free_bytes(self: BlobStorage) -> int:
            return int(free) - sum(found.size for found in self.scan())

        monkeypatch.setattr(BlobStorage, "free_bytes", free_bytes)

    answer = upload(scene.browser, scene.root, [form_of(b"x" * size)])

    assert answer.status == status
    if status == 303:
        assert contents(scene.root, scene.storage) == {"a.txt": b"x" * size}
    else:
        scene.assert_nothing_came()
        assert "is left" in answer.text


def test_disk_that_fills_meanwhile_keeps_its_reserve(
    scene: Scene,
    monkeypatch: pytest.MonkeyPatch,
    settings: Settings,
) -> None:
    left = iter([10**9, *[10**6] * 99])
    reserve = settings.FILES_MIN_FREE_SPACE
    monkeypatch.setattr(BlobStorage, "free_bytes", lambda _self: reserve + next(left))

    answer = upload(scene.browser, scene.root, form_of(b"x" * 3_000_000))

    assert answer.status == 507
    scene.assert_nothing_came()


def test_file_over_the_limit_is_named(
    browser: DoorsClient, root: Entry, space: Space, storage: BlobStorage, settings: Settings
) -> None:
    settings.FILES_MAX_UPLOAD_SIZE = 7

    assert upload(browser, root, form_of(b"x" * 7)).status == 303
    answer = upload(browser, root, with_token(form(file("b.txt", b"x" * 8))))

    assert answer.status == 413
    assert "b.txt" in answer.text
    assert list(contents(root, storage)) == ["a.txt"]
    assert len(stored_files(storage)) == 1


def test_bad_names_are_told_all_at_once(browser: DoorsClient, root: Entry) -> None:
    body = with_token(form(file(".."), A, file("b/")))

    answer = upload(browser, root, body)

    assert answer.status == 422
    assert "b/" in answer.text
    assert "reserved" not in answer.text
    assert Entry.objects.filter(parent=root).count() == 0


@pytest.mark.parametrize("size", [100, 3_000_000])
@pytest.mark.parametrize("cut", [1, 40, 90, 250])
def test_client_that_goes_leaves_nothing(scene: Scene, size: int, cut: int) -> None:
    body = form_of(b"x" * size)
    pieces = [body[at : at + 65_536] for at in range(0, len(body) - cut, 65_536)]

    answer = upload(scene.browser, scene.root, pieces, gone=True)

    assert answer.messages == []
    scene.assert_nothing_came()


def test_client_that_stalls_is_given_up(
    scene: Scene,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bodies, "IDLE_SECONDS", 0.05)

    answer = upload(scene.browser, scene.root, [BODY[:-10]], stalls=True)

    assert answer.status == 408
    assert answer.headers["connection"] == "close"
    scene.assert_nothing_came()


def test_refused_client_that_sends_on_for_ever_is_left(
    anonymous: DoorsClient, root: Entry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bodies, "DRAIN_SECONDS", 0.05)

    answer = upload(anonymous, root, [BODY], stalls=True)

    assert answer.status == 303
    assert answer.is_whole
    assert answer.read == 1


def test_memory_does_not_follow_size(
    browser: DoorsClient, root: Entry, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = 0
    take = incoming.IncomingFile.take

    async def watch(self: incoming.IncomingFile, piece: bytes) -> None:
        nonlocal held
        await take(self, piece)
        held = max(held, sum(map(len, self._gathered)))

    monkeypatch.setattr(incoming.IncomingFile, "take", watch)
    body = form_of(b"x" * 20_000_000)

    assert (
        upload(browser, root, [body[at : at + 65_536] for at in range(0, len(body), 65_536)]).status
        == 303
    )
    assert held <= incoming.PIECE_SIZE


def test_names_and_tokens_stay_out_of_the_log(
    browser: DoorsClient, root: Entry, caplog: pytest.LogCaptureFixture
) -> None:
    secret = with_token(form(file("secret-name.txt")))
    upload(browser, root, secret)
    upload(browser, root, secret[: -len(END)])
    upload(browser, root, secret.replace(SECRET.encode(), b"t" * 32))

    for record in caplog.records:
        text = str(vars(record))
        assert "secret-name" not in text
        assert SECRET not in text
        assert "t" * 32 not in text


def test_path_of_a_folder_upload_makes_its_folders(
    browser: DoorsClient, root: Entry, storage: BlobStorage
) -> None:
    body = form(file("d/a.txt", b"1"), file("d/e/a.txt", b"2"), file("d/a.txt", b"3"))

    upload(browser, root, with_token(body))

    assert contents(root, storage) == {"d/a.txt": b"1", "d/e/a.txt": b"2", "d/a (2).txt": b"3"}
    assert Entry.objects.filter(kind=Entry.Kind.FOLDER, parent__isnull=False).count() == 2


def test_second_upload_is_a_version_or_a_second_file(browser: DoorsClient, root: Entry) -> None:
    both = with_token(form(part("clash", "both"), A))
    for body in (BODY, BODY, both):
        assert upload(browser, root, body).status == 303

    names = Entry.objects.filter(parent=root).values_list("name", flat=True)
    assert sorted(names) == ["a (2).txt", "a.txt"]
    assert Entry.objects.get(name="a.txt").versions.count() == 2


def test_actor_is_who_was_signed_in(browser: DoorsClient, ada: User, root: Entry) -> None:
    upload(browser, root)

    assert Entry.objects.get(name="a.txt").created_by == actor_of(ada).user


def test_door_leaves_the_working_folder_alone(
    browser: DoorsClient, root: Entry, tmp_path: Path
) -> None:
    before = sorted(path.name for path in tmp_path.iterdir())

    upload(browser, root)

    assert sorted(path.name for path in tmp_path.iterdir()) == before


# What a script says of its files.


def test_files_have_the_times_that_a_script_states(scene: Scene) -> None:
    times = part("lastModified", "1700000000123,-1000")

    answer = upload(scene.browser, scene.root, with_token(form(times, A, file("b.txt"))))

    assert answer.status == 303
    a, b = (Entry.objects.get(name=name).modified_at for name in ("a.txt", "b.txt"))
    assert a == datetime(2023, 11, 14, 22, 13, 20, 123_000, tzinfo=UTC)
    assert b == datetime(1969, 12, 31, 23, 59, 59, tzinfo=UTC)


@pytest.mark.parametrize(
    "times",
    [
        "1", "1,2,3", "1,x", "1,", "1;2", "9" * 15 + ",1",
        # Of the first and the last days that there are, which not every time zone can show.
        "-62135596800000,1", "1,253402214400000",
    ],
)  # fmt: skip
def test_times_that_do_not_fit_the_files_are_refused(scene: Scene, times: str) -> None:
    stated = part("lastModified", times)

    answer = upload(scene.browser, scene.root, with_token(form(stated, A, file("b.txt"))))

    assert answer.status == 400
    scene.assert_nothing_came()
