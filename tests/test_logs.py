"""Log lines: one JSON object each, nothing of a request in them, rotated by several processes."""

import fcntl
import json
import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

from project.logs import JsonFormatter, RequestLines, SharedFileHandler
from tests.processes import wait_until

WRITER = """
import logging, sys
from pathlib import Path
from project.logs import JsonFormatter, SharedFileHandler
handler = SharedFileHandler(Path(sys.argv[1]), max_bytes=20_000, backups=50)
handler.setFormatter(JsonFormatter())
for number in range(300):
    handler.handle(logging.makeLogRecord({"msg": f"{sys.argv[2]}-{number}"}))
"""


def line_of(**fields: object) -> dict[str, object]:
    loaded: dict[str, object] = json.loads(JsonFormatter().format(logging.makeLogRecord(fields)))
    return loaded


def test_line_holds_the_extras() -> None:
    line = line_of(msg="%s served", args=("page",), name="files", status=200, user_id=None)

    assert line["message"] == "page served"
    assert line["logger"] == "files"
    assert line["status"] == 200
    assert line["user_id"] is None


def test_line_break_in_a_value_makes_no_second_line() -> None:
    record = logging.makeLogRecord({"msg": 'x\n{"level": "forged"}\u2028', "route": "a\r\nb"})

    assert len(JsonFormatter().format(record).splitlines()) == 1


def test_line_about_a_request_leaves_its_path_out() -> None:
    line = line_of(msg="%s: %s", args=("Not Found", "/s/token/name.txt"), request=object())

    assert line["message"] == "Not Found"
    assert "token" not in json.dumps(line)


def test_line_holds_the_exception() -> None:
    try:
        raise ValueError("broken")
    except ValueError:
        line = line_of(msg="failed", exc_info=sys.exc_info())

    assert str(line["exception"]).endswith("ValueError: broken")


def test_file_is_readable_by_owner_and_group_only(tmp_path: Path) -> None:
    path = tmp_path / "x.log"

    write(path, "one")

    assert path.stat().st_mode & 0o027 == 0


def test_missing_folder_is_not_an_error(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    write(tmp_path / "missing" / "x.log", "one")

    assert capfd.readouterr() == ("", "")


def test_no_backup_means_one_file(tmp_path: Path) -> None:
    path = tmp_path / "x.log"

    for number in range(10):
        write(path, str(number), max_bytes=200, backups=0)

    assert path.stat().st_size <= 200
    assert {p.name for p in tmp_path.iterdir()} == {"x.log", "x.log.lock"}


def test_oldest_backup_goes(tmp_path: Path) -> None:
    path = tmp_path / "x.log"

    for number in range(20):
        write(path, str(number), max_bytes=150, backups=2)

    kept = [json.loads((tmp_path / n).read_text())["message"] for n in ("x.log", "x.log.1")]
    assert kept == ["19", "18"]
    assert not (tmp_path / "x.log.3").exists()


def test_rotation_by_another_process_is_seen_at_the_next_line(tmp_path: Path) -> None:
    path = tmp_path / "x.log"
    handlers = [SharedFileHandler(path, 10_000, 1) for _process in range(2)]
    say(handlers[0], "one")

    handlers[1].max_bytes = 100
    say(handlers[1], "two")
    say(handlers[0], "three")

    assert messages(path) == ["two", "three"]
    assert messages(tmp_path / "x.log.1") == ["one"]


def test_lock_that_was_removed_is_made_anew(tmp_path: Path) -> None:
    path, lock = tmp_path / "x.log", tmp_path / "x.log.lock"
    handler = SharedFileHandler(path, 10_000, 1)
    say(handler, "one")
    lock.unlink()

    say(handler, "two")

    assert lock.exists()
    assert messages(path) == ["one", "two"]


def test_lock_is_not_shared_with_a_fork(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    handler = SharedFileHandler(tmp_path / "x.log", 10_000, 1)
    held = os.dup(handler._opened_lock())
    fcntl.flock(held, fcntl.LOCK_EX)  # the parent writes a line

    monkeypatch.setattr(os, "getpid", lambda: 0)
    forked = handler._opened_lock()

    with pytest.raises(BlockingIOError):
        fcntl.flock(forked, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.close(held)


def test_line_for_several_handlers_is_written_once() -> None:
    record = logging.makeLogRecord({"msg": "one"})
    first = JsonFormatter().format(record)
    record.msg = "two"

    assert JsonFormatter().format(record) == first


def test_several_processes_lose_no_line_in_a_rotation(tmp_path: Path) -> None:
    path = tmp_path / "x.log"
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, str(path), name]) for name in "abc"]

    assert [writer.wait(timeout=60) for writer in writers] == [0, 0, 0]

    files = [p for p in tmp_path.iterdir() if p.suffix != ".lock"]
    lines = [json.loads(line) for file in files for line in file.read_text().splitlines()]
    assert len(files) > 2
    assert all(file.stat().st_size <= 20_000 for file in files)
    assert {line["message"] for line in lines} == {f"{n}-{i}" for n in "abc" for i in range(300)}
    assert len(lines) == 900


