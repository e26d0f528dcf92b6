"""Threads that an event loop hands work to: outcomes, contexts, and their end."""

import asyncio
import contextvars
import threading
from collections.abc import Iterator

import pytest

from files.http.threads import Threads

NAME: contextvars.ContextVar[str] = contextvars.ContextVar("name", default="")


@pytest.fixture
def threads() -> Iterator[Threads]:
    threads = Threads(2, "test")
    yield threads
    threads._end()


def test_call_gives_what_the_function_returns(threads: Threads) -> None:
    assert asyncio.run(threads.call(divmod, 7, 2)) == (3, 1)


@pytest.mark.parametrize("error", [ValueError("bad"), KeyboardInterrupt()])
def test_call_raises_what_the_function_raises(threads: Threads, error: BaseException) -> None:
    def fail() -> None:
        raise error

    async def main() -> BaseException:
        try:
            await threads.call(fail)
        except BaseException as raised:  # noqa: BLE001 - what came is what is looked at
            return raised
        raise AssertionError("nothing was raised")

    assert asyncio.run(main()) is error


def test_end_of_an_iterator_does_not_end_the_caller(threads: Threads) -> None:
    with pytest.raises(RuntimeError, match="StopIteration"):
        asyncio.run(threads.call(next, iter(())))


def test_function_sees_the_context_of_its_caller(threads: Threads) -> None:
    async def main() -> str:
        NAME.set("caller")
        return await threads.call(NAME.get)

    assert asyncio.run(main()) == "caller"


def test_there_are_no_more_threads_than_that(threads: Threads) -> None:
    def blocked(barrier: threading.Barrier) -> int:
        barrier.wait(10)
        return threading.get_ident()

    async def main() -> set[int]:
        barrier = threading.Barrier(2)
        return set(await asyncio.gather(*(threads.call(blocked, barrier) for _ in range(8))))

    assert len(asyncio.run(main())) == 2


def test_what_was_not_begun_is_not_done_for_who_has_gone() -> None:
    threads, release = Threads(1, "test"), threading.Event()
    done: list[str] = []

    async def main() -> None:
        first = asyncio.ensure_future(threads.call(release.wait, 10))
        second = asyncio.ensure_future(threads.call(done.append, "second"))
        await asyncio.sleep(0)
        second.cancel()
        await asyncio.sleep(0)
        release.set()
        await first
        await threads.call(done.append, "third")

    asyncio.run(main())
    threads._end()

    assert done == ["third"]


def test_loop_that_is_closed_meanwhile_is_no_fault() -> None:
    threads, begun, release = Threads(1, "test"), threading.Event(), threading.Event()
    done: list[str] = []

    def slow() -> None:
        begun.set()
        release.wait(10)
        done.append("slow")

    async def main() -> None:
        waiting = asyncio.ensure_future(threads.call(slow))
        while not begun.is_set():  # noqa: ASYNC110 - it is set in a thread
            await asyncio.sleep(0.001)
        waiting.cancel()

    asyncio.run(main())
    release.set()
    threads._end()

    assert done == ["slow"]
