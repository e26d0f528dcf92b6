"""Blobs: record, share and release bytes, and sweep what nothing points to.

The only module that unlinks recorded bytes. Database first, bytes later: a blob that lost its last
version is doomed, and its bytes go a grace period after that, so a crash leaves at most an orphan.
"""

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import batched
from pathlib import Path
from typing import Final
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Sum
from django.db.models.expressions import Combinable
from django.db.models.functions import Now
from django.utils import timezone

from files.errors import BlobConflictError, ChangedMeanwhileError
from files.models import Blob, Upload, UptimeClock, Version
from files.models.bulk import insert_rows
from files.models.reading import marks
from files.models.sql import fetch
from files.storage.base import blob_name
from files.storage.filesystem import BlobStorage, StoredName

BATCH = 500

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class NewBlob:
    """Bytes that are on stable storage and not recorded yet."""

    id: UUID
    size: int  # bytes
    sha256: str  # lower-case hex
    crc32: int | None  # None, as an empty sha256, where a job will take it
    media_type: str  # sniffed from the bytes


def blob_storage() -> BlobStorage:
    """Give the storage that Blob.file is on."""
    storage = Blob._meta.get_field("file").storage
    assert isinstance(storage, BlobStorage)  # noqa: S101 - a setting that names another fails here
    return storage


def recorded_ids(blob_ids: Iterable[UUID]) -> set[UUID]:
    """Tell which of some ids are taken, be it by the sweeper's claim."""
    found: set[UUID] = set()
    for some in batched(blob_ids, BATCH):
        values = {_key_of(blob_id): blob_id for blob_id in some}
        rows = fetch(
            f"SELECT id FROM files_blob WHERE id IN ({marks(values)})",  # noqa: S608 - placeholders
            list(values),
        )
        found.update(values[row[0]] for row in rows)
    return found


def _key_of(blob_id: UUID) -> str | UUID:
    """Give an id as the database keeps it."""
    key: str | UUID = Blob._meta.pk.get_db_prep_value(blob_id, connection, prepared=False)
    return key


_COLUMNS: Final = ("id", "file", "size", "sha256", "crc32", "media_type", "state", "created_at")


def known_ids(blob_ids: Iterable[UUID]) -> set[UUID]:
    """Tell which of some ids have a row: a blob's, or that of an upload, whose file it is."""
    found: set[UUID] = set()
    for some in batched(blob_ids, BATCH):
        found |= recorded_ids(some)
        found.update(Upload.objects.filter(pk__in=some).values_list("pk", flat=True))
    return found


def discard_partial(upload_ids: Iterable[UUID]) -> None:
    """Remove the files of uploads that were given up; what cannot be removed is the sweeper's.

    Their rows must be gone, and that committed: nothing can record the bytes any more.
    """
    storage = blob_storage()
    for some in batched(upload_ids, BATCH):
        kept = known_ids(some)
        for upload_id in some:
            if upload_id not in kept:
                with suppress(OSError):
                    storage.unlink(blob_name(upload_id))


def record_blobs(blobs: Sequence[NewBlob]) -> None:
    """Insert the rows of received bytes.

    In a transaction that is given up if this raises: BlobConflictError if the sweeper has claimed
    one meanwhile: its row is the claim, and once that is gone, the bytes are.
    """
    storage = blob_storage()
    state = (Blob.State.LIVE.value, timezone.now())
    rows = [
        (blob.id, blob_name(blob.id), blob.size, blob.sha256, blob.crc32, blob.media_type, *state)
        for blob in blobs
    ]
    # Looked at after the insert, which a claim of the same id would have refused.
    inserted = insert_rows(Blob, _COLUMNS, rows, skips_taken=True)
    if len(inserted) < len(rows) or any(
        storage.stored_size(blob_name(blob.id)) != blob.size for blob in blobs
    ):
        raise BlobConflictError


