"""The jobs: they act with the rights of now, and say when they failed."""

from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from django.db.models import F
from django.utils import timezone
from django_tasks_db.models import DBTaskResult
from pytest_django import Settings

from files.access import act_by
from files.errors import EntryNotFoundError
from files.jobs import tasks
from files.models import Blob, Entry, Event, Grant, Scope, Space, Upload, UptimeClock
from files.operations import transfer as transfer_operations
from files.operations import trash
from files.operations.blobs import read_uptime
from files.operations.entries import trash_entries
from files.operations.spaces import set_member
from files.operations.transfer import copy_entries
from files.operations.trash import delete_entries
from tests.factories import (
    SYSTEM,
    actor_of,
    make_file,
    make_folder,
    make_shared_space,
    make_token,
    make_upload,
    make_user,
    root_of,
)


@pytest.fixture
def request_of_bob(db: None, monkeypatch: pytest.MonkeyPatch) -> Event:
    """Have bob ask for a copy that is left to a job."""
    team = make_shared_space("Team", bob=Grant.Role.EDITOR)
    other = make_shared_space("Other", bob=Grant.Role.EDITOR)
    folder = make_folder(root_of(team), "photos")
    make_file(folder, "a.txt")
    bob = Grant.objects.get(entry=team.root_id).user
    assert bob is not None
    monkeypatch.setattr(transfer_operations, "INLINE_LIMIT", 1)
    assert copy_entries([folder], parent=root_of(other), actor=actor_of(bob)).queued
    return Event.objects.get(kind=Event.Kind.JOB_REQUESTED)


def test_transfer_does_what_was_asked_for(request_of_bob: Event) -> None:
    assert tasks.transfer.call(request_of_bob.pk) == 1

    copied = Event.objects.get(kind=Event.Kind.ENTRY_COPIED)
    assert (copied.actor_name, copied.door) == ("bob", Event.Door.JOB)
    copy = Entry.objects.get(pk=copied.entry_id or 0)
    assert list(copy.children.values_list("name", flat=True)) == ["a.txt"]


def test_transfer_that_a_token_asked_for_names_it_and_stays_within_it(db: None) -> None:
    ada = make_user()
    token, _secret = make_token(ada, Scope.READ | Scope.WRITE)
    limit = act_by(token, Event.Door.API).limit
    assert limit is not None
    order = {"limit": {"rights": int(limit.rights), "top_id": None}}
    request = Event(
        actor=ada,
        actor_name="ada",
        token_id=token.pk,
        token_name="laptop",
        after={"transfer": order},
    )

    assert tasks.requester(request).limit == limit


def test_transfer_again_does_nothing_more(request_of_bob: Event) -> None:
    tasks.transfer.call(request_of_bob.pk)

    tasks.transfer.call(request_of_bob.pk)

    assert Event.objects.filter(kind=Event.Kind.ENTRY_COPIED).count() == 1


def test_transfer_has_only_the_rights_of_now(request_of_bob: Event) -> None:
    bob = request_of_bob.actor
    set_member(request_of_bob.space, user=bob, role=None, actor=SYSTEM)
    rows = Entry.objects.count()

    with pytest.raises(EntryNotFoundError):
        tasks.transfer.call(request_of_bob.pk)
    assert Entry.objects.count() == rows


def test_transfer_of_a_closed_account_is_refused(request_of_bob: Event) -> None:
    assert request_of_bob.actor is not None
    request_of_bob.actor.is_active = False
    request_of_bob.actor.save()

    with pytest.raises(EntryNotFoundError):
        tasks.transfer.call(request_of_bob.pk)


def test_transfer_of_a_deleted_account_has_no_rights_of_the_system(request_of_bob: Event) -> None:
    Event.objects.filter(pk=request_of_bob.pk).update(actor=None)
    request_of_bob.refresh_from_db()

    assert not tasks.requester(request_of_bob).everywhere


