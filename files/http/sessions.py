"""Who a session cookie is of, by SQL that is written once: what every request of a browser asks.

Django decides as always (the session's hash, its expiry, the account); only the two reads are ours:
by the ORM they take 0.7 ms of CPU, more than all else that a small download needs.
"""

import json
from functools import lru_cache
from typing import Any, Final

from django.conf import settings
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import User
from django.contrib.sessions.backends.db import SessionStore as DatabaseSessions
from django.contrib.sessions.models import Session
from django.db import connection
from django.utils import timezone

from files.models.reading import Reader
from files.models.sql import fetch

_SESSION: Final = Reader(Session, "s")
_USER: Final = Reader(User, "u")
_REMEMBERED: Final = 4096  # characters of a session's data; longer ones are checked each time


class SessionStore(DatabaseSessions):
    """Django's sessions in the database."""

    def decode(self, session_data: str) -> dict[str, Any]:  # type: ignore[override] # none are bytes
        """Check and unpack what a session holds, which mostly is what it held a moment ago.

        Only the check is remembered: the row is read each time, and its values are the caller's.
        """
        if len(session_data) > _REMEMBERED:
            return super().decode(session_data)
        values: dict[str, Any] = json.loads(_checked(session_data, settings.SECRET_KEY))
        return values

    def _get_session_from_db(self) -> Session | None:
        """Read the session of the key, if it has not expired."""
        # A cookie can hold what is no key, such as a NUL that PostgreSQL does not take.
        if self.session_key is not None and self.session_key.isalnum():
            rows = fetch(
                f"SELECT {_SESSION.columns} FROM django_session s"  # noqa: S608 - no values
                " WHERE s.session_key = %s AND s.expire_date > %s",
                [self.session_key, connection.ops.adapt_datetimefield_value(timezone.now())],
            )
            if rows:
                return _SESSION.instance(rows[0])
        self._session_key = None
        return None


@lru_cache(256)
def _checked(session_data: str, _secret: str) -> str:
    """Check the signature of a session's data, and unpack it as far as nobody can change it."""
    return json.dumps(DatabaseSessions().decode(session_data))


class AccountBackend(ModelBackend):
    """Django's accounts in the database."""

    def get_user(self, user_id: int) -> User | None:
        """Read an account, if it may be used."""
        rows = fetch(f"SELECT {_USER.columns} FROM auth_user u WHERE u.id = %s", [user_id])  # noqa: S608 - no values
        user = _USER.instance(rows[0]) if rows else None
        return user if user is not None and self.user_can_authenticate(user) else None
