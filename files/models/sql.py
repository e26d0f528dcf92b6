"""Statements that are written once, run by the driver itself: what every request asks and writes.

Django's cursor costs several times what SQLite takes to answer: it is made anew for each statement,
rewrites it and logs it. Where somebody listens (DEBUG, a test that counts) it is still used.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections


def fetch(sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
    """Run one statement, with "%s" for each parameter, and give its rows; none if it has none.

    In the transaction that is open, if one is. Parameters and values are the driver's own, as a
    model field's get_db_prep_value makes them. Raises Django's database errors.
    """
    database = connections[DEFAULT_DB_ALIAS]
    if database.execute_wrappers or database.queries_logged:
        with database.cursor() as cursor:
            cursor.execute(sql, parameters)
            return cursor.fetchall() if cursor.description else []
    if database.connection is None:
        database.ensure_connection()
    database.validate_no_broken_transaction()
    own = _for_sqlite(sql) if database.vendor == "sqlite" else sql
    with database.wrap_database_errors:
        rows = database.connection.execute(own, parameters)
        return rows.fetchall() if rows.description else []


@lru_cache(512)
def _for_sqlite(sql: str) -> str:
    """Write a statement with SQLite's placeholders."""
    return sql.replace("%s", "?")
