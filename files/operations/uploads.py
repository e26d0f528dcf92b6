"""Uploads: begin, go on, finish and give up; knows no protocol and moves no bytes.

The row says how many bytes are safe; the file may be longer, and is the caller's to bring into line
(files/http/appending.py) while it is the only writer. A space counts what its open uploads have
reserved as used, so that what was promised at the first byte still fits at the last.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from files.access import Actor, get_upload, locate, within
from files.errors import (
    DigestMismatchError,
    LengthMismatchError,
    OffsetConflictError,
    TooManyUploadsError,
    UploadCompleteError,
    UploadNotFoundError,
    UploadTakenOverError,
)
from files.media_types import HEAD_BYTES, sniff
from files.models import Entry, Event, Right, Space, Upload
from files.storage.partial import PartialBlob, boot_id

from .blobs import NewBlob, discard_partial
from .journal import charge, discharge, draft, lock_spaces, record
from .placing import NewFile
from .wanted import Wanted, check_wanted, new_upload, require_size, require_unlocked_place

STEP: Final = 128 * 2**20  # bytes that an upload of unknown length reserves ahead
# How long an upload is kept whose body nginx receives: nobody tells when its client goes away.
LANDING: Final = timedelta(minutes=10)


@transaction.atomic
def create_upload(
    folder: Entry, wanted: Wanted, *, actor: Actor, is_landing: bool = False, landed: int = 0
) -> Upload:
    """Begin an upload into a folder: decide all that can be decided, and reserve its length.

    One that is landing has its whole body received by nginx, and is forgotten soon if that does
    not come (release_landings); landed bytes of it are on the disk already. Locks the space. Raises
    InvalidNameError, TooDeepError, NotAFolderError, FileTooLargeError, DiskFullError,
    QuotaExceededError, TooManyUploadsError, LockedError, and EntryExistsError where the name is
    taken, may be known and is to be refused.
    """
    space = lock_spaces(folder.space_id)[folder.space_id]
    located = locate(actor, folder.pk, Right.ADD)
    folder = check_wanted(located, wanted, landed=landed)
    require_unlocked_place(located, wanted, space, actor)
    _require_few(actor)
    upload = new_upload(folder, wanted, actor=actor)
    _reserve(upload, wanted.length or 0, space)
    upload.landing_until = timezone.now() + LANDING if is_landing else None
    upload.save(force_insert=True)
    return upload


def _require_few(actor: Actor) -> None:
    """Raise TooManyUploadsError if somebody has as many open uploads as may be."""
    limit = settings.FILES_MAX_OPEN_UPLOADS
    if actor.user is not None and pending_uploads(actor.but(limit=None)).count() >= limit:
        raise TooManyUploadsError(limit=limit)


def pending_uploads(actor: Actor) -> QuerySet[Upload]:
    """Give one's own uploads that are not finished, newest first, as far as the limit goes."""
    mine = Upload.objects.filter(owner=actor.user, state=Upload.State.OPEN)
    return within(actor, mine, '"files_upload"."folder_id"').order_by("-created_at")


def _reserve(upload: Upload, size: int, space: Space) -> None:
    """Let an upload reserve so many bytes in all, in a locked space; the caller saves the upload.

    Raises QuotaExceededError.
    """
    if size > upload.reserved_bytes:
        charge(space, size - upload.reserved_bytes)
        space.save(update_fields=["used_bytes"])
        upload.reserved_bytes = size


def _reserve_ahead(upload: Upload, size: int, space: Space) -> None:
    """Reserve so many bytes for an upload whose end nobody knows, and where there is room, more."""
    require_size(size, there=upload.offset)
    ahead = min(size + STEP, settings.FILES_MAX_UPLOAD_SIZE)
    if space.free_bytes is not None:
        ahead = min(ahead, upload.reserved_bytes + space.free_bytes)
    _reserve(upload, max(size, ahead), space)


@transaction.atomic
def reserve_ahead(upload: Upload, size: int) -> None:
    """Reserve for an upload of unknown length that comes to so many bytes now, and some ahead.

    Locks the space. Raises UploadNotFoundError and what begin_append raises for want of room.
    """
    space = lock_spaces(upload.space_id)[upload.space_id]
    fresh = _locked(upload)
    _reserve_ahead(fresh, size, space)
    fresh.save(update_fields=["reserved_bytes"])
    upload.reserved_bytes = fresh.reserved_bytes


