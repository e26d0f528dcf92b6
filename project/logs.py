"""Logs: JSON lines on stderr, and in a file that several processes append to and rotate."""

import fcntl
import json
import logging
import os
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

# What every record has, and uvicorn's copy of the message in colour; the rest came in by `extra`.
STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "color_message"}


_SIMPLE = (str, int, float, type(None))  # what a line shows of the extras of a record; bool is one

LINE = "json_line"  # under which a record keeps how it is written

GATHER_SECONDS = 0.05  # for which the line of a request waits for others

# Lines have none of it, and each record would look it up: a tenth of what a small download costs.
logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
logging.logAsyncioTasks = False  # type: ignore[attr-defined] # not in the stubs


class JsonFormatter(logging.Formatter):
    """Write a record as one line: at, level, logger, message, its simple extras, exception."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, without its end; line breaks inside values are escaped.

        It is kept with the record, which goes to several handlers.
        """
        kept: str | None = vars(record).get(LINE)
        if kept is None:
            vars(record)[LINE] = kept = self.line(record)
        return kept

    def line(self, record: logging.LogRecord) -> str:
        """Write the line of a record."""
        line: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": self.message(record),
        }
        for key, value in vars(record).items():
            if key not in STANDARD and isinstance(value, _SIMPLE):
                line.setdefault(key, value)
        if record.exc_info and record.exc_info[0]:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line)

    def message(self, record: logging.LogRecord) -> str:
        """Return the message, cut before its details where Django logs about a request.

        There it ends in the path ("Not Found: /…"), which may hold a file's name or a token.
        """
        message = record.getMessage()
        return message.partition(":")[0] if hasattr(record, "request") else message


class SharedFileHandler(logging.Handler):
    """Append lines to a file, and rotate it by size, together with other processes.

    A lock on the file beside it makes "too large? then rotate, then append" one step for all of
    them. Both files stay open from line to line; a rotation by another process is seen at the next.
    """

    def __init__(self, path: Path, max_bytes: int, backups: int) -> None:
        """Keep path below max_bytes, and what was rotated as path.1 (the newest) to path.N."""
        super().__init__()
        self.path, self.max_bytes, self.backups = path, max_bytes, backups
        self._lock_file = self._file = -1  # open descriptors
        self._inode = 0  # of the file
        self._process = 0  # that opened the lock: a fork would share what it holds

    def emit(self, record: logging.LogRecord) -> None:
        """Append the record; where the folder is missing, full or not ours, stderr has to do."""
        try:
            line = f"{self.format(record)}\n".encode()
        except Exception:  # noqa: BLE001 - what a handler must do with a record it cannot format
            self.handleError(record)
            return
        self.write(line)

    def write(self, *lines: bytes) -> None:
        """Append lines, each with its end, under one lock; where that fails, stderr has to do."""
        with suppress(OSError):
            lock = self._opened_lock()
            fcntl.flock(lock, fcntl.LOCK_EX)
            try:
                for some in self._fitting(lines):
                    self.append(some)
            finally:
                fcntl.flock(lock, fcntl.LOCK_UN)

    def _fitting(self, lines: Sequence[bytes]) -> Iterator[bytes]:
        """Join lines as long as they fit into one file."""
        some = b""
        for line in lines:
            if some and len(some) + len(line) > self.max_bytes // 2:
                yield some
                some = b""
            some += line
        yield some

    def append(self, line: bytes) -> None:
        """Write lines, after a rotation if they would make the file too large."""
        try:
            status = self.path.stat()
        except FileNotFoundError:
            self._close_file()
        else:
            if status.st_ino != self._inode:
                self._close_file()
            if status.st_size + len(line) > self.max_bytes:
                self._rotate()
        if self._file < 0:
            flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
            self._file = os.open(self.path, flags, 0o640)
            self._inode = os.fstat(self._file).st_ino
        os.write(self._file, line)

    def close(self) -> None:
        """Close the files."""
        self._close_file()
        if self._lock_file >= 0:
            os.close(self._lock_file)
            self._lock_file = -1
        super().close()

    def _opened_lock(self) -> int:
        """Give the lock's file, opened by this process and still the one of its name."""
        path, pid = f"{self.path}.lock", os.getpid()
        if self._process != pid or not _is_at(self._lock_file, path):
            if self._lock_file >= 0:
                os.close(self._lock_file)
                self._lock_file = -1
            self._lock_file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o640)
            self._process = pid
        return self._lock_file

    def _close_file(self) -> None:
        """Close the file, to open what has its name now."""
        descriptor, self._file, self._inode = self._file, -1, 0
        if descriptor >= 0:
            os.close(descriptor)

    def _rotate(self) -> None:
        """Give the file, and those before it, the name of the next older one."""
        self._close_file()
        for number in range(self.backups, 0, -1):
            source = self.backup(number - 1)
            if source.exists():
                source.replace(self.backup(number))
        self.path.unlink(missing_ok=True)  # still there only if no backup is kept

    def backup(self, number: int) -> Path:
        """Return the name of a rotated file; number 0 is the file itself."""
        return self.path.with_name(f"{self.path.name}.{number}") if number else self.path


