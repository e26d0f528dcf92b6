"""The supervisor with small parts: order, restarts, crashes, hurried stops."""

import errno
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from files.management import supervisor
from files.management.supervisor import Part, PartFailedError, Supervisor
from tests.processes import processes, wait_until

# Says in a file that it started and how it was asked to stop; `stubborn` does not obey.
SCRIPT = """
import pathlib, signal, sys, time
path, name, mood = pathlib.Path(sys.argv[1]), sys.argv[2], sys.argv[3]
def say(word):
    with path.open("a") as file:
        file.write(f"{word} {name}\\n")
def stop(signum, frame):
    say("stop")
    if mood != "stubborn":
        sys.exit(0)
signal.signal(signal.SIGTERM, stop)
say("start")
if mood == "broken":
    sys.exit(7)
while True:
    time.sleep(0.05)
"""


@pytest.fixture
def said(tmp_path: Path) -> Path:
    path = tmp_path / "said"
    path.touch()
    return path


def make_part(said: Path, name: str, mood: str = "obedient", *, stop_seconds: float = 10) -> Part:
    command = [sys.executable, "-c", SCRIPT, str(said), name, mood]
    return Part(
        name,
        command,
        said.parent,
        stop_seconds=stop_seconds,
        is_ready=lambda: f"start {name}" in said.read_text() or mood == "broken",
    )


def when(condition: Callable[[], bool], action: Callable[[], None]) -> threading.Thread:
    """Do something from another thread once a condition holds."""

    def run() -> None:
        wait_until(condition)
        action()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def ask_to_stop() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


def test_parts_start_last_first_and_stop_first_first(said: Path) -> None:
    parts = [make_part(said, "front"), make_part(said, "back")]

    Supervisor(parts).run(on_started=ask_to_stop)

    assert said.read_text().splitlines() == ["start back", "start front", "stop front", "stop back"]


def test_killed_part_is_started_again(said: Path) -> None:
    part = make_part(said, "part")

    def kill() -> None:
        assert part.process
        part.process.kill()

    thread = when(lambda: "start" in said.read_text(), kill)
    second = when(lambda: said.read_text().count("start") == 2, ask_to_stop)
    Supervisor([part]).run()
    thread.join()
    second.join()

    assert said.read_text().splitlines() == ["start part", "start part", "stop part"]


def test_part_that_keeps_crashing_ends_the_whole(
    said: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "MAX_PAUSE_SECONDS", 0.05)
    parts = [make_part(said, "front", "broken"), make_part(said, "back")]

    with pytest.raises(PartFailedError, match="front ended with exit status 7, 5 times in a row"):
        Supervisor(parts).run()

    lines = said.read_text().splitlines()
    assert lines.count("start front") == 5
    assert lines[-1] == "stop back"


def test_part_that_this_machine_cannot_start_is_tried_until_it_can(
    said: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(supervisor, "MAX_PAUSE_SECONDS", 0.05)
    part = make_part(said, "part")
    tries = iter(range(3 * supervisor.QUICK_CRASHES))

    def prepare() -> list[int]:
        if "start" in said.read_text() and next(tries, None) is not None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return []

    def kill() -> None:
        assert part.process
        part.process.kill()

    part.before_start = prepare
    first = when(lambda: "start" in said.read_text(), kill)
    second = when(lambda: said.read_text().count("start") == 2, ask_to_stop)
    Supervisor([part]).run()
    first.join()
    second.join()

    said_of_it = [
        one.getMessage() for one in caplog.records if "cannot be started" in one.getMessage()
    ]
    assert len(said_of_it) == 3 * supervisor.QUICK_CRASHES
    assert said_of_it[0] == "part cannot be started (No space left on device), next in 0.1 s"
    assert said.read_text().splitlines() == ["start part", "start part", "stop part"]


def test_pauses_grow_and_are_bounded() -> None:
    assert [round(supervisor.pause_after(times), 1) for times in (1, 2, 3, 5)] == [
        0.2,
        0.4,
        0.8,
        3.2,
    ]
    assert supervisor.pause_after(10_000) == supervisor.MAX_PAUSE_SECONDS


def test_stubborn_part_is_killed_when_its_time_is_over(said: Path) -> None:
    part = make_part(said, "part", "stubborn", stop_seconds=0.3)
    start = time.monotonic()

    Supervisor([part]).run(on_started=ask_to_stop)

    assert time.monotonic() - start < 5
    assert [p for p in processes().values() if str(said) in p.command] == []


def test_second_signal_ends_the_waiting(said: Path) -> None:
    part = make_part(said, "part", "stubborn", stop_seconds=60)
    thread = when(lambda: "stop" in said.read_text(), ask_to_stop)

    Supervisor([part]).run(on_started=ask_to_stop)
    thread.join(timeout=10)

    assert [p for p in processes().values() if str(said) in p.command] == []


def test_children_of_a_crashed_part_are_ended(said: Path) -> None:
    # The shell's child would hold the port that the next shell wants.
    child = f'{sys.executable} -c "import time; time.sleep(60)" {said}'
    script = f"{child} & echo start part >> {said}; wait"
    part = Part("part", ["/bin/sh", "-c", script], said.parent)

    def kill() -> None:
        assert part.process
        part.process.kill()

    first = when(lambda: said.read_text().count("start") == 1, kill)
    second = when(lambda: said.read_text().count("start") == 2, ask_to_stop)
    Supervisor([part]).run()
    first.join()
    second.join()

    assert [p for p in processes().values() if str(said) in p.command] == []


def test_handlers_of_signals_are_given_back(said: Path) -> None:
    before = signal.getsignal(signal.SIGTERM)

    Supervisor([make_part(said, "part")]).run(on_started=ask_to_stop)

    assert signal.getsignal(signal.SIGTERM) is before
