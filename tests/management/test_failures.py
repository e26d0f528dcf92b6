"""What fails below a command, as an operator reads it."""

import errno
import sqlite3

import pytest
from django.core.management import CommandError, call_command
from django.db import (
    DatabaseError,
    IntegrityError,
    InterfaceError,
    OperationalError,
    ProgrammingError,
    connection,
)

from files.errors import QuotaExceededError
from files.management.failures import failure_of, refusal, require_database
from files.management.reporting import TerminatedError, refusals_told


def caused(error: DatabaseError, **facts: object) -> DatabaseError:
    """Give an error as Django wraps it: the driver's own is its cause."""
    error.__cause__ = cause = Exception()
    for name, value in facts.items():
        setattr(cause, name, value)
    return error


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (caused(OperationalError("database is locked"), sqlite_errorcode=5), "database-busy"),
        (OperationalError("database is locked"), "database-busy"),
        (caused(OperationalError("x"), sqlite_errorcode=sqlite3.SQLITE_FULL), "disk-full"),
        (caused(OperationalError("x"), sqlite_errorcode=8 | 3 << 8), "permission-denied"),
        (caused(OperationalError("x"), sqlite_errorcode=10 | 4 << 8), "io-error"),
        (caused(DatabaseError("x"), sqlite_errorcode=sqlite3.SQLITE_NOTADB), "database-damaged"),
        (caused(OperationalError("x"), sqlite_errorcode=14), "database-unavailable"),
        (
            caused(OperationalError("no such table: files_space"), sqlite_errorcode=1),
            "database-not-ready",
        ),
        (caused(ProgrammingError("x"), sqlstate="42P01"), "database-not-ready"),
        (caused(OperationalError("x"), sqlstate="53100"), "disk-full"),
        (caused(OperationalError("x"), sqlstate=None), "database-unavailable"),
        (InterfaceError("connection already closed"), "database-unavailable"),
        (OSError(errno.ENOSPC, "No space left on device"), "disk-full"),
        (PermissionError(errno.EACCES, "Permission denied", "/srv/a"), "permission-denied"),
        (OSError(errno.EIO, "Input/output error"), "io-error"),
        (OSError("without a number"), "io-error"),
    ],
)
def test_a_failure_is_one_line_with_its_code(error: DatabaseError | OSError, code: str) -> None:
    told = failure_of(error)

    assert told is not None
    assert str(told).endswith(f" [{code}]")
    assert len(str(told).splitlines()) == 1
    assert told.returncode == 1
    with pytest.raises(CommandError, match=rf"\[{code}\]$"), refusals_told():
        raise error


@pytest.mark.parametrize(
    "error",
    [
        caused(IntegrityError("UNIQUE constraint failed"), sqlite_errorcode=19),
        caused(ProgrammingError("syntax error"), sqlstate="42601"),
        BrokenPipeError(errno.EPIPE, "Broken pipe"),
        ZeroDivisionError(),
    ],
)
def test_a_bug_stays_what_it_is(error: Exception) -> None:
    with pytest.raises(type(error)), refusals_told():
        raise error


def test_a_refusal_names_its_details() -> None:
    with pytest.raises(CommandError) as caught, refusals_told():
        raise QuotaExceededError(quota=5, free=1)

    assert str(caught.value) == (
        "The space has not enough room left for this. quota=5 free=1 [quota-exceeded]"
    )


@pytest.mark.parametrize(
    ("error", "told", "status"),
    [
        (KeyboardInterrupt, "Interrupted [interrupted]", 130),
        (TerminatedError, "Terminated [terminated]", 143),
    ],
)
def test_signals_have_exit_statuses_of_their_own(
    error: type[BaseException], told: str, status: int
) -> None:
    with pytest.raises(CommandError) as caught, refusals_told():
        raise error

    assert (str(caught.value), caught.value.returncode) == (told, status)


def test_what_a_message_holds_cannot_move_the_cursor() -> None:
    assert str(refusal("no \x1b[2J\n space\udcff", "code")) == r"no \x1b[2J space\udcff [code]"


@pytest.mark.django_db
def test_a_database_that_is_there_is_enough() -> None:
    require_database()


@pytest.mark.django_db
@pytest.mark.skipif(connection.vendor != "sqlite", reason="a file only where SQLite is")
def test_no_database_is_made_by_asking_it(monkeypatch: pytest.MonkeyPatch, tmp_path: str) -> None:
    monkeypatch.setitem(connection.settings_dict, "NAME", f"{tmp_path}/none.sqlite3")

    with pytest.raises(CommandError, match=r"\[database-not-ready\]$"):
        call_command("recount_usage")