def share_blobs(blob_ids: Iterable[UUID]) -> None:
    """Lock blobs that are about to get another version, and revive the doomed among them.

    Raises ChangedMeanwhileError if the bytes of one are going or gone.
    """
    for some in batched(sorted(set(blob_ids)), BATCH):
        rows = list(
            Blob.objects.select_for_update(no_key=True)
            .filter(pk__in=some)
            .exclude(state=Blob.State.GOING)
            .order_by("pk")
        )
        if len(rows) < len(some):
            raise ChangedMeanwhileError
        if doomed := [row.pk for row in rows if row.state == Blob.State.DOOMED]:
            Blob.objects.filter(pk__in=doomed).update(
                state=Blob.State.LIVE, doomed_at=None, doomed_uptime=None
            )


def doom_unreferenced(blob_ids: Iterable[UUID]) -> None:
    """Doom those of the blobs that no version points at any more."""
    for some in batched(sorted(set(blob_ids)), BATCH):
        # Locked first, so that a version made at the same time is either seen or revives.
        list(Blob.objects.select_for_update(no_key=True).filter(pk__in=some).order_by("pk"))
        Blob.objects.filter(_is_unreferenced(), pk__in=some, state=Blob.State.LIVE).update(
            state=Blob.State.DOOMED, doomed_at=Now()
        )


def _is_unreferenced() -> Combinable:
    """Give the condition that no version points at a blob."""
    return ~Exists(Version.objects.filter(blob=OuterRef("pk")))


@dataclass(frozen=True, slots=True)
class SweepResult:
    """What a sweep did, or would do."""

    claimed: int  # strays older than the grace period that are doomed now
    unlinked: int
    unlinked_bytes: int
    waiting: int  # doomed blobs whose wait is not over
    failed: int = 0  # blobs whose bytes the storage did not remove; tried again next time


@transaction.atomic
def read_uptime() -> int:
    """Advance the clock of destructive jobs and read it: seconds of real up-time, added up.

    Locks the clock's row.
    """
    clock, is_first = UptimeClock.objects.select_for_update().get_or_create(pk=1)
    boot_id = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    boottime = int(time.clock_gettime(time.CLOCK_BOOTTIME))
    now = timezone.now()
    if not is_first:  # the first look says nothing about the time before it
        clock.seconds += _advance(clock, boot_id, boottime, now)
    clock.boot_id, clock.boottime_seconds, clock.read_at = boot_id, boottime, now
    clock.save(update_fields=["seconds", "boot_id", "boottime_seconds", "read_at"])
    return clock.seconds


def _advance(clock: UptimeClock, boot_id: str, boottime: int, now: datetime) -> int:
    """Give the seconds of up-time since the clock was last read, rather too few than too many."""
    if boot_id == clock.boot_id:
        return max(0, boottime - clock.boottime_seconds)
    # A reboot, or another host, whose up-time may overlap with what was counted.
    wall = int((now - clock.read_at).total_seconds()) if clock.read_at else 0
    return max(0, min(boottime, wall))


def find_strays(
    storage: BlobStorage,
    *,
    older_than: timedelta,
    on_progress: Callable[[int], None] = lambda _count: None,
) -> Iterator[StoredName]:
    """Walk the disk for files under a blob's name that no row knows, last changed before then.

    on_progress is told how many files were looked at since the last time.
    """
    limit = time.time() - older_than.total_seconds()
    for some in batched(storage.scan(), BATCH):
        old = [
            item
            for item in some
            if item.blob_id is not None and item.is_regular and item.changed_at <= limit
        ]
        known = known_ids(item.blob_id for item in old if item.blob_id)
        yield from (item for item in old if item.blob_id not in known)
        on_progress(len(some))


