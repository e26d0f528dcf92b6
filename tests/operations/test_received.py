"""Files that came whole over a form that broke off wait as uploads, within all limits."""

from pathlib import Path

import pytest
from django.utils import timezone
from pytest_django import Settings

from files.access import Actor
from files.errors import EntryNotFoundError, ForbiddenError, NotAFolderError
from files.models import Entry, Event, Grant, Space, Upload
from files.operations.blobs import blob_storage
from files.operations.placing import Clash
from files.operations.received import keep_received
from files.storage.base import blob_name
from tests.factories import (
    actor_of,
    make_file,
    make_member,
    make_upload,
    make_user,
    new_file,
    paths_in,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada(root: Entry) -> Actor:
    """Act as the owner of the space."""
    assert root.space.owner is not None
    return actor_of(root.space.owner)


def keep(root: Entry, actor: Actor, *paths: str) -> list[str]:
    """Keep files of 7 bytes, and give the paths of those that were."""
    files = [new_file(path) for path in paths]
    kept = keep_received(root, files, actor=actor, clash=Clash.KEEP_BOTH)
    assert kept == set(Upload.objects.filter(pk__in=kept).values_list("pk", flat=True))
    return [file.display_path for file in files if file.blob.id in kept]


def test_kept_files_are_complete_uploads_and_visible_to_nobody(root: Entry, ada: Actor) -> None:
    before = Event.objects.count()

    assert keep(root, ada, "a", "in/b") == ["a", "in/b"]

    assert paths_in(root) == {}
    assert Event.objects.count() == before
    for upload in Upload.objects.all():
        assert upload.is_complete
        assert (upload.owner, upload.folder, upload.door) == (ada.user, root, ada.door)
        assert upload.clash == Clash.KEEP_BOTH.value
        assert upload.expires_at > timezone.now()
        assert Path(blob_storage().path(blob_name(upload.pk))).read_bytes() == b"content"


def test_they_count_for_the_quota_and_those_that_do_not_fit_are_left_out(
    root: Entry, ada: Actor
) -> None:
    Space.objects.update(quota_bytes=15)

    assert keep(root, ada, "a", "b", "c") == ["a", "b"]

    assert Space.objects.get(kind=Space.Kind.PERSONAL).used_bytes == 14


def test_no_more_are_kept_than_one_may_have(root: Entry, ada: Actor, settings: Settings) -> None:
    settings.FILES_MAX_OPEN_UPLOADS = 3
    make_upload(root, actor=ada)

    assert keep(root, ada, "a", "b", "c") == ["a", "b"]


def test_bytes_that_are_recorded_already_are_left_alone(root: Entry, ada: Actor) -> None:
    file = make_file(root, "there")
    assert file.version is not None
    new = new_file("again")
    taken = type(new)(("x",), type(new.blob)(file.version.blob_id, 7, "", 0, "text/plain"))

    assert keep_received(root, [taken, new], actor=ada, clash=Clash.KEEP_BOTH) == {new.blob.id}


def test_rights_are_those_of_now(root: Entry) -> None:
    with pytest.raises(ForbiddenError):
        keep(root, make_member(root, Grant.Role.VIEWER), "a")
    with pytest.raises(EntryNotFoundError):
        keep(root, actor_of(make_user("eve")), "a")


def test_a_file_keeps_nothing_in_it(root: Entry, ada: Actor) -> None:
    with pytest.raises(NotAFolderError):
        keep(make_file(root, "file"), ada, "a")
