"""Commands as programs: exit statuses, signals, closed pipes, terminals."""

import fcntl
import os
import pty
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pytest

from tests.processes import BASE, environment, manage, wait_until

# A folder of 300 folders with 40 files each, in the trash of the space Team.
FULL_TRASH = """
from files.operations.entries import trash_entries
from tests.factories import *
top = make_folder(root_of(make_shared_space("Team")), "top")
grow(top, folders=300, files=40)
trash_entries([top], actor=SYSTEM)
"""
ENTRIES = 1 + 1 + 300 + 300 * 40  # top, seed, folders, files


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Prepare an installation with a space."""
    folder = tmp_path_factory.mktemp("installation")
    assert manage("prepare", data=folder).returncode == 0
    made = manage("create_space", "Design team", data=folder)
    assert made.returncode == 0, made.stderr
    assert made.stdout.strip().isdigit()
    return folder


def start(
    *arguments: str, data: Path, stdout: IO[str] | int = subprocess.PIPE, **more: str
) -> subprocess.Popen[str]:
    """Start a command; more goes to its environment."""
    return subprocess.Popen(
        [sys.executable, "manage.py", *arguments],
        cwd=BASE,
        env=environment(data, **more),
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
    )


def ask(data: Path, sql: str) -> int:
    """Read a number from the database."""
    with sqlite3.connect(data / "strongroom.sqlite3", timeout=20) as database:
        (number,) = database.execute(sql).fetchone()
    return int(number)


@contextmanager
def writing(data: Path) -> Iterator[None]:
    """Hold the queue of writers, as one does who writes for long."""
    with (data / "strongroom.sqlite3.queue").open("w") as queue:
        fcntl.flock(queue, fcntl.LOCK_EX)
        yield


def is_waiting(process: subprocess.Popen[str]) -> bool:
    """Tell whether a process has come to the queue of writers."""
    links = Path(f"/proc/{process.pid}/fd").glob("*")
    return any(os.path.realpath(link).endswith(".queue") for link in links)


@pytest.mark.parametrize(
    ("arguments", "status", "code"),
    [
        (["empty_trash", "--everything"], 2, "usage"),
        (["empty_trash"], 2, "usage"),
        (["empty_trash", "--older-than"], 2, "usage"),
        (["set_quota", "7"], 2, "usage"),
        (["sweep_blobs", "--grace", "long"], 2, "usage"),
        (["prepare", "now"], 2, "usage"),
        (["set_quota", "Attic\x1b[2J", "1G"], 1, "space-not-found"),
        (["empty_trash", "--all", "--older-than", "soon"], 1, "invalid-value"),
    ],
)
def test_a_refusal_is_one_line_and_a_status(
    data: Path, arguments: list[str], status: int, code: str
) -> None:
    done = manage(*arguments, data=data)

    assert (done.returncode, done.stdout) == (status, "")
    assert done.stderr.startswith("error: ")
    assert done.stderr.endswith(f" [{code}]\n")
    assert len(done.stderr.splitlines()) == 1
    assert "\x1b" not in done.stderr


def test_the_traceback_is_there_for_who_wants_it(data: Path) -> None:
    done = manage("set_quota", "Attic", "1G", "--traceback", data=data)

    assert done.returncode == 1
    assert done.stderr.startswith("Traceback")
    assert "[space-not-found]" in done.stderr


@pytest.mark.parametrize(
    "command", ["recount_usage", "check_storage", "sweep_blobs", "run_jobs", "empty_trash --all"]
)
def test_a_command_makes_no_database_where_there_is_none(tmp_path: Path, command: str) -> None:
    done = manage(*command.split(), data=tmp_path)

    assert done.returncode == 1
    assert done.stderr.endswith(
        "run manage.py prepare, or set FILES_DATA_DIR [database-not-ready]\n"
    )
    assert len(done.stderr.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_a_database_without_tables_is_one_line(tmp_path: Path) -> None:
    sqlite3.connect(tmp_path / "strongroom.sqlite3").close()

    done = manage("create_space", "Team", data=tmp_path)

    assert done.returncode == 1
    assert "run manage.py prepare (no such table" in done.stderr
    assert len(done.stderr.splitlines()) == 1


# Python writes each line at once, as in the image, or what fills a buffer.
BUFFERING = pytest.mark.parametrize("unbuffered", ["", "1"])


@BUFFERING
def test_a_full_disk_behind_stdout_is_one_line(data: Path, unbuffered: str) -> None:
    with Path("/dev/full").open("w") as full:
        process = start("recount_usage", data=data, stdout=full, PYTHONUNBUFFERED=unbuffered)
        _, told = process.communicate(timeout=60)

    assert (process.returncode, told) == (1, "error: No space left on device [disk-full]\n")


@BUFFERING
def test_who_reads_may_stop_reading(data: Path, unbuffered: str) -> None:
    process = start("recount_usage", data=data, PYTHONUNBUFFERED=unbuffered)
    assert process.stdout
    process.stdout.close()

    assert process.stderr
    assert process.stderr.read() == ""
    assert process.wait(timeout=60) == 141


@BUFFERING
def test_who_reads_the_help_may_stop_reading(data: Path, unbuffered: str) -> None:
    process = start("recount_usage", "--help", data=data, PYTHONUNBUFFERED=unbuffered)
    assert process.stdout
    process.stdout.close()

    assert process.stderr
    assert process.stderr.read() == ""
    assert process.wait(timeout=60) in {0, 141}  # argparse takes no notice where it can


SIGNALS = [
    (signal.SIGINT, 130, "error: Interrupted [interrupted]\n"),
    (signal.SIGTERM, 143, "error: Terminated [terminated]\n"),
]


@pytest.mark.parametrize(("signum", "status", "told"), SIGNALS)
def test_a_signal_ends_a_command_before_it_writes(
    data: Path, signum: signal.Signals, status: int, told: str
) -> None:
    with writing(data):
        process = start("create_space", "Never", data=data)
        wait_until(lambda: is_waiting(process))
        process.send_signal(signum)
        out, error = process.communicate(timeout=60)

    assert (process.returncode, out, error) == (status, "", told)
    assert ask(data, "SELECT count(*) FROM files_space WHERE name = 'Never'") == 0


@pytest.mark.parametrize("after", ["_struct", "_sqlite3", "_decimal"])
def test_ctrl_c_while_a_command_starts_shows_no_traceback(data: Path, after: str) -> None:
    process = start("recount_usage", data=data)
    maps = Path(f"/proc/{process.pid}/maps")
    wait_until(lambda: after in maps.read_text() or process.poll() is not None)

    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=60)

    assert error in {"", "error: Interrupted [interrupted]\n"}
    assert process.returncode in {130, -signal.SIGINT}


def test_emptying_a_trash_goes_on_where_it_was_ended(tmp_path: Path) -> None:
    assert manage("prepare", data=tmp_path).returncode == 0
    assert manage("shell", "-v0", "-c", FULL_TRASH, data=tmp_path).returncode == 0
    count = "SELECT count(*) FROM files_entry"
    everything = ask(tmp_path, count)
    process = start("empty_trash", "Team", data=tmp_path)

    wait_until(lambda: ask(tmp_path, count) < everything - 1000)
    process.send_signal(signal.SIGTERM)
    out, error = process.communicate(timeout=60)

    assert (process.returncode, out, error) == (143, "", SIGNALS[1][2])
    assert 1 < ask(tmp_path, count) < everything - 1000
    assert manage("recount_usage", data=tmp_path).returncode == 0
    assert manage("empty_trash", "--all", data=tmp_path).returncode == 0
    assert ask(tmp_path, count) == everything - ENTRIES
    assert manage("recount_usage", data=tmp_path).returncode == 0
    assert manage("check_storage", data=tmp_path).returncode == 0


def on_terminal(*arguments: str, data: Path, **more: str) -> tuple[str, str]:
    """Run a command with a terminal for stderr; give what came to stdout, and what to that."""
    ours, theirs = pty.openpty()
    try:
        process = subprocess.Popen(
            [sys.executable, "manage.py", *arguments],
            cwd=BASE,
            env=environment(data, **more),
            stdout=subprocess.PIPE,
            stderr=theirs,
            text=True,
        )
        os.close(theirs)
        out, _ = process.communicate(timeout=60)
        shown = b""
        while piece := _read(ours):
            shown += piece
    finally:
        os.close(ours)
    assert process.returncode == 0
    return out, shown.decode()


def _read(terminal: int) -> bytes:
    """Read what a terminal shows; nothing when nobody is left who writes."""
    try:
        return os.read(terminal, 2**16)
    except OSError:  # EIO: the other end is closed
        return b""


RESULT = "space 2 Design team: 0 kept, 0 counted, drift 0\nclean: 1 spaces, 0 repaired\n"


def test_a_terminal_sees_progress_and_a_pipe_only_the_result(data: Path) -> None:
    out, shown = on_terminal("recount_usage", data=data, TERM="xterm-256color")

    assert out == RESULT
    assert "Counting" in shown
    assert shown.endswith("\x1b[2K")  # and nothing of it is left behind


def test_progress_has_no_colours_where_none_are_wanted(data: Path) -> None:
    _, shown = on_terminal("recount_usage", data=data, TERM="xterm-256color", NO_COLOR="1")
    _, plain = on_terminal("recount_usage", "--no-color", data=data, TERM="xterm-256color")

    for text in (shown, plain):
        assert "Counting" in text
        assert "38;5" not in text


@pytest.mark.parametrize("terminal", ["dumb", ""])
def test_a_terminal_that_cannot_move_its_cursor_sees_no_progress(data: Path, terminal: str) -> None:
    assert on_terminal("recount_usage", data=data, TERM=terminal) == (RESULT, "")


def test_what_runs_on_no_terminal_is_quiet(data: Path) -> None:
    done = manage("recount_usage", data=data, TERM="xterm-256color", FORCE_COLOR="1")

    assert (done.stdout, done.stderr) == (RESULT, "")
