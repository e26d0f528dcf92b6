"""Types of the values that clients send: what the schema says of them is what is checked."""

from datetime import UTC, datetime
from typing import Annotated, Final, Literal

from ninja import Header, Query
from pydantic import AfterValidator, AwareDatetime, Field, StringConstraints

from files.ids import LARGEST

_PLAIN: Final = r"^[^\x00]*$"  # PostgreSQL holds no NUL in a text


def _in_utc(moment: datetime) -> datetime:
    """Give a moment in UTC. Raises ValueError for one that is in no year from 1 to 9999 there."""
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError(str(error)) from None


Id = Annotated[int, Field(examples=[42])]  # whatever is no id is not found, as any that is none
Number = Annotated[int, Field(ge=0, le=LARGEST)]
MemberName = Annotated[str, StringConstraints(pattern=_PLAIN, min_length=1, max_length=150)]
# What a name may be is decided by files/names.py, whose reasons are told.
Name = Annotated[str, Field(max_length=255, examples=["report.pdf"])]
Path = Annotated[str, Field(max_length=16_384, examples=["photos/2026/cat.jpg"])]
Sha256 = Annotated[str, StringConstraints(pattern="^[0-9a-f]{64}$")]
Moment = Annotated[AwareDatetime, Field(strict=False), AfterValidator(_in_utc)]
UploadId = Annotated[str, StringConstraints(pattern="^[0-9a-f]{32}$")]
Entries = Annotated[list[Id], Field(min_length=1, max_length=500)]
Sort = Literal["name", "-name", "size", "-size", "date", "-date", "type", "-type"]

# Parameters that many addresses share.
Limit = Annotated[int, Query(ge=1, le=500, description="How many items a page may have.")]
After = Annotated[
    str, Query(max_length=200, description="The `next` of the page before; none for the first.")
]
AtPath = Annotated[
    str,
    Query(
        max_length=16_384,
        description="From the top of the space, names with a slash between; none for the top.",
        examples=["photos/2026/cat.jpg"],
    ),
]
AfterSeq = Annotated[
    int, Query(ge=0, le=LARGEST, description="The `next` of the answer before; 0 for all.")
]
Sought = Annotated[str, Query(min_length=1, max_length=255, pattern=_PLAIN)]
IfMatch = Annotated[
    str | None,
    Header(
        alias="If-Match",
        max_length=1000,
        description="The `ETag` of what the change is about: 412 if that has changed since.",
    ),
]
IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=255,
        pattern=r"^[\x21-\x7e]+$",
        description="Of your making, one for each thing to be made: sent again within 24 hours, "
        "the request is not done twice, and the first answer is given again.",
    ),
]
DryRun = Annotated[bool, Query(description="Only tell what would be deleted, and change nothing.")]
