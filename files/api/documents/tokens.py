"""What is told of tokens, and what may be sent of a new one."""

from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import Field

from files.api.values import Id, Moment
from files.models import Scope, Token

from .base import Sent, Told

type ScopeName = Literal["read", "write", "share", "admin"]


class TokenTold(Told):
    """A token: what it is for, and when it was used; never its secret."""

    id: int
    name: str
    begins_with: str = Field(examples=["sr_x7Qe"])
    scopes: list[str] = Field(examples=[["read", "write"]])
    top: int | None = Field(description="The entry that it is limited to, with all below.")
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    last_ip: str | None
    revoked_at: datetime | None

    @classmethod
    def of(cls, token: Token) -> Self:
        """Tell of a token."""
        return cls(
            id=token.pk,
            name=token.name,
            begins_with=token.prefix,
            scopes=token.scope.words,
            top=token.top_id,
            created_at=token.created_at,
            expires_at=token.expires_at,
            last_used_at=token.last_used_at,
            last_ip=token.last_ip,
            revoked_at=token.revoked_at,
        )


class TokenMade(Told):
    """A token that was just made, and its secret, which nothing can tell again."""

    token: TokenTold
    secret: str


class TokenSent(Sent):
    """A token that is to be made."""

    name: Annotated[str, Field(max_length=100)]
    scopes: Annotated[list[ScopeName], Field(min_length=1, max_length=4)]
    top: Id | None = None
    expires_at: Moment | None = None

    @property
    def scope(self) -> Scope:
        """Unite the scopes."""
        return Scope.of_words(list(self.scopes))
