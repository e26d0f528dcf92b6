"""The password of an account in place of a token, where a setting allows it.

Hashing one takes a quarter of a second, and such clients send it with every request. So a password
that was right is remembered for a few minutes, in this process alone and as a keyed digest of it
together with the hash in the database: a changed password or a closed account is refused at once.
"""

import copy
import hmac
import os
import threading
import time
from hashlib import sha256
from typing import Final

from allauth.account.adapter import get_adapter
from django.conf import settings
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.http import HttpRequest

from files.errors import TooManyAttemptsError

REMEMBERED_SECONDS: Final = 300
RETRY_SECONDS: Final = 300  # the longest of the limits of the sign-in page
_REMEMBERED_MOST: Final = 1000
_KEY: Final = os.urandom(32)

_remembered: dict[bytes, float] = {}  # digests, with when they are forgotten
# One hash at a time in a process: a client that opens ten connections is not ten attempts.
_hashing: Final = threading.Lock()


def check_password(request: HttpRequest, name: str, password: str) -> User | None:
    """Find the active account of a name and a password; None if that is wrong or not allowed.

    The limits on attempts are those of the sign-in page, and shared with it. Blocks for long.
    Raises TooManyAttemptsError.
    """
    if not settings.FILES_DAV_PASSWORDS:
        return None
    if (user := recall_password(name, password)) is not None:
        return user
    with _hashing:
        return recall_password(name, password) or _authenticate(request, name, password)


def recall_password(name: str, password: str) -> User | None:
    """Give the account of a password that was right a short while ago; nothing is counted."""
    if not _remembered or not settings.FILES_DAV_PASSWORDS:
        return None
    user = User.objects.filter(username=name, is_active=True).first()
    if user is None or _remembered.get(_digest(user, password), 0.0) < time.monotonic():
        return None
    return user


def _authenticate(request: HttpRequest, name: str, password: str) -> User | None:
    """Check a password as the sign-in page does, and remember one that is right."""
    attempt = copy.copy(request)
    attempt.method = "POST"  # whatever it is: a GET would not be counted
    try:
        user = get_adapter(attempt).authenticate(attempt, username=name, password=password)
    except ValidationError:
        raise TooManyAttemptsError(retry_after=RETRY_SECONDS) from None
    if not isinstance(user, User) or not user.is_active:
        return None
    now = time.monotonic()
    if len(_remembered) >= _REMEMBERED_MOST:
        _remembered.clear()
    _remembered[_digest(user, password)] = now + REMEMBERED_SECONDS
    return user


def _digest(user: User, password: str) -> bytes:
    """Give the digest under which a password is remembered."""
    message = f"{user.pk} {user.password} {password}".encode()
    return hmac.digest(_KEY, message, sha256)
