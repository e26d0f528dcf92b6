"""Staff who read the content of others: allowed by a permission of its own, and recorded."""

from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from files.access import Actor, locate
from files.errors import NotAFileError
from files.models import Entry, Event

from .journal import draft, lock_spaces, record

# A player asks for one film hundreds of times: within this, reading on is not recorded again.
READING_ON = timedelta(hours=1)


@transaction.atomic
def record_staff_read(entry: Entry, *, actor: Actor) -> None:
    """Record that staff reads the content of a file, before the first byte is sent.

    Locks the space. Raises NotAFileError, and what locate raises.
    """
    version_id = locate(actor, entry.pk).entry.version_id
    if version_id is None:
        raise NotAFileError(entry_id=entry.pk)
    recent = Event.objects.filter(
        entry_id=entry.pk,
        kind=Event.Kind.CONTENT_READ_BY_STAFF,
        actor=actor.user,
        at__gt=timezone.now() - READING_ON,
        after__version=version_id,
    )
    if recent.exists():
        return
    space = lock_spaces(entry.space_id)[entry.space_id]
    record(space, [draft(Event.Kind.CONTENT_READ_BY_STAFF, entry)], actor=actor)
