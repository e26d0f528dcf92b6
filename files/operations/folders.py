"""Folders, made set-wise: many at once, at any depth, each with a time of its own."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from django.conf import settings
from django.db import transaction

from files.access import Actor, locate
from files.errors import FilesError, TooDeepError
from files.models import Entry, Right, Space
from files.names import check_name, name_key

from .blobs import NewBlob
from .entries import require_folder
from .journal import lock_spaces, record
from .placing import Batch, Clash, NewFile, Put, place_folders, refuse_locked
from .versions import insert_folders

# Folders are placed as those of files; these are of no file.
_NO_FILE: Final = "-"
_NO_BLOB: Final = NewBlob(UUID(int=0), 0, "", 0, "")


@dataclass(frozen=True, slots=True)
class NewFolder:
    """A folder and where it should be: its path below the destination, its own name last."""

    path: tuple[str, ...]
    modified_at: datetime | None = None


@transaction.atomic
def make_folders(
    top: Entry, folders: Sequence[NewFolder], *, actor: Actor
) -> list[bool | FilesError]:
    """Make those of the folders that are missing, with those on the way to them.

    Locks the space. Gives for each, in order, whether it was made now, or what speaks against it:
    NotAFolderError, InvalidNameError, TooDeepError, CaseTwinError, LockedError. What is
    there keeps its time. Raises NotAFolderError and TooDeepError for top.
    """
    space = lock_spaces(top.space_id)[top.space_id]
    batch, results = _place(space, top, folders, actor)
    if drafts := insert_folders(batch):
        record(space, drafts, actor=actor)
    return results


def foresee_folders(
    top: Entry, folders: Sequence[NewFolder], *, actor: Actor
) -> list[bool | FilesError]:
    """Give what make_folders would give, and change nothing."""
    return _place(top.space, top, folders, actor)[1]


def _place(
    space: Space, top: Entry, folders: Sequence[NewFolder], actor: Actor
) -> tuple[Batch, list[bool | FilesError]]:
    """Decide which folders are missing, and what speaks against others."""
    destination = locate(actor, top.pk, Right.ADD)
    require_folder(destination)
    depth = len(destination.ancestors) + 1
    puts = [
        Put(NewFile((*new.path, _NO_FILE), _NO_BLOB), error=_fault(new, depth)) for new in folders
    ]
    batch = Batch(space, actor, destination, Clash.NEW_VERSION, puts)
    for new in folders:
        if new.modified_at is not None:
            keys = tuple(name_key(name) for name in new.path)
            batch.folder_times.setdefault(keys, new.modified_at)
    place_folders(batch)
    refuse_locked(batch)
    missing = {keys for keys, row in batch.folders.items() if row._state.adding}
    return batch, [put.error or put.folder in missing for put in puts]


def _fault(new: NewFolder, depth: int) -> FilesError | None:
    """Say what speaks against a folder by its path alone; None if nothing does."""
    try:
        for name in new.path:
            check_name(name)
    except FilesError as error:
        return error
    is_too_deep = depth + len(new.path) > settings.FILES_MAX_DEPTH
    return TooDeepError(limit=settings.FILES_MAX_DEPTH) if is_too_deep else None
