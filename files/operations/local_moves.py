"""Files that lie on this machine: moved into a space, by rename where that is safe.

A move takes over the file itself. It is an upload: its row, which says that all bytes are there, is
committed before the rename, so that a crash at any moment leaves the file either where it was or
where finish_moves finds it, and no sweep takes it for a stray.
"""

import errno
import fcntl
import os
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from hashlib import sha256
from itertools import batched
from pathlib import Path
from typing import Final
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from files.access import Actor
from files.errors import (
    EntryNotFoundError,
    FilesError,
    QuotaExceededError,
    StorageFailedError,
    UnsuitableFileError,
    UploadBusyError,
    UploadNotFoundError,
)
from files.models import Entry, Event, Space, Upload, Version
from files.storage.base import blob_name, new_blob_ids
from files.storage.partial import PartialBlob
from files.storage.system_calls import go_on, is_open_for_writing, read_pieces

from .blobs import BATCH, NewBlob, blob_storage
from .journal import charge, discharge, lock_spaces
from .local_files import LocalFile, Put, Taken, copy_in, put_taken, take_side_by_side
from .placing import Clash, NewFile
from .uploads import received_blob
from .versions import Refusal, put_files

# What is being moved must not expire: its bytes lie nowhere else.
_KEPT: Final = timedelta(days=36500)
_TOO_FAR: Final = os.strerror(errno.EXDEV)


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


def move_in(
    folder: Entry, files: Sequence[LocalFile], *, actor: Actor, check: Callable[[], None] = go_on
) -> list[Put]:
    """Move files of this machine into a folder: those that only we may write to, by rename.

    The others, those that somebody has open for writing, and those of another file system are
    copied, and their sources removed when that is committed. A file that is refused stays where it
    was, or is put back. Only within moving. Gives and raises what copy_in does; a source that was
    imported and cannot be removed is an UnsuitableFileError, too.
    """
    results: dict[int, Put] = {}
    chosen = [index for index, file in enumerate(files) if _can_be_renamed(file)]
    if chosen:
        renamed = _rename_in(folder, [files[index] for index in chosen], actor, check)
        # Two mounts of one file system look the same until a rename is tried.
        pairs = zip(chosen, renamed, strict=True)
        results.update((index, result) for index, result in pairs if not _is_too_far(result))
    others = [index for index in range(len(files)) if index not in results]
    if others:
        copied = copy_in(folder, [files[index] for index in others], actor=actor, check=check)
        for index, result in zip(others, copied, strict=True):
            stays = _remove_source(files[index]) if isinstance(result, Entry) else None
            results[index] = stays or result
    return [results[index] for index in range(len(files))]


def _can_be_renamed(file: LocalFile) -> bool:
    """Tell whether a file lies on the file system of the blobs, and nobody else can change it."""
    is_near = Path(blob_storage().location).stat().st_dev == file.status.st_dev
    return file.is_ours and is_near and not is_open_for_writing(file.descriptor)


def _is_too_far(result: Put) -> bool:
    """Tell whether a file was refused only because a rename does not reach from it to the blobs."""
    return isinstance(result, StorageFailedError) and result.data.get("reason") == _TOO_FAR


def _remove_source(file: LocalFile) -> FilesError | None:
    """Remove what was copied, unless somebody has written to it since; say why it stays."""
    try:
        file.require_same()
        file.require_name()
        os.unlink(file.name, dir_fd=file.parent)
    except FilesError as error:
        return error
    except OSError:
        return UnsuitableFileError(reason="source-stays")
    return None


def take_away_same(
    files: Sequence[tuple[LocalFile, Entry]], *, check: Callable[[], None] = go_on
) -> list[bool | FilesError]:
    """Remove sources whose content is that of an entry already; an interrupted move leaves such.

    Gives for each, in order, whether it was removed: False where the content is another; an error
    where it is the same and the source cannot be removed. All is read, since only that can tell.
    """
    versions = Version.objects.in_bulk([entry.version_id for _file, entry in files])
    return [_take_away(file, versions.get(entry.version_id or 0), check) for file, entry in files]


def _take_away(
    file: LocalFile, version: Version | None, check: Callable[[], None]
) -> bool | FilesError:
    """Remove a source whose content is that of a version, if that has its bytes."""
    digest = sha256()
    try:
        for piece in read_pieces(file.descriptor, check=check):
            digest.update(piece)
        if version is None or version.sha256 != digest.hexdigest():
            return False
        if blob_storage().stored_size(blob_name(version.blob_id)) != file.size:
            return StorageFailedError(reason="damaged")
    except OSError as error:
        return UnsuitableFileError(reason=error.strerror)
    return _remove_source(file) or True


