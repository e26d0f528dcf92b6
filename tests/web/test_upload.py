from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser, User
from django.test import RequestFactory
from django.utils import translation
from pytest_django import Settings

from files.access import Actor, locate
from files.errors import (
    EntryNotFoundError,
    FilesRefusedError,
    FileTooLargeError,
    InvalidNameError,
    QuotaExceededError,
    SignInRequiredError,
)
from files.http.uploads import UploadOutcome
from files.models import Entry, Event, Grant, Right, Space
from files.web.upload_pages import upload_refused
from files.web.views.upload import upload
from tests.factories import actor_of, make_file, make_shared_space, make_user

from .pages import Looker, client_of


def test_the_form_begins_with_its_token_and_posts_files_to_the_door(root: Entry) -> None:
    text = client_of(root.space.owner).get(f"/upload/{root.pk}").content.decode()

    page = Looker(text[text.index("<main") :])
    (form,) = page.all("form")[:1]
    assert form["action"] == f"/upload/{root.pk}"
    assert form["enctype"] == "multipart/form-data"
    names = Looker(text[text.index("multipart/form-data") :]).names()
    assert names[:3] == ["csrfmiddlewaretoken", "files", "folder"]


def test_the_form_shows_the_limits(root: Entry, settings: Settings) -> None:
    settings.FILES_MAX_UPLOAD_SIZE, settings.FILES_MAX_UPLOAD_FILES = 5 * 2**30, 77
    Space.objects.update(quota_bytes=3 * 2**20)

    text = client_of(root.space.owner).get(f"/upload/{root.pk}").content.decode()

    nbsp = "\N{NO-BREAK SPACE}"
    assert f"A file may have up to 5{nbsp}GiB." in text
    assert "Up to 77 files at a time." in text
    assert f"The space has room for 3{nbsp}MiB more." in text


def test_who_may_not_add_gets_no_form(root: Entry) -> None:
    team = make_shared_space("Team", bob=Grant.Role.VIEWER)

    bob = client_of(User.objects.get(username="bob"))
    eve = client_of(make_user("eve"))

    assert bob.get(f"/upload/{team.root_id}").status_code == 403
    assert eve.get(f"/upload/{root.pk}").status_code == 404


def test_nothing_can_be_uploaded_into_a_file(root: Entry) -> None:
    file = make_file(root, "a")

    assert client_of(root.space.owner).get(f"/upload/{file.pk}").status_code == 409


def test_a_post_that_came_past_the_door_is_refused(root: Entry) -> None:
    response = client_of(root.space.owner).post(f"/upload/{root.pk}", {"files": "x"})

    assert response.status_code == 405
    assert response.headers["Allow"] == "GET, HEAD"


def test_a_refusal_says_why_for_each_file_and_shows_the_form(
    root: Entry, rf: RequestFactory
) -> None:
    owner = root.space.owner
    assert owner is not None
    located = locate(actor_of(owner), root.pk, Right.ADD)
    request = rf.post(f"/upload/{root.pk}")
    request.user = owner
    per_file = {
        "big <b>.iso": FileTooLargeError(limit=2**30),
        "trips/a\u202eb": InvalidNameError(reason="reserved"),
    }

    response = upload_refused(
        request, located, QuotaExceededError(quota=10, used=4, free=6, needed=2048), per_file
    )

    text = response.content.decode()
    assert response.status_code == 507
    assert "2\N{NO-BREAK SPACE}KiB is needed, 6 bytes is left." in text
    assert "<bdi>big &lt;b&gt;.iso</bdi>: This file is larger than this server accepts." in text
    assert "The limit is 1\N{NO-BREAK SPACE}GiB." in text
    assert "\u202e" not in text
    assert "files" in Looker(text).names()


def test_a_refusal_speaks_the_readers_language(root: Entry, rf: RequestFactory) -> None:
    owner = root.space.owner
    assert owner is not None
    located = locate(actor_of(owner), root.pk, Right.ADD)
    request = rf.post(f"/upload/{root.pk}")
    request.user = owner

    with translation.override("ru"):
        response = upload_refused(request, located, FileTooLargeError(limit=2**30), {})

    assert "Ничего не загружено." in response.content.decode()


def answer(rf: RequestFactory, user: User | None, folder: Entry, outcome: UploadOutcome) -> Any:
    """Give what the page makes of what the door hands it."""
    request: Any = rf.post(f"/upload/{folder.pk}")
    request.user = user or AnonymousUser()
    request.scope = {"files.outcome": outcome}
    request.actor = Actor(user, Event.Door.WEB)
    return upload(request, folder.pk)


def test_an_upload_leads_to_its_folder_and_counts(root: Entry, rf: RequestFactory) -> None:
    outcome = UploadOutcome(root, [make_file(root, "a"), make_file(root, "b")])

    response = answer(rf, root.space.owner, root, outcome)

    assert response.status_code == 303
    assert response.headers["Location"] == f"/folders/{root.pk}/?uploaded=2"


def test_a_refused_upload_shows_the_form_again(root: Entry, rf: RequestFactory) -> None:
    error = FilesRefusedError({"a/..": InvalidNameError(reason="reserved")})

    response = answer(rf, root.space.owner, root, UploadOutcome(root, error=error))

    text = response.content.decode()
    assert response.status_code == 422
    assert "<bdi>a/..</bdi>: The names" in text
    assert "files" in Looker(text).names()


def test_an_upload_refused_before_its_folder_was_found_is_an_error(
    root: Entry, rf: RequestFactory
) -> None:
    with pytest.raises(EntryNotFoundError):
        answer(rf, root.space.owner, root, UploadOutcome(error=EntryNotFoundError()))


def test_an_upload_refused_by_its_length_shows_the_form_again(
    root: Entry, rf: RequestFactory
) -> None:
    error = QuotaExceededError(quota=10, used=4, free=6, needed=2048)

    response = answer(rf, root.space.owner, root, UploadOutcome(root, error=error))

    assert response.status_code == 507
    assert "files" in Looker(response.content.decode()).names()


def test_who_is_not_signed_in_is_led_back_to_the_form(root: Entry, rf: RequestFactory) -> None:
    response = answer(rf, None, root, UploadOutcome(error=SignInRequiredError()))

    assert response.headers["Location"] == f"/accounts/login/?next=%2Fupload%2F{root.pk}"
