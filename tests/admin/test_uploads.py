"""The admin's upload form, through the byte door, and reading content as staff."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from files.admin.faces import CONTENT, UPLOAD
from files.errors import EntryNotFoundError, ForbiddenError, NotAFileError
from files.http.doors import Doors
from files.http.handler import SyncCoreHandler
from files.models import Entry, Event
from files.operations.spaces import set_quota
from tests.admin.conftest import World, make_staff, signed_in
from tests.factories import SYSTEM, actor_of
from tests.http.client import SECRET, Answer, CallerExecutor, DoorsClient
from tests.multiparts import TYPE, file, form


@pytest.fixture
def door(kept_connection: None, monkeypatch: pytest.MonkeyPatch) -> DoorsClient:
    """Give the doors with the admin's face alone."""
    django, executor = SyncCoreHandler(), CallerExecutor()
    monkeypatch.setattr(django, "threads", executor)
    return DoorsClient(Doors(django, uploads=[UPLOAD], contents=[CONTENT]), executor)


@pytest.fixture
def clerk(db: None) -> User:
    """Give staff who may upload, and see the list they are sent to."""
    return make_staff("clerk", "files.add_entry", "files.view_entry")


def upload(door: DoorsClient, user: User | None, folder: Entry, content: bytes = b"sand") -> Answer:
    """Post the form with one file."""
    browser = door.sign_in(user) if user else door
    body = form(file("dune.txt", content)).replace(b"{token}", SECRET.encode())
    url = f"/admin/files/entry/{folder.pk}/upload/"
    return browser.request("POST", url, body, content_type=TYPE)


def test_a_file_comes_in_through_the_form(door: DoorsClient, clerk: User, world: World) -> None:
    answer = upload(door, clerk, world.folder)

    assert answer.status == 303
    assert answer.headers["location"] == f"/admin/files/entry/?space={world.space.pk}"
    entry = Entry.objects.get(name="dune.txt")
    assert (entry.parent, entry.created_by) == (world.folder, clerk)
    event = Event.objects.get(entry_id=entry.pk)
    assert (event.actor, event.door) == (clerk, Event.Door.ADMIN)


def test_a_file_comes_into_the_top_of_a_space(door: DoorsClient, clerk: User, world: World) -> None:
    assert upload(door, clerk, world.root).status == 303


def test_a_refused_upload_shows_the_form_with_the_reason(
    door: DoorsClient, clerk: User, world: World
) -> None:
    set_quota(world.space, quota_bytes=8, actor=SYSTEM)

    answer = upload(door, clerk, world.folder, b"x" * 100)

    assert answer.status == 507
    assert "The space has not enough room left for this." in answer.text
    assert 'name="csrfmiddlewaretoken"' in answer.text
    assert not Entry.objects.filter(name="dune.txt").exists()


@pytest.mark.parametrize("permission", ["files.change_entry", "files.view_entry", None])
def test_staff_without_the_permission_sends_nothing(
    permission: str | None, door: DoorsClient, world: World
) -> None:
    other = make_staff("other", *([permission] if permission else []))

    answer = upload(door, other, world.folder)

    assert (answer.status, answer.read_at_start) == (403, 0)


def test_a_member_who_is_no_staff_sends_nothing(door: DoorsClient, world: World) -> None:
    assert upload(door, world.bob, world.folder).status == 403
    assert upload(door, None, world.folder).status == 303


def test_a_missing_folder_is_not_found(door: DoorsClient, clerk: User, world: World) -> None:
    assert upload(door, clerk, Entry(pk=999_999)).status == 404


def test_the_form_has_its_token_first(clerk: User, world: World) -> None:
    page = signed_in(clerk).get(f"/admin/files/entry/{world.folder.pk}/upload/").content.decode()

    part = page[page.index("multipart/form-data") :]
    assert part.index("csrfmiddlewaretoken") < part.index('name="clash"') < part.index('"files"')


def test_a_post_past_the_door_is_refused(clerk: User, world: World) -> None:
    answer = signed_in(clerk).post(f"/admin/files/entry/{world.folder.pk}/upload/", {})

    assert answer.status_code == 405


def test_a_file_is_no_folder_to_upload_into(clerk: User, world: World) -> None:
    answer = signed_in(clerk).get(f"/admin/files/entry/{world.file.pk}/upload/")

    assert answer.status_code == 409


def reads() -> int:
    """Count how often staff reading content was recorded."""
    return Event.objects.filter(kind=Event.Kind.CONTENT_READ_BY_STAFF).count()


def test_reading_content_is_recorded_once_an_hour(world: World) -> None:
    clerk = make_staff("clerk", "files.view_entry", "files.read_content")

    CONTENT.reader(actor_of(clerk), world.file.pk)
    CONTENT.reader(actor_of(clerk), world.file.pk)
    assert reads() == 1

    Event.objects.update(at=timezone.now() - timedelta(hours=2))
    CONTENT.reader(actor_of(clerk), world.file.pk)
    assert reads() == 2
    event = Event.objects.latest("pk")
    assert (event.actor_name, event.door, event.entry_id) == ("clerk", "admin", world.file.pk)


@pytest.mark.parametrize("permissions", [(), ("files.view_entry",), ("files.read_content",)])
def test_reading_content_needs_its_permission_and_that_of_the_list(
    permissions: tuple[str, ...], world: World
) -> None:
    with pytest.raises(ForbiddenError):
        CONTENT.reader(actor_of(make_staff("clerk", *permissions)), world.file.pk)
    assert reads() == 0


def test_reading_content_needs_a_file_that_is_there(world: World, superuser: User) -> None:
    with pytest.raises(NotAFileError):
        CONTENT.reader(actor_of(superuser), world.folder.pk)
    with pytest.raises(EntryNotFoundError):
        CONTENT.reader(actor_of(superuser), 999_999)


def test_a_page_links_to_content_only_for_who_may_read_it(world: World, superuser: User) -> None:
    url = f"/admin/files/entry/{world.file.pk}/"
    looker = make_staff("clerk", "files.view_entry")

    assert f"{url}content/" in signed_in(superuser).get(f"{url}change/").content.decode()
    assert f"{url}content/" not in signed_in(looker).get(f"{url}change/").content.decode()
    assert CONTENT.route.fullmatch(f"{url}content/")
