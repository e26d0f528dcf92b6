"""What is told of locks, and what may be sent of them."""

from datetime import datetime, timedelta
from typing import Annotated, Literal, Self

from pydantic import Field

from files.models import Lock

from .base import Sent, Told

type ScopeOfLock = Literal["exclusive", "shared"]
type Seconds = Annotated[int, Field(ge=1, le=2**32 - 1)]


class LockTold(Told):
    """A lock: who alone may change what it covers, and until when; never its token."""

    id: int
    entry: int = Field(description="What is locked: the entry itself, or a folder above it.")
    holder: str | None = Field(description="Null where the account is gone.")
    scope: ScopeOfLock
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


class LockTaken(Told):
    """A lock that was just taken, and its token, for `Lock-Token` on changes."""

    lock: LockTold
    token: str = Field(examples=["opaquelocktoken:f81d4fae-7dec-11d0-a765-00a0c91e6bf6"])


class TermSent(Sent):
    """For how long a lock is wanted; more than the server allows is cut."""

    seconds: Seconds | None = Field(None, description="From now on; null: as the server likes.")

    @property
    def timeout(self) -> timedelta | None:
        """Give it as a span; None for what the server likes."""
        return None if self.seconds is None else timedelta(seconds=self.seconds)


class LockSent(TermSent):
    """A lock that is wanted."""

    scope: ScopeOfLock = "exclusive"
    deep: bool = Field(False, description="Whether all below is to be locked, too.")  # noqa: FBT003
