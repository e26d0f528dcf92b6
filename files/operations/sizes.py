"""Sizes as people type them: 500M, 10G, 1.5 TiB."""

import re
from decimal import Decimal

from files.errors import InvalidValueError

_SIZE = re.compile(r"([0-9]{1,18}(?:[.,][0-9]{1,6})?)\s*([KMGTP]?)(I?B)?", re.IGNORECASE)
_POWERS = " KMGTP"
LARGEST = 2**63 - 1  # what the database column holds


def parse_size(text: str) -> int:
    """Give a size in bytes; K, M, G, T and P are powers of 1024, also as KiB or KB.

    Raises InvalidValueError for anything else, and for what is too large to store.
    """
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise InvalidValueError(field="size", reason="form")
    number, unit = Decimal(match[1].replace(",", ".")), match[2].upper() or " "
    size = int(number * 1024 ** _POWERS.index(unit))
    if size > LARGEST:
        raise InvalidValueError(field="size", reason="limit")
    return size


def format_size(size: int) -> str:
    """Write a size so that parse_size gives it back: in the largest unit that divides it."""
    power = 0
    while size and size % 1024 == 0 and power < len(_POWERS) - 1:
        size, power = size // 1024, power + 1
    return f"{size} {_POWERS[power]}iB" if power else str(size)


def approximate_size(size: int) -> str:
    """Write a size for people to read, rounded: 3.4 MiB."""
    number, power = float(size), 0
    while number >= 1023.95 and power < len(_POWERS) - 1:  # noqa: PLR2004 - 1024, once rounded
        number, power = number / 1024, power + 1
    return f"{number:.1f} {_POWERS[power]}iB" if power else f"{size} B"
