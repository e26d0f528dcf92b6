"""Paths: what lies under names inside each other, found by one query whatever the depth."""

from collections.abc import Sequence
from functools import cache

from files.names import name_key

from .sql import fetch

# Each step is one look into entry_name_unique, which has the live members of a folder by name.
_WALK = """
    WITH RECURSIVE wanted(depth, name_key) AS (VALUES {wanted}),
    down(id, depth) AS (
        SELECT s.root_id, 0 FROM files_space s WHERE s.slug = %s
        UNION ALL
        SELECT e.id, down.depth + 1
        FROM down
        JOIN wanted w ON w.depth = down.depth + 1
        JOIN files_entry e ON e.parent_id = down.id AND e.name_key = w.name_key
            AND e.trashed_at IS NULL
    )
    SELECT id FROM down ORDER BY depth
"""


def walk_down(slug: str, names: Sequence[str]) -> list[int]:
    """Give the ids from the root of a space downwards, as far as the names lead.

    The last one is what the path names if there is one id more than there are names. Nobody's
    rights are looked at: access.locate decides who may know.
    """
    steps = [(depth, name_key(name)) for depth, name in enumerate(names, 1)] or [(0, "")]
    parameters = [*(value for step in steps for value in step), name_key(slug)]
    return [int(row[0]) for row in fetch(_walk_sql(len(steps)), parameters)]


@cache
def _walk_sql(count: int) -> str:
    """Write the walk down so many names; a path has as many as the depth limit allows."""
    wanted = ", ".join(["(CAST(%s AS integer), CAST(%s AS text))"] * count)
    return _WALK.format(wanted=wanted)
