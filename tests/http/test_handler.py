"""Reading in the thread of the event loop, where that is cheaper, and elsewhere where it is not."""

import asyncio
import sqlite3
import threading
from collections.abc import Iterator

import pytest
from django.db import DatabaseError, connection

from files.errors import DiskFullError
from files.http.handler import SyncCoreHandler
from files.http.threads import Threads
from files.models import Space
from files.models.sql import fetch
from tests.faults import database_error

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def handler() -> Iterator[SyncCoreHandler]:
    handler = SyncCoreHandler()
    handler.threads = Threads(1, "test")
    handler.open_reader()
    yield handler
    asyncio.run(handler.in_thread(lambda: connection.close()))  # noqa: PLW0108 - that of the thread


def here() -> int:
    return threading.get_ident()


def is_sqlite() -> bool:
    return connection.vendor == "sqlite"


def test_statement_is_run_where_the_loop_runs(handler: SyncCoreHandler) -> None:
    def read() -> tuple[int, int]:
        return here(), int(fetch("SELECT 40 + %s", [2])[0][0])

    thread, number = asyncio.run(handler.read(read))

    assert number == 42
    assert (thread == here()) is is_sqlite()  # another server is waited for in a thread


def test_function_that_needs_more_is_called_in_a_thread(handler: SyncCoreHandler) -> None:
    calls = []

    def read() -> int:
        calls.append(here())
        return Space.objects.count()

    assert asyncio.run(handler.read(read)) == Space.objects.count()
    assert calls[-1] != here()


def test_what_the_function_raises_is_raised(handler: SyncCoreHandler) -> None:
    with pytest.raises(ZeroDivisionError):
        asyncio.run(handler.read(divmod, 1, 0))


def test_connection_that_fails_is_given_up(handler: SyncCoreHandler) -> None:
    calls = []

    def read() -> int:
        calls.append(here())
        if here() == main_thread:
            raise DatabaseError("planted")
        return len(calls)

    main_thread = here()
    asyncio.run(handler.read(read))
    asyncio.run(handler.read(read))

    assert calls.count(main_thread) == int(is_sqlite())
    assert len(calls) == 2 + int(is_sqlite())


def test_without_a_reader_it_is_called_in_a_thread() -> None:
    handler = SyncCoreHandler()

    assert asyncio.run(handler.read(here)) != here()


def test_database_without_room_is_a_full_disk_to_every_door(handler: SyncCoreHandler) -> None:
    def fail() -> None:
        raise database_error(sqlite3.SQLITE_FULL)

    with pytest.raises(DiskFullError):
        asyncio.run(handler.in_thread(fail))
