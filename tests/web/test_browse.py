import time

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from files.models import Entry, Grant, Space
from files.operations.entries import trash_entries
from tests.factories import (
    SYSTEM,
    make_file,
    make_folder,
    make_shared_space,
    make_user,
    root_of,
)
from tests.test_listing import fill

from .pages import Looker, client_of


def test_spaces_lists_the_own_space_first_and_what_one_may_do(space: Space) -> None:
    make_shared_space("Aardvarks", ada=Grant.Role.VIEWER)
    make_shared_space("Letters", ada=Grant.Role.UPLOADER)
    hidden = make_shared_space("Hidden", eve=Grant.Role.EDITOR)

    response = client_of(User.objects.get(username="ada")).get("/")

    text = response.content.decode()
    assert response.status_code == 200
    assert text.index("Personal, only yours") < text.index("Aardvarks") < text.index("Letters")
    assert "Shared, read only" in text
    assert "Shared, for upload only" in text
    assert hidden.name not in text


def test_spaces_makes_the_personal_space_that_signing_in_has_not(db: None) -> None:
    ada = make_user()

    response = client_of(ada).get("/")

    assert response.status_code == 200
    assert Space.objects.get(owner=ada).name == "ada"


def test_spaces_shows_what_is_used_of_the_quota(root: Entry) -> None:
    Space.objects.update(quota_bytes=2048)
    make_file(root, "a", b"x" * 1024)

    response = client_of(root.space.owner).get("/")

    (meter,) = Looker(response.content.decode()).all("meter")
    assert (meter["value"], meter["max"]) == ("1024", "2048")
    assert "1\N{NO-BREAK SPACE}KiB of 2\N{NO-BREAK SPACE}KiB used" in response.content.decode()


def test_a_folder_shows_its_members_folders_first(root: Entry) -> None:
    make_file(root, "a.txt")
    make_folder(root, "z")

    response = client_of(root.space.owner).get(f"/folders/{root.pk}/")

    text = response.content.decode()
    assert response.status_code == 200
    assert text.index(">z<") < text.index(">a.txt<")


def test_names_cannot_break_out_of_the_page(root: Entry) -> None:
    make_file(root, '"><img src=x onerror=alert(1)>')
    make_file(root, "invoice\u202efdp.exe")

    text = client_of(root.space.owner).get(f"/folders/{root.pk}/").content.decode()

    assert Looker(text).all("img") == []
    assert "\u202e" not in text


def test_headings_sort_and_tell_how_the_table_is_sorted(root: Entry) -> None:
    make_file(root, "a")

    html = client_of(root.space.owner).get(f"/folders/{root.pk}/?sort=-size").content.decode()

    page = Looker(html)
    sorted_by = [th["class"] for th in page.all("th") if th.get("aria-sort") == "descending"]
    assert sorted_by == ["size"]
    assert {"?sort=name", "?sort=size", "?sort=-date", "?sort=type"} <= set(page.links())


def test_a_long_folder_has_pages_that_keep_the_order(root: Entry) -> None:
    fill(root, 0, 150)
    client = client_of(root.space.owner)

    first = Looker(client.get(f"/folders/{root.pk}/?sort=-date").content.decode())
    (following,) = [a["href"] for a in first.all("a") if a.get("rel") == "next"]
    second = Looker(client.get(f"/folders/{root.pk}/{following}").content.decode())

    assert following.startswith("?sort=-date&cursor=")
    assert len([n for n in first.names() if n == "entry"]) == 100
    assert len([n for n in second.names() if n == "entry"]) == 50
    assert [a["rel"] for a in second.all("a") if "rel" in a] == ["prev"]


@pytest.mark.parametrize("query", ["cursor=nonsense", "cursor=a1-999999", "sort=colour", "cursor="])
def test_a_broken_query_gives_the_first_page(root: Entry, query: str) -> None:
    make_file(root, "a")

    response = client_of(root.space.owner).get(f"/folders/{root.pk}/?{query}")

    assert response.status_code == 200
    assert "entry" in Looker(response.content.decode()).names()


