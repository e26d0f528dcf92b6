"""Files that lie on this machine: moved into a space, by rename where that is safe.

A move takes over the file itself. It is an upload: its row, which says that all bytes are there, is
committed before the rename, so that a crash at any moment leaves the file either where it was or
where finish_moves finds it, and no sweep takes it for a stray.
"""

import fcntl
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from itertools import batched
from pathlib import Path
from typing import Final
from uuid import UUID, uuid4

from django.db import transaction
from django.utils import timezone

from files.access import Actor
from files.errors import (
    EntryNotFoundError,
    FilesError,
    QuotaExceededError,
    UnsuitableFileError,
    UploadBusyError,
)
from files.models import Entry, Event, Upload
from files.storage.base import blob_name
from files.storage.partial import PartialBlob

from .blobs import BATCH, NewBlob, blob_storage
from .journal import charge, discharge, lock_spaces
from .local_files import LocalFile, Put, copy_in, put_taken, take_side_by_side
from .placing import Clash, NewFile
from .uploads import received_blob
from .versions import Refusal, put_files

# What is being moved must not expire: its bytes lie nowhere else.
_KEPT: Final = timedelta(days=36500)


@contextmanager
def moving() -> Iterator[None]:
    """Be the only one on this installation who moves files in, while the block runs.

    Raises UploadBusyError if somebody else is.
    """
    descriptor = os.open(f"{blob_storage().location}/blobs", os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise UploadBusyError from None
    finally:
        os.close(descriptor)


def move_in(folder: Entry, files: Sequence[LocalFile], *, actor: Actor) -> list[Put]:
    """Move files of this machine into a folder: those that only we may write to, by rename.

    The others, and those of another file system, are copied, and their sources removed when that
    is committed. A file that is refused stays where it was, or is put back. Only within moving.
    Gives and raises what copy_in does.
    """
    results: dict[int, Put] = {}
    chosen = [index for index, file in enumerate(files) if file.is_ours and _is_near(file)]
    if chosen:
        renamed = _rename_in(folder, [files[index] for index in chosen], actor=actor)
        results.update(zip(chosen, renamed, strict=True))
    others = [index for index in range(len(files)) if index not in results]
    if others:
        copied = copy_in(folder, [files[index] for index in others], actor=actor)
        results.update(zip(others, copied, strict=True))
        for index, result in zip(others, copied, strict=True):
            if isinstance(result, Entry):
                _remove_source(files[index])
    return [results[index] for index in range(len(files))]


def _is_near(file: LocalFile) -> bool:
    """Tell whether a file lies on the file system of the blobs, so that a rename can take it."""
    return Path(blob_storage().location).stat().st_dev == file.status.st_dev


def _remove_source(file: LocalFile) -> None:
    """Remove what was copied, unless somebody has written to it since: then it stays."""
    with suppress(UnsuitableFileError, OSError):
        file.require_same()
        file.require_name()
        os.unlink(file.name, dir_fd=file.parent)


def _rename_in(folder: Entry, files: Sequence[LocalFile], *, actor: Actor) -> list[Put]:
    """Take files over by rename, each as an upload that is finished at once."""
    ids = {id(file): uuid4() for file in files}
    refused = _begin_moves(folder, [(ids[id(file)], file) for file in files])
    begun = [file for file in files if ids[id(file)] not in refused]
    storage = blob_storage()
    try:
        blobs = take_side_by_side(lambda file: _rename(file, ids[id(file)]), begun)
        storage.sync_folders({storage.folder_path(ids[id(file)]) for file in begun})
        put = put_taken(folder, begun, blobs, actor=actor, are_uploads=True)
    except FilesError:
        _put_back(begun, ids)
        raise
    results = dict(zip(map(id, begun), put, strict=True))
    _put_back([file for file in begun if isinstance(results[id(file)], FilesError)], ids)
    return [refused.get(ids[id(file)]) or results[id(file)] for file in files]


@transaction.atomic
def _begin_moves(folder: Entry, wanted: Sequence[tuple[UUID, LocalFile]]) -> dict[UUID, FilesError]:
    """Write the rows of moves, reserving their sizes; give those that do not fit, and why."""
    space = lock_spaces(folder.space_id)[folder.space_id]
    refused: dict[UUID, FilesError] = {}
    rows = []
    for upload_id, file in wanted:
        try:
            charge(space, file.size)
        except QuotaExceededError as error:
            refused[upload_id] = error
            continue
        rows.append(
            Upload(
                id=upload_id,
                space=space,
                folder=folder,
                door=Event.Door.COMMAND,
                path="/".join(file.path),
                modified_at=file.modified_at,
                clash=Clash.NEW_VERSION.value,
                length=file.size,
                offset=file.size,
                reserved_bytes=file.size,
                expires_at=timezone.now() + _KEPT,
            )
        )
    Upload.objects.bulk_create(rows, batch_size=BATCH)
    space.save(update_fields=["used_bytes"])
    return refused


def _rename(file: LocalFile, upload_id: UUID) -> NewBlob:
    """Rename one file to the path of its blob, and put its bytes on stable storage."""
    file.require_name()
    storage = blob_storage()
    storage.adopt(upload_id, file.name, parent=file.parent)
    partial = PartialBlob(storage, upload_id)
    try:
        if not partial.is_file(file.descriptor):
            raise UnsuitableFileError(reason="changed")
        partial.start_at(0, 0, None)
        partial.read_on()
        partial.sync()
        file.require_same()
        return received_blob(partial, upload_id, file.path[-1])
    finally:
        partial.close()


def _put_back(files: Sequence[LocalFile], ids: dict[int, UUID]) -> None:
    """Give files their old names again, and forget the moves; nothing is ever overwritten.

    Where the old name is taken by now, the move stays as an open upload, whose bytes are kept.
    """
    back = []
    for file in files:
        upload_id = ids[id(file)]
        with suppress(OSError):
            if blob_storage().exists(blob_name(upload_id)):
                blob_storage().give_back(upload_id, file.name, parent=file.parent)
            back.append(upload_id)
    _forget_moves(back)


@transaction.atomic
def _forget_moves(upload_ids: Sequence[UUID]) -> None:
    """Delete the rows of moves whose files lie where they were, and what they reserved."""
    for some in batched(upload_ids, BATCH):
        rows = list(Upload.objects.filter(pk__in=some))
        for space in lock_spaces(*(row.space_id for row in rows)).values():
            mine = [row for row in rows if row.space_id == space.pk]
            discharge(space, sum(row.reserved_bytes for row in mine))
            space.save(update_fields=["used_bytes"])
        Upload.objects.filter(pk__in=some).delete()


def finish_moves(*, actor: Actor) -> tuple[int, list[FilesError]]:
    """Finish the moves that a crash has interrupted; give how many, and what refuses the others.

    Those whose file was not renamed yet are forgotten: it lies where it was. Only within moving.
    """
    done, refused = 0, []
    moves = Upload.objects.filter(door=Event.Door.COMMAND, state=Upload.State.OPEN)
    for upload in list(moves.select_related("folder").order_by("created_at", "pk")):
        if blob_storage().stored_size(blob_name(upload.pk)) is None:
            _forget_moves([upload.pk])
            continue
        try:
            _finish_move(upload, actor)
        except FilesError as error:
            refused.append(error)
        else:
            done += 1
    return done, refused


def _finish_move(upload: Upload, actor: Actor) -> None:
    """Put a file that was renamed in its place. Raises what put_files refuses it for."""
    if upload.folder is None:
        raise EntryNotFoundError
    partial = PartialBlob(blob_storage(), upload.pk)
    try:
        partial.start_at(0, 0, None)
        partial.read_on()
        partial.sync()
        blob = received_blob(partial, upload.pk, upload.name)
    finally:
        partial.close()
    new = NewFile(upload.names, blob, upload.modified_at, is_upload=True)
    (put,) = put_files(upload.folder, [new], actor=actor, refusal=Refusal.EACH)
    if isinstance(put, FilesError):
        raise put
