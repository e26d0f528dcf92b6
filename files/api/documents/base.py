"""What all documents of the API have in common."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class Told(BaseModel):
    """What is told."""

    model_config = ConfigDict(extra="forbid")


class Sent(BaseModel):
    """What may be sent: exactly its fields, each of exactly its type."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Problem(Told):
    """What went wrong (RFC 9457); code is stable, and data depends on it."""

    type: str = Field(examples=["about:blank"])
    title: str = Field(examples=["Not Found"])
    status: int = Field(examples=[404])
    code: str = Field(examples=["entry-not-found"])
    detail: str = Field(examples=["There is no such file or folder."])
    data: dict[str, Any]


class Page[T](Told):
    """Some items of a list; next is the cursor of those behind them, null at the end."""

    items: list[T]
    next: str | None
