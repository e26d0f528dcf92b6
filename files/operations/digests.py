"""Digests that are taken after the commit: of bytes whose SHA-256 was lost on their way in.

The file is usable meanwhile. Who puts such bytes in their place asks for the digest by an event,
and a job reads them while they are still in memory.
"""

import logging
import os
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import batched
from typing import Final
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet

from files.models import Blob, Event, Version
from files.storage.base import blob_name

from .blobs import BATCH, NewBlob, blob_storage
from .journal import Draft, draft

logger = logging.getLogger(__name__)

PIECE: Final = 2**18  # bytes read at once, which stay in the cache of a core while they are hashed
LOOK: Final = 1024  # pieces between two looks at whether the digest is still wanted


def request_digests(blobs: Iterable[NewBlob]) -> list[Draft]:
    """Draft the events that ask a job for the digests which new blobs lack."""
    lacking = (str(blob.id) for blob in blobs if not blob.sha256)
    return [
        draft(Event.Kind.JOB_REQUESTED, after={"digest": list(some)})
        for some in batched(lacking, BATCH)
    ]


@dataclass(frozen=True, slots=True)
class _Read:
    """What a blob's bytes are, read again."""

    size: int
    sha256: str
    crc32: int


def take_digests(blob_ids: Sequence[UUID]) -> int:
    """Read the bytes of blobs and record the digests that they lack; give how many were recorded.

    Can be run again. Bytes that are not there, or not those that came, are told in the log and
    left to check_storage. Raises OSError for bytes that cannot be read, when all others are done.
    """
    count, failure = 0, None
    for blob_id in blob_ids:
        try:
            read = _read(blob_id)
        except FileNotFoundError:
            logger.critical("blob %s has no bytes", blob_id)
        except OSError as error:
            failure = error
        else:
            count += read is not None and _save(blob_id, read)
    if failure is not None:
        raise failure
    return count


def _lacking(blob_id: UUID) -> QuerySet[Blob]:
    """Give a blob if it lacks its digest and is not about to go."""
    return Blob.objects.filter(pk=blob_id, sha256="").exclude(state=Blob.State.GOING)


def _read(blob_id: UUID) -> _Read | None:
    """Read the bytes of a blob; None if its digest is not wanted, or no more.

    The look at the database is also where a worker that is to stop can stop.
    """
    if not _lacking(blob_id).exists():
        return None
    digest, crc32, size, pieces = sha256(), 0, 0, 0
    buffer = memoryview(bytearray(PIECE))
    descriptor = blob_storage().open_blob(blob_name(blob_id))
    try:
        while count := os.readv(descriptor, [buffer]):
            piece = buffer[:count]
            digest.update(piece)
            crc32 = zlib.crc32(piece, crc32)
            size, pieces = size + count, pieces + 1
            if pieces % LOOK == 0 and not _lacking(blob_id).exists():
                return None
    finally:
        os.close(descriptor)
    return _Read(size, digest.hexdigest(), crc32)


@transaction.atomic
def _save(blob_id: UUID, read: _Read) -> bool:
    """Record a digest for a blob and all versions of it, unless it was done meanwhile."""
    blob = _lacking(blob_id).select_for_update(no_key=True).first()
    if blob is None:
        return False
    if read.size != blob.size or blob.crc32 not in {None, read.crc32}:
        logger.critical("blob %s is not what came in", blob_id)
        return False
    blob.sha256, blob.crc32 = read.sha256, read.crc32
    blob.save(update_fields=["sha256", "crc32"])
    Version.objects.filter(blob=blob, sha256="").update(sha256=read.sha256)
    return True
