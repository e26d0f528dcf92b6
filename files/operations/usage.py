"""Usage: what a space holds, counted afresh, held against what is kept in its row."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from django.db import transaction
from django.db.models import OuterRef, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce

from files.access import Actor
from files.models import Event, Space, Upload, Version

from .journal import draft, lock_spaces, record

BATCH: Final = 100  # spaces counted in one statement


def measure_usage(space: Space) -> int:
    """Add up all versions in a space, each at its full size, and what open uploads have reserved.

    Equals used_bytes whenever nobody is writing; a difference is a bug.
    """
    held = Version.objects.filter(entry__space=space).aggregate(total=Sum("size"))["total"]
    reserved = Upload.objects.filter(space=space).aggregate(total=Sum("reserved_bytes"))["total"]
    return int(held or 0) + int(reserved or 0)


@dataclass(frozen=True, slots=True)
class Recount:
    """What one space is said to hold and what it holds, at one moment, in bytes."""

    space_id: int
    name: str
    kept: int
    counted: int

    @property
    def drift(self) -> int:
        """Give by how much too much is kept; 0 unless there is a bug."""
        return self.kept - self.counted


def recount_usage(spaces: QuerySet[Space]) -> Iterator[Recount]:
    """Count spaces afresh, in the order of their ids; locks nothing and changes nothing.

    Kept and counted are read by one statement, which sees one moment: who writes meanwhile makes
    no drift. A batch of spaces is one statement, and no cursor is held open between two.
    """
    held = (
        Version.objects.filter(entry__space=OuterRef("pk"))
        .order_by()
        .values("entry__space")
        .values(total=Sum("size"))
    )
    reserved = (
        Upload.objects.filter(space=OuterRef("pk"))
        .order_by()
        .values("space")
        .values(total=Sum("reserved_bytes"))
    )
    rows = (
        spaces.order_by("pk")
        .annotate(counted=Coalesce(Subquery(held), 0) + Coalesce(Subquery(reserved), 0))
        .values_list("pk", "name", "used_bytes", "counted")
    )
    last = 0
    while some := list(rows.filter(pk__gt=last)[:BATCH]):
        for space_id, name, kept, counted in some:
            yield Recount(space_id, name, kept, int(counted))
        last = some[-1][0]


@transaction.atomic
def correct_usage(space_id: int, *, actor: Actor) -> int:
    """Set what a space is said to hold to what it holds, and give the change in bytes.

    Locks the space; records the correction.
    """
    space = lock_spaces(space_id)[space_id]
    before, space.used_bytes = space.used_bytes, measure_usage(space)
    change = space.used_bytes - before
    if change:
        correction = draft(
            Event.Kind.SPACE_CHANGED,
            before={"used": before},
            after={"used": space.used_bytes},
        )
        record(space, [correction], actor=actor)
    return change
