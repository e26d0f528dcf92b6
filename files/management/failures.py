"""What the database and the disk refuse, told as one line with a code; bugs stay exceptions."""

import errno
import os
import sqlite3
from pathlib import Path
from typing import Final

from django.core.management import CommandError
from django.db import DatabaseError, InterfaceError, OperationalError, connection

NOT_READY: Final = "database-not-ready"
BUSY: Final = "database-busy"
UNAVAILABLE: Final = "database-unavailable"
DAMAGED: Final = "database-damaged"
DISK_FULL: Final = "disk-full"
DENIED: Final = "permission-denied"
IO_ERROR: Final = "io-error"

# By the primary result code.
_SQLITE: Final = {
    sqlite3.SQLITE_BUSY: BUSY,
    sqlite3.SQLITE_LOCKED: BUSY,
    sqlite3.SQLITE_FULL: DISK_FULL,
    sqlite3.SQLITE_READONLY: DENIED,
    sqlite3.SQLITE_PERM: DENIED,
    sqlite3.SQLITE_IOERR: IO_ERROR,
    sqlite3.SQLITE_CORRUPT: DAMAGED,
    sqlite3.SQLITE_NOTADB: DAMAGED,
}
# PostgreSQL, Appendix A, by the SQLSTATE.
_SQLSTATE: Final = {
    "42P01": NOT_READY,  # undefined_table
    "42703": NOT_READY,  # undefined_column
    "42501": DENIED,  # insufficient_privilege
    "53100": DISK_FULL,
    "55P03": BUSY,  # lock_not_available
    "40P01": BUSY,  # deadlock_detected
    "XX001": DAMAGED,
    "XX002": DAMAGED,
}
_ERRNO: Final = {
    errno.ENOSPC: DISK_FULL,
    errno.EDQUOT: DISK_FULL,
    errno.EACCES: DENIED,
    errno.EPERM: DENIED,
    errno.EROFS: DENIED,
}
_MISSING: Final = ("no such table", "no such column")  # what SQLite says, with no code for it
_SENTENCES: Final = {
    NOT_READY: "The database is not in the state of this release; run manage.py prepare",
    BUSY: "The database is busy with another writer; try again",
    UNAVAILABLE: "The database cannot be used",
    DAMAGED: "The database is damaged; restore it from a backup",
    DISK_FULL: "The disk of the database is full",
    DENIED: "The database may not be written by this user",
    IO_ERROR: "The disk of the database has failed",
}


def refusal(message: str, code: str, *, status: int = 1) -> CommandError:
    """Make the error of a command: one line, whatever the message holds, and fit for a terminal."""
    line = " ".join(message.split())
    shown = "".join(char if char.isprintable() else ascii(char)[1:-1] for char in line)
    return CommandError(f"{shown} [{code}]", returncode=status)


def failure_of(error: DatabaseError | InterfaceError | OSError) -> CommandError | None:
    """Make the error of a command of what failed below it; None for what only a bug raises."""
    if isinstance(error, OSError):
        where = f": {os.fsdecode(error.filename)}" if error.filename else ""
        kind = _ERRNO.get(error.errno or 0, IO_ERROR)
        return refusal(f"{error.strerror or error}{where}", kind)
    code = _code_of(error)
    return refusal(f"{_SENTENCES[code]} ({error})", code) if code else None


def _code_of(error: DatabaseError | InterfaceError) -> str | None:
    """Choose the code of a database error by what the driver says."""
    cause = error.__cause__
    found = _SQLITE.get(getattr(cause, "sqlite_errorcode", 0) & 0xFF)
    found = found or _SQLSTATE.get(getattr(cause, "sqlstate", None) or "")
    if found:
        return found
    if str(error).startswith(_MISSING):
        return NOT_READY
    if str(error) == "database is locked":  # our own queue of writers has no code
        return BUSY
    return UNAVAILABLE if isinstance(error, OperationalError | InterfaceError) else None


def require_database() -> None:
    """Raise CommandError where SQLite would make an empty database, since there is none yet."""
    path = str(connection.settings_dict["NAME"])
    is_file = connection.vendor == "sqlite" and not connection.is_in_memory_db()  # type: ignore[attr-defined]
    if is_file and not Path(path).exists():
        msg = f"There is no database {path}; run manage.py prepare, or set FILES_DATA_DIR"
        raise refusal(msg, NOT_READY)
