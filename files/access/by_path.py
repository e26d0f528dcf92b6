"""Entries by their paths: one query walks down, and the gate decides about what it comes to."""

from collections.abc import Sequence

from files.errors import EntryNotFoundError
from files.models import Right, Space
from files.models.paths import walk_down

from .actors import Actor
from .gate import Located, locate


def locate_path(
    actor: Actor, space_id: int, names: Sequence[str], need: Right = Right.READ
) -> Located:
    """Find what a path from the top of a space leads to; the top itself for no names.

    Raises as locate does, also for a space that is not there; but what is not found is never named,
    since an id would tell that there is something under these names.
    """
    try:
        return locate(actor, _walk_down(space_id, names) or 0, need)  # nothing has the id 0
    except EntryNotFoundError:
        raise EntryNotFoundError from None


def _walk_down(space_id: int, names: Sequence[str]) -> int | None:
    """Give what a path leads to, whoever may know of it; None where it leads nowhere."""
    slug = Space.objects.filter(pk=space_id).values_list("slug", flat=True).first()
    ids = walk_down(slug, names) if slug is not None else []
    return ids[-1] if len(ids) == len(names) + 1 else None