@transaction.atomic
def take_over(upload: Upload) -> None:
    """Tell the connection that writes an upload to stop, by a new generation.

    One that is finished has nobody to stop. Raises UploadNotFoundError.
    """
    rows = Upload.objects.filter(pk=upload.pk)
    stopped = rows.filter(state=Upload.State.OPEN).update(generation=F("generation") + 1)
    if not stopped and not rows.exists():
        raise UploadNotFoundError


@transaction.atomic
def begin_append(
    upload: Upload,
    *,
    until: int | None,
    length: int | None,
    checked: bool,
    sha256: str = "",
    is_held: bool = False,
    landed: int = 0,
) -> Upload:
    """Begin to append to an upload, as its one writer, and reserve what it needs.

    until is the offset at which this connection ends, where that is known; length and sha256 are
    of the whole file, where they are said only now. Bytes count as they come, or with checked only
    once their checksum was. Of what is to come, landed bytes are on the disk already. What is held
    is not finished by its length. Locks the space. Raises UploadNotFoundError, LengthMismatchError,
    DigestMismatchError for another digest than before, FileTooLargeError, DiskFullError and
    QuotaExceededError.
    """
    space = lock_spaces(upload.space_id)[upload.space_id]
    fresh = _locked(upload)
    if length is not None:
        _declare(fresh, length)
    if sha256 and fresh.sha256 not in {"", sha256}:
        raise DigestMismatchError(algorithm="sha-256", of="announcement")
    if fresh.length is not None and until is not None and until > fresh.length:
        raise LengthMismatchError(length=fresh.length)
    if (size := until if fresh.length is None else fresh.length) is None:
        _reserve_ahead(fresh, fresh.offset, space)
    else:
        require_size(size, there=fresh.offset + landed)
        _reserve(fresh, size, space)
    fresh.generation += 1
    fresh.landing_until = None
    fresh.sha256, fresh.is_held = fresh.sha256 or sha256, is_held
    fresh.tail_boot_id = "" if checked else boot_id()
    fresh.active_since, fresh.active_offset = timezone.now(), fresh.offset
    # From now on it counts as touched: a slow one may be long in reaching its first checkpoint.
    fresh.expires_at, fresh.expired_uptime = Upload.next_expiry(), None
    fresh.save(update_fields=_BEGUN)
    return fresh


_BEGUN: Final = (
    "length", "sha256", "is_held", "reserved_bytes", "generation", "tail_boot_id", "active_since",
    "active_offset", "expires_at", "expired_uptime", "landing_until",
)  # fmt: skip


def landing_upload(upload_id: UUID, *, actor: Actor) -> Upload | None:
    """Give the upload that somebody has begun for a body that was to land, if it is still there."""
    uploads = Upload.objects.select_related("space", "folder", "owner")
    mine = uploads.filter(pk=upload_id, owner=actor.user, landing_until__isnull=False)
    return mine.first()


def foresee_append(upload_id: UUID, *, offset: int, size: int, actor: Actor) -> Upload:
    """Tell by the row of an upload alone whether bytes may be appended to it, before they come.

    Advice: it locks nothing and stops nobody. Raises UploadNotFoundError, UploadCompleteError,
    OffsetConflictError, LengthMismatchError, FileTooLargeError and DiskFullError.
    """
    upload = get_upload(actor, upload_id)
    if upload.is_finished:
        raise UploadCompleteError(length=upload.length)
    if offset != upload.offset:
        raise OffsetConflictError(offset=upload.offset)
    if upload.length is not None and offset + size > upload.length:
        raise LengthMismatchError(length=upload.length)
    require_size(offset + size, there=offset)
    return upload


def _declare(upload: Upload, length: int) -> None:
    """Set the whole length, once. Raises LengthMismatchError."""
    if upload.length not in {None, length} or length < upload.offset:
        raise LengthMismatchError(length=upload.length)
    upload.length = length


def _locked(upload: Upload) -> Upload:
    """Lock an open upload and read it afresh. Raises UploadNotFoundError."""
    fresh = (
        Upload.objects.select_for_update(no_key=True, of=("self",))
        .select_related("space", "folder", "owner")
        .filter(pk=upload.pk, state=Upload.State.OPEN)
        .first()
    )
    if fresh is None:
        raise UploadNotFoundError
    return fresh


