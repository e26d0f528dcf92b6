"""Bring a folder of this machine into a space, in bounded steps that can be repeated."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from django.conf import settings

from files.access import Actor, locate
from files.errors import EntryExistsError, FilesError, NotAFolderError, UnsuitableFileError
from files.models import Entry, Right
from files.names import name_key
from files.operations.entries import create_folder, require_folder
from files.operations.local_files import LocalFile, Put, copy_in, modified_at_of
from files.operations.local_moves import move_in

from .local_tree import FoundFile, FoundFolder, LocalTree, NotTaken

BATCH_FILES: Final = 250  # of one transaction; each is open meanwhile
BATCH_BYTES: Final = 2**30


@dataclass(slots=True)
class Totals:
    """What an import did, or would do."""

    imported: int = 0
    imported_bytes: int = 0
    same: int = 0  # files that are there already
    skipped: int = 0  # links and special files
    refused: int = 0
    folders: int = 0  # empty ones that were made

    def __str__(self) -> str:
        return (
            f"{self.imported} files ({self.imported_bytes} bytes), {self.same} there already, "
            f"{self.skipped} skipped, {self.refused} refused, {self.folders} empty folders made"
        )


@dataclass(slots=True)
class TreeImport:
    """One import. tell is called for each thing that is not taken, advance with figures of files.

    A file is taken to be there already if one with its path has its size and modification time.
    """

    source: Path
    destination: Entry
    actor: Actor
    moves: bool = False
    dry_run: bool = False
    is_new: bool = False  # the destination is not there yet: only of a dry run
    tell: Callable[[NotTaken], None] = lambda _what: None
    advance: Callable[[int], None] = lambda _count: None
    totals: Totals = field(default_factory=Totals)
    _files: list[FoundFile] = field(default_factory=list)
    _size: int = 0  # bytes, of those
    _emptied: list[FoundFolder] = field(default_factory=list)
    _folders: dict[tuple[str, ...], Entry | None] = field(default_factory=dict)

    def run(self) -> Totals:
        """Import everything. Raises DiskFullError, OSError for the source, and FilesErrors."""
        located = locate(self.actor, self.destination.pk, Right.ADD)
        require_folder(located)
        depth = settings.FILES_MAX_DEPTH - len(located.ancestors) - 1
        self._folders[()] = None if self.is_new else self.destination
        with LocalTree(self.source, max_depth=depth) as tree:
            for found in tree.walk():
                self._take(found)
                if self._is_full or tree.held > BATCH_FILES:
                    self._flush()
                    tree.release()
            self._flush()
        return self.totals

    @property
    def _is_full(self) -> bool:
        """Tell whether the files that were found are enough for a transaction."""
        return len(self._files) >= BATCH_FILES or self._size >= BATCH_BYTES

    def _take(self, found: FoundFile | FoundFolder | NotTaken) -> None:
        """Take what the walk found."""
        if isinstance(found, FoundFile):
            self._files.append(found)
            self._size += found.status.st_size
        elif isinstance(found, NotTaken):
            self._tell(found)
        elif found.is_empty or self.moves:
            self._emptied.append(found)

    def _tell(self, what: NotTaken) -> None:
        """Count what is not taken, and say so."""
        self.totals.refused += what.error is not None
        self.totals.skipped += what.error is None
        self.tell(what)

    def _flush(self) -> None:
        """Import the files that were found, in one transaction, and make empty folders."""
        files, self._files, self._size = self._files, [], 0
        new = [
            file
            for file, entry in zip(files, self._there(files), strict=True)
            if not _is_same(file, entry)
        ]
        self.totals.same += len(files) - len(new)
        if self.dry_run:
            self.totals.imported += len(new)
            self.totals.imported_bytes += sum(file.status.st_size for file in new)
        elif new:
            self._import(new)
        self.advance(len(files))
        folders, self._emptied = self._emptied, []
        for folder in folders:
            self._end_folder(folder)

    def _import(self, found: Sequence[FoundFile]) -> None:
        """Import files that are not there."""
        with self._opened(found) as files:
            put = (move_in if self.moves else copy_in)(self.destination, files, actor=self.actor)
            for file, result in zip(files, put, strict=True):
                self._count(file, result)
        # What was missing may have been made.
        self._folders = {path: entry for path, entry in self._folders.items() if entry}

    def _count(self, file: LocalFile, result: Put) -> None:
        """Count what became of one file."""
        if isinstance(result, FilesError):
            self._tell(NotTaken(file.path, str(result.data.get("reason", "")), result))
        else:
            self.totals.imported += 1
            self.totals.imported_bytes += file.size

    @contextmanager
    def _opened(self, found: Sequence[FoundFile]) -> Iterator[list[LocalFile]]:
        """Open files, those that can be opened, for as long as the block runs."""
        with ExitStack() as stack:
            files = []
            for item in found:
                try:
                    file = item.open()
                except FilesError as error:
                    self._tell(NotTaken(item.path, str(error.data["reason"]), error))
                except OSError as error:
                    reason = error.strerror or "unreadable"
                    self._tell(NotTaken(item.path, reason, UnsuitableFileError()))
                else:
                    stack.callback(os.close, file.descriptor)
                    files.append(file)
            yield files

    def _there(self, files: Sequence[FoundFile]) -> list[Entry | None]:
        """Give what has the path of each file already: two queries for each folder."""
        by_folder: dict[tuple[str, ...], set[str]] = {}
        for file in files:
            by_folder.setdefault(file.path[:-1], set()).add(name_key(file.path[-1]))
        rows: dict[tuple[tuple[str, ...], str], Entry] = {}
        for path, keys in by_folder.items():
            if (folder := self._folder_at(path)) is not None:
                for entry in Entry.objects.children_of(folder).filter(name_key__in=keys):
                    rows[path, entry.name_key] = entry
        return [rows.get((file.path[:-1], name_key(file.path[-1]))) for file in files]

    def _folder_at(self, path: tuple[str, ...]) -> Entry | None:
        """Find a folder below the destination; None if it is not there."""
        if path not in self._folders:
            parent = self._folder_at(path[:-1])
            self._folders[path] = None if parent is None else _child(parent, path[-1])
        return self._folders[path]

    def _end_folder(self, folder: FoundFolder) -> None:
        """Make a folder that is empty; with moves, remove the source of one that has become so."""
        if folder.is_empty and self._folder_at(folder.path) is None:
            self.totals.folders += 1
            if not self.dry_run:
                try:
                    self._folders[folder.path] = make_folders(
                        self.destination, folder.path, actor=self.actor
                    )
                except FilesError as error:
                    self.totals.folders -= 1
                    self._tell(NotTaken(folder.path, "", error))
                    return
        if self.moves and not self.dry_run:
            with suppress(OSError):  # not empty: something in it was not taken
                os.rmdir(folder.path[-1], dir_fd=folder.parent)


def _child(parent: Entry, name: str) -> Entry | None:
    """Find a folder in a folder."""
    there = Entry.objects.children_of(parent).filter(name_key=name_key(name)).first()
    return there if there is not None and there.is_folder else None


def _is_same(file: FoundFile, entry: Entry | None) -> bool:
    """Tell whether an entry is the file, as far as size and time tell."""
    return (
        entry is not None
        and not entry.is_folder
        and entry.size == file.status.st_size
        and entry.modified_at == modified_at_of(file.status)
    )


def make_folders(top: Entry, path: Sequence[str], *, actor: Actor) -> Entry:
    """Make the folders of a path below a folder that are missing, and give the last one.

    Raises NotAFolderError if something else has such a name, and what create_folder raises.
    """
    folder = top
    for name in path:
        there = Entry.objects.children_of(folder).filter(name_key=name_key(name)).first()
        if there is None:
            try:
                there = create_folder(folder, name=name, actor=actor)
            except EntryExistsError:  # made at this moment
                there = _child(folder, name)
        if there is None or not there.is_folder:
            raise NotAFolderError(name=name)
        folder = there
    return folder
