"""Ages as operators type them: 30d, 12h."""

import re
from datetime import timedelta

from files.errors import InvalidValueError

_AGE = re.compile(r"([0-9]{1,9})\s*([smhdw])", re.IGNORECASE)
_UNITS = {
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}
LARGEST = timedelta(days=36500)


def parse_age(text: str) -> timedelta:
    """Give an age: a number of seconds, minutes, hours, days or weeks, as 90s, 15m, 12h, 30d, 2w.

    Raises InvalidValueError for anything else, and for more than a hundred years.
    """
    match = _AGE.fullmatch(text.strip())
    if match is None:
        raise InvalidValueError(field="age", reason="form")
    count, unit = int(match[1]), _UNITS[match[2].lower()]
    if count > LARGEST // unit:
        raise InvalidValueError(field="age", reason="limit")
    return count * unit
