"""Confirming: an upload that is all there, and not in its place yet, is put there by a person.

The engine does so for who goes on with an upload (files/http/appending.py); this is for pages. It
becomes the upload's one writer for the time, so that no connection is in the middle of it.
"""

from typing import Final
from uuid import UUID

from files.access import Actor, get_upload
from files.errors import (
    CaseTwinError,
    DigestMismatchError,
    EntryExistsError,
    FilesError,
    NotAFileError,
    OffsetConflictError,
    UploadBusyError,
)
from files.models import Entry, Upload
from files.operations.placing import Clash, NewFile
from files.operations.uploads import cancel_upload, finished_file
from files.operations.versions import Member, put_members
from files.storage.partial import PartialBlob

from .appending import blob_of, bring_into_line, opened

# What another name helps against.
_TAKEN: Final = (CaseTwinError, EntryExistsError, NotAFileError)


def confirm_upload(upload_id: UUID, *, actor: Actor) -> Upload:
    """Put a complete upload in its place, and give it as it is then. Blocks.

    Where its name is taken by what it may not replace, the file gets a numbered one: who confirms
    wants it. One that is finished already is given as it is. Raises UploadNotFoundError,
    UploadBusyError, OffsetConflictError for one that is not complete, DigestMismatchError after
    throwing a wrong file away, StorageFailedError, and what put_files raises.
    """
    upload = get_upload(actor, upload_id)
    if upload.is_finished:
        return upload
    partial = opened(upload.pk)
    try:
        if not partial.try_lock():
            raise UploadBusyError
        _finish(partial, bring_into_line(partial, upload), actor)
    finally:
        partial.close()
    return get_upload(actor, upload_id)


def _finish(partial: PartialBlob, upload: Upload, actor: Actor) -> None:
    """Put an upload in its place, as its one writer, unless another did so meanwhile."""
    if upload.is_finished:
        return
    if not upload.is_complete:
        raise OffsetConflictError(offset=upload.offset)
    try:
        file = finished_file(upload, blob_of(partial, upload))
    except DigestMismatchError:
        cancel_upload(upload.pk, actor=actor)
        raise
    result = _put(upload, file, actor, Clash(upload.clash))
    if isinstance(result, _TAKEN):
        result = _put(upload, file, actor, Clash.KEEP_BOTH)
    if isinstance(result, FilesError):
        raise result


def _put(upload: Upload, file: NewFile, actor: Actor, clash: Clash) -> Entry | FilesError:
    """Try to put the file of an upload in its place."""
    member = Member(upload.folder_id or 0, file, actor, clash)
    return put_members(upload.space_id, [member])[0]
