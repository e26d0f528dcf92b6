"""Hold the database against the disk and against itself, and say what does not agree.

Safe while serving: nothing is locked, and what looks wrong is looked at again before it is told,
since uploads and the sweeper go on meanwhile. Memory is bounded: everything is read in batches.
"""

import os
import stat
import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from hashlib import sha256
from itertools import batched
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, F, Model, OuterRef, Q, QuerySet
from django.db.models.functions import Now

from files.access import Actor
from files.models import Blob, Entry, Space, Upload, Version
from files.storage.base import blob_name
from files.storage.filesystem import (
    DIRECTORY_MODE,
    FILE_MODE,
    BlobStorage,
    StoredName,
    prepare_folders,
)

from .blobs import (
    BATCH,
    blob_storage,
    claim_strays,
    doom_unreferenced,
    known_ids,
    share_blobs,
)
from .usage import correct_usage, recount_usage

PIECE: Final = 2**20  # bytes read at once


class Code(StrEnum):
    """What can be found; docs/commands.md says what each means and what to do."""

    MISSING_BYTES = "missing-bytes"
    WRONG_SIZE = "wrong-size"
    WRONG_DIGEST = "wrong-digest"
    WRONG_NAME = "wrong-name"
    WRONG_MODE = "wrong-mode"
    NOT_REGULAR = "not-regular"
    HARD_LINK = "hard-link"
    UNREADABLE = "unreadable"
    UNREFERENCED = "unreferenced"
    DOOMED_IN_USE = "doomed-in-use"
    STRAY = "stray"
    FOREIGN_NAME = "foreign-name"
    FOLDER_MISSING = "folder-missing"
    VERSION_MISMATCH = "version-mismatch"
    FILE_WITHOUT_VERSION = "file-without-version"
    ENTRY_MISMATCH = "entry-mismatch"
    USAGE_DRIFT = "usage-drift"
    UPLOAD_BYTES_MISSING = "upload-bytes-missing"
    # These two are no errors.
    IN_FLIGHT = "in-flight"
    ALREADY_GONE = "already-gone"


_NOTES: Final = frozenset({Code.IN_FLIGHT, Code.ALREADY_GONE})


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it should be; subject names it by ids, never by a file's name."""

    code: Code
    subject: str
    detail: str = ""
    is_repaired: bool = False

    @property
    def is_error(self) -> bool:
        """Tell whether this keeps the storage from being clean."""
        return self.code not in _NOTES and not self.is_repaired


