"""Blobs, versions and events in the admin: found by what identifies them, and only read."""

import pytest
from django.contrib.auth.models import User

from files.models import Blob, Version
from tests.admin.conftest import World, signed_in


def count(user: User, address: str) -> int:
    """Count the rows on the first page of a list."""
    answer = signed_in(user).get(f"/admin/files/{address}")
    assert answer.status_code == 200
    return len(answer.context["cl"].result_list)


def test_a_blob_is_found_by_id_and_digest(world: World, superuser: User) -> None:
    blob = Blob.objects.get(versions__entry=world.file)

    for term in (str(blob.pk), blob.pk.hex.upper(), blob.sha256):
        assert count(superuser, f"blob/?q={term}") == 1
    for term in ("nothing", blob.sha256[:10]):
        assert count(superuser, f"blob/?q={term}") == 0
    assert count(superuser, "blob/?state__exact=doomed") == 0


def test_the_page_of_a_blob_leads_to_who_uses_it(world: World, superuser: User) -> None:
    blob = Blob.objects.get(versions__entry=world.file)

    page = signed_in(superuser).get(f"/admin/files/blob/{blob.pk}/change/").content.decode()

    assert f"/admin/files/version/?blob={blob.pk}" in page
    assert "versions: 1" in page
    assert count(superuser, f"version/?blob={blob.pk}") == 1


def test_versions_of_one_entry_are_listed(world: World, superuser: User) -> None:
    assert count(superuser, f"version/?entry={world.file.pk}") == 1
    version = Version.objects.get(entry=world.file)
    page = signed_in(superuser).get(f"/admin/files/version/{version.pk}/change/")
    assert "beach.txt" in page.content.decode()


@pytest.mark.parametrize(
    ("query", "number"),
    [("q=clerk", 0), ("kind__exact=entry-trashed", 1), ("door__exact=web", 0), ("q=%23x", 0)],
)
def test_events_are_filtered(query: str, number: int, world: World, superuser: User) -> None:
    assert count(superuser, f"event/?{query}") == number


def test_events_of_one_entry_are_listed(world: World, superuser: User) -> None:
    assert count(superuser, f"event/?entry_id={world.trashed.pk}") == 2
    assert count(superuser, f"event/?q=%23{world.trashed.pk}") == 2


def test_the_page_of_an_event_shows_before_and_after(world: World, superuser: User) -> None:
    event = world.space.events.get(kind="entry-trashed")

    page = signed_in(superuser).get(f"/admin/files/event/{event.pk}/change/").content.decode()

    assert "&quot;trashed&quot;: false" in page
    assert "the system" in page


def test_a_name_with_markup_is_shown_as_text(world: World, superuser: User) -> None:
    world.file.name = "<script>alert(1)</script>"
    world.file.save()
    client = signed_in(superuser)

    for address in ("entry/", f"entry/{world.file.pk}/change/", "version/"):
        assert "<script>alert" not in client.get(f"/admin/files/{address}").content.decode()
