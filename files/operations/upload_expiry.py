"""Uploads whose time is over: discarded while unfinished, only forgotten once they are files."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final
from uuid import UUID

from django.db import transaction
from django.db.models import Count, QuerySet, Sum
from django.db.models.functions import Coalesce
from django.utils import timezone

from files.models import Upload
from files.storage.landing import clean_bodies

from .blobs import BATCH, blob_storage, read_uptime
from .journal import lock_spaces
from .uploads import forget_uploads

GRACE: Final = timedelta(days=1)  # of up-time, from seeing that an upload is expired
MARGIN: Final = timedelta(minutes=1)  # behind its deadline, for a body that has just landed


@dataclass(frozen=True, slots=True)
class ExpiryResult:
    """What expiring uploads did, or would do."""

    discarded: int  # unfinished uploads
    discarded_bytes: int
    forgotten: int  # finished ones, whose last answer nobody asks for any more
    waiting: int  # past their time, and not seen so long enough


def expire_uploads(*, grace: timedelta, dry_run: bool = False) -> ExpiryResult:
    """Discard uploads that nobody has gone on with, and forget those finished long ago.

    What the clock says of unfinished ones is seen twice, a grace period of real up-time apart: a
    wall clock set forward discards nothing. Locks one space after the other.
    """
    uptime = read_uptime()
    expired = _expired(Upload.State.OPEN)
    if not dry_run:
        expired.filter(expired_uptime__isnull=True).update(expired_uptime=uptime)
    ripe = expired.filter(expired_uptime__lte=uptime - int(grace.total_seconds()))
    discarded = size = 0
    for count, brought in [_figures(ripe)] if dry_run else _discard(ripe):
        discarded, size = discarded + count, size + brought
    waiting = expired.count() - (discarded if dry_run else 0)
    forgotten = _expired(Upload.State.FINISHED).count() if dry_run else forget_finished()
    return ExpiryResult(discarded, size, forgotten, waiting)


def forget_finished() -> int:
    """Forget finished uploads whose last answer nobody asks for any more, and give how many.

    They hold no bytes and nothing of a quota.
    """
    over, count = _expired(Upload.State.FINISHED), 0
    while keys := list(over.order_by("pk").values_list("pk", flat=True)[:BATCH]):
        count += Upload.objects.filter(pk__in=keys).delete()[0]
    return count


def release_landings() -> int:
    """Forget uploads whose bodies nginx has not brought in time, and give how many.

    They hold nothing but their reservation: a body that comes later begins anew. So nothing is
    lost if the clock is wrong. Bodies that a killed nginx has left go, too. Locks one space after
    the other.
    """
    clean_bodies(Path(blob_storage().location))
    late = Upload.objects.filter(
        state=Upload.State.OPEN, landing_until__lte=timezone.now() - MARGIN
    )
    return sum(count for count, _size in _discard(late))


def release_landing(upload_id: UUID) -> None:
    """Forget the upload of a body that has landed and was refused, before its time is over.

    One that is being taken, or was never to land, is left alone.
    """
    landing = Upload.objects.filter(state=Upload.State.OPEN, landing_until__isnull=False)
    for _figures in _discard(landing.filter(pk=upload_id)):
        pass


def _expired(state: Upload.State) -> QuerySet[Upload]:
    """Give the uploads of a state that are past their time."""
    return Upload.objects.filter(state=state, expires_at__lte=timezone.now())


def _figures(uploads: QuerySet[Upload]) -> tuple[int, int]:
    """Count some uploads, and the bytes that they have brought."""
    found = uploads.aggregate(count=Count("pk"), size=Coalesce(Sum("offset"), 0))
    return found["count"], found["size"]


def _discard(ripe: QuerySet[Upload]) -> Iterator[tuple[int, int]]:
    """Discard uploads, some of one space at a time, and give their figures."""
    while first := ripe.order_by("space", "pk").first():
        with transaction.atomic():
            space = lock_spaces(first.space_id)[first.space_id]
            keys = ripe.filter(space=space).order_by("pk").values_list("pk", flat=True)[:BATCH]
            some = ripe.filter(pk__in=list(keys))
            figures = _figures(some)
            forget_uploads(list(some.defer("hash_state").select_for_update(no_key=True)), space)
        yield figures
