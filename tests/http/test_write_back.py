"""Who looks after bodies while they come, and for how long."""

import asyncio
from pathlib import Path

import pytest

from files.http import write_back as module
from files.http.write_back import WriteBack


def test_bodies_are_looked_after_until_it_is_quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    counts = iter([0, 1, 2, 0, 1, 0, 0, 0])
    looks: list[int] = []

    def write_back(_location: Path, begun: dict[int, int]) -> int:
        looks.append(next(counts))
        begun[len(looks)] = 0
        return looks[-1]

    monkeypatch.setattr(module, "write_back", write_back)
    monkeypatch.setattr(module, "TICK_SECONDS", 0.001)
    monkeypatch.setattr(module, "QUIET_TICKS", 3)

    async def main() -> None:
        watch = WriteBack()
        watch.begin()
        watch.begin()  # there is one who looks
        assert watch._task is not None
        await watch._task

    asyncio.run(main())
    assert looks == [0, 1, 2, 0, 1, 0, 0, 0]
