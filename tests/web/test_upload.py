import json
import re
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import AnonymousUser, User
from django.test import RequestFactory
from django.utils import translation
from pytest_django import Settings

from files.access import Actor, locate
from files.errors import (
    EntryNotFoundError,
    FilesError,
    FilesRefusedError,
    FileTooLargeError,
    InvalidNameError,
    QuotaExceededError,
    SignInRequiredError,
)
from files.http.uploads import UploadOutcome
from files.models import Entry, Event, Grant, Right, Space
from files.operations.blobs import NewBlob
from files.operations.uploads import create_upload
from files.operations.versions import NewFile
from files.operations.wanted import Wanted
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


def answer_script(root: Entry, rf: RequestFactory, outcome: UploadOutcome) -> Any:
    """Let the view answer a script whose files the door has taken, or not."""
    request = rf.post(f"/upload/{root.pk}", headers={"accept": "application/json"})
    request.user = root.space.owner  # type: ignore[assignment]
    request.scope = {"files.outcome": outcome}  # type: ignore[attr-defined]
    return upload(request, root.pk)  # type: ignore[arg-type]


def test_a_script_is_told_what_the_files_have_become(root: Entry, rf: RequestFactory) -> None:
    entry = make_file(root, "a.txt")
    sent = NewFile(("trips", "a.txt"), NewBlob(uuid4(), entry.size, "5e" * 32, 0, "text/plain"))

    response = answer_script(root, rf, UploadOutcome(root, [entry], [sent]))

    assert response.status_code == 201
    assert response.headers["Vary"] == "Accept"
    assert json.loads(response.content) == {
        "entries": [
            {
                "path": "trips/a.txt",
                "id": entry.pk,
                "name": "a.txt",
                "size": entry.size,
                "sha256": "5e" * 32,
                "version": entry.version_id,
                "url": f"/entries/{entry.pk}/",
            }
        ]
    }


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (QuotaExceededError(quota=10, used=9, needed=2), 507, "quota-exceeded"),
        (SignInRequiredError(), 401, "sign-in-required"),
        (EntryNotFoundError(), 404, "entry-not-found"),
    ],
)
def test_a_script_is_told_why_nothing_was_taken(
    root: Entry, rf: RequestFactory, error: FilesError, status: int, code: str
) -> None:
    response = answer_script(root, rf, UploadOutcome(root, error=error))

    assert response.status_code == status
    assert response.headers["Content-Type"] == "application/problem+json"
    problem = json.loads(response.content)
    assert (problem["status"], problem["code"]) == (status, code)
    assert problem["detail"].startswith(str(error))


def test_a_script_is_told_which_files_stood_in_the_way(root: Entry, rf: RequestFactory) -> None:
    error = FilesRefusedError({"a/b\n": InvalidNameError(reason="control")})

    response = answer_script(root, rf, UploadOutcome(root, error=error))

    problem = json.loads(response.content)
    assert problem["files"] == {"a/b\n": "invalid-name"}
    assert problem["reasons"]["a/b\n"].startswith("A name cannot contain line breaks")


def test_the_page_brings_the_words_of_its_script(root: Entry) -> None:
    client = client_of(root.space.owner)

    english = upload_texts(client.get(f"/upload/{root.pk}").content.decode())
    folder = upload_texts(client.get(f"/folders/{root.pk}/").content.decode())

    assert english == folder
    assert english["faults"]["quota-exceeded"] == str(QuotaExceededError.message)
    assert all(english.values())


def upload_texts(page: str) -> dict[str, Any]:
    """Read the texts out of a page."""
    found = re.search(r'<script id="upload-data"[^>]*>(.*?)</script>', page, re.DOTALL)
    assert found
    texts: dict[str, Any] = json.loads(found[1])["texts"]
    return texts


def test_who_may_only_look_gets_nothing_to_drop_files_on(root: Entry) -> None:
    team = make_shared_space("Team", bob=Grant.Role.VIEWER)

    page = client_of(User.objects.get(username="bob")).get(f"/folders/{team.root_id}/")

    assert 'data-behaviour="upload"' not in page.content.decode()


JSON = {"accept": "application/json"}


def test_a_script_asks_for_what_is_on_its_way(root: Entry) -> None:
    owner = root.space.owner
    assert owner is not None
    at = datetime(2026, 5, 3, 14, 5, 6, 789_000, tzinfo=UTC)
    begun = create_upload(root, Wanted(("a", "b.bin"), 10, at), actor=actor_of(owner))

    found = client_of(owner).get("/uploads/", headers=JSON).json()
    others = client_of(make_user("eve")).get("/uploads/", headers=JSON).json()

    (told,) = found["uploads"]
    assert others == {"uploads": []}
    assert told["url"] == f"/uploads/{begun.pk.hex}"
    assert (told["name"], told["path"], told["folder"]) == ("b.bin", "a/b.bin", root.pk)
    assert (told["length"], told["offset"]) == (10, 0)
    assert told["modified_at"] == "2026-05-03T14:05:06.789Z"
