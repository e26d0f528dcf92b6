"""Ids of rows, as the texts that people and programs send."""

from typing import Final

_DIGITS: Final = 18  # that any column of 64 bits holds


def is_id(text: str) -> bool:
    """Tell whether a text can be the id of a row: ASCII digits, and no more than a column holds."""
    return text.isascii() and text.isdigit() and len(text) <= _DIGITS
