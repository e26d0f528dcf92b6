"""What is told of what happens: events, jobs, and who is signed in."""

from datetime import datetime
from typing import Any, Literal, Self

from pydantic import Field

from files.models import Event

from .base import Told
from .tokens import TokenTold


class EventTold(Told):
    """One change: what, when, by whom, and how things stood before and after."""

    seq: int
    kind: str = Field(examples=["entry-moved"])
    entry: int | None
    actor: str = Field(description="The name at that time; empty for the system itself.")
    token: int | None = Field(description="By which token of theirs; null by none.")
    door: str = Field(examples=["web"])
    at: datetime
    before: dict[str, Any] | None
    after: dict[str, Any] | None

    @classmethod
    def of(cls, event: Event) -> Self:
        """Tell of an event."""
        return cls(
            seq=event.seq,
            kind=event.kind,
            entry=event.entry_id,
            actor=event.actor_name,
            token=event.token_id,
            door=event.door,
            at=event.at,
            before=event.before,
            after=event.after,
        )


class EventsTold(Told):
    """Changes of a space in their order; go on with next as after, whether there is more or not."""

    items: list[EventTold]
    next: int
    has_more: bool


class JobTold(Told):
    """What became of something large that was asked for."""

    id: int
    state: Literal["waiting", "running", "done", "failed"]
    code: str | None = Field(description="Why it failed, where it did.")
    asked_at: datetime


class MeTold(Told):
    """Who is signed in."""

    id: int
    username: str
    is_staff: bool
    personal_space: int | None
    token: TokenTold | None = Field(description="By which one is signed in; null by a session.")


class StartTold(Told):
    """The addresses around the API, and the limits that hold."""

    docs_address: str = Field(description="The reference, as a page.")
    schema_address: str = Field(description="The schema of all this, in OpenAPI 3.1.")
    resumable_uploads: str = Field(description="Of tus 1.0.0 and Resumable Uploads for HTTP.")
    batch_uploads: str = Field(description="Of forms with many files in one request.")
    max_upload_size: int = Field(description="Bytes of one file.")
    max_upload_files: int = Field(description="Files of one form.")
