"""Uploads in the admin: looked at live, filtered, cancelled, each by its permission."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from files.admin import confirming, uploads_pending
from files.models import Event, Space, Upload
from files.operations.blobs import blob_storage
from files.operations.uploads import begin_append, cancel_upload
from files.storage.base import blob_name
from tests.admin.conftest import World, make_staff, signed_in
from tests.factories import SYSTEM, actor_of, make_shared_space, make_upload, receive, root_of

UPLOADS = "/admin/files/upload/"
NBSP = "\N{NO-BREAK SPACE}"


@pytest.fixture
def upload(world: World) -> Upload:
    """Give an upload of bob's that is half there."""
    begun = make_upload(world.folder, "sea/wave.mp4", length=4096, actor=actor_of(world.bob))
    return receive(begun, b"x" * 2048)


@contextmanager
def running(upload: Upload) -> Iterator[None]:
    """Have a connection write an upload since two seconds ago."""
    begin_append(upload, until=None, length=None, checked=False)
    Upload.objects.filter(pk=upload.pk).update(active_since=timezone.now() - timedelta(seconds=2))
    with Path(blob_storage().path(blob_name(upload.pk))).open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.write(b"x" * 1024)
        file.flush()
        yield


def action(upload: Upload, *, confirmed: bool) -> dict[str, Any]:
    """Give the form of the action, from the list or from the page that asks."""
    form = {"action": "cancel", "_selected_action": [str(upload.pk)]}
    return {**form, "confirmed": "yes"} if confirmed else form


LOOKER, CANCELLER = ("files.view_upload",), ("files.view_upload", "files.delete_upload")


@pytest.mark.parametrize(
    ("permissions", "sees", "cancels"),
    [
        ((), False, False),
        (LOOKER, True, False),
        (("files.change_upload",), True, False),
        (("files.add_upload",), False, False),
        (("files.delete_upload",), False, False),
        (CANCELLER, True, True),
        (("files.view_entry", "files.change_entry", "files.delete_entry"), False, False),
    ],
)
def test_who_may_do_what(
    world: World, upload: Upload, permissions: tuple[str, ...], *, sees: bool, cancels: bool
) -> None:
    client = signed_in(make_staff("clerk", *permissions))
    allowed = {True: 200, False: 403}

    assert client.get(UPLOADS).status_code == allowed[sees]
    assert client.get(f"{UPLOADS}{upload.pk}/change/").status_code == allowed[sees]
    for address in ("add/", f"{upload.pk}/delete/"):
        assert client.get(f"{UPLOADS}{address}").status_code == 403
        assert client.post(f"{UPLOADS}{address}", {"post": "yes"}).status_code == 403
    assert client.post(f"{UPLOADS}{upload.pk}/change/", {"_save": "1"}).status_code == 403
    client.post(UPLOADS, action(upload, confirmed=True))
    assert Upload.objects.exists() is not cancels


def test_superusers_may_and_others_are_sent_away(
    world: World, upload: Upload, superuser: User
) -> None:
    assert signed_in(superuser).get(UPLOADS).status_code == 200
    for user in (world.bob, None):
        client = signed_in(user)
        assert client.get(UPLOADS).status_code == 302
        assert client.post(UPLOADS, action(upload, confirmed=True)).status_code == 302
    assert Upload.objects.exists()


@pytest.fixture
def client(world: World) -> Client:
    """Give staff who may look and cancel."""
    return signed_in(make_staff("clerk", *CANCELLER))


def shown(client: Client, query: str = "") -> str:
    """Give the list."""
    return client.get(f"{UPLOADS}{query}").content.decode()


def test_a_row_says_what_whose_and_how_far(client: Client, upload: Upload) -> None:
    page = shown(client)

    assert "wave.mp4" in page
    assert ">bob<" in page
    assert f"2{NBSP}KiB of 4{NBSP}KiB" in page
    assert '<progress value="2048" max="4096"' in page


def test_a_running_one_is_shown_with_its_speed(client: Client, upload: Upload) -> None:
    with running(upload):
        page = shown(client)
        assert f"3{NBSP}KiB of 4{NBSP}KiB" in page
        assert "bytes/s" in page

        Upload.objects.update(active_since=timezone.now())
        assert ">…<" in shown(client)


def test_one_of_unknown_length_has_no_bar(client: Client, world: World) -> None:
    receive(make_upload(world.root, length=None, actor=SYSTEM), b"123")

    page = shown(client)

    assert "3 bytes so far" in page
    assert "<progress" not in page