def test_tell_failed_records_an_event_where_the_request_was_made(request_of_bob: Event) -> None:
    tasks.tell_failed(tasks.transfer.module_path, [request_of_bob.pk], "quota-exceeded")

    event = Event.objects.get(kind=Event.Kind.JOB_FAILED)
    assert event.space_id == request_of_bob.space_id
    assert event.entry_id == request_of_bob.entry_id
    assert event.after == {"request": request_of_bob.pk, "code": "quota-exceeded"}
    assert event.actor_name == "bob"


def test_tell_failed_is_silent_about_jobs_that_nobody_asked_for(db: None) -> None:
    tasks.tell_failed(tasks.sweep.module_path, [], "unexpected-error")
    tasks.tell_failed(tasks.transfer.module_path, [1], "unexpected-error")

    assert not Event.objects.exists()


def test_purge_all_removes_what_an_interrupted_deletion_left(
    root: Entry, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make_folder(root, "photos")
    for number in range(5):
        make_file(folder, f"{number}.txt")
    trash_entries([folder], actor=SYSTEM)
    with monkeypatch.context() as patch:
        patch.setattr(trash, "purge_some", lambda _space: None)  # as if killed here
        delete_entries([folder], actor=SYSTEM)
    assert Entry.objects.count() == 7

    assert tasks.purge_all.call() == 1

    assert list(Entry.objects.all()) == [root]
    space = Space.objects.get(pk=root.space_id)
    assert space.used_bytes == 0


@pytest.mark.parametrize("dry_run", [True, False])
def test_sweep_deletes_only_when_it_is_told_to(
    root: Entry, settings: Settings, *, dry_run: bool
) -> None:
    settings.FILES_SWEEP_DRY_RUN, settings.FILES_BLOB_GRACE_SECONDS = dry_run, 0
    file = make_file(root, "a.txt")
    assert file.version is not None
    path = Path(file.version.blob.file.path)
    trash_entries([file], actor=SYSTEM)
    delete_entries([file], actor=SYSTEM)

    tasks.sweep.call()

    assert path.exists() is dry_run
    assert Blob.objects.exists() is dry_run


@pytest.mark.parametrize("dry_run", [True, False])
def test_expire_discards_only_when_it_is_told_to(
    root: Entry, settings: Settings, *, dry_run: bool
) -> None:
    settings.FILES_EXPIRE_DRY_RUN = dry_run
    assert root.space.owner is not None
    make_upload(root, actor=actor_of(root.space.owner))
    past = timezone.now() - timedelta(days=1)
    Upload.objects.create(id=uuid4(), space=root.space, state="finished", expires_at=past)
    Upload.objects.update(expires_at=past)
    read_uptime()
    UptimeClock.objects.update(seconds=86_400)

    first = tasks.expire.call()
    UptimeClock.objects.update(seconds=F("seconds") + 86_400)
    second = tasks.expire.call()

    # In a dry run nothing is seen for the first time: what is told is what would wait.
    assert (first["forgotten"], first["discarded"], first["waiting"]) == (1, 0, 1)
    assert second["discarded"] == (0 if dry_run else 1)
    assert Upload.objects.exists() is dry_run


def test_prune_rows_forgets_only_what_finished_long_ago(db: None) -> None:
    for _ in range(3):
        tasks.clear_sessions.enqueue()
    old, new, _waiting = DBTaskResult.objects.all()
    old.set_successful(None)
    new.set_successful(None)
    DBTaskResult.objects.filter(pk=old.pk).update(finished_at=timezone.now() - 2 * tasks.KEPT)

    assert tasks.prune_rows.call() == 1
    assert not DBTaskResult.objects.filter(pk=old.pk).exists()


def test_clear_sessions_runs(db: None) -> None:
    make_user()

    tasks.clear_sessions.call()


def test_copies_of_jobs_that_were_given_up_are_removed(root: Entry) -> None:
    space = Space.objects.get(pk=root.space_id)
    mark = "transfer 999"  # of a request whose event has been pruned
    left = Entry.objects.create(
        space=space, kind=Entry.Kind.FOLDER, name="copy", name_key=mark, name_fold="copy"
    )

    tasks.discard_copies.call()

    assert not Entry.objects.filter(pk=left.pk).exists()
    assert Entry.objects.filter(pk=root.pk).exists()
