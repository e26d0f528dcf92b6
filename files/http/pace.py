"""When digests are taken while the bytes stream, and when they are left to the job that follows."""

from typing import Final

LARGE: Final = 64 * 2**20  # bytes still to come, for which it is worth it
_SAMPLE: Final = 16 * 2**20  # bytes after which the pace is known
_HIGH: Final = 200 * 2**20  # bytes a second


class Pace:
    """How fast a body comes that is taken straight from its socket.

    Hashing is faster than most lines, and costs nobody time; a client that is faster than that
    would wait for it. Such a one gets its answer without the digests, and a job takes them right
    after the commit, while the bytes are still in memory (operations/digests.py).
    """

    def __init__(self) -> None:
        self._size, self._seconds = 0, 0.0

    def add(self, size: int, seconds: float) -> None:
        """Take in how long so many bytes took."""
        self._size += size
        self._seconds += seconds

    @property
    def is_high(self) -> bool:
        """Tell whether it is so high that digests are better left to the job."""
        return self._size >= _SAMPLE and self._size > _HIGH * self._seconds
