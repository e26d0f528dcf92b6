"""The shape of a tree, read by recursive queries that run alike on SQLite and PostgreSQL.

Nothing stores a path; each walk costs by its own length and never by what lies beside it.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import batched
from typing import Any

from django.db import connection

_BATCH = 500

# The live folders of one subtree, its top included whatever its own state.
_LIVE_FOLDERS = """
    WITH RECURSIVE down(id) AS (
        SELECT e.id FROM files_entry e WHERE e.id = CAST(%s AS bigint)
        UNION ALL
        SELECT e.id FROM files_entry e JOIN down ON e.parent_id = down.id
        WHERE e.kind = 0 AND e.trashed_at IS NULL
    )
"""

_COUNT = """
    SELECT count(*) FROM (
        SELECT 1 FROM files_entry e JOIN down ON e.parent_id = down.id
        WHERE e.trashed_at IS NULL LIMIT %s
    ) AS counted
"""

_CURRENT_SIZE = """
    SELECT coalesce((SELECT size FROM files_entry WHERE id = CAST(%s AS bigint)), 0)
        + coalesce(sum(e.size), 0)
    FROM files_entry e JOIN down ON e.parent_id = down.id WHERE e.trashed_at IS NULL
"""

_WHOLE_SIZE = """
    SELECT coalesce((SELECT sum(size) FROM files_version WHERE entry_id = CAST(%s AS bigint)), 0)
        + coalesce(sum(v.size), 0)
    FROM files_version v
    JOIN files_entry e ON e.id = v.entry_id
    JOIN down ON e.parent_id = down.id WHERE e.trashed_at IS NULL
"""

_CURRENT_TYPES = """
    SELECT media_type FROM files_entry WHERE id = CAST(%s AS bigint) AND kind <> 0
    UNION
    SELECT e.media_type FROM files_entry e JOIN down ON e.parent_id = down.id
    WHERE e.trashed_at IS NULL AND e.kind <> 0
"""

_ALL_TYPES = """
    SELECT b.media_type FROM files_version v JOIN files_blob b ON b.id = v.blob_id
    WHERE v.entry_id = CAST(%s AS bigint)
    UNION
    SELECT b.media_type FROM files_version v JOIN files_blob b ON b.id = v.blob_id
    JOIN files_entry e ON e.id = v.entry_id
    JOIN down ON e.parent_id = down.id WHERE e.trashed_at IS NULL
"""

# What was trashed out of some subtrees, each with the top of its own.
_TRASHED_INSIDE = """
    WITH RECURSIVE down(top_id, id) AS (
        SELECT e.id, e.id FROM files_entry e WHERE e.id IN ({ids})
        UNION ALL
        SELECT down.top_id, e.id FROM files_entry e JOIN down ON e.parent_id = down.id
        WHERE e.kind = 0 AND e.trashed_at IS NULL
    )
    SELECT e.id, down.top_id FROM files_entry e JOIN down ON e.parent_id = down.id
    WHERE e.trashed_at IS NOT NULL
"""

# What emptying the trash of a space takes along: what was trashed (before some moment), and what is
# live below it. What was trashed out of such a folder is a top itself, or stays.
_GOING = """
    WITH RECURSIVE down(id) AS (
        SELECT e.id FROM files_entry e
        WHERE e.space_id = %s AND e.parent_id IS NOT NULL AND {is_going}
        UNION ALL
        SELECT e.id FROM files_entry e JOIN down ON e.parent_id = down.id
        WHERE e.trashed_at IS NULL
    )
    SELECT count(*),
        coalesce(sum((SELECT sum(v.size) FROM files_version v WHERE v.entry_id = down.id)), 0)
    FROM down
