"""What is told of uploads, and what may be sent of files that the server may have."""

from datetime import datetime
from typing import Literal, Self

from pydantic import Field

from files.api.values import Moment, Number, Path, Sha256
from files.models import Upload
from files.operations.pending import Pending

from .base import Sent, Told
from .entries import EntryTold


class KnownSent(Sent):
    """A file that the server may have already: its place, its size and its digest."""

    path: Path
    size: Number
    sha256: Sha256
    modified_at: Moment | None = None
    clash: Literal["version", "both", "refuse"] = "version"


class KnownTold(Told):
    """Whether the server had the file, and what it became, for who may read there."""

    known: bool
    entry: EntryTold | None


class UploadTold(Told):
    """An unfinished upload, and how far it is."""

    id: str
    address: str = Field(description="Where it goes on, by tus or Resumable Uploads for HTTP.")
    folder: int | None
    path: str
    length: int | None = Field(description="In bytes; null where it is not said yet.")
    offset: int = Field(description="Bytes that are safe.")
    received: int = Field(description="Bytes that have come.")
    is_running: bool
    is_received: bool = Field(description="All is there; it waits to be confirmed.")
    created_at: datetime
    expires_at: datetime

    @classmethod
    def of(cls, pending: Pending) -> Self:
        """Tell of an upload as it was looked at."""
        upload: Upload = pending.upload
        return cls(
            id=upload.pk.hex,
            address=f"/uploads/{upload.pk.hex}",
            folder=upload.folder_id,
            path=upload.path,
            length=upload.length,
            offset=upload.offset,
            received=pending.size,
            is_running=pending.is_running,
            is_received=pending.is_received,
            created_at=upload.created_at,
            expires_at=upload.expires_at,
        )
