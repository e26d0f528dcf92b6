"""Threads for what blocks: long-lived, and cheap to hand work to from an event loop.

asyncio's own way through an executor makes two futures for each piece of work, one of them with a
condition, and chains them: 0.1 ms of CPU, which a small file pays several times. Here a piece of
work is one entry in a queue and one wake-up of the loop.
"""

import asyncio
import atexit
import contextvars
import threading
from collections.abc import Callable
from functools import partial
from queue import SimpleQueue
from typing import Any

type _Work = tuple[asyncio.AbstractEventLoop, asyncio.Future[Any], Callable[[], Any]]


class Threads:
    """A fixed number of threads that take work in turn; started when there is some."""

    def __init__(self, count: int, name: str) -> None:
        self.count, self._name = count, name
        self._queue: SimpleQueue[_Work | None] = SimpleQueue()
        self._started: list[threading.Thread] = []
        self._lock = threading.Lock()

    async def call[T](self, function: Callable[..., T], *arguments: Any) -> T:
        """Call a function in a thread, in the context of the caller, and give what it returns.

        Cancelled, the caller waits no longer; what was begun ends by itself.
        """
        if len(self._started) < self.count:
            self._start()
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        call = partial(contextvars.copy_context().run, function, *arguments)
        self._queue.put((loop, future, call))
        return await future

    def _start(self) -> None:
        """Start one more thread; what was handed over is done before the process ends."""
        with self._lock:
            number = len(self._started)
            if number == self.count:
                return
            if number == 0:
                atexit.register(self._end)
            thread = threading.Thread(target=self._work, name=f"{self._name}-{number}", daemon=True)
            self._started.append(thread)
            thread.start()

    def _work(self) -> None:
        """Do what comes, one after the other."""
        while (work := self._queue.get()) is not None:
            carry_out(*work)
            del work  # what it holds is not to live until the next one comes

    def _end(self) -> None:
        """Let the threads end, and wait for them."""
        for _thread in self._started:
            self._queue.put(None)
        for thread in self._started:
            thread.join()


def carry_out(
    loop: asyncio.AbstractEventLoop, future: asyncio.Future[Any], call: Callable[[], Any]
) -> None:
    """Make one call and tell who waits for it."""
    result = error = None
    try:
        if future.cancelled():
            return
        result = call()
    except BaseException as raised:  # noqa: BLE001 - it is the caller's
        error = raised
    try:
        loop.call_soon_threadsafe(_settle, future, result, error)
    except RuntimeError:
        return  # the loop is closed: nobody waits any more


def _settle(future: asyncio.Future[Any], result: object, error: BaseException | None) -> None:
    """Give a future its outcome, unless nobody waits."""
    if future.done():
        return
    if error is None:
        future.set_result(result)
    elif isinstance(error, StopIteration):
        future.set_exception(RuntimeError(f"a call in a thread raised {error!r}"))
    else:
        future.set_exception(error)
