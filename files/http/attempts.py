"""How often an address may fail to sign in by a token, counted in the cache of all workers.

A token that is right is never counted nor refused: nobody finds one by trying, so what this bounds
is noise. Past the limit a failure costs one read. Passwords have the limits of the sign-in page
(passwords.py).
"""

import time
from hashlib import sha256
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Final

from django.core.cache import cache

from files.errors import TooManyAttemptsError

FAILURES: Final = 20  # in a window, from one address
WINDOW: Final = 60  # seconds
_IPV6_PREFIX: Final = 64  # bits that one customer of a provider has to himself


def count_failure(address: str | None) -> None:
    """Count a failure of an address; all that have none are one.

    An address of IPv4 is expected to be written so. Raises TooManyAttemptsError where there are
    too many.
    """
    key, now = _key(address or ""), time.time()
    count, until = cache.get(key) or (0, now + WINDOW)
    left = min(until - now, WINDOW)
    if count >= FAILURES and left > 0:
        raise TooManyAttemptsError(retry_after=int(left) + 1)
    if left <= 0:
        count, until = 0, now + WINDOW
    cache.set(key, (count + 1, until), WINDOW)


def _key(address: str) -> str:
    """Give the key of an address in the cache."""
    if address and isinstance(parsed := ip_address(address), IPv6Address):
        address = str(ip_network((parsed, _IPV6_PREFIX), strict=False))
    return f"files:token-failures:{sha256(address.encode()).hexdigest()}"