@pytest.mark.parametrize("count", [3, 300])
def test_a_folder_costs_the_same_queries_whatever_is_in_it(
    root: Entry, count: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    fill(root, count, count)
    client = client_of(root.space.owner)

    # Session, user, the way up, the entry, folders, and files if folders do not fill the page.
    with django_assert_num_queries(6 if count == 3 else 5):
        assert client.get(f"/folders/{root.pk}/").status_code == 200


def test_the_first_page_of_ten_thousand_entries_is_quick(root: Entry) -> None:
    fill(root, 0, 10_000)
    client = client_of(root.space.owner)
    client.get(f"/folders/{root.pk}/")

    durations = []
    for _ in range(5):
        started = time.perf_counter()
        client.get(f"/folders/{root.pk}/")
        durations.append(time.perf_counter() - started)

    assert min(durations) < 0.1


def test_an_empty_folder_says_what_to_do(root: Entry) -> None:
    page = client_of(root.space.owner).get(f"/folders/{root.pk}/")

    assert "Nothing here yet" in page.content.decode()
    assert f"/upload/{root.pk}" in Looker(page.content.decode()).links()


def test_a_viewer_is_offered_nothing_that_changes_the_folder(db: None) -> None:
    team = make_shared_space("Team", bob=Grant.Role.VIEWER)
    make_file(root_of(team), "a")

    page = Looker(
        client_of(User.objects.get(username="bob"))
        .get(f"/folders/{team.root_id}/")
        .content.decode()
    )

    assert [b["value"] for b in page.all("button") if b.get("name") == "action"] == [
        "download",
        "copy",
    ]
    assert f"/upload/{team.root_id}" not in page.links()


def test_who_may_only_add_gets_the_form_and_not_the_list(db: None) -> None:
    box = make_shared_space("Letters", bob=Grant.Role.UPLOADER)
    make_file(root_of(box), "secret letter")
    client = client_of(User.objects.get(username="bob"))

    response = client.get(f"/folders/{box.root_id}/?uploaded=2")

    text = response.content.decode()
    assert response.status_code == 200
    assert "secret" not in text
    assert "2 files were uploaded." in text
    assert "files" in Looker(text).names()


def test_the_address_of_a_file_as_a_folder_leads_to_the_file(root: Entry) -> None:
    file = make_file(root, "a")

    response = client_of(root.space.owner).get(f"/folders/{file.pk}/")

    assert response.headers["Location"] == f"/entries/{file.pk}/"


@pytest.mark.parametrize(
    ("text", "said"), [("1", "1 file was"), ("12", "12 files were"), ("x", ""), ("-1", "")]
)
def test_a_folder_says_what_was_uploaded(root: Entry, text: str, said: str) -> None:
    page = client_of(root.space.owner).get(f"/folders/{root.pk}/?uploaded={text}").content.decode()

    assert (said in page) if said else ("uploaded." not in page)


def test_a_folder_of_a_stranger_is_not_found_like_one_that_is_not_there(root: Entry) -> None:
    client = client_of(make_user("eve"))

    there = client.get(f"/folders/{root.pk}/")
    missing = client.get("/folders/99999/")

    assert there.status_code == missing.status_code == 404
    assert without_token(there.content, root.pk) == without_token(missing.content, 99999)


def without_token(content: bytes, entry_id: int) -> str:
    """Take off what differs from one request to the next: form tokens, and the address itself."""
    text = content.decode().replace(f"/folders/{entry_id}/", "")
    for field in Looker(text).all("input"):
        if field.get("name") == "csrfmiddlewaretoken":
            text = text.replace(field["value"], "")
    return text


def test_a_trashed_folder_is_not_found(root: Entry) -> None:
    folder = make_folder(root, "a")
    trash_entries([folder], actor=SYSTEM)

    assert client_of(root.space.owner).get(f"/folders/{folder.pk}/").status_code == 404


def test_pages_send_the_anonymous_to_sign_in_and_back(root: Entry, client: Client) -> None:
    response = client.get(f"/folders/{root.pk}/?sort=size")

    assert response.status_code == 303
    assert response.headers["Location"] == (
        f"/accounts/login/?next=%2Ffolders%2F{root.pk}%2F%3Fsort%3Dsize"
    )


def test_the_breadcrumb_leads_all_the_way_up(root: Entry) -> None:
    inner = make_folder(make_folder(root, "outer"), "inner")

    page = Looker(client_of(root.space.owner).get(f"/folders/{inner.pk}/").content.decode())

    assert {"/", f"/folders/{root.pk}/", f"/folders/{inner.parent_id}/"} <= set(page.links())
