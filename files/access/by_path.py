"""Entries by their paths: one query walks down, and the gate decides about what it comes to."""

from collections.abc import Sequence

from django.db import connection

from files.errors import EntryNotFoundError
from files.models import Right
from files.names import name_key

from .actors import Actor
from .gate import Located, locate

# One step of the recursion is one look-up by (parent, name_key).
_PATH = """
    WITH RECURSIVE steps(step, name_key) AS (VALUES {steps}), walk(id, step) AS (
        SELECT s.root_id, 0 FROM files_space s WHERE s.id = CAST(%s AS bigint)
        UNION ALL
        SELECT e.id, walk.step + 1
        FROM walk
        JOIN steps ON steps.step = walk.step
        JOIN files_entry e ON e.parent_id = walk.id AND e.name_key = steps.name_key
            AND e.trashed_at IS NULL
    )
    SELECT id FROM walk WHERE step = %s
"""


def locate_path(
    actor: Actor, space_id: int, names: Sequence[str], need: Right = Right.READ
) -> Located:
    """Find what a path from the top of a space leads to; the top itself for no names.

    Raises as locate does, also for a space that is not there.
    """
    entry_id = _walk_down(space_id, names)
    if entry_id is None:
        raise EntryNotFoundError
    return locate(actor, entry_id, need)


def _walk_down(space_id: int, names: Sequence[str]) -> int | None:
    """Walk a path from the root of a space in one query; None where it leads nowhere."""
    # The step that is one too many keeps VALUES from being empty.
    steps = ", ".join(["(CAST(%s AS integer), CAST(%s AS text))"] * (len(names) + 1))
    pairs = [part for step, name in enumerate([*names, ""]) for part in (step, name_key(name))]
    with connection.cursor() as cursor:
        cursor.execute(_PATH.replace("{steps}", steps), [*pairs, space_id, len(names)])
        row = cursor.fetchone()
    return None if row is None or row[0] is None else int(row[0])