@dataclass(slots=True)
class StorageCheck:
    """One run over all that is stored; run gives what it finds, one at a time.

    grace is how long bytes may lie without a row, since an upload may be on its way. repair puts
    right what can be put right without deleting anything that can be read. on_progress is told how
    many rows or files were looked at since the last time.
    """

    actor: Actor
    grace: timedelta
    hashes: bool = False
    repairs: bool = False
    on_progress: Callable[[int], None] = lambda _count: None
    storage: BlobStorage = field(default_factory=blob_storage)

    def run(self) -> Iterator[Finding]:
        """Check everything."""
        yield from self._check_folders()
        for blobs in _batches(Blob.objects.alias(used=_is_used()).annotate(is_used=F("used"))):
            verified = []
            for blob in blobs:
                found = list(self._check_blob(blob))
                yield from found
                if self.hashes and not found and blob.state == Blob.State.LIVE:
                    verified.append(blob.pk)
            Blob.objects.filter(pk__in=verified).update(verified_at=Now())
            self.on_progress(len(blobs))
        for names in batched(self.storage.scan(), BATCH):
            yield from self._check_names(names)
            self.on_progress(len(names))
        yield from self._check_uploads()
        yield from self._check_versions()
        yield from self._check_entries()
        yield from self._check_usage()

    def _check_folders(self) -> Iterator[Finding]:
        """Check that the folders of blobs are there, and closed to others."""
        root = Path(self.storage.location)
        for name in ("blobs", *(f"blobs/{number:02x}" for number in range(256))):
            try:
                mode = (root / name).lstat().st_mode
            except FileNotFoundError:
                if self.repairs:
                    prepare_folders(root)
                yield Finding(Code.FOLDER_MISSING, name, is_repaired=self.repairs)
                continue
            if not stat.S_ISDIR(mode):
                yield Finding(Code.NOT_REGULAR, name, "not a folder")
            elif stat.S_IMODE(mode) != DIRECTORY_MODE:
                if self.repairs:
                    (root / name).chmod(DIRECTORY_MODE)
                yield Finding(Code.WRONG_MODE, name, oct(stat.S_IMODE(mode)), self.repairs)

    def _check_blob(self, blob: Blob) -> Iterator[Finding]:
        """Check the row of a blob, and its bytes against it."""
        subject = f"blob {blob.pk}"
        if blob.file.name != blob_name(blob.pk):
            yield Finding(Code.WRONG_NAME, subject, str(blob.file.name))
            return
        is_doomed = blob.state != Blob.State.LIVE
        is_used: bool = blob.is_used  # type: ignore[attr-defined] # an annotation
        if is_doomed and is_used:
            # Bytes that are going already cannot be called back.
            can_repair = self.repairs and blob.state == Blob.State.DOOMED
            if can_repair:
                share_in_transaction(blob.pk)
            yield Finding(Code.DOOMED_IN_USE, subject, is_repaired=can_repair)
        if not is_doomed and not is_used:
            if self.repairs:
                doom_in_transaction(blob.pk)
            yield Finding(Code.UNREFERENCED, subject, is_repaired=self.repairs)
        try:
            yield from self._check_bytes(blob, subject)
        except FileNotFoundError:
            if Blob.objects.filter(pk=blob.pk).exists():  # else it was swept meanwhile
                gone = is_doomed and not is_used
                yield Finding(Code.ALREADY_GONE if gone else Code.MISSING_BYTES, subject)
        except OSError as error:
            yield Finding(Code.UNREADABLE, subject, error.strerror or str(error))

    def _check_bytes(self, blob: Blob, subject: str) -> Iterator[Finding]:
        """Check the file of a blob. Raises FileNotFoundError and other kinds of OSError."""
        name = blob_name(blob.pk)
        with self.storage.folder_of(name) as (folder, basename):
            status = os.stat(basename, dir_fd=folder, follow_symlinks=False)
        if not stat.S_ISREG(status.st_mode):
            yield Finding(Code.NOT_REGULAR, subject)
            return
        if status.st_nlink > 1:
            yield Finding(Code.HARD_LINK, subject, f"{status.st_nlink} links")
        if stat.S_IMODE(status.st_mode) != FILE_MODE:
            if self.repairs:
                self._close_to_others(name)
            yield Finding(Code.WRONG_MODE, subject, oct(stat.S_IMODE(status.st_mode)), self.repairs)
        if status.st_size != blob.size:
            yield Finding(Code.WRONG_SIZE, subject, f"{status.st_size} instead of {blob.size}")
        elif self.hashes and not self._has_digest(name, blob):
            yield Finding(Code.WRONG_DIGEST, subject)

    def _close_to_others(self, name: str) -> None:
        """Give a file the mode that files have here."""
        descriptor = self.storage.open_blob(name)
        try:
            os.fchmod(descriptor, FILE_MODE)
        finally:
            os.close(descriptor)

    def _has_digest(self, name: str, blob: Blob) -> bool:
        """Read a file again and compare what was recorded of it; empty means not recorded."""
        digest, crc32 = sha256(), 0
        descriptor = self.storage.open_blob(name)
        try:
            while piece := os.read(descriptor, PIECE):
                digest.update(piece)
                crc32 = zlib.crc32(piece, crc32)
            # What was read only to be checked should not push what is in use out of memory.
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        finally:
            os.close(descriptor)
        return blob.sha256 in {"", digest.hexdigest()} and blob.crc32 in {None, crc32}

    def _check_names(self, names: tuple[StoredName, ...]) -> Iterator[Finding]:
        """Check what lies on the disk against the rows."""
        known = known_ids(item.blob_id for item in names if item.blob_id)
        strays = []
        for item in names:
            if item.blob_id in known:
                continue
            if item.blob_id is None:
                yield Finding(Code.FOREIGN_NAME, ascii(item.name))
            elif not item.is_regular:
                yield Finding(Code.NOT_REGULAR, item.name)
            elif time.time() - item.changed_at < self.grace.total_seconds():
                yield Finding(Code.IN_FLIGHT, item.name, f"{item.size} bytes")
            elif self.storage.exists(item.name):  # else it was swept meanwhile
                strays.append(item)
        if self.repairs:
            claim_strays(strays)
        for item in strays:
            yield Finding(Code.STRAY, item.name, f"{item.size} bytes", self.repairs)

    def _check_uploads(self) -> Iterator[Finding]:
        """Check that what open uploads count as safe is there; there may well be more."""
        for uploads in _batches(_open_uploads().filter(offset__gt=0).only("offset")):
            for upload in uploads:
                length = self.storage.stored_size(blob_name(upload.pk)) or 0
                # Else it was finished or given up meanwhile, or went back to an earlier offset.
                missing = _open_uploads().filter(pk=upload.pk, offset__gt=length)
                if length < upload.offset and missing.exists():
                    detail = f"{length} bytes of {upload.offset}"
                    yield Finding(Code.UPLOAD_BYTES_MISSING, f"upload {upload.pk}", detail)

    def _check_versions(self) -> Iterator[Finding]:
        """Check that each version has a blob, and says the same of it."""
        agrees = Blob.objects.filter(
            pk=OuterRef("blob_id"), size=OuterRef("size"), sha256=OuterRef("sha256")
        )
        for version in Version.objects.filter(~Exists(agrees)).order_by("pk").iterator(BATCH):
            yield Finding(Code.VERSION_MISMATCH, f"version {version.pk}", f"blob {version.blob_id}")

    def _check_entries(self) -> Iterator[Finding]:
        """Check that each file has a version of its own, and no folder has one."""
        files = Entry.objects.filter(kind=Entry.Kind.FILE)
        for entry in files.filter(version=None).order_by("pk").iterator(BATCH):
            yield Finding(Code.FILE_WITHOUT_VERSION, f"entry {entry.pk}")
        agrees = Version.objects.filter(
            pk=OuterRef("version_id"), entry=OuterRef("pk"), size=OuterRef("size")
        )
        wrong = Q(kind=Entry.Kind.FILE, version__isnull=False) & Q(~Exists(agrees))
        wrong |= Q(kind=Entry.Kind.FOLDER, version__isnull=False)
        for entry in Entry.objects.filter(wrong).order_by("pk").iterator(BATCH):
            yield Finding(Code.ENTRY_MISMATCH, f"entry {entry.pk}", f"version {entry.version_id}")

    def _check_usage(self) -> Iterator[Finding]:
        """Count all spaces afresh."""
        for space in recount_usage(Space.objects.all()):
            if space.drift:
                if self.repairs:
                    correct_usage(space.space_id, actor=self.actor)
                detail = f"{space.kept} kept, {space.counted} counted"
                yield Finding(Code.USAGE_DRIFT, f"space {space.space_id}", detail, self.repairs)


def _open_uploads() -> QuerySet[Upload]:
    """Give the uploads that are not finished."""
    return Upload.objects.filter(state=Upload.State.OPEN)


def _is_used() -> Exists:
    """Ask of a blob whether a version points at it."""
    return Exists(Version.objects.filter(blob=OuterRef("pk")))


def _batches[M: Model](rows: QuerySet[M]) -> Iterator[list[M]]:
    """Read a table in the order of its key, some rows at a time, with no cursor held open."""
    rows = rows.order_by("pk")
    last: Any = None
    while some := list((rows if last is None else rows.filter(pk__gt=last))[:BATCH]):
        yield some
        last = some[-1].pk


@transaction.atomic
def share_in_transaction(blob_id: UUID) -> None:
    """Revive a doomed blob that a version points at."""
    share_blobs([blob_id])


@transaction.atomic
def doom_in_transaction(blob_id: UUID) -> None:
    """Doom a blob that no version points at; the sweeper does the rest."""
    doom_unreferenced([blob_id])
