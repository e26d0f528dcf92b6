"""Pending uploads: how far they are at this moment."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from django.db.models import QuerySet
from django.utils import timezone

from files.models import Upload
from files.storage.partial import glance

from .blobs import blob_storage

BRIEF: Final = 0.5  # seconds of a connection that say nothing of its speed


@dataclass(frozen=True, slots=True)
class Pending:
    """An unfinished upload, and how far it is."""

    upload: Upload
    size: int  # bytes that have come; while it is running, the last of them are not safe yet
    is_running: bool  # over a connection, at this moment
    speed: int | None = None  # bytes a second over that connection

    @property
    def is_received(self) -> bool:
        """Tell whether all of it is there, and it waits to be put in its place."""
        return self.upload.is_complete and not self.is_running


def open_uploads() -> QuerySet[Upload]:
    """Give everybody's unfinished uploads, newest first."""
    uploads = Upload.objects.filter(state=Upload.State.OPEN).select_related("space", "owner")
    return uploads.defer("hash_state").order_by("-created_at", "-pk")


def look_at(upload: Upload) -> Pending:
    """Look at the disk how far an upload is.

    Only one that a connection has begun to write is looked at, and only what its row counts is
    told of one that is not running: what lies behind that is not decided yet.
    """
    since = upload.active_since
    seen = glance(blob_storage(), upload.pk) if since is not None else None
    if since is None or seen is None or not seen.is_written:
        return Pending(upload, upload.offset, is_running=False)
    size = max(upload.offset, seen.length)
    if upload.length is not None:
        size = min(size, upload.length)
    seconds = (timezone.now() - since).total_seconds()
    is_brief = seconds < BRIEF
    speed = None if is_brief else round(max(0, size - upload.active_offset) / seconds)
    return Pending(upload, size, is_running=True, speed=speed)


def look_at_all(uploads: Iterable[Upload]) -> list[Pending]:
    """Look at the disk how far some uploads are."""
    return [look_at(upload) for upload in uploads]