@transaction.atomic
def declare_length(upload: Upload, length: int) -> Upload:
    """Say how long an upload is that came without a length, when its last byte is there.

    Locks the upload. Raises UploadNotFoundError and LengthMismatchError.
    """
    fresh = _locked(upload)
    _declare(fresh, length)
    fresh.save(update_fields=["length"])
    return fresh


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an upload is: bytes on stable storage, and their digests to go on from."""

    offset: int
    crc32: int | None
    hash_state: bytes | None


def progress_saved(upload: Upload) -> Progress:
    """Give how far an upload is by its row."""
    state = upload.hash_state
    return Progress(upload.offset, upload.crc32, None if state is None else bytes(state))


def checkpoint(upload: Upload, progress: Progress) -> None:
    """Count bytes as safe in the middle of writing.

    Raises UploadTakenOverError if this writer is not the newest any more, and UploadNotFoundError.
    """
    _save_progress(upload, progress)


def end_append(upload: Upload, progress: Progress) -> None:
    """Count the bytes of a connection that has ended; nothing behind them counts.

    Raises UploadTakenOverError and UploadNotFoundError as checkpoint does.
    """
    _save_progress(upload, progress, tail_boot_id="", active_since=None)


@transaction.atomic
def _save_progress(upload: Upload, progress: Progress, **more: object) -> None:
    """Save how far an upload is, if its generation is still that of this writer."""
    mine = Upload.objects.filter(
        pk=upload.pk, generation=upload.generation, state=Upload.State.OPEN
    )
    changed = mine.update(
        offset=progress.offset,
        crc32=progress.crc32,
        hash_state=progress.hash_state,
        expires_at=Upload.next_expiry(),
        expired_uptime=None,
        **more,
    )
    if changed:
        upload.offset, upload.crc32 = progress.offset, progress.crc32
        upload.hash_state = progress.hash_state
    elif Upload.objects.filter(pk=upload.pk).exists():
        raise UploadTakenOverError
    else:
        raise UploadNotFoundError


def received_blob(partial: PartialBlob, upload_id: UUID, name: str) -> NewBlob:
    """Say what the bytes of a complete upload are; the SHA-256 is empty where it was lost."""
    digest = partial.sha256.hexdigest() if partial.sha256 is not None else ""
    media_type = sniff(partial.read_head(HEAD_BYTES), name)
    return NewBlob(upload_id, partial.size, digest, partial.crc32, media_type)


def finished_file(upload: Upload, blob: NewBlob) -> NewFile:
    """Give the file that an upload has become, for put_files and put_members to put in its place.

    Raises DigestMismatchError if the bytes are not those that were announced.
    """
    if upload.sha256 and upload.sha256 != blob.sha256:
        raise DigestMismatchError(algorithm="sha-256")
    return NewFile(upload.names, blob, upload.modified_at, is_upload=True)


def generations(upload_ids: Sequence[UUID]) -> dict[UUID, int]:
    """Give the generations of uploads, for their writers to see that they must stop."""
    rows = Upload.objects.filter(pk__in=upload_ids, state=Upload.State.OPEN)
    return dict(rows.values_list("pk", "generation"))


@transaction.atomic
def cancel_upload(upload_id: UUID, *, actor: Actor) -> None:
    """Forget an upload with what it brought; a finished one is only forgotten, its file stays.

    Who cancels what somebody else has begun leaves an event. Locks the space. Raises
    UploadNotFoundError.
    """
    upload = get_upload(actor, upload_id)
    space = lock_spaces(upload.space_id)[upload.space_id]
    upload = get_upload(actor, upload_id)
    forget_uploads([upload], space)
    if upload.owner != actor.user and not upload.is_finished:
        owner = upload.owner.get_username() if upload.owner else ""
        before = {"name": upload.name, "owner": owner, "size": upload.length}
        record(space, [draft(Event.Kind.UPLOAD_CANCELLED, before=before)], actor=actor)


def forget_uploads(uploads: Sequence[Upload], space: Space) -> None:
    """Delete the rows of uploads of a locked space, give back what they reserved, and their bytes.

    Not for faces: cancel_upload and expire_uploads decide. The bytes go after the commit: a crash
    in between leaves strays, which are the sweeper's.
    """
    ids = [upload.pk for upload in uploads if not upload.is_finished]
    discharge(space, sum(upload.reserved_bytes for upload in uploads))
    space.save(update_fields=["used_bytes"])
    Upload.objects.filter(pk__in=[upload.pk for upload in uploads]).delete()
    transaction.on_commit(lambda: discard_partial(ids))
