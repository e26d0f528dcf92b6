"""Forms that break off: what came whole is kept out of sight, and confirmed by its owner."""

import pytest
from django.contrib.auth.models import User
from pytest_django import Settings

from files.http import bodies, forms
from files.models import Blob, Entry, Grant, Space, Upload
from files.operations.spaces import set_member
from files.storage.filesystem import BlobStorage, BlobWriter
from tests.factories import SYSTEM, make_shared_space, paths_in, root_of
from tests.http.client import Answer, DoorsClient
from tests.http.forms import Scene, in_pieces, stored_files, upload, with_token
from tests.invariants import check_everything
from tests.multiparts import file, form, part

LARGE = b"L" * 2_500_000  # goes to the disk before its end is there


def cut(*parts: bytes) -> list[bytes]:
    """Write a form whose last file does not come to its end."""
    return in_pieces(with_token(form(*parts, end=b"")) + file("cut.bin", LARGE)[:-9])


def send(browser: DoorsClient, folder: Entry, *parts: bytes, **more: object) -> Answer:
    """Send a form as a page of ours does, and go away in the middle of its last file."""
    options = {"accept": "text/html,*/*;q=0.8", "gone": True, **more}
    return upload(browser, folder, cut(*parts), **options)


def kept(storage: BlobStorage) -> dict[str, bytes]:
    """Give what is kept, by path, and check that nothing else lies there."""
    found = {}
    for row in Upload.objects.all():
        assert row.is_complete
        with storage.open(f"blobs/{row.pk.hex[:2]}/{row.pk.hex}") as stored:
            found[row.path] = stored.read()
    assert len(stored_files(storage)) == len(found)
    return found


def test_files_that_came_whole_are_kept_and_the_cut_one_is_not(scene: Scene) -> None:
    answer = send(scene.browser, scene.root, file("a.txt", b"A"), file("in/b.bin", LARGE))

    assert answer.messages == []
    assert kept(scene.storage) == {"a.txt": b"A", "in/b.bin": LARGE}
    assert paths_in(scene.root) == {}
    scene.space.refresh_from_db()
    assert scene.space.used_bytes == 1 + len(LARGE)
    check_everything()


@pytest.mark.parametrize(
    ("fields", "clash"), [((), "both"), (("both",), "both"), (("version",), "version")]
)
def test_they_replace_nothing_unless_that_was_said(
    scene: Scene, fields: tuple[str, ...], clash: str
) -> None:
    send(scene.browser, scene.root, *(part("clash", value) for value in fields), file("a.txt"))

    assert Upload.objects.get().clash == clash


def test_a_form_that_ends_in_a_field_has_its_files_kept(scene: Scene) -> None:
    body = [with_token(form(file("a.txt", b"A"), part("clash", "version")[:-4], end=b""))]

    upload(scene.browser, scene.root, body, accept="text/html", gone=True)

    assert kept(scene.storage) == {"a.txt": b"A"}


def test_a_client_that_stalls_has_them_kept_too(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bodies, "IDLE_SECONDS", 0.2)

    answer = send(scene.browser, scene.root, file("a.txt", b"A"), gone=False, stalls=True)

    assert answer.status == 408
    assert kept(scene.storage) == {"a.txt": b"A"}


@pytest.mark.parametrize("accept", ["application/json", "*/*", None])
def test_for_a_script_nothing_is_kept(scene: Scene, accept: str | None) -> None:
    send(scene.browser, scene.root, file("a.txt"), accept=accept)

    assert not Upload.objects.exists()
    scene.assert_nothing_came()


def test_a_form_with_a_file_that_is_refused_keeps_nothing(scene: Scene) -> None:
    send(scene.browser, scene.root, file("a.txt"), file("b/../c"))

    assert not Upload.objects.exists()
    scene.assert_nothing_came()


def test_without_the_token_nothing_is_kept(scene: Scene) -> None:
    body = [file("a.txt"), file("b.txt")[:-4]]

    upload(scene.browser, scene.root, body, accept="text/html", gone=True)

    assert not Upload.objects.exists()
    scene.assert_nothing_came()


def test_what_does_not_fit_into_the_quota_is_not_kept(scene: Scene) -> None:
    Space.objects.update(quota_bytes=10)
    # As a smaller form it is admitted; the quota shrinks while it comes.
    send(scene.browser, scene.root, file("a.txt", b"12345"), file("b.txt", b"123456"))

    assert kept(scene.storage) == {}


def test_who_has_lost_the_right_meanwhile_keeps_nothing(
    anonymous: DoorsClient, storage: BlobStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    space = make_shared_space(bob=Grant.Role.EDITOR)
    bob = User.objects.get(username="bob")
    monkeypatch.setattr(
        "files.http.uploads.keep_received", losing_the_right(space, bob), raising=True
    )

    send(anonymous.sign_in(bob), root_of(space), file("a.txt"))

    assert kept(storage) == {}


def losing_the_right(space: Space, user: User) -> object:
    """Take the right away before the operation decides."""
    from files.operations.received import keep_received

    def keep(*args: object, **more: object) -> object:
        set_member(space, user=user, role=None, actor=SYSTEM)
        return keep_received(*args, **more)  # type: ignore[arg-type]  # passed on

    return keep


def test_bytes_that_cannot_be_made_safe_are_not_kept(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    def sync(_self: BlobWriter) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(BlobWriter, "sync", sync)

    send(scene.browser, scene.root, file("a.txt"))

    assert not Upload.objects.exists()
    scene.assert_nothing_came()


def test_many_small_files_are_kept(scene: Scene, settings: Settings) -> None:
    settings.FILES_MAX_UPLOAD_FILES = 100
    assert forms.TRIP_FILES < 50
    names = [f"{number}.txt" for number in range(50)]

    send(scene.browser, scene.root, *(file(name, name.encode()) for name in names))

    assert kept(scene.storage) == {name: name.encode() for name in names}
    assert not Blob.objects.exists()
