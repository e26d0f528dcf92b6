"""A folder of this machine, walked without following links and without holding it in memory.

Everything is reached through descriptors of the folders on the way, so that what is swapped for a
link while the walk goes on leads nowhere.
"""

import os
import stat
from collections.abc import Iterator, Set
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from files.errors import EntryExistsError, FilesError, TooDeepError, UnsuitableFileError
from files.management.reporting import as_shown
from files.names import check_name, name_key
from files.operations.local_files import LocalFile

_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# O_NONBLOCK: what has become a pipe since it was looked at must not hang.
_FILE: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC

type Identity = tuple[int, int]  # of a file or folder: its device and inode


def identity_of(status: os.stat_result) -> Identity:
    """Give what a file or folder is, whatever its name."""
    return status.st_dev, status.st_ino


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A regular file with a name that an entry may have, not opened yet."""

    path: tuple[str, ...]
    parent: int  # the descriptor of its folder
    status: os.stat_result

    def open(self, prefix: tuple[str, ...]) -> LocalFile:
        """Open it, to go below a folder that prefix names; the descriptor is the caller's to close.

        Raises UnsuitableFileError for what is another file by now, and OSError.
        """
        descriptor = os.open(self.path[-1], _FILE, dir_fd=self.parent)
        status = os.fstat(descriptor)
        if identity_of(status) != identity_of(self.status) or status.st_nlink != 1:
            os.close(descriptor)
            raise UnsuitableFileError(reason="changed")
        return LocalFile((*prefix, *self.path), descriptor, self.parent, self.path[-1], status)


@dataclass(frozen=True, slots=True)
class FoundFolder:
    """A folder, told before all that is in it."""

    path: tuple[str, ...]
    status: os.stat_result


@dataclass(frozen=True, slots=True)
class LeftFolder:
    """A folder, told after all that is in it."""

    path: tuple[str, ...]
    parent: int


@dataclass(frozen=True, slots=True)
class NotTaken:
    """What is not imported: a link or a special file (skipped), or what breaks a rule (refused)."""

    path: tuple[str, ...]
    reason: str  # a word of data's, or the system's; may be empty beside an error
    error: FilesError | None = None

    @classmethod
    def for_error(cls, path: tuple[str, ...], error: OSError | FilesError) -> "NotTaken":
        """Say why something is refused, by what was raised."""
        if isinstance(error, OSError):
            return cls(path, error.strerror or "unreadable", UnsuitableFileError())
        return cls(path, str(error.data.get("reason") or ""), error)

    def __str__(self) -> str:
        kind, code = ("refused", self.error.code) if self.error else ("skipped", self.reason)
        detail = f": {self.reason}" if self.error and self.reason else ""
        return f"{kind}: {as_shown('/'.join(self.path))}{detail} [{code}]"


type Found = FoundFile | FoundFolder | LeftFolder | NotTaken


class LocalTree:
    """One walk. Folders stay open until release, since what was found lies in them.

    forbidden are folders that must not be entered, by whatever name they are met.
    """

    def __init__(self, root: Path, *, max_depth: int, forbidden: Set[Identity]) -> None:
        self._root, self._max_depth, self._forbidden = root, max_depth, forbidden
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
        """Give all that lies below the root, in the order of the disk.

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
                    self._check(inner, folder)
                    yield from self._look_at(item, inner, folder)
                except (FilesError, OSError) as error:
                    yield NotTaken.for_error(inner, error)

    def _check(self, path: tuple[str, ...], parent: int) -> None:
        """Refuse what an entry cannot be, by its path. Raises FilesErrors."""
        check_name(path[-1])
        if len(path) > self._max_depth:
            raise TooDeepError(limit=self._max_depth)
        key = name_key(path[-1])
        if key != path[-1] and _has_other(parent, path[-1], key):
            # The same name in another spelling: one of them must give way, always the same one.
            raise EntryExistsError(reason="same-name")

    def _look_at(
        self, item: os.DirEntry[str], path: tuple[str, ...], parent: int
    ) -> Iterator[Found]:
        """Give one item, and if it is a folder, all that is in it."""
        status = item.stat(follow_symlinks=False)
        if stat.S_ISDIR(status.st_mode):
            yield from self._enter(path, parent)
        elif stat.S_ISLNK(status.st_mode):
            yield NotTaken(path, "link")
        elif not stat.S_ISREG(status.st_mode):
            yield NotTaken(path, "special")
        elif status.st_nlink > 1:
            raise UnsuitableFileError(reason="hard-link")
        else:
            yield FoundFile(path, parent, status)

    def _enter(self, path: tuple[str, ...], parent: int) -> Iterator[Found]:
        """Give a folder and all that is in it."""
        descriptor = os.open(path[-1], _FOLDER, dir_fd=parent)
        try:
            status = os.fstat(descriptor)
            if identity_of(status) in self._forbidden:
                raise UnsuitableFileError(reason="own-data")
            yield FoundFolder(path, status)
            yield from self._walk(descriptor, path)
        finally:
            self._done.append(descriptor)
        yield LeftFolder(path, parent)


def _has_other(parent: int, name: str, other: str) -> bool:
    """Tell whether a folder has a member of another name, beside one; on some systems it is it."""
    try:
        mine, its = (os.stat(each, dir_fd=parent, follow_symlinks=False) for each in (name, other))
    except OSError:
        return False
    return identity_of(mine) != identity_of(its)
