import pytest
from django.contrib.auth.models import User
from django.test import Client

from files.models import Entry, Grant
from tests.factories import make_file, make_folder, make_shared_space, make_user, root_of
from tests.test_listing import fill

from .pages import Looker, client_of


def test_the_picker_shows_folders_to_walk_into_but_not_those_that_move(root: Entry) -> None:
    moved, other = make_folder(root, "moved"), make_folder(root, "other")
    make_file(root, "a file")

    page = client_of(root.space.owner).get(f"/move/?entry={moved.pk}").content.decode()

    links = Looker(page).links()
    assert f"?entry={moved.pk}&to={other.pk}" in links
    assert f"?entry={moved.pk}&to={moved.pk}" not in links
    assert "a file" not in page


def test_the_picker_leads_up_and_to_other_spaces(root: Entry) -> None:
    team = make_shared_space("Team", ada=Grant.Role.EDITOR)
    make_shared_space("Read only", ada=Grant.Role.VIEWER)
    file, inner = make_file(root, "a"), make_folder(make_folder(root, "x"), "y")

    html = client_of(root.space.owner).get(f"/copy/?entry={file.pk}&to={inner.pk}").content.decode()

    links = Looker(html).links()
    assert f"?entry={file.pk}&to={inner.parent_id}" in links
    assert f"?entry={file.pk}&to={team.root_id}" in links
    assert "Read only" not in html


def test_move_puts_entries_where_the_button_says(root: Entry) -> None:
    a, b, there = make_file(root, "a"), make_folder(root, "b"), make_folder(root, "there")
    client = client_of(root.space.owner)

    response = client.post("/move/", {"entry": [a.pk, b.pk], "to": there.pk}, follow=True)

    assert response.redirect_chain == [(f"/folders/{there.pk}/", 303)]
    assert "2 items were moved here." in response.content.decode()
    a.refresh_from_db()
    assert a.parent_id == there.pk


def test_copy_keeps_the_original(root: Entry) -> None:
    a, there = make_file(root, "a"), make_folder(root, "there")

    client_of(root.space.owner).post("/copy/", {"entry": a.pk, "to": there.pk})

    a.refresh_from_db()
    assert a.parent_id == root.pk
    assert Entry.objects.children_of(there).get().name == "a"


def test_a_taken_name_shows_the_picker_again_with_the_reason(root: Entry) -> None:
    a, there = make_file(root, "a"), make_folder(root, "there")
    make_file(there, "a")

    response = client_of(root.space.owner).post("/move/", {"entry": a.pk, "to": there.pk})

    assert response.status_code == 409
    assert "There is already something with that name here." in response.content.decode()
    assert "to" in Looker(response.content.decode()).names()


def test_a_folder_into_itself_is_409(root: Entry) -> None:
    outer = make_folder(root, "outer")
    inner = make_folder(outer, "inner")

    response = client_of(root.space.owner).post("/move/", {"entry": outer.pk, "to": inner.pk})

    assert response.status_code == 409


def test_where_it_lies_already_has_no_button(root: Entry) -> None:
    a = make_file(root, "a")

    page = client_of(root.space.owner).get(f"/move/?entry={a.pk}&to={root.pk}").content.decode()

    assert "It is in this folder already." in page
    assert "Move here" not in page


@pytest.mark.parametrize("query", ["", "entry=99999", "entry=0"])
def test_a_picker_without_anything_to_move_is_404(root: Entry, query: str) -> None:
    assert client_of(root.space.owner).get(f"/move/?{query}").status_code == 404


@pytest.mark.parametrize("query", ["entry=x", "entry={}&to=x", "entry=" + "9" * 30])
def test_a_picker_with_nonsense_is_400(root: Entry, query: str) -> None:
    file = make_file(root, "a")

    assert client_of(root.space.owner).get(f"/move/?{query.format(file.pk)}").status_code == 400


def test_a_post_without_a_destination_is_400(root: Entry) -> None:
    file = make_file(root, "a")

    assert client_of(root.space.owner).post("/move/", {"entry": file.pk}).status_code == 400


def test_a_file_is_no_destination(root: Entry) -> None:
    a, b = make_file(root, "a"), make_file(root, "b")

    response = client_of(root.space.owner).get(f"/move/?entry={a.pk}&to={b.pk}")

    assert response.status_code == 409


def test_a_stranger_sees_neither_entry_nor_destination(root: Entry) -> None:
    a = make_file(root, "a")
    eve = client_of(make_user("eve"))
    own = make_shared_space("Own", eve=Grant.Role.EDITOR)
    mine = make_file(root_of(own), "mine")

    assert eve.get(f"/move/?entry={a.pk}").status_code == 404
    assert eve.get(f"/move/?entry={mine.pk}&to={root.pk}").status_code == 404
    assert eve.post("/copy/", {"entry": mine.pk, "to": root.pk}).status_code == 404


def test_copying_into_a_letter_box_shows_nothing_of_it(root: Entry) -> None:
    box = make_shared_space("Letters", ada=Grant.Role.UPLOADER)
    make_folder(root_of(box), "secret")
    a = make_file(root, "a")
    client = client_of(User.objects.get(username="ada"))

    page = client.get(f"/copy/?entry={a.pk}&to={box.root_id}")
    done = client.post("/copy/", {"entry": a.pk, "to": box.root_id})

    assert "secret" not in page.content.decode()
    assert done.status_code == 303


def test_a_selection_from_several_folders_can_be_moved(root: Entry) -> None:
    a, b = make_file(root, "a"), make_file(make_folder(root, "x"), "b")
    there = make_folder(root, "there")

    response = client_of(root.space.owner).post("/move/", {"entry": [a.pk, b.pk], "to": there.pk})

    assert response.status_code == 303
    assert Entry.objects.children_of(there).count() == 2


def test_the_anonymous_are_sent_to_sign_in(root: Entry, client: Client) -> None:
    assert client.get(f"/move/?entry={root.pk}").status_code == 303


def test_a_large_copy_goes_on_in_the_background_and_says_so(root: Entry) -> None:
    big, there = make_folder(root, "big"), make_folder(root, "there")
    fill(big, 0, 501)

    response = client_of(root.space.owner).post(
        "/copy/", {"entry": big.pk, "to": there.pk}, follow=True
    )

    assert "This is being done in the background" in response.content.decode()
