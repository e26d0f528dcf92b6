import pytest
from django.contrib.auth.models import User

from files.models import Entry, Grant
from files.operations.entries import trash_entries
from tests.factories import SYSTEM, actor_of, make_file, make_folder, make_shared_space, root_of

from .pages import Looker, client_of


def trashed(root: Entry, name: str) -> Entry:
    """Make a file and put it into the trash."""
    owner = root.space.owner
    return trash_entries([make_file(root, name)], actor=actor_of(owner) if owner else SYSTEM)[0]


def test_the_trash_tells_where_things_were_and_who_put_them_there(root: Entry) -> None:
    trashed(make_folder(root, "trips"), "old.txt")

    text = client_of(root.space.owner).get(f"/trash/{root.space_id}/").content.decode()

    assert "old.txt" in text
    assert ">trips</bdi>" in text
    assert "<bdi>ada</bdi></td>" in text


def test_an_empty_trash_says_so(root: Entry) -> None:
    text = client_of(root.space.owner).get(f"/trash/{root.space_id}/").content.decode()

    assert "The trash is empty" in text


def test_restore_brings_back_and_links_to_the_folder(root: Entry) -> None:
    file = trashed(root, "a")
    client = client_of(root.space.owner)

    response = client.post(
        f"/trash/{root.space_id}/actions", {"action": "restore", "entry": file.pk}, follow=True
    )

    file.refresh_from_db()
    assert file.trashed_at is None
    assert "“a” was restored." in response.content.decode()
    assert f"/folders/{root.pk}/" in Looker(response.content.decode()).links()


def test_restoring_many_says_how_many(root: Entry) -> None:
    files = [trashed(root, str(i)) for i in range(7)]

    response = client_of(root.space.owner).post(
        f"/trash/{root.space_id}/actions",
        {"action": "restore", "entry": [file.pk for file in files]},
        follow=True,
    )

    assert "2 more were restored." in response.content.decode()


def test_delete_asks_first_and_then_deletes(root: Entry) -> None:
    file = trashed(root, "a")
    client = client_of(root.space.owner)

    asked = client.post(
        f"/trash/{root.space_id}/actions", {"action": "delete", "entry": file.pk}, follow=True
    )
    assert "Delete 1 item for good?" in asked.content.decode()
    assert Entry.objects.filter(pk=file.pk).exists()

    done = client.post(f"/trash/{root.space_id}/delete/", {"entry": file.pk}, follow=True)
    assert "1 item was deleted for good." in done.content.decode()
    assert not Entry.objects.filter(pk=file.pk).exists()


def test_empty_asks_first_and_then_empties(root: Entry) -> None:
    trashed(root, "a"), trashed(root, "b")
    client = client_of(root.space.owner)

    assert client.get(f"/trash/{root.space_id}/empty/").status_code == 200
    assert Entry.objects.filter(trashed_at__isnull=False).count() == 2
    response = client.post(f"/trash/{root.space_id}/empty/", follow=True)

    assert response.redirect_chain == [(f"/trash/{root.space_id}/", 303)]
    assert not Entry.objects.filter(trashed_at__isnull=False).exists()


def test_an_editor_may_restore_but_not_delete_for_good(db: None) -> None:
    team = make_shared_space("Team", bob=Grant.Role.EDITOR)
    file = trashed(root_of(team), "a")
    bob = client_of(User.objects.get(username="bob"))

    buttons = Looker(bob.get(f"/trash/{team.pk}/").content.decode()).all("button")
    refused = [
        bob.post(f"/trash/{team.pk}/empty/"),
        bob.get(f"/trash/{team.pk}/delete/?entry={file.pk}"),
        bob.post(f"/trash/{team.pk}/delete/", {"entry": file.pk}),
    ]

    assert [b["value"] for b in buttons if b.get("name") == "action"] == ["restore"]
    assert {response.status_code for response in refused} == {403}


def test_the_trash_of_a_stranger_is_not_found(root: Entry) -> None:
    make_shared_space("Own", eve=Grant.Role.MANAGER)
    eve = client_of(User.objects.get(username="eve"))
    file = trashed(root, "a")

    for response in (
        eve.get(f"/trash/{root.space_id}/"),
        eve.get(f"/trash/{root.space_id}/empty/"),
        eve.post(f"/trash/{root.space_id}/delete/", {"entry": file.pk}),
        eve.post(f"/trash/{root.space_id}/actions", {"action": "restore", "entry": file.pk}),
    ):
        assert response.status_code == 404


def test_what_lies_in_another_trash_is_left_alone(root: Entry) -> None:
    team = make_shared_space("Team", ada=Grant.Role.MANAGER)
    theirs = trashed(root_of(team), "a")

    response = client_of(root.space.owner).post(
        f"/trash/{root.space_id}/delete/", {"entry": theirs.pk}
    )

    assert response.status_code == 404
    assert Entry.objects.filter(pk=theirs.pk).exists()


def test_nothing_selected_is_said(root: Entry) -> None:
    response = client_of(root.space.owner).post(
        f"/trash/{root.space_id}/actions", {"action": "restore"}, follow=True
    )

    assert "Nothing was selected." in response.content.decode()


def test_an_unknown_action_is_400(root: Entry) -> None:
    file = trashed(root, "a")

    response = client_of(root.space.owner).post(
        f"/trash/{root.space_id}/actions", {"action": "eat", "entry": file.pk}
    )

    assert response.status_code == 400


def test_a_full_trash_has_pages(root: Entry) -> None:
    files = [make_file(root, f"{i:03}") for i in range(103)]
    trash_entries(files, actor=SYSTEM)
    client = client_of(root.space.owner)

    first = Looker(client.get(f"/trash/{root.space_id}/").content.decode())
    (following,) = [a["href"] for a in first.all("a") if a.get("rel") == "next"]
    second = Looker(client.get(f"/trash/{root.space_id}/{following}").content.decode())

    ids = [
        [f["value"] for f in p.all("input") if f.get("name") == "entry"] for p in (first, second)
    ]
    assert [len(some) for some in ids] == [100, 3]
    assert len({*ids[0], *ids[1]}) == 103


@pytest.mark.parametrize("after", ["x", "0", "99999"])
def test_a_broken_page_of_the_trash_is_the_first(root: Entry, after: str) -> None:
    trashed(root, "a")

    text = client_of(root.space.owner).get(f"/trash/{root.space_id}/?after={after}")

    assert "entry" in Looker(text.content.decode()).names()


def test_the_buttons_address_leads_back(root: Entry) -> None:
    response = client_of(root.space.owner).get(f"/trash/{root.space_id}/actions")

    assert response.headers["Location"] == f"/trash/{root.space_id}/"