def _rename_in(
    folder: Entry, files: Sequence[LocalFile], actor: Actor, check: Callable[[], None]
) -> list[Put]:
    """Take files over by rename, each as an upload that is finished at once."""
    ids = dict(zip(map(id, files), new_blob_ids(len(files)), strict=True))
    refused = _begin_moves(folder, [(ids[id(file)], file) for file in files])
    begun = [file for file in files if ids[id(file)] not in refused]
    try:
        blobs = take_side_by_side(lambda file: _rename(file, ids[id(file)], check), begun)
        blob_storage().sync_folders(blob_storage().folder_path(ids[id(file)]) for file in begun)
        check()
        put = _finish(folder, begun, blobs, actor)
    except (FilesError, KeyboardInterrupt):
        _put_back(begun, ids)
        raise
    results = dict(zip(map(id, begun), put, strict=True))
    _put_back([file for file in begun if isinstance(results[id(file)], FilesError)], ids)
    return [refused.get(ids[id(file)]) or results[id(file)] for file in files]


@transaction.atomic
def _finish(
    folder: Entry, files: Sequence[LocalFile], blobs: Sequence[Taken], actor: Actor
) -> list[Put]:
    """Put files that were renamed in their places, and forget their moves: no client asks for them.

    The rows of those that are refused stay, reserving nothing, until the files are put back.
    Nothing but what put_files refuses is raised before the commit.
    """
    space = lock_spaces(folder.space_id)[folder.space_id]
    ids = [blob.id for blob in blobs if isinstance(blob, NewBlob)]
    kept = _release(space, ids)
    # Somebody may have cancelled it, as the upload that it looks like; then its bytes are going.
    left = [
        blob if isinstance(blob, FilesError) or blob.id in kept else UploadNotFoundError()
        for blob in blobs
    ]
    put = put_taken(folder, files, left, actor=actor)
    pairs = zip(left, put, strict=True)
    done = [
        blob.id for blob, result in pairs if isinstance(blob, NewBlob) and isinstance(result, Entry)
    ]
    for some in batched(done, BATCH):
        Upload.objects.filter(pk__in=some).delete()
    return put


def _release(space: Space, upload_ids: Sequence[UUID]) -> set[UUID]:
    """Lock the rows of moves in a locked space, give back what they reserve, and say which are."""
    kept: set[UUID] = set()
    for some in batched(upload_ids, BATCH):
        rows = Upload.objects.select_for_update(no_key=True).filter(
            pk__in=some, state=Upload.State.OPEN
        )
        for upload_id, size in rows.values_list("pk", "reserved_bytes"):
            kept.add(upload_id)
            discharge(space, size)
        Upload.objects.filter(pk__in=some).update(reserved_bytes=0)
    space.save(update_fields=["used_bytes"])
    return kept


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


def _rename(file: LocalFile, upload_id: UUID, check: Callable[[], None]) -> NewBlob:
    """Rename one file to the path of its blob, and put its bytes on stable storage."""
    check()
    file.require_same()
    file.require_name()
    storage = blob_storage()
    storage.adopt(upload_id, file.name, parent=file.parent)
    partial = PartialBlob(storage, upload_id)
    try:
        if not partial.is_file(file.descriptor):
            raise UnsuitableFileError(reason="changed")
        partial.start_at(0, 0, None)
        partial.read_on(check)
        partial.sync_bytes()
        file.require_same(but_for_its_name=True)
        return received_blob(partial, upload_id, file.path[-1])
    finally:
        partial.close()


def _put_back(files: Sequence[LocalFile], ids: dict[int, UUID]) -> None:
    """Give files their old names and modes again, and forget the moves; nothing is overwritten.

    Where the old name is taken by now, the move stays as an open upload, whose bytes are kept.
    """
    back = []
    for file in files:
        upload_id = ids[id(file)]
        with suppress(OSError):
            if blob_storage().exists(blob_name(upload_id)):
                os.fchmod(file.descriptor, stat.S_IMODE(file.status.st_mode))
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


def finish_moves(
    *, actor: Actor, check: Callable[[], None] = go_on
) -> tuple[int, list[FilesError]]:
    """Finish the moves that a crash has interrupted; give how many, and what refuses the others.

    Those whose file was not renamed yet are forgotten: it lies where it was. Only within moving.
    """
    done, refused = 0, []
    moves = Upload.objects.filter(door=Event.Door.COMMAND, state=Upload.State.OPEN)
    for upload in list(moves.select_related("folder").order_by("created_at", "pk")):
        check()
        if blob_storage().stored_size(blob_name(upload.pk)) is None:
            _forget_moves([upload.pk])
            continue
        try:
            done += _finish_move(upload, actor)
        except FilesError as error:
            refused.append(error)
    return done, refused


def _finish_move(upload: Upload, actor: Actor) -> bool:
    """Put a file that was renamed in its place; False if it was being put back, and is.

    Raises what put_files refuses it for.
    """
    if upload.folder is None:
        raise EntryNotFoundError
    partial = PartialBlob(blob_storage(), upload.pk)
    try:
        if partial.has_other_name:
            blob_storage().unlink(blob_name(upload.pk))
            _forget_moves([upload.pk])
            return False
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
    Upload.objects.filter(pk=upload.pk).delete()
    return True
