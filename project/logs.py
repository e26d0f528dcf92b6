"""Logs: JSON lines on stderr, and in a file that several processes append to and rotate."""

import fcntl
import json
import logging
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

# What every record has, and uvicorn's copy of the message in colour; the rest came in by `extra`.
STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "color_message"}


LINE = "json_line"  # under which a record keeps how it is written


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
            if key not in STANDARD and isinstance(value, str | int | float | None):
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
    them. The file is opened for each line: a rotation by another process is seen at once.
    """

    def __init__(self, path: Path, max_bytes: int, backups: int) -> None:
        """Keep path below max_bytes, and what was rotated as path.1 (the newest) to path.N."""
        super().__init__()
        self.path, self.max_bytes, self.backups = path, max_bytes, backups

    def emit(self, record: logging.LogRecord) -> None:
        """Append the record; where the folder is missing, full or not ours, stderr has to do."""
        try:
            line = f"{self.format(record)}\n".encode()
            lock = os.open(f"{self.path}.lock", os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o640)
        except OSError:
            return
        except Exception:  # noqa: BLE001 - what a handler must do with a record it cannot format
            self.handleError(record)
            return
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self.append(line)
        except OSError:
            return
        finally:
            os.close(lock)

    def append(self, line: bytes) -> None:
        """Write one line, after a rotation if it would make the file too large."""
        if self.path.exists() and self.path.stat().st_size + len(line) > self.max_bytes:
            for number in range(self.backups, 0, -1):
                source = self.backup(number - 1)
                if source.exists():
                    source.replace(self.backup(number))
            self.path.unlink(missing_ok=True)  # still there only if no backup is kept
        file = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)
        try:
            os.write(file, line)
        finally:
            os.close(file)

    def backup(self, number: int) -> Path:
        """Return the name of a rotated file; number 0 is the file itself."""
        return self.path.with_name(f"{self.path.name}.{number}") if number else self.path


def configuration(path: Path, *, level: str, max_bytes: int, backups: int) -> dict[str, Any]:
    """Return the logging configuration of every process: Django, gunicorn, the job worker."""
    both = {"handlers": ["stderr", "file"], "propagate": False}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"json": {"()": "project.logs.JsonFormatter"}},
        "handlers": {
            "stderr": {"class": "logging.StreamHandler", "formatter": "json"},
            "file": {
                "()": "project.logs.SharedFileHandler",
                "formatter": "json",
                "path": path,
                "max_bytes": max_bytes,
                "backups": backups,
            },
        },
        "root": {"level": level, "handlers": ["stderr", "file"]},
        "loggers": {
            # Django's default handlers write plain text and mail administrators.
            "django": {"level": level, **both},
            "django.server": {"level": level, **both},
            # A traceback for each scanner that asks by address; the request's line tells the 400.
            "django.security.DisallowedHost": {"level": "CRITICAL", **both},
            "gunicorn.error": {"level": level, **both},
            "uvicorn.error": {"level": level, **both},
            # The application writes its own line a request.
            "gunicorn.access": {"level": "CRITICAL", **both},
            "uvicorn.access": {"level": "CRITICAL", **both},
        },
    }
