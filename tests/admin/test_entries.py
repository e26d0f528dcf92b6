"""Entries in the admin: finding, filtering, trashing, restoring, deleting; errors as messages."""

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from files.admin import confirming
from files.models import Entry, Event
from tests.admin.conftest import World, make_staff, signed_in
from tests.factories import make_folder, make_shared_space, root_of

LIST = "/admin/files/entry/"


def found(user: User, query: str) -> list[str]:
    """Give the names on the first page of a list."""
    answer = signed_in(user).get(f"{LIST}?{query}")
    assert answer.status_code == 200
    return sorted(entry.name for entry in answer.context["cl"].result_list)


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("", ["Photos", "beach.txt", "old.txt"]),
        ("q=EACH", ["beach.txt"]),
        ("q=%25", []),
        ("trash=yes", ["old.txt"]),
        ("trash=no&kind__exact=1", ["beach.txt"]),
        ("type=text", ["beach.txt", "old.txt"]),
        ("type=other", []),
        ("size_to=1+MiB", ["beach.txt", "old.txt"]),
        ("size_from=4", ["beach.txt"]),
        ("size_from=3&size_to=3", ["old.txt"]),
        ("size_from=1G", []),
        ("q=beach&size_from=4&size_to=4&modified_at_from=2020-01-01", ["beach.txt"]),
        ("modified_at_from=2999-12-31", []),
        ("modified_at_to=1970-01-01", []),
        ("trash=&space=x", ["Photos", "beach.txt", "old.txt"]),
        ("space=99999999999999999999", ["Photos", "beach.txt", "old.txt"]),
        ("space=999999999", []),
    ],
)
def test_list_is_searched_and_filtered(
    query: str, names: list[str], world: World, superuser: User
) -> None:
    assert found(superuser, query) == names


def test_list_finds_an_entry_by_number(world: World, superuser: User) -> None:
    assert found(superuser, f"q=%23{world.file.pk}") == ["beach.txt"]


def test_list_narrows_down_to_a_space(world: World, superuser: User) -> None:
    make_folder(root_of(make_shared_space("Other")), "elsewhere")

    assert "elsewhere" not in found(superuser, f"space={world.space.pk}")


def test_page_shows_the_way_to_an_entry(world: World, superuser: User) -> None:
    page = signed_in(superuser).get(f"{LIST}{world.file.pk}/change/").content.decode()

    assert f'/admin/files/entry/{world.folder.pk}/change/"><bdi>Photos</bdi>' in page


def test_page_of_a_trashed_entry_shows_the_way_and_no_form(world: World, superuser: User) -> None:
    page = signed_in(superuser).get(f"{LIST}{world.trashed.pk}/change/").content.decode()

    assert 'name="name"' not in page
    assert "Restore from the trash" in page
    assert "Move to the trash" not in page


def test_action_records_who_did_it_through_which_door(world: World) -> None:
    clerk = make_staff("clerk", "files.change_entry")

    signed_in(clerk).post(LIST, {"action": "move_to_trash", "_selected_action": [world.file.pk]})

    event = Event.objects.get(kind=Event.Kind.ENTRY_TRASHED, entry_id=world.file.pk)
    assert (event.actor, event.door) == (clerk, Event.Door.ADMIN)


def test_action_on_nothing_that_fits_says_so(world: World, superuser: User) -> None:
    form = {"action": "restore", "_selected_action": [world.file.pk]}

    answer = signed_in(superuser).post(LIST, form, follow=True)

    assert "nothing to do" in answer.content.decode()


def test_action_on_too_many_is_refused(
    world: World, superuser: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(confirming, "AT_ONCE", 1)
    form = {"action": "move_to_trash", "_selected_action": [world.file.pk, world.folder.pk]}

    answer = signed_in(superuser).post(LIST, form, follow=True)

    assert "at most 1" in answer.content.decode()
    assert not Entry.objects.filter(pk=world.folder.pk, trashed_at__isnull=False).exists()


@pytest.mark.parametrize("action", ["move_to_trash", "restore"])
def test_action_that_the_operation_refuses_is_a_message(
    action: str, world: World, superuser: User
) -> None:
    # Below a trashed folder nothing is visible, and in a detached tree nothing can be restored.
    Entry.objects.filter(pk=world.folder.pk).update(parent=None, trashed_at=timezone.now())
    Entry.objects.filter(pk=world.trashed.pk).update(parent=world.folder)
    target = world.file if action == "move_to_trash" else world.trashed

    answer = signed_in(superuser).post(
        LIST, {"action": action, "_selected_action": [target.pk]}, follow=True
    )

    assert "There is no such file or folder." in answer.content.decode()


def test_rename_to_a_taken_name_is_a_message(world: World, superuser: User) -> None:
    make_folder(root_of(world.space), "taken")
    url = f"{LIST}{world.folder.pk}/change/"

    answer = signed_in(superuser).post(url, {"name": "taken", "_save": "1"}, follow=True)

    assert "already something with that name" in answer.content.decode()


def test_delete_says_what_goes_and_deletes_for_good(world: World, superuser: User) -> None:
    client = signed_in(superuser)
    url = f"{LIST}{world.trashed.pk}/delete/"

    assert "old.txt" in client.get(url).content.decode()
    client.post(url, {"post": "yes"})

    assert not Entry.objects.filter(pk=world.trashed.pk).exists()


def test_roots_and_detached_trees_have_no_page(world: World, superuser: User) -> None:
    Entry.objects.filter(pk=world.folder.pk).update(parent=None, trashed_at=timezone.now())
    client = signed_in(superuser)

    for key in (world.root.pk, world.folder.pk):
        assert client.get(f"{LIST}{key}/change/").status_code == 302