def sweep_blobs(
    *,
    grace: timedelta,
    dry_run: bool = False,
    on_progress: Callable[[int], None] = lambda _count: None,
) -> SweepResult:
    """Claim stray bytes, and unlink what has been doomed for a grace period.

    on_progress is told how many files were looked at, or removed, since the last time.

    A stray is claimed by inserting its id as a doomed row: a request that is still about to record
    it meets the primary key and is refused. Doomed bytes go when both the wall clock and the
    up-time of the machine say that the grace period is over, counted from the sweep that saw them
    first: a wall clock set forward makes nothing go.
    """
    storage = blob_storage()
    uptime = read_uptime()
    claimed = 0
    strays = find_strays(storage, older_than=grace, on_progress=on_progress)
    for some in batched(strays, BATCH):
        claimed += len(some)
        if not dry_run:
            claim_strays(some)
    if dry_run:
        return replace(_foresee(grace, uptime), claimed=claimed)
    _see_doomed(uptime)
    unlinked = size = failed = 0
    for rows in _take_due(grace, uptime):
        gone = _unlink(storage, rows)
        on_progress(len(rows))
        unlinked, failed = unlinked + len(gone), failed + len(rows) - len(gone)
        size += sum(row.size for row in gone)
    waiting = _unlive().filter(state=Blob.State.DOOMED).count()
    return SweepResult(claimed, unlinked, size, waiting, failed)


def claim_strays(strays: Sequence[StoredName]) -> None:
    """Insert stray files as doomed blobs; one recorded at this moment keeps its own row."""
    now = timezone.now()
    Blob.objects.bulk_create(
        [
            Blob(
                id=stray.blob_id,
                file=stray.name,
                size=stray.size,
                media_type="application/octet-stream",
                state=Blob.State.DOOMED,
                doomed_at=now,
            )
            for stray in strays
        ],
        ignore_conflicts=True,
    )


def _unlive() -> QuerySet[Blob]:
    """Give the blobs that are not live, in the form that their index serves."""
    return Blob.objects.filter(doomed_at__isnull=False)


def _see_doomed(uptime: int) -> None:
    """Begin the wait of what was doomed since the last sweep."""
    _unlive().filter(state=Blob.State.DOOMED, doomed_uptime__isnull=True).update(
        doomed_uptime=uptime
    )


def _is_ripe(grace: timedelta, uptime: int) -> Q:
    """Give the condition that the wait of a doomed blob is over."""
    return Q(
        state=Blob.State.DOOMED,
        doomed_at__lte=timezone.now() - grace,
        doomed_uptime__lte=uptime - int(grace.total_seconds()),
    )


def _foresee(grace: timedelta, uptime: int) -> SweepResult:
    """Count what a sweep would unlink."""
    due = _unlive().filter(_is_ripe(grace, uptime) | Q(state=Blob.State.GOING))
    figures = due.aggregate(count=Count("pk"), size=Sum("size"))
    waiting = _unlive().count() - figures["count"]
    return SweepResult(0, figures["count"], int(figures["size"] or 0), waiting)


def _take_due(grace: timedelta, uptime: int) -> Iterator[list[Blob]]:
    """Give what is going, in batches: what an earlier sweep left, then what is ripe now."""
    going = _unlive().filter(state=Blob.State.GOING).order_by("pk")
    rows = list(going[:BATCH])
    while rows:
        yield rows
        rows = list(going.filter(pk__gt=rows[-1].pk)[:BATCH])
    while rows := _let_go(grace, uptime):
        yield rows


@transaction.atomic
def _let_go(grace: timedelta, uptime: int) -> list[Blob]:
    """Make some ripe blobs going, after which no version can point at them, and give them."""
    ripe = _unlive().filter(_is_ripe(grace, uptime), _is_unreferenced()).order_by("doomed_at")
    rows = list(ripe.select_for_update(no_key=True, skip_locked=True)[:BATCH])
    Blob.objects.filter(pk__in=[row.pk for row in rows]).update(state=Blob.State.GOING)
    return rows


def _unlink(storage: BlobStorage, rows: Sequence[Blob]) -> list[Blob]:
    """Remove the bytes of going blobs and then their rows; give those that are gone.

    A crash in between leaves rows without bytes, which the next sweep takes up. The row goes last
    because it keeps a late request from recording bytes that are no longer there.
    """
    gone = []
    for row in rows:
        try:
            storage.unlink(blob_name(row.pk))
        except OSError as error:
            logger.warning("blob %s could not be unlinked: %s", row.pk, error.strerror)
        else:
            gone.append(row)
    Blob.objects.filter(pk__in=[row.pk for row in gone]).delete()
    return gone
