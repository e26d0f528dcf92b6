"""What is told of locks."""

from datetime import datetime
from typing import Literal, Self

from pydantic import Field

from files.models import Lock

from .base import Told


class LockTold(Told):
    """A WebDAV lock: who alone may change what it covers, and until when; never its token."""

    id: int
    entry: int = Field(description="What is locked: the entry itself, or a folder above it.")
    holder: str | None = Field(description="Null where the account is gone.")
    scope: Literal["exclusive", "shared"]
    deep: bool = Field(description="Whether all below is locked, too.")
    created_at: datetime
    expires_at: datetime

    @classmethod
    def of(cls, lock: Lock) -> Self:
        """Tell of a lock."""
        return cls(
            id=lock.pk,
            entry=lock.entry_id,
            holder=lock.holder_name or None,
            scope="exclusive" if lock.is_exclusive else "shared",
            deep=lock.deep,
            created_at=lock.created_at,
            expires_at=lock.expires_at,
        )
