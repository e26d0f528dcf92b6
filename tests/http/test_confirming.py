"""Confirming puts a complete upload in its place; everything else about it stays as it is."""

import fcntl
from hashlib import sha256
from pathlib import Path
from uuid import UUID

import pytest

from files.access import Actor
from files.errors import (
    DigestMismatchError,
    EntryNotFoundError,
    FilesError,
    OffsetConflictError,
    StorageFailedError,
    TypeRefusedError,
    UploadBusyError,
    UploadNotFoundError,
)
from files.http.appending import opened
from files.http.confirming import confirm_upload
from files.models import Entry, Space, Upload
from files.operations.blobs import blob_storage
from files.operations.entries import trash_entries
from files.operations.placing import Clash
from files.operations.received import keep_received
from files.operations.spaces import set_case_twins, set_type_rules
from files.operations.uploads import begin_append
from files.storage.base import blob_name
from files.storage.partial import PartialBlob
from tests.factories import (
    SYSTEM,
    actor_of,
    make_file,
    make_folder,
    make_upload,
    make_user,
    new_file,
    paths_in,
    receive,
    reread,
)
from tests.invariants import check_everything

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada(root: Entry) -> Actor:
    """Act as the owner of the space."""
    assert root.space.owner is not None
    return actor_of(root.space.owner)


def received(root: Entry, actor: Actor, path: str = "a", **more: object) -> Upload:
    """Have an upload of 3 bytes all there."""
    return receive(make_upload(root, path, actor=actor, length=3, **more), b"abc")


def path_of(upload: Upload) -> Path:
    """Tell where the bytes of an upload are."""
    return Path(blob_storage().path(blob_name(upload.pk)))


def test_a_complete_upload_is_put_in_its_place(root: Entry, ada: Actor) -> None:
    upload = confirm_upload(received(root, ada, "in/a").pk, actor=ada)

    assert upload.is_finished
    assert paths_in(root) == {"in": None, "in/a": b"abc"}
    entry = Entry.objects.get(pk=upload.entry_id or 0)
    assert entry.version is not None
    assert entry.version.sha256 == sha256(b"abc").hexdigest()
    check_everything()


def test_a_file_of_a_broken_form_is_put_in_its_place(root: Entry, ada: Actor) -> None:
    new = new_file("a")
    keep_received(root, [new], actor=ada, clash=Clash.KEEP_BOTH)

    confirm_upload(new.blob.id, actor=ada)

    assert paths_in(root) == {"a": b"content"}
    check_everything()


def test_confirming_twice_is_as_good_as_once(root: Entry, ada: Actor) -> None:
    upload = received(root, ada)

    first, second = [confirm_upload(upload.pk, actor=ada) for _ in range(2)]

    assert first.entry_id == second.entry_id
    assert paths_in(root) == {"a": b"abc"}


def test_bytes_behind_the_last_checkpoint_are_taken_in(root: Entry, ada: Actor) -> None:
    upload = make_upload(root, "a", actor=ada, length=3)
    begin_append(upload, until=3, length=None, checked=False)
    path_of(upload).write_bytes(b"abc")  # and then the process was killed

    confirm_upload(upload.pk, actor=ada)

    assert paths_in(root) == {"a": b"abc"}


@pytest.mark.parametrize(
    ("there", "clash", "expected"),
    [
        ("file", Clash.NEW_VERSION, {"a": b"abc"}),
        ("file", Clash.KEEP_BOTH, {"a": b"old", "a (2)": b"abc"}),
        ("file", Clash.REFUSE, {"a": b"old", "a (2)": b"abc"}),
        ("folder", Clash.NEW_VERSION, {"a": None, "a (2)": b"abc"}),
    ],
)
def test_a_taken_name_never_stands_in_the_way(
    root: Entry, ada: Actor, there: str, clash: Clash, expected: dict[str, bytes | None]
) -> None:
    upload = received(root, ada, clash=clash)
    if there == "file":
        make_file(root, "a", b"old")
    else:
        make_folder(root, "a")

    confirm_upload(upload.pk, actor=ada)

    assert paths_in(root) == expected


def test_a_name_that_differs_only_in_case_gets_a_number(
    root: Entry, ada: Actor, space: Space
) -> None:
    set_case_twins(space, refused=True, actor=SYSTEM)
    make_file(root, "A", b"old")

    confirm_upload(received(root, ada).pk, actor=ada)

    assert paths_in(root) == {"A": b"old", "a (2)": b"abc"}


def test_one_that_is_not_complete_is_refused(root: Entry, ada: Actor) -> None:
    upload = receive(make_upload(root, "a", actor=ada), b"abc")

    with pytest.raises(OffsetConflictError) as caught:
        confirm_upload(upload.pk, actor=ada)
    assert caught.value.data == {"offset": 3}


def test_one_that_is_being_written_is_left_to_its_writer(root: Entry, ada: Actor) -> None:
    upload = received(root, ada)
    generation = upload.generation
    with path_of(upload).open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)

        with pytest.raises(UploadBusyError):
            confirm_upload(upload.pk, actor=ada)
    assert reread(upload).generation == generation


def test_one_that_another_finished_meanwhile_is_given_as_it_is(
    root: Entry, ada: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = received(root, ada)

    def late(upload_id: UUID) -> PartialBlob:
        monkeypatch.setattr("files.http.confirming.opened", opened)
        confirm_upload(upload.pk, actor=ada)
        return opened(upload_id)

    monkeypatch.setattr("files.http.confirming.opened", late)

    assert confirm_upload(upload.pk, actor=ada).is_finished
    assert paths_in(root) == {"a": b"abc"}


def test_a_wrong_digest_throws_it_away(root: Entry, ada: Actor) -> None:
    upload = received(root, ada, sha256="f" * 64)

    with pytest.raises(DigestMismatchError):
        confirm_upload(upload.pk, actor=ada)
    assert not Upload.objects.exists()
    assert Space.objects.get(pk=root.space_id).used_bytes == 0


def test_lost_bytes_are_told(root: Entry, ada: Actor) -> None:
    upload = received(root, ada)
    path_of(upload).write_bytes(b"a")

    with pytest.raises(StorageFailedError):
        confirm_upload(upload.pk, actor=ada)


def trash_folder(folder: Entry) -> None:
    """Put the destination into the trash."""
    trash_entries([folder], actor=SYSTEM)


def forbid_type(folder: Entry) -> None:
    """Refuse what the content is."""
    set_type_rules(folder.space, allowed="video/*", forbidden="", actor=SYSTEM)


@pytest.mark.parametrize(
    ("prevent", "error"), [(trash_folder, EntryNotFoundError), (forbid_type, TypeRefusedError)]
)
def test_what_refuses_it_leaves_it_waiting(
    root: Entry, ada: Actor, prevent: object, error: type[FilesError]
) -> None:
    folder = make_folder(root, "in")
    upload = received(folder, ada)
    assert callable(prevent)
    prevent(folder)

    with pytest.raises(error):
        confirm_upload(upload.pk, actor=ada)
    assert reread(upload).is_complete
    check_everything()


def test_others_do_not_find_it(root: Entry, ada: Actor) -> None:
    with pytest.raises(UploadNotFoundError):
        confirm_upload(received(root, ada).pk, actor=actor_of(make_user("eve")))
