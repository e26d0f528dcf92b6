from typing import Any

import pytest
from django.contrib.auth.models import User

from files.models import Entry, Grant
from tests.factories import make_blob, make_file, make_folder, make_shared_space, make_user, root_of

from .pages import Looker, client_of

PREVIEWS = [
    ("image/png", "img"),
    ("audio/mpeg", "audio"),
    ("video/mp4", "video"),
    ("application/pdf", "iframe"),
    ("text/plain", "iframe"),
]


def with_type(entry: Entry, media_type: str) -> Entry:
    """Make the page believe that a file is of a type."""
    Entry.objects.filter(pk=entry.pk).update(media_type=media_type)
    return entry


def test_the_page_of_a_file_tells_all_of_it(root: Entry) -> None:
    trips = make_folder(root, "trips")
    file = make_file(trips, "notes.txt", b"one")
    make_file(trips, "notes.txt", b"second")

    response = client_of(root.space.owner).get(f"/entries/{file.pk}/")

    text = response.content.decode()
    file.refresh_from_db()
    assert response.status_code == 200
    assert "trips/notes.txt" in text
    assert make_blob(b"second").sha256 in text
    assert text.count('<time datetime="') == 4  # modified, created, two versions
    assert "6 bytes" in text
    assert "3 bytes" in text
    assert f"/entries/{file.pk}/content?download" in Looker(text).links()


@pytest.mark.parametrize(("media_type", "tag"), PREVIEWS)
def test_safe_types_are_shown(root: Entry, media_type: str, tag: str) -> None:
    file = with_type(make_file(root, "a"), media_type)

    page = Looker(client_of(root.space.owner).get(f"/entries/{file.pk}/").content.decode())

    (shown,) = [attrs for attrs in page.all(tag) if attrs.get("class", "").startswith("preview")]
    assert shown["src"] == f"/entries/{file.pk}/content"


def test_text_is_shown_in_a_sandbox(root: Entry) -> None:
    file = with_type(make_file(root, "a"), "text/plain")

    page = Looker(client_of(root.space.owner).get(f"/entries/{file.pk}/").content.decode())

    assert page.all("iframe")[0]["sandbox"] == ""


@pytest.mark.parametrize("media_type", ["image/svg+xml", "application/zip", "nonsense"])
def test_other_types_have_a_download_in_place_of_a_preview(root: Entry, media_type: str) -> None:
    file = with_type(make_file(root, "a"), media_type)

    text = client_of(root.space.owner).get(f"/entries/{file.pk}/").content.decode()

    assert "No preview" in text
    assert not Looker(text).all("iframe") + Looker(text).all("img")


def test_the_address_of_a_folder_as_an_entry_leads_to_the_folder(root: Entry) -> None:
    response = client_of(root.space.owner).get(f"/entries/{root.pk}/")

    assert response.headers["Location"] == f"/folders/{root.pk}/"


def test_a_file_of_a_stranger_is_not_found(root: Entry) -> None:
    file = make_file(root, "a")

    assert client_of(make_user("eve")).get(f"/entries/{file.pk}/").status_code == 404


def test_a_viewer_is_not_offered_to_change_a_file(db: None) -> None:
    team = make_shared_space("Team", bob=Grant.Role.VIEWER)
    file = make_file(root_of(team), "a")
    bob = client_of(User.objects.get(username="bob"))

    page = Looker(bob.get(f"/entries/{file.pk}/").content.decode())

    assert f"/entries/{file.pk}/rename/" not in page.links()
    assert bob.get(f"/entries/{file.pk}/rename/").status_code == 403


def test_create_folder_shows_the_new_folder(root: Entry) -> None:
    client = client_of(root.space.owner)

    response = client.post(f"/folders/{root.pk}/new/", {"name": " trips "}, follow=True)

    made = Entry.objects.get(name=" trips ")
    assert response.redirect_chain == [(f"/folders/{made.pk}/", 303)]
    assert "was made." in response.content.decode()