"""

# Folders trashed before a moment that something trashed later lies in. A clock that was set back,
# or the clocks of two hosts, can make them.
_SHELTERS = """
    WITH RECURSIVE up(id) AS (
        SELECT e.parent_id FROM files_entry e
        WHERE e.space_id = %s AND e.parent_id IS NOT NULL AND e.trashed_at >= %s
        UNION
        SELECT e.parent_id FROM files_entry e JOIN up ON e.id = up.id
        WHERE e.parent_id IS NOT NULL
    )
    SELECT e.id FROM files_entry e JOIN up ON e.id = up.id
    WHERE e.parent_id IS NOT NULL AND e.trashed_at < %s
"""

_IS_ABOVE = """
    WITH RECURSIVE up(id, parent_id) AS (
        SELECT e.id, e.parent_id FROM files_entry e WHERE e.id IN ({ids})
        UNION
        SELECT e.id, e.parent_id FROM files_entry e JOIN up ON e.id = up.parent_id
    )
    SELECT count(*) FROM up WHERE id = %s
"""


def _ask(sql: str, params: Sequence[int]) -> int:
    """Run a query that gives one number."""
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        (number,) = cursor.fetchone()
    return int(number)


def count_below(entry_id: int, *, limit: int) -> int:
    """Count the live entries below a folder, but not past limit."""
    return _ask(_LIVE_FOLDERS + _COUNT, [entry_id, limit])


def size_of(entry_id: int, *, all_versions: bool = False) -> int:
    """Add up an entry and all that is live below it, in bytes: current versions, or all of them."""
    return _ask(_LIVE_FOLDERS + (_WHOLE_SIZE if all_versions else _CURRENT_SIZE), [entry_id] * 2)


def types_of(entry_id: int, *, all_versions: bool = False) -> Sequence[str]:
    """Give the types of an entry and all that is live below it: current versions, or all of them.

    Each once, sorted.
    """
    with connection.cursor() as cursor:
        sql = _LIVE_FOLDERS + (_ALL_TYPES if all_versions else _CURRENT_TYPES)
        cursor.execute(sql, [entry_id] * 2)
        return sorted(str(row[0]) for row in cursor.fetchall())


def trashed_inside(entry_ids: Iterable[int]) -> dict[int, int]:
    """Give what was trashed out of some folders before those were: its ids, with the folders'."""
    found: dict[int, int] = {}
    with connection.cursor() as cursor:
        for some in batched(sorted(set(entry_ids)), _BATCH):
            cursor.execute(_TRASHED_INSIDE.format(ids=", ".join(["%s"] * len(some))), some)
            found.update(cursor.fetchall())
    return found


def measure_trash(space_id: int, *, before: datetime | None = None) -> tuple[int, int]:
    """Count what emptying the trash of a space would delete: entries, whole trees, and bytes.

    Only what was trashed before a moment, if one is given. Bytes are those of all versions.
    """
    condition = "e.trashed_at IS NOT NULL" if before is None else "e.trashed_at < %s"
    with connection.cursor() as cursor:
        cursor.execute(_GOING.format(is_going=condition), [space_id, *_moments(before)])
        entries, size = cursor.fetchone()
    return int(entries), int(size)


def shelters_of_newer_trash(space_id: int, *, before: datetime) -> Sequence[int]:
    """Give the folders trashed before a moment in which something lies that was trashed later."""
    with connection.cursor() as cursor:
        cursor.execute(_SHELTERS, [space_id, *_moments(before, before)])
        return [int(row[0]) for row in cursor.fetchall()]


def _moments(*moments: datetime | None) -> list[Any]:
    """Give moments as the database compares them."""
    adapt = connection.ops.adapt_datetimefield_value
    return [adapt(moment) for moment in moments if moment is not None]


def is_any_inside(entry_ids: Iterable[int], top_id: int) -> bool:
    """Tell whether any of the entries is the top or lies below it."""
    return any(
        _ask(_IS_ABOVE.format(ids=", ".join(["%s"] * len(some))), [*some, top_id])
        for some in batched(sorted(set(entry_ids)), _BATCH)
    )