def test_finished_ones_are_not_on_their_way(client: Client, upload: Upload) -> None:
    Upload.objects.update(state="finished", reserved_bytes=0)

    assert "wave.mp4" not in shown(client)


def test_filters_tell_what_is_running(client: Client, world: World, upload: Upload) -> None:
    receive(make_upload(world.root, "whole.bin", length=3, actor=SYSTEM), b"123")
    other = receive(make_upload(world.root, "quiet.bin", actor=SYSTEM), b"1")
    Upload.objects.filter(pk=other.pk).update(active_since=None)
    names = ("wave.mp4", "whole.bin", "quiet.bin")

    def found(query: str) -> list[str]:
        page = shown(client, query)
        return [name for name in names if name in page]

    with running(upload):
        assert found("?doing=running") == ["wave.mp4"]
        assert found("?doing=waiting") == ["quiet.bin"]
        assert found("?doing=received") == ["whole.bin"]
        assert len(found("?doing=nonsense")) == 3


def test_lists_are_narrowed_down_by_space_account_and_id(
    client: Client, world: World, upload: Upload
) -> None:
    other = make_shared_space("Other")
    make_upload(root_of(other), "theirs.bin", actor=SYSTEM)

    assert "wave.mp4" not in shown(client, f"?space={other.pk}")
    assert "theirs.bin" not in shown(client, "?q=bob")
    assert "theirs.bin" not in shown(client, f"?q={upload.pk}")
    for query in ("?q=bob", f"?q={upload.pk}", f"?space={world.space.pk}", "?q="):
        assert "wave.mp4" in shown(client, query)


def test_a_page_says_where_it_goes(client: Client, world: World, upload: Upload) -> None:
    sees_entries = signed_in(make_staff("ivy", "files.view_upload", "files.view_entry"))

    def page(by: Client = client) -> str:
        return by.get(f"{UPLOADS}{upload.pk}/change/").content.decode()

    link = f"/admin/files/entry/{world.folder.pk}/change/"
    assert "sea/wave.mp4" in page()
    assert link in page(sees_entries)
    assert link not in page()
    Upload.objects.update(folder=world.root)
    assert ">/<" in page()
    Upload.objects.update(folder=None)
    assert ">gone<" in page()


def test_cancelling_asks_first_and_is_recorded(
    client: Client, world: World, upload: Upload
) -> None:
    asked = client.post(UPLOADS, action(upload, confirmed=False)).content.decode()
    assert "Cancel 1 upload?" in asked
    assert "sea/wave.mp4" in asked
    assert Upload.objects.exists()

    answer = client.post(UPLOADS, action(upload, confirmed=True), follow=True)

    assert "1 upload was cancelled." in answer.content.decode()
    assert not Upload.objects.exists()
    event = Event.objects.get(kind=Event.Kind.UPLOAD_CANCELLED)
    assert (event.actor_name, event.door) == ("clerk", Event.Door.ADMIN)
    assert event.before == {"name": "wave.mp4", "owner": "bob", "size": 4096}
    assert Space.objects.get(pk=world.space.pk).used_bytes == len(b"sand") + len(b"old")


def test_what_is_over_meanwhile_is_no_failure(
    client: Client, upload: Upload, monkeypatch: pytest.MonkeyPatch
) -> None:
    def late(upload_id: Any, **more: Any) -> None:
        cancel_upload(upload_id, actor=SYSTEM)
        cancel_upload(upload_id, **more)

    monkeypatch.setattr(uploads_pending, "cancel_upload", late)

    answer = client.post(UPLOADS, action(upload, confirmed=True), follow=True)

    assert "0 uploads were cancelled." in answer.content.decode()


def test_too_many_at_once_are_refused(
    client: Client, upload: Upload, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(confirming, "AT_ONCE", 0)

    answer = client.post(UPLOADS, action(upload, confirmed=True), follow=True)

    assert "Please select at most 0 at once." in answer.content.decode()
    assert Upload.objects.exists()


def test_a_list_of_many_takes_few_queries(client: Client, world: World, upload: Upload) -> None:
    for number in range(30):
        make_upload(world.folder, f"{number}.bin", actor=actor_of(world.bob))
    shown(client)

    with CaptureQueriesContext(connection) as queries:
        shown(client, f"?doing=waiting&space={world.space.pk}&q=bob")

    assert len(queries) <= 10
