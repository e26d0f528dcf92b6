"""The page of unfinished uploads: what is there, and what its buttons do."""

import fcntl
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from files.models import Entry, Grant, Space, Upload
from files.operations.blobs import blob_storage
from files.operations.entries import trash_entries
from files.operations.placing import Clash
from files.operations.received import keep_received
from files.operations.spaces import set_member, set_type_rules
from files.operations.trash import delete_entries
from files.operations.uploads import begin_append, cancel_upload
from files.storage.base import blob_name
from files.web.views import uploads as views
from tests.factories import (
    SYSTEM,
    actor_of,
    make_folder,
    make_shared_space,
    make_upload,
    make_user,
    new_file,
    paths_in,
    receive,
    reread,
    root_of,
)

from .pages import Looker, client_of

NBSP = "\N{NO-BREAK SPACE}"


@pytest.fixture
def ada(space: Space) -> User:
    """Give the owner of the space."""
    assert space.owner is not None
    return space.owner


@pytest.fixture
def client(ada: User) -> Client:
    """Give ada's browser."""
    return client_of(ada)


def shown(client: Client, query: str = "") -> str:
    """Give the page."""
    return client.get(f"/uploads/{query}").content.decode()


def half(root: Entry, ada: User, path: str = "a.bin") -> Upload:
    """Have half of an upload there."""
    return receive(make_upload(root, path, length=4096, actor=actor_of(ada)), b"x" * 2048)


def whole(root: Entry, ada: User, *paths: str) -> list[Upload]:
    """Have files that came whole over a form that broke off."""
    files = [new_file(path) for path in paths]
    keep_received(root, files, actor=actor_of(ada), clash=Clash.KEEP_BOTH)
    return [Upload.objects.get(pk=file.blob.id) for file in files]


def test_nothing_on_its_way_is_said(client: Client, root: Entry) -> None:
    assert "Nothing is on its way" in shown(client)


def test_the_menu_leads_here_without_a_query(client: Client, root: Entry) -> None:
    with CaptureQueriesContext(connection) as queries:
        page = client.get("/").content.decode()

    assert "/uploads/" in Looker(page).links()
    assert not [query for query in queries if "files_upload" in query["sql"]]


def test_an_upload_says_where_to_and_how_far(client: Client, root: Entry, ada: User) -> None:
    folder = make_folder(make_folder(root, "trips"), "rome")
    upload = half(folder, ada, "day 1/a.bin")

    page = shown(client)

    assert f"2{NBSP}KiB of 4{NBSP}KiB" in page
    assert "ada / trips / rome / day 1" in page
    assert "running now" not in page
    (bar,) = Looker(page).all("progress")
    assert (bar["value"], bar["max"]) == ("2048", "4096")
    links = Looker(page).links()
    assert f"/upload/{folder.pk}?continue={upload.pk.hex}" in links
    assert f"/uploads/discard/?upload={upload.pk.hex}" in links


def test_one_that_is_running_says_how_fast(client: Client, root: Entry, ada: User) -> None:
    upload = half(root, ada)
    begin_append(upload, until=None, length=None, checked=False)
    path = Path(blob_storage().path(blob_name(upload.pk)))
    Upload.objects.update(active_since=timezone.now() - timedelta(seconds=1))
    with path.open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.write(b"x" * 1024)
        file.flush()

        page = shown(client)

    assert f"3{NBSP}KiB of 4{NBSP}KiB" in page
    assert "running now, " in page
    assert "?continue=" not in page


def test_one_of_unknown_length_has_no_bar(client: Client, root: Entry, ada: User) -> None:
    receive(make_upload(root, length=None, actor=actor_of(ada)), b"123")

    page = shown(client)

    assert "3 bytes so far" in page
    assert Looker(page).all("progress") == []


def test_one_whose_folder_is_gone_can_only_be_discarded(
    client: Client, root: Entry, ada: User
) -> None:
    folder = make_folder(root, "attic")
    half(folder, ada)
    trash_entries([folder], actor=SYSTEM)
    assert "can only be discarded" in shown(client)

    delete_entries([folder], actor=SYSTEM)

    page = shown(client)
    assert "can only be discarded" in page
    assert "?continue=" not in page
    assert "attic" not in page


