"""Lock-Token on changes: by which locks of one's own a request may change what is locked."""

import re
from typing import Final

from files.errors import MalformedRequestError

_MOST: Final = 100  # tokens of one request
_CODED: Final = re.compile(r"<([!-;=?-~]{1,64})>", re.ASCII)  # a Coded-URL (RFC 4918, 10.1)


def held_of(text: str | None) -> frozenset[str]:
    """Give the lock tokens that a request submits: in angle brackets, with commas between.

    Of several, those count that cover what is changed. Raises MalformedRequestError.
    """
    if not text:
        return frozenset()
    parts = text.split(",", _MOST)
    matches = [_CODED.fullmatch(part.strip()) for part in parts]
    if len(parts) > _MOST or None in matches:
        raise MalformedRequestError(reason="lock-token")
    return frozenset(match[1] for match in matches if match)
