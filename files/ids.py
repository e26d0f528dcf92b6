"""Ids of rows, as the texts that people and programs send."""

from typing import Final

LARGEST: Final = 2**63 - 1  # that a column holds
NOBODYS: Final = 0  # the id that no row has
_DIGITS: Final = 18  # that any column of 64 bits holds


def is_id(text: str) -> bool:
    """Tell whether a text can be the id of a row: ASCII digits, and no more than a column holds."""
    return text.isascii() and text.isdigit() and len(text) <= _DIGITS


def can_be_id(number: int) -> bool:
    """Tell whether a row can have an id; a database may fail at others, not only find nothing."""
    return 0 < number <= LARGEST


def id_of(text: str) -> int:
    """Give the id that a text says; that of nothing, where no row can have it.

    So that what cannot be there is not found, as what is not there.
    """
    return int(text) if is_id(text) else NOBODYS