REQUESTS = """
import logging, sys
from pathlib import Path
from project.logs import JsonFormatter, RequestLines
handler = RequestLines(Path(sys.argv[1]), max_bytes=20_000, backups=50)
handler.setFormatter(JsonFormatter())
for number in range(300):
    handler.handle(logging.makeLogRecord({"msg": f"{sys.argv[2]}-{number}"}))
"""


def test_lines_of_requests_are_written_a_moment_later_in_both_places(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "x.log"
    handler = request_lines(path)

    for message in ("one", "two"):
        handler.handle(logging.makeLogRecord({"msg": message}))

    wait_until(path.exists)
    wait_until(lambda: messages(path) == ["one", "two"])
    handler.handle(logging.makeLogRecord({"msg": "three"}))
    wait_until(lambda: messages(path) == ["one", "two", "three"])
    said = [json.loads(line)["message"] for line in capsys.readouterr().err.splitlines()]
    assert said == ["one", "two", "three"]
    handler.close()


def test_lines_of_a_process_that_ends_are_not_lost(tmp_path: Path) -> None:
    path = tmp_path / "x.log"
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", REQUESTS, str(path), name], stderr=subprocess.DEVNULL
        )
        for name in "ab"
    ]

    assert [writer.wait(timeout=60) for writer in writers] == [0, 0]

    files = [p for p in tmp_path.iterdir() if p.suffix != ".lock"]
    assert all(file.stat().st_size <= 20_000 for file in files)
    found = [message for file in files for message in messages(file)]
    assert sorted(found) == sorted(f"{n}-{i}" for n in "ab" for i in range(300))


def test_line_that_cannot_be_written_stops_no_other(tmp_path: Path) -> None:
    handler = request_lines(tmp_path / "missing" / "x.log")

    handler.handle(logging.makeLogRecord({"msg": "one"}))
    handler.flush()
    (tmp_path / "missing").mkdir()
    handler.handle(logging.makeLogRecord({"msg": "two"}))
    handler.flush()

    assert messages(tmp_path / "missing" / "x.log") == ["two"]
    handler.close()


def request_lines(path: Path) -> RequestLines:
    handler = RequestLines(path, 10_000, 1)
    handler.setFormatter(JsonFormatter())
    return handler


def write(path: Path, message: str, *, max_bytes: int = 10_000, backups: int = 1) -> None:
    say(SharedFileHandler(path, max_bytes, backups), message)


def say(handler: SharedFileHandler, message: str) -> None:
    handler.setFormatter(JsonFormatter())
    handler.handle(logging.makeLogRecord({"msg": message}))


def messages(path: Path) -> list[str]:
    return [json.loads(line)["message"] for line in path.read_text().splitlines()]
