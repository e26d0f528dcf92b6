"""What a blob is called at rest, whichever backend holds it."""

import os
import re
from itertools import batched
from typing import Final
from uuid import UUID, uuid4

FOLDER_SHARE: Final = 32  # new blobs of one batch that lie in one folder

_BLOB_NAME = re.compile(r"blobs/([0-9a-f]{2})/(\1[0-9a-f]{30})")


def blob_name(blob_id: UUID) -> str:
    """Name the bytes of a blob, below the storage's root: from its id alone."""
    return f"blobs/{blob_id.hex[:2]}/{blob_id.hex}"


def blob_id_of(name: str) -> UUID | None:
    """Give the id that a stored name was made from; None for a stray name."""
    match = _BLOB_NAME.fullmatch(name)
    return UUID(match[2]) if match else None


def new_blob_ids(count: int) -> list[UUID]:
    """Make ids for a batch of blobs, which lie in few of the 256 folders.

    Each folder must be synced before the names in it are safe. All ids are random but for their
    first byte, which many share, so large imports still fill the folders evenly.
    """
    ids: list[UUID] = []
    for some in batched(range(count), FOLDER_SHARE):
        folder = os.urandom(1)
        ids += [UUID(bytes=folder + uuid4().bytes[1:]) for _ in some]
    return ids
