"""Group commit: files that arrive at the same time become visible in one transaction.

A transaction costs its sync whatever is in it. While one is under way for a space, in this process
or another, the files that are ready wait and go together with the next: nobody waits for company,
and each is answered only after its own bytes and its own row are safe.
"""

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Final

from files.errors import FilesError
from files.models import Entry
from files.operations.versions import Member, put_waiting

from .handler import SyncCoreHandler

AT_ONCE: Final = 500  # files of one transaction

type _Waiting = tuple[Member, asyncio.Future[Entry | FilesError]]


class Commits:
    """The queues of one process, one for each space."""

    def __init__(self, django: SyncCoreHandler) -> None:
        self._django = django
        self._waiting: dict[int, list[_Waiting]] = {}
        self._running: dict[int, asyncio.Task[None]] = {}

    async def put(self, space_id: int, member: Member) -> Entry:
        """Put a file in its place, with whatever else waits for the space.

        Raises what put_files raises, for this file alone. Once it waits, it is committed even if
        the caller is cancelled meanwhile.
        """
        future: asyncio.Future[Entry | FilesError] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(space_id, []).append((member, future))
        if space_id not in self._running:
            self._running[space_id] = asyncio.ensure_future(self._run(space_id))
        result = await future
        if isinstance(result, FilesError):
            raise result
        return result

    async def _run(self, space_id: int) -> None:
        """Commit what waits, until nothing does."""
        waiting = self._waiting[space_id]
        while waiting:
            taken: list[_Waiting] = []
            take = partial(_take, waiting, taken)
            try:
                results = await self._django.in_thread(put_waiting, space_id, take)
            except Exception as error:  # noqa: BLE001 - told to everybody who waits for it
                if not taken:
                    take()
                _settle(taken, [error] * len(taken))
            else:
                _settle(taken, results)
        del self._running[space_id], self._waiting[space_id]


def _take(waiting: list[_Waiting], taken: list[_Waiting]) -> list[Member]:
    """Take what waits, up to a limit, and give the files.

    Called in a thread, while the event loop may append: each step is one of the list's own.
    """
    taken += waiting[:AT_ONCE]
    del waiting[: len(taken)]
    return [member for member, _future in taken]


def _settle(some: Sequence[_Waiting], results: Sequence[Entry | Exception]) -> None:
    """Tell each who waits what became of its file."""
    for (_member, future), result in zip(some, results, strict=True):
        if future.done():
            continue
        if isinstance(result, Entry | FilesError):
            future.set_result(result)
        else:
            future.set_exception(result)