@pytest.mark.parametrize(
    ("name", "status", "said"),
    [
        ("", 422, "This field is required."),
        ("a/b", 422, "A name cannot contain a slash."),
        ("..", 422, "have a meaning of their own"),
        ("я" * 200, 422, "255 bytes is the limit"),
        ("taken", 409, "There is already something with that name here."),
    ],
)
def test_create_folder_says_what_is_wrong_with_a_name(
    root: Entry, name: str, status: int, said: str
) -> None:
    make_folder(root, "taken")

    response = client_of(root.space.owner).post(f"/folders/{root.pk}/new/", {"name": name})

    text = response.content.decode()
    (field,) = [attrs for attrs in Looker(text).all("input") if attrs.get("name") == "name"]
    assert response.status_code == status
    assert said in text
    assert field["value" if name else "name"] == (name or "name")
    assert field["aria-invalid"] == "true"


def test_create_folder_where_one_may_only_add_goes_back(db: None) -> None:
    box = make_shared_space("Letters", bob=Grant.Role.UPLOADER)

    response = client_of(User.objects.get(username="bob")).post(
        f"/folders/{box.root_id}/new/", {"name": "mine"}
    )

    assert response.headers["Location"] == f"/folders/{box.root_id}/"


def make_by_script(root: Entry, name: str, owner: User | None = None) -> tuple[int, dict[str, Any]]:
    """Make a folder as a script does that uploads a tree; give the status and the answer."""
    client = client_of(owner or root.space.owner)
    accept = {"accept": "application/json"}
    response = client.post(f"/folders/{root.pk}/new/", {"name": name}, headers=accept)
    return response.status_code, response.json()


def test_a_script_finds_the_folder_it_makes_or_the_one_that_is_there(root: Entry) -> None:
    made, again = make_by_script(root, "\u00e9"), make_by_script(root, "e\u0301")

    told = {"id": Entry.objects.get(parent=root).pk, "name": "\u00e9"}
    assert made == (201, told)
    assert again == (200, told)


def test_a_script_is_told_why_no_folder_is_made(root: Entry) -> None:
    make_file(root, "taken")

    taken, invalid = make_by_script(root, "taken"), make_by_script(root, "a/b")
    hidden = make_by_script(root, "x", make_user("eve"))

    assert (taken[0], taken[1]["code"]) == (409, "entry-exists")
    assert (invalid[0], invalid[1]["code"]) == (422, "invalid-name")
    assert (hidden[0], hidden[1]["code"]) == (404, "entry-not-found")
    assert not Entry.objects.filter(parent=root, kind=Entry.Kind.FOLDER).exists()


def test_create_folder_in_a_file_is_409(root: Entry) -> None:
    file = make_file(root, "a")

    assert client_of(root.space.owner).get(f"/folders/{file.pk}/new/").status_code == 409


def test_rename_begins_with_the_name_there_is(root: Entry) -> None:
    file = make_file(root, "old.txt")

    page = Looker(client_of(root.space.owner).get(f"/entries/{file.pk}/rename/").content.decode())

    (field,) = [attrs for attrs in page.all("input") if attrs.get("name") == "name"]
    assert field["value"] == "old.txt"


def test_rename_shows_the_entry_under_its_new_name(root: Entry) -> None:
    file = make_file(root, "old.txt")

    response = client_of(root.space.owner).post(
        f"/entries/{file.pk}/rename/", {"name": "new.txt"}, follow=True
    )

    assert response.redirect_chain == [(f"/entries/{file.pk}/", 303)]
    assert "Now named “new.txt”." in response.content.decode()


def test_rename_to_a_taken_name_is_409(root: Entry) -> None:
    file = make_file(root, "a")
    make_file(root, "b")

    response = client_of(root.space.owner).post(f"/entries/{file.pk}/rename/", {"name": "b"})

    assert response.status_code == 409


def test_the_root_cannot_be_renamed(root: Entry) -> None:
    assert client_of(root.space.owner).get(f"/entries/{root.pk}/rename/").status_code == 409


@pytest.mark.parametrize("address", ["/entries/{}/content", "/folders/{}/archive"])
def test_what_the_doors_answer_to_get_is_refused_to_other_methods(
    root: Entry, address: str
) -> None:
    response = client_of(root.space.owner).delete(address.format(root.pk))

    assert response.status_code == 405
    assert response.headers["Allow"] == "GET, HEAD"
