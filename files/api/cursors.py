"""Cursors of lists that go by an id: opaque to clients, and strict."""

import re

from files.errors import InvalidValueError
from files.models.listing import Cursor


def cursor_of(number: int) -> str:
    """Give the cursor behind the row of an id."""
    return f"i{number}"


def number_of(cursor: str) -> int | None:
    """Give the id that a cursor stands at; None for the start. Raises InvalidValueError."""
    if not cursor:
        return None
    match = re.fullmatch(r"i([0-9]{1,18})", cursor, re.ASCII)
    if match is None:
        raise InvalidValueError(field="cursor")
    return int(match[1])


def place_of(cursor: str) -> Cursor | None:
    """Give the place in a folder that a cursor stands at; None for the start.

    Raises InvalidValueError.
    """
    if not cursor:
        return None
    place = Cursor.parse(cursor)
    if place is None or place.is_backward:
        raise InvalidValueError(field="cursor")
    return place
