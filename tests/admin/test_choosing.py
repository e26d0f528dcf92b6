"""Choosing the folder that files are uploaded into."""

import pytest
from django.contrib.auth.models import User

from files.operations.entries import trash_entries
from tests.admin.conftest import World, make_staff, signed_in
from tests.factories import SYSTEM, make_file, make_folder, make_shared_space, root_of

CHOOSE = "/admin/files/entry/add/"


@pytest.fixture
def clerk(db: None) -> User:
    """Give staff who may add files, and nothing else."""
    return make_staff("clerk", "files.add_entry")


def test_a_folder_is_found_with_the_way_to_it(world: World, clerk: User) -> None:
    trips = make_folder(world.folder, "Trips")

    page = signed_in(clerk).get(f"{CHOOSE}?q=RIP").content.decode()

    assert f"/admin/files/entry/{trips.pk}/upload/" in page
    assert "<bdi>Team</bdi> / <bdi>Photos</bdi> / <bdi>Trips</bdi>" in page


def test_no_file_is_shown_and_nothing_that_is_trashed(world: World, clerk: User) -> None:
    hidden = make_folder(world.folder, "photos of trips")
    make_file(world.folder, "photos.txt")
    trash_entries([world.folder], actor=SYSTEM)

    page = signed_in(clerk).get(f"{CHOOSE}?q=photos").content.decode()

    assert "No folder has a name like this." in page
    assert "photos.txt" not in page
    assert f"entry/{hidden.pk}/" not in page


def test_the_top_of_a_space_is_offered(world: World, clerk: User) -> None:
    page = signed_in(clerk).get(CHOOSE).content.decode()

    assert f"/admin/files/entry/{world.root.pk}/upload/" in page


def test_one_space_is_kept_to(world: World, clerk: User) -> None:
    other = make_folder(root_of(make_shared_space("Other")), "Photos")

    page = signed_in(clerk).get(f"{CHOOSE}?q=photos&space={world.space.pk}").content.decode()

    assert f"entry/{world.folder.pk}/upload/" in page
    assert f"entry/{other.pk}/upload/" not in page


@pytest.mark.parametrize("space", ["x", "999999", "99999999999999999999999"])
def test_a_space_that_is_none_finds_nothing_and_breaks_nothing(
    space: str, world: World, clerk: User
) -> None:
    answer = signed_in(clerk).get(f"{CHOOSE}?q=photos&space={space}")

    assert answer.status_code == 200


def test_nothing_is_posted_here(world: World, clerk: User) -> None:
    assert signed_in(clerk).post(CHOOSE, {"name": "x"}).status_code == 405


def test_the_list_leads_here_for_who_may_add(world: World, clerk: User) -> None:
    both = make_staff("both", "files.add_entry", "files.view_entry")
    looker = make_staff("looker", "files.view_entry")
    query = f"/admin/files/entry/?space={world.space.pk}"

    assert f"{CHOOSE}?space={world.space.pk}" in signed_in(both).get(query).content.decode()
    assert CHOOSE not in signed_in(looker).get(query).content.decode()
    assert CHOOSE in signed_in(clerk).get("/admin/").content.decode()
