"""A folder of this machine, walked without following links and without holding it in memory.

Everything is reached through descriptors of the folders on the way, so that what is swapped for a
link while the walk goes on leads nowhere.
"""

import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from files.errors import FilesError, TooDeepError, UnsuitableFileError
from files.names import check_name, visible_name
from files.operations.local_files import LocalFile

_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# O_NONBLOCK: what has become a pipe since it was looked at must not hang.
_FILE: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A regular file with a name that an entry may have, not opened yet."""

    path: tuple[str, ...]
    parent: int  # the descriptor of its folder
    status: os.stat_result

    def open(self) -> LocalFile:
        """Open it; the descriptor is the caller's to close.

        Raises UnsuitableFileError for what is another file by now, and OSError.
        """
        descriptor = os.open(self.path[-1], _FILE, dir_fd=self.parent)
        status = os.fstat(descriptor)
        if (status.st_dev, status.st_ino) != (self.status.st_dev, self.status.st_ino):
            os.close(descriptor)
            raise UnsuitableFileError(reason="changed")
        return LocalFile(self.path, descriptor, self.parent, self.path[-1], status)


@dataclass(frozen=True, slots=True)
class FoundFolder:
    """A folder, told after all that is in it; is_empty if nothing was found there."""

    path: tuple[str, ...]
    parent: int
    is_empty: bool


@dataclass(frozen=True, slots=True)
class NotTaken:
    """What is not imported: a link or a special file (skipped), or what breaks a rule (refused)."""

    path: tuple[str, ...]
    reason: str  # a word of data's, or the system's; may be empty beside an error
    error: FilesError | None = None

    def __str__(self) -> str:
        kind, code = ("refused", self.error.code) if self.error else ("skipped", self.reason)
        detail = f": {self.reason}" if self.error and self.reason else ""
        return f"{kind}: {self.shown_path}{detail} [{code}]"

    @property
    def shown_path(self) -> str:
        """Give the path for a terminal: what is not readable text is escaped."""
        return shown(self.path)


type Found = FoundFile | FoundFolder | NotTaken


def shown(path: Sequence[str]) -> str:
    """Give a path for a terminal: what could change the terminal, or is no text, is escaped."""
    text = "/".join(path)
    is_plain = text.isprintable() and not any("\ud800" <= letter <= "\udfff" for letter in text)
    return visible_name(text) if is_plain else ascii(text)


class LocalTree:
    """One walk. Folders stay open until release, since what was found lies in them."""

    def __init__(self, root: Path, *, max_depth: int) -> None:
        self._root, self._max_depth = root, max_depth
        self._done: list[int] = []  # descriptors of folders that are walked
        self._open = ExitStack()

    def __enter__(self) -> "LocalTree":
        return self

    def __exit__(self, *_error: object) -> None:
        self.release()
        self._open.close()

    @property
    def held(self) -> int:
        """Give how many walked folders are still open."""
        return len(self._done)

    def release(self) -> None:
        """Close the folders that are walked: nothing that was found in them is used any more."""
        for descriptor in self._done:
            os.close(descriptor)
        self._done.clear()

    def walk(self) -> Iterator[Found]:
        """Give all that lies below the root, files before the folder that they are in.

        Raises OSError if the root itself cannot be read.
        """
        root = os.open(self._root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self._open.callback(os.close, root)
        yield from self._walk(root, ())

    def _walk(self, folder: int, path: tuple[str, ...]) -> Iterator[Found]:
        """Give what lies in one folder and below."""
        with os.scandir(folder) as items:
            for item in items:
                inner = (*path, item.name)
                try:
                    check_name(item.name)
                    if len(inner) > self._max_depth:
                        raise TooDeepError(limit=self._max_depth)
                    yield from self._look_at(item, inner, folder)
                except FilesError as error:
                    yield NotTaken(inner, str(error.data.get("reason", "")), error)
                except OSError as error:
                    yield NotTaken(inner, error.strerror or "unreadable", UnsuitableFileError())

    def _look_at(
        self, item: os.DirEntry[str], path: tuple[str, ...], parent: int
    ) -> Iterator[Found]:
        """Give one item, and if it is a folder, first all that is in it."""
        status = item.stat(follow_symlinks=False)
        if stat.S_ISDIR(status.st_mode):
            descriptor = os.open(item.name, _FOLDER, dir_fd=parent)
            count = 0
            try:
                for found in self._walk(descriptor, path):
                    count += 1
                    yield found
            finally:
                self._done.append(descriptor)
            yield FoundFolder(path, parent, is_empty=not count)
        elif stat.S_ISLNK(status.st_mode):
            yield NotTaken(path, "link")
        elif not stat.S_ISREG(status.st_mode):
            yield NotTaken(path, "special")
        elif status.st_nlink > 1:
            raise UnsuitableFileError(reason="hard-link")
        else:
            yield FoundFile(path, parent, status)
