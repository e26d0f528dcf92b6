"""Known content: what is stored already becomes a version of a file without its bytes."""

from typing import Final

from django.db import transaction

from files.access import Actor, find_content, locate
from files.errors import (
    ChangedMeanwhileError,
    EntryNotFoundError,
    FilesError,
    NotAFileError,
)
from files.models import Blob, Entry, Right, Version

from .blobs import NewBlob
from .journal import lock_spaces
from .versions import NewFile, Refusal, put_files
from .wanted import Wanted, check_wanted

# Bytes. Shorter files are as quickly sent as asked about, and what is short could be guessed.
LEAST: Final = 65_536


def put_known(folder: Entry, wanted: Wanted, *, actor: Actor) -> Entry | None:
    """Make a file of content that the actor can already read; None where there is no such content.

    wanted must state digest and length. The content counts for the quota as if it had come in. Who
    asks is told the same whether nobody has it or only others do. Locks the space. Raises what
    create_upload raises, and TypeRefusedError, NotAFileError, CaseTwinError.
    """
    try:
        return _put(folder, wanted, actor)
    except ChangedMeanwhileError:  # its last version was deleted, and its bytes are going
        return None


@transaction.atomic
def restore_version(entry: Entry, version_id: int, *, actor: Actor) -> Entry:
    """Make an older content of a file its newest version again; those in between stay.

    It counts for the quota as another version does. Locks the space. Raises NotAFileError,
    EntryNotFoundError for a version that the file has not, and what put_files raises.
    """
    lock_spaces(entry.space_id)
    located = locate(actor, entry.pk, Right.READ | Right.EDIT)
    entry = located.entry
    if entry.is_folder:
        raise NotAFileError(entry_id=entry.pk)
    version = Version.objects.select_related("blob").filter(entry=entry, pk=version_id).first()
    if version is None:
        raise EntryNotFoundError(entry_id=entry.pk)
    if version_id == entry.version_id:
        return entry
    folder = locate(actor, entry.parent_id or 0, Right.ADD | Right.EDIT).entry
    wanted = Wanted((entry.name,), version.size)
    return _make_version(folder, wanted, version.blob, actor)


@transaction.atomic
def _put(folder: Entry, wanted: Wanted, actor: Actor) -> Entry | None:
    """Look for the content, and make another version of it."""
    lock_spaces(folder.space_id)
    check_wanted(locate(actor, folder.pk, Right.ADD), wanted)
    if not wanted.sha256 or wanted.length is None or wanted.length < LEAST:
        return None
    found = find_content(actor, wanted.sha256, wanted.length)
    if found is None or found.version is None:
        return None
    return _make_version(folder, wanted, found.version.blob, actor)


def _make_version(folder: Entry, wanted: Wanted, blob: Blob, actor: Actor) -> Entry:
    """Put stored bytes under a path once more."""
    known = NewBlob(blob.pk, blob.size, blob.sha256, blob.crc32 or 0, blob.media_type)
    new = NewFile(wanted.path, known, wanted.modified_at, is_known=True)
    (result,) = put_files(folder, [new], actor=actor, clash=wanted.clash, refusal=Refusal.EACH)
    if isinstance(result, FilesError):
        raise result
    return result
