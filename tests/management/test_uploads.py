"""Uploads from the command line: listed, expired, cancelled."""

import json
from datetime import timedelta
from io import StringIO
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from files.access import Actor
from files.models import Entry, Space, Upload
from files.operations.uploads import begin_append
from tests.factories import actor_of, make_shared_space, make_upload, make_user, receive, root_of

pytestmark = pytest.mark.django_db


def run(command: str, *arguments: str) -> str:
    """Run a command and give what it prints."""
    out = StringIO()
    call_command(command, *arguments, stdout=out)
    return out.getvalue().strip()


@pytest.fixture
def ada(root: Entry) -> Actor:
    """Act as the owner of the space."""
    assert root.space.owner is not None
    return actor_of(root.space.owner)


@pytest.fixture
def upload(root: Entry, ada: Actor) -> Upload:
    """Give an upload of ada's that is half there."""
    return receive(make_upload(root, "trips/a.bin", length=4096, actor=ada), b"x" * 2048)


def test_a_line_says_what_it_is_and_how_far(upload: Upload) -> None:
    line = run("list_uploads")

    assert line.startswith(f"{upload.pk}  space {upload.space_id}  ada  2 KiB of 4 KiB  waiting  ")
    assert line.endswith(f"expires {upload.expires_at:%Y-%m-%d %H:%M} UTC  trips/a.bin")


def test_a_line_says_what_it_is_doing(root: Entry, ada: Actor, upload: Upload) -> None:
    begin_append(upload, until=None, length=None, checked=False)
    assert "  running  " in run("list_uploads")

    Upload.objects.update(active_since=timezone.now() - timedelta(seconds=2))
    assert "  running, " in run("list_uploads")

    receive(make_upload(root, "b", length=1, actor=ada), b"x")
    assert "  1 byte of 1 byte  received  " in run("list_uploads")


def test_an_upload_of_unknown_length_whose_owner_is_gone_is_listed(root: Entry, ada: Actor) -> None:
    make_upload(root, length=None, actor=ada)
    Upload.objects.update(owner=None)

    assert "  -  0 bytes of ?  waiting  " in run("list_uploads")


def test_lists_are_narrowed_down(root: Entry, ada: Actor, upload: Upload) -> None:
    other = root_of(make_shared_space("Team"))
    bob = make_user("bob")
    make_upload(other, "b", actor=Actor(bob, ada.door, everywhere=ada.everywhere.ALL))

    assert len(run("list_uploads").splitlines()) == 2
    assert run("list_uploads", "--space", "Team").endswith("  b")
    assert run("list_uploads", "--user", "ada").endswith("  trips/a.bin")
    assert run("list_uploads", "--user", "ada", "--space", "Team") == ""


@pytest.mark.parametrize(("option", "code"), [("--space", "space"), ("--user", "user")])
def test_what_to_narrow_down_to_must_exist(option: str, code: str) -> None:
    with pytest.raises(CommandError, match=rf"\[{code}-not-found\]$"):
        run("list_uploads", option, "Nobody")


def test_json_is_a_line_each(upload: Upload) -> None:
    (told,) = map(json.loads, run("list_uploads", "--json").splitlines())

    assert told["id"] == str(upload.pk)
    assert (told["user"], told["path"]) == ("ada", "trips/a.bin")
    assert (told["length"], told["offset"], told["received"]) == (4096, 2048, 2048)
    assert (told["running"], told["bytes_per_second"]) == (False, None)


def test_an_expired_upload_goes_a_day_after_it_was_seen(upload: Upload) -> None:
    Upload.objects.update(expires_at=timezone.now() - timedelta(days=1))
    said = "0 uploads discarded (0 bytes), 0 finished ones forgotten, 1 waiting"

    assert run("expire_uploads") == said
    assert run("expire_uploads") == said

    Upload.objects.filter(pk=upload.pk).update(expired_uptime=0)
    call_command("expire_uploads", "--dry-run", stdout=StringIO())
    assert Upload.objects.count() == 1


def test_the_clock_is_trusted_where_that_is_asked_for(upload: Upload) -> None:
    Upload.objects.update(expires_at=timezone.now() - timedelta(days=1))

    assert run("expire_uploads", "--now").startswith("1 uploads discarded (2048 bytes)")

    assert not Upload.objects.exists()
    assert Space.objects.get(pk=upload.space_id).used_bytes == 0


def test_a_dry_run_changes_nothing(upload: Upload) -> None:
    Upload.objects.update(expires_at=timezone.now() - timedelta(days=1), expired_uptime=0)

    said = run("expire_uploads", "--now", "--dry-run")

    assert said.startswith("1 uploads would be discarded (2048 bytes)")
    assert Upload.objects.count() == 1


def test_uploads_are_cancelled_by_their_ids(root: Entry, ada: Actor, upload: Upload) -> None:
    other = make_upload(root, actor=ada)

    said = run("cancel_upload", str(upload.pk), other.pk.hex)

    assert said.splitlines() == [f"upload {upload.pk} cancelled", f"upload {other.pk} cancelled"]
    assert not Upload.objects.exists()
    assert Space.objects.get(pk=upload.space_id).used_bytes == 0


def test_one_that_is_not_there_is_told_and_the_others_are_cancelled(upload: Upload) -> None:
    missing, err = uuid4(), StringIO()

    with pytest.raises(CommandError, match=r"^1 uploads were not cancelled \[upload-not-found\]$"):
        call_command("cancel_upload", missing, upload.pk, stderr=err, stdout=StringIO())

    assert err.getvalue().startswith(f"{missing}: There is no such upload.")
    assert not Upload.objects.exists()


def test_what_is_no_id_cancels_nothing(upload: Upload) -> None:
    with pytest.raises(CommandError, match=r"\[invalid-value\]$"):
        run("cancel_upload", str(upload.pk), "latest")
    assert Upload.objects.exists()
