"""Received files: what came whole over a form that broke off, kept until somebody confirms it."""

from collections.abc import Sequence
from uuid import UUID

from django.conf import settings
from django.db import transaction

from files.access import Actor, locate
from files.errors import QuotaExceededError
from files.models import Entry, Right, Upload

from .blobs import BATCH, known_ids
from .entries import require_folder
from .journal import charge, lock_spaces
from .placing import Clash, NewFile
from .uploads import pending_uploads


@transaction.atomic
def keep_received(
    folder: Entry, files: Sequence[NewFile], *, actor: Actor, clash: Clash
) -> set[UUID]:
    """Keep files that are on stable storage as uploads that wait to be put in their place.

    They count for the quota and expire as others do. Gives the ids of those that are kept: as many,
    in order, as quota and the limit of open uploads allow; the bytes of the others are the caller's
    to remove. Locks the space. Raises what locate raises, and NotAFolderError.
    """
    space = lock_spaces(folder.space_id)[folder.space_id]
    require_folder(locate(actor, folder.pk, Right.ADD))
    room = settings.FILES_MAX_OPEN_UPLOADS - pending_uploads(actor).count()
    taken = known_ids(file.blob.id for file in files)
    kept: list[Upload] = []
    for file in files:
        if len(kept) >= room or file.blob.id in taken:
            continue
        try:
            charge(space, file.blob.size)
        except QuotaExceededError:
            continue
        kept.append(_upload_of(file, folder, actor, clash))
    Upload.objects.bulk_create(kept, batch_size=BATCH)
    space.save(update_fields=["used_bytes"])
    return {upload.pk for upload in kept}


def _upload_of(file: NewFile, folder: Entry, actor: Actor, clash: Clash) -> Upload:
    """Make the unsaved row of a file that is all there."""
    size = file.blob.size
    return Upload(
        id=file.blob.id,
        space_id=folder.space_id,
        folder=folder,
        owner=actor.user,
        door=actor.door,
        path=file.display_path,
        modified_at=file.modified_at,
        clash=clash.value,
        length=size,
        offset=size,
        reserved_bytes=size,
        crc32=file.blob.crc32,
        expires_at=Upload.next_expiry(),
    )
