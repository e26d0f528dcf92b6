"""How often somebody may ask: requests of a person in a minute, over all tokens and workers.

Each process counts by itself and tells the shared cache only every so many requests, so that who
asks seldom costs nothing, and who asks often one write in many requests. A limit may therefore be
overrun by a share for each worker: it is against loops that run away, not an account to settle.
"""

import time
from dataclasses import dataclass
from threading import Lock
from typing import Final

from django.conf import settings
from django.core.cache import cache

from files.protocol_errors import TooManyRequestsError

WINDOW: Final = 60  # seconds
_SHARES: Final = 20  # in how many parts a process tells the cache of a whole limit


@dataclass(frozen=True, slots=True)
class Allowance:
    """What somebody has left until the window ends."""

    limit: int
    left: int
    seconds: int

    @property
    def headers(self) -> dict[str, str]:
        """Give it as draft-ietf-httpapi-ratelimit-headers has it, and as its third version had."""
        return {
            "RateLimit-Policy": f'"api";q={self.limit};w={WINDOW}',
            "RateLimit": f'"api";r={self.left};t={self.seconds}',
            "RateLimit-Limit": str(self.limit),
            "RateLimit-Remaining": str(self.left),
            "RateLimit-Reset": str(self.seconds),
        }


@dataclass(slots=True)
class _Count:
    """What one process knows of somebody in a window."""

    untold: int = 0  # requests that the cache has not been told of
    elsewhere: int = 0  # what the cache said, with all that it was told from here


class Rates:
    """The counts of one process, for the window that is running."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._window = 0
        self._counts: dict[int, _Count] = {}

    def count(self, user_id: int) -> Allowance | None:
        """Count a request of somebody; None where there is no limit.

        Raises TooManyRequestsError past the limit.
        """
        limit = settings.FILES_API_RATE
        if limit <= 0:
            return None
        window, past = divmod(int(time.time()), WINDOW)
        with self._lock:
            if window != self._window:
                self._window, self._counts = window, {}
            count = self._counts.setdefault(user_id, _Count())
            count.untold += 1
            share = count.untold if count.untold >= max(1, limit // _SHARES) else 0
            count.untold -= share
            count.elsewhere += share
        if share:
            count.elsewhere = _tell(f"files:api-rate:{window}:{user_id}", share)
        used, seconds = count.elsewhere + count.untold, WINDOW - past
        if used > limit:
            raise TooManyRequestsError(retry_after=seconds, limit=limit)
        return Allowance(limit, limit - used, seconds)


def _tell(key: str, share: int) -> int:
    """Tell the cache of some requests, and give how many there were in all processes."""
    if cache.add(key, share, 2 * WINDOW):
        return share
    try:
        return cache.incr(key, share)
    except ValueError:  # thrown out meanwhile
        return share


RATES: Final = Rates()
