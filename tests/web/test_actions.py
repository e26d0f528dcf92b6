from typing import Any

import pytest
from django.contrib.auth.models import User

from files.models import Entry, Grant
from tests.factories import make_file, make_folder, make_shared_space, make_user, root_of

from .pages import client_of


def post(root: Entry, action: str, *entries: Entry, **more: str) -> Any:
    """Press a button over the table of a folder."""
    data = {"action": action, "entry": [str(entry.pk) for entry in entries], **more}
    return client_of(root.space.owner).post(f"/folders/{root.pk}/actions", data)


def test_download_of_one_file_leads_to_its_bytes(root: Entry) -> None:
    file = make_file(root, "a")

    response = post(root, "download", file)

    assert response.status_code == 303
    assert response.headers["Location"] == f"/entries/{file.pk}/content?download"


def test_download_of_several_leads_to_an_archive(root: Entry) -> None:
    file, folder = make_file(root, "a"), make_folder(root, "b")

    response = post(root, "download", file, folder)

    assert response.headers["Location"] == (
        f"/folders/{root.pk}/archive?entry={folder.pk}&entry={file.pk}"
    )


@pytest.mark.parametrize("action", ["move", "copy"])
def test_move_and_copy_lead_to_the_picker(root: Entry, action: str) -> None:
    file = make_file(root, "a")

    response = post(root, action, file)

    assert response.status_code == 303
    assert response.headers["Location"] == f"/{action}/?entry={file.pk}"


def test_trash_goes_back_to_the_same_page_with_a_way_to_the_trash(root: Entry) -> None:
    file, other = make_file(root, "a"), make_file(root, "b")
    client = client_of(root.space.owner)
    data = {"action": "trash", "entry": [file.pk], "sort": "-size", "cursor": f"a1-{other.pk}"}

    response = client.post(f"/folders/{root.pk}/actions", data)

    assert response.headers["Location"] == f"/folders/{root.pk}/?sort=-size&cursor=a1-{other.pk}"
    file.refresh_from_db()
    assert file.trashed_at is not None
    page = client.get(f"/folders/{root.pk}/").content.decode()
    assert "1 item was moved to the trash." in page
    assert f'href="/trash/{root.space_id}/"' in page


def test_nothing_selected_is_said(root: Entry) -> None:
    make_file(root, "a")
    client = client_of(root.space.owner)

    response = client.post(f"/folders/{root.pk}/actions", {"action": "trash"}, follow=True)

    assert "Nothing was selected." in response.content.decode()


def test_what_is_not_in_the_folder_is_left_alone(root: Entry) -> None:
    elsewhere = make_file(make_folder(root, "other"), "a")
    mine = make_file(root, "b")

    post(root, "trash", elsewhere, mine)

    elsewhere.refresh_from_db()
    assert elsewhere.trashed_at is None


@pytest.mark.parametrize(
    "data", [{"action": "explode"}, {}, {"action": "trash", "entry": "1 or 1"}]
)
def test_what_no_button_of_ours_sends_is_400(root: Entry, data: dict[str, str]) -> None:
    file = make_file(root, "a")

    response = client_of(root.space.owner).post(
        f"/folders/{root.pk}/actions", {"entry": file.pk, **data}
    )

    assert response.status_code == 400


def test_a_viewer_cannot_trash(db: None) -> None:
    team = make_shared_space("Team", bob=Grant.Role.VIEWER)
    file = make_file(root_of(team), "a")

    response = client_of(User.objects.get(username="bob")).post(
        f"/folders/{team.root_id}/actions", {"action": "trash", "entry": file.pk}
    )

    assert response.status_code == 403
    file.refresh_from_db()
    assert file.trashed_at is None


def test_a_stranger_cannot_act(root: Entry) -> None:
    response = client_of(make_user("eve")).post(
        f"/folders/{root.pk}/actions", {"action": "trash", "entry": make_file(root, "a").pk}
    )

    assert response.status_code == 404


def test_the_address_of_the_buttons_leads_back_to_the_folder(root: Entry) -> None:
    response = client_of(root.space.owner).get(f"/folders/{root.pk}/actions")

    assert response.headers["Location"] == f"/folders/{root.pk}/"


def test_the_root_cannot_be_trashed_by_its_own_menu(root: Entry) -> None:
    page = client_of(root.space.owner).get(f"/folders/{root.pk}/").content.decode()

    assert "Move to trash" not in page