def test_who_has_lost_the_right_is_told_nothing_of_the_folder(root: Entry) -> None:
    team = make_shared_space("Team", bob=Grant.Role.EDITOR)
    bob = User.objects.get(username="bob")
    half(root_of(team), bob)
    set_member(team, user=bob, role=None, actor=SYSTEM)

    page = shown(client_of(bob))

    assert "can only be discarded" in page
    assert "Team" not in page


def test_who_may_only_add_is_told_the_folder_alone(root: Entry) -> None:
    team = make_shared_space("Team")
    drop = make_folder(make_folder(root_of(team), "secret"), "drop")
    bob = make_user("bob")
    Grant.objects.create(entry=drop, user=bob, role=Grant.Role.UPLOADER)
    half(drop, bob)

    page = shown(client_of(bob))

    assert ">drop</bdi>" in page
    assert "secret" not in page


def test_others_see_nothing_of_it(root: Entry, ada: User) -> None:
    upload = half(root, ada)
    eve = client_of(make_user("eve"))

    assert "Nothing is on its way" in shown(eve)
    for verb in ("confirm", "discard"):
        assert eve.post(f"/uploads/{verb}/", {"upload": upload.pk.hex}).status_code == 404
    assert Upload.objects.exists()


def test_pages_go_on_behind_the_last_one(
    client: Client, root: Entry, ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(views, "PAGE_SIZE", 2)
    names = [half(root, ada, f"{number}.bin").name for number in range(5)]
    # Two of one moment: their ids decide.
    moment = Upload.objects.filter(path="2.bin").values("created_at")
    Upload.objects.filter(path="1.bin").update(created_at=moment)
    seen, query = [], ""
    for _page in range(3):
        page = shown(client, query)
        seen += [name for name in names if f"<bdi>{name}</bdi></h2>" in page]
        following = [link for link in Looker(page).links() if link.startswith("?after=")]
        query = following[0] if following else ""

    assert query == ""
    assert sorted(seen) == names
    assert "First page" in page


def test_a_page_behind_one_that_is_gone_is_the_first(
    client: Client, root: Entry, ada: User
) -> None:
    half(root, ada)

    assert "a.bin" in shown(client, f"?after={uuid4().hex}")
    assert client.get("/uploads/?after=nonsense").status_code == 404


def test_a_page_of_many_takes_as_many_queries_as_one(
    client: Client, root: Entry, ada: User
) -> None:
    half(root, ada)
    shown(client)
    with CaptureQueriesContext(connection) as one:
        shown(client)
    for number in range(20):
        half(make_folder(root, f"{number}"), ada)

    with CaptureQueriesContext(connection) as many:
        shown(client)

    assert len(many) == len(one) <= 8


def test_confirm_puts_it_in_its_place(client: Client, root: Entry, ada: User) -> None:
    (upload,) = whole(root, ada, "in/a.txt")
    assert "Received whole" in shown(client)

    page = client.post("/uploads/confirm/", {"upload": upload.pk.hex}, follow=True)

    assert "“a.txt” is in its place." in page.content.decode()
    assert paths_in(root) == {"in": None, "in/a.txt": b"content"}
    folder = Entry.objects.get(name="in")
    assert f"/folders/{folder.pk}/" in Looker(page.content.decode()).links()
    assert "Nothing is on its way" in page.content.decode()


def test_confirm_all_that_is_received(client: Client, root: Entry, ada: User) -> None:
    whole(root, ada, *(f"{number}.txt" for number in range(7)))
    half(root, ada)

    page = client.post("/uploads/confirm/", {"upload": "received"}, follow=True)

    assert len(paths_in(root)) == 7
    assert "2 more are in theirs." in page.content.decode()
    assert [upload.path for upload in Upload.objects.filter(state="open")] == ["a.bin"]


def test_what_stands_in_the_way_is_said_and_it_waits_on(
    client: Client, root: Entry, ada: User
) -> None:
    (upload,) = whole(root, ada, "a.txt")
    set_type_rules(root.space, allowed="video/*", forbidden="", actor=SYSTEM)

    page = client.post("/uploads/confirm/", {"upload": upload.pk.hex}, follow=True)

    assert "a.txt: Files of this type are not accepted here." in page.content.decode()
    assert not reread(upload).is_finished


def test_who_may_only_add_is_not_told_what_it_is_called(root: Entry) -> None:
    team = make_shared_space("Team", bob=Grant.Role.UPLOADER)
    bob = User.objects.get(username="bob")
    (upload,) = whole(root_of(team), bob, "a.txt")
    whole_of_others = new_file("a.txt")
    keep_received(root_of(team), [whole_of_others], actor=actor_of(bob), clash=Clash.KEEP_BOTH)
    client = client_of(bob)
    client.post("/uploads/confirm/", {"upload": whole_of_others.blob.id.hex})

    page = client.post("/uploads/confirm/", {"upload": upload.pk.hex}, follow=True)

    assert "a (2).txt" in paths_in(root_of(team))
    assert "(2)" not in page.content.decode()
    assert "Show its folder" not in page.content.decode()


def test_discard_asks_first(
    client: Client,
    root: Entry,
    ada: User,
    django_capture_on_commit_callbacks: Callable[..., object],
) -> None:
    upload = half(root, ada)

    asked = client.get(f"/uploads/discard/?upload={upload.pk.hex}").content.decode()
    assert "Discard 1 upload?" in asked
    assert "a.bin" in asked
    assert Upload.objects.exists()
    done = client.post("/uploads/discard/", {"upload": upload.pk.hex}, follow=True)

    assert "1 upload was discarded." in done.content.decode()
    assert not Upload.objects.exists()
    root.space.refresh_from_db()
    assert root.space.used_bytes == 0


def test_discard_all_that_is_received(client: Client, root: Entry, ada: User) -> None:
    whole(root, ada, "a", "b")
    half(root, ada)

    assert "Discard 2 uploads?" in client.get("/uploads/discard/?upload=received").content.decode()
    client.post("/uploads/discard/", {"upload": "received"})

    assert [upload.path for upload in Upload.objects.all()] == ["a.bin"]


def test_one_that_is_over_meanwhile_does_not_stop_the_others(
    client: Client, root: Entry, ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, _second = whole(root, ada, "a", "b")

    def late(upload_id: object, **more: object) -> None:
        if Upload.objects.filter(pk=first.pk).exists():
            cancel_upload(first.pk, actor=SYSTEM)
        cancel_upload(upload_id, **more)  # type: ignore[arg-type]  # passed on

    monkeypatch.setattr(views, "cancel_upload", late)

    client.post("/uploads/discard/", {"upload": "received"})

    assert not Upload.objects.exists()


@pytest.mark.parametrize(
    ("text", "status"), [("", 400), ("nonsense", 404), ("received", 404), ("0" * 32, 404)]
)
def test_what_is_not_there_cannot_be_discarded(
    client: Client, root: Entry, text: str, status: int
) -> None:
    assert client.get("/uploads/discard/", {"upload": text}).status_code == status
    assert client.post("/uploads/discard/", {"upload": text}).status_code == status


def test_confirm_without_a_form_leads_back(client: Client, root: Entry) -> None:
    assert client.get("/uploads/confirm/")["location"] == "/uploads/"


def test_the_upload_page_asks_for_the_same_file(client: Client, root: Entry, ada: User) -> None:
    upload = half(root, ada)
    other = make_folder(root, "other")
    text = "To go on with <bdi>a.bin</bdi>"

    def asks(folder: Entry, key: str, who: Client = client) -> bool:
        return text in who.get(f"/upload/{folder.pk}?continue={key}").content.decode()

    assert asks(root, upload.pk.hex)
    assert not asks(other, upload.pk.hex)
    assert not asks(root, uuid4().hex)
    assert not asks(root, "nonsense")
