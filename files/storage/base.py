"""What a blob is called at rest, whichever backend holds it."""

import re
from uuid import UUID

_BLOB_NAME = re.compile(r"blobs/([0-9a-f]{2})/(\1[0-9a-f]{30})")


def blob_name(blob_id: UUID) -> str:
    """Name the bytes of a blob, below the storage's root: from its id alone."""
    return f"blobs/{blob_id.hex[:2]}/{blob_id.hex}"


def blob_id_of(name: str) -> UUID | None:
    """Give the id that a stored name was made from; None for a stray name."""
    match = _BLOB_NAME.fullmatch(name)
    return UUID(match[2]) if match else None
