"""Uploads that somebody gives up, or has given up for somebody."""

import pytest

from files.models import Entry, Event, Space, Upload
from files.operations.uploads import cancel_upload
from tests.factories import SYSTEM, actor_of, last_events, make_upload, receive

pytestmark = pytest.mark.django_db


def test_cancelling_the_own_upload_is_no_event(root: Entry) -> None:
    assert root.space.owner is not None
    ada = actor_of(root.space.owner)
    upload = receive(make_upload(root, actor=ada), b"123")
    before = Event.objects.count()

    cancel_upload(upload.pk, actor=ada)

    assert Event.objects.count() == before
    assert Space.objects.get(kind=Space.Kind.PERSONAL).used_bytes == 0


def test_cancelling_for_somebody_is_an_event(root: Entry) -> None:
    assert root.space.owner is not None
    upload = make_upload(root, "in/a", actor=actor_of(root.space.owner))
    Upload.objects.update(owner=None)
    cancel_upload(upload.pk, actor=actor_of(root.space.owner).system(SYSTEM.door))
    assert last_events(root.space)[0].kind != Event.Kind.UPLOAD_CANCELLED

    upload = make_upload(root, "in/a", actor=actor_of(root.space.owner))
    cancel_upload(upload.pk, actor=SYSTEM)

    (event,) = last_events(root.space)
    assert event.kind == Event.Kind.UPLOAD_CANCELLED
    assert event.before == {"name": "a", "owner": "ada", "size": 10}


def test_forgetting_a_finished_one_is_no_event(root: Entry) -> None:
    assert root.space.owner is not None
    upload = make_upload(root, actor=actor_of(root.space.owner))
    Upload.objects.update(state="finished", reserved_bytes=0)
    Space.objects.update(used_bytes=0)

    cancel_upload(upload.pk, actor=SYSTEM)

    assert not Event.objects.filter(kind=Event.Kind.UPLOAD_CANCELLED).exists()
    assert not Upload.objects.exists()
