"""Who acts, and within which limit."""

from dataclasses import dataclass, replace
from typing import Any, Self

from django.contrib.auth.models import User

from files.models import Event, Right


@dataclass(frozen=True, slots=True)
class Limit:
    """What a token leaves of its user's rights: some of them, in one tree or everywhere.

    top_id is the entry that the tree begins at; what lies outside is not found.
    """

    rights: Right
    top_id: int | None = None
    token_id: int | None = None
    token_name: str = ""  # what events keep of it


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts, and through which door; the system itself where user is None.

    everywhere holds rights that come from no grant: the system's, or a staff permission's. limit is
    what is left of all rights to who acts by a token. held are the lock tokens that a request
    submits (RFC 4918, 7.5): only those count that the user took.
    """

    user: User | None
    door: Event.Door
    everywhere: Right = Right.NONE
    limit: Limit | None = None
    held: frozenset[str] = frozenset()

    @classmethod
    def system(cls, door: Event.Door) -> Self:
        """Give the actor of commands and jobs that act for nobody in particular."""
        return cls(None, door, Right.ALL)

    def but(self, **changes: Any) -> Self:
        """Give the same actor with some fields changed; a request's, too, which is lazy."""
        return replace(self, **changes)

    @property
    def name(self) -> str:
        """Give the name that events keep; empty for the system."""
        return self.user.get_username() if self.user else ""

    @property
    def top_id(self) -> int | None:
        """Give the entry that this actor is limited to, with all below; None where to none."""
        return self.limit.top_id if self.limit else None

    def limited(self, rights: Right) -> Right:
        """Leave of some rights what the limit leaves."""
        return rights & self.limit.rights if self.limit else rights