class RequestLines(logging.Handler):
    """Write the lines of requests, on stderr and in the file, some hundredths of a second later.

    A line by itself costs two writes, two locks and three looks at the file: a quarter of what a
    small download costs. So those of a moment are written together, by a thread of their own. A
    process that is killed takes that moment's lines with it; one that ends writes them first.
    """

    def __init__(self, path: Path, max_bytes: int, backups: int) -> None:
        """Write into the file of that path, as SharedFileHandler does."""
        super().__init__()
        self._file = SharedFileHandler(path, max_bytes, backups)
        self._lines: list[str] = []
        self._is_waiting = threading.Event()
        self._process = 0  # that the thread runs in: a fork has none

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the line of a record until it is written; called one at a time."""
        try:
            line = self.format(record)
        except Exception:  # noqa: BLE001 - what a handler must do with a record it cannot format
            self.handleError(record)
            return
        if self._process != os.getpid():
            self._process, self._lines = os.getpid(), []
            threading.Thread(target=self._write_on, name="log", daemon=True).start()
        self._lines.append(line)
        if len(self._lines) == 1:
            self._is_waiting.set()

    def flush(self) -> None:
        """Write what is kept; logging does so when the process ends."""
        self.acquire()
        lines, self._lines = self._lines, []
        self.release()
        if not lines:
            return
        text = "".join(f"{line}\n" for line in lines)
        with suppress(OSError, ValueError):
            sys.stderr.write(text)
            sys.stderr.flush()
        self._file.write(*(f"{line}\n".encode() for line in lines))

    def close(self) -> None:
        """Write what is kept, and close the file."""
        self.flush()
        self._file.close()
        super().close()

    def _write_on(self) -> None:
        """Write what comes, together with what comes soon after it."""
        while True:
            self._is_waiting.wait()
            self._is_waiting.clear()
            time.sleep(GATHER_SECONDS)
            self.flush()


def _is_at(descriptor: int, path: str) -> bool:
    """Tell whether an open file still has a name."""
    try:
        return descriptor >= 0 and os.path.samestat(os.fstat(descriptor), Path(path).stat())
    except FileNotFoundError:
        return False


def configuration(path: Path, *, level: str, max_bytes: int, backups: int) -> dict[str, Any]:
    """Return the logging configuration of every process: Django, gunicorn, the job worker."""
    both = {"handlers": ["stderr", "file"], "propagate": False}
    file = {"formatter": "json", "path": path, "max_bytes": max_bytes, "backups": backups}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"json": {"()": "project.logs.JsonFormatter"}},
        "handlers": {
            "stderr": {"class": "logging.StreamHandler", "formatter": "json"},
            "file": {"()": "project.logs.SharedFileHandler", **file},
            "requests": {"()": "project.logs.RequestLines", **file},
        },
        "root": {"level": level, "handlers": ["stderr", "file"]},
        "loggers": {
            # Django's default handlers write plain text and mail administrators.
            "django": {"level": level, **both},
            "django.server": {"level": level, **both},
            # A traceback for each scanner that asks by address; the request's line tells the 400.
            "django.security.DisallowedHost": {"level": "CRITICAL", **both},
            "files.requests": {"level": level, "handlers": ["requests"], "propagate": False},
            "gunicorn.error": {"level": level, **both},
            "uvicorn.error": {"level": level, **both},
            # The application writes its own line a request.
            "gunicorn.access": {"level": "CRITICAL", **both},
            "uvicorn.access": {"level": "CRITICAL", **both},
        },
    }
