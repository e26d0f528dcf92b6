"""Bring a folder of this machine into a space, in bounded steps that can be repeated.

A step takes what the walk has found since the last one: it asks the database what is there, makes
the folders, then copies or moves the files and records them in one transaction.
"""

import os
from collections.abc import Callable, Iterator, Sequence, Set
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from django.conf import settings

from files.access import Actor, locate
from files.errors import FilesError
from files.models import Entry, Right
from files.operations.entries import require_folder
from files.operations.folders import NewFolder, foresee_folders, make_folders
from files.operations.local_files import LocalFile, copy_in, modified_at_of
from files.operations.local_moves import move_in, take_away_same
from files.operations.local_plans import Plan, Planner, WantedFile
from files.storage.system_calls import go_on

from .local_tree import Found, FoundFile, FoundFolder, Identity, LeftFolder, LocalTree, NotTaken

BATCH: Final = 250  # files of one transaction, each open meanwhile; folders that are held open
BATCH_BYTES: Final = 2**30

type Names = tuple[str, ...]
type Planned = tuple[FoundFile, Plan]


@dataclass(slots=True)
class Totals:
    """What an import did, or would do."""

    imported: int = 0
    imported_bytes: int = 0
    same: int = 0  # files that are there already
    skipped: int = 0  # links and special files
    refused: int = 0
    folders: int = 0  # that were made

    def __str__(self) -> str:
        return (
            f"{self.imported} files ({self.imported_bytes} bytes), {self.same} there already, "
            f"{self.skipped} skipped, {self.refused} refused, {self.folders} folders made"
        )


@dataclass(slots=True)
class TreeImport:
    """One import; what is not there of prefix, a path below the destination, is made.

    tell is called for each thing that is not taken, foresee in a dry run with a word and a path for
    each that would be, advance with numbers of files, check wherever it can be interrupted: what
    that raises ends the import, which leaves what was committed and nothing else.
    """

    source: Path
    destination: Entry
    actor: Actor
    prefix: Names = ()
    moves: bool = False
    dry_run: bool = False
    forbidden: Set[Identity] = frozenset()  # folders that are never entered
    tell: Callable[[NotTaken], None] = lambda _what: None
    foresee: Callable[[str, Names], None] = lambda _word, _path: None
    advance: Callable[[int], None] = lambda _count: None
    check: Callable[[], None] = go_on
    totals: Totals = field(default_factory=Totals)
    _found: list[FoundFile] = field(default_factory=list)
    _size: int = 0  # bytes, of those
    _entered: list[FoundFolder] = field(default_factory=list)
    _left: list[LeftFolder] = field(default_factory=list)
    _refused_folders: set[Names] = field(default_factory=set)
    _planner: Planner | None = None

    def run(self) -> Totals:
        """Import everything. Raises DiskFullError, OSError for the source, and FilesErrors."""
        located = locate(self.actor, self.destination.pk, Right.ADD)
        require_folder(located)
        depth = settings.FILES_MAX_DEPTH - len(located.ancestors) - 1 - len(self.prefix)
        self._planner = Planner(self.destination, self.actor)
        self._make_destination()
        with LocalTree(self.source, max_depth=depth, forbidden=self.forbidden) as tree:
            for found in tree.walk():
                self._take(found)
                if self._is_full or tree.held >= BATCH:
                    self._step()
                    tree.release()
            self._step()
        return self.totals

    @property
    def _is_full(self) -> bool:
        """Tell whether what was found is enough for a transaction."""
        count = max(len(self._found), len(self._entered))
        return count >= BATCH or self._size >= BATCH_BYTES

    def _make_destination(self) -> None:
        """Make the folders of the prefix. Raises what speaks against them."""
        if self.prefix and not self.dry_run:
            new = NewFolder(self.prefix)
            (made,) = make_folders(self.destination, [new], actor=self.actor)
            if isinstance(made, FilesError):
                raise made

    def _take(self, found: Found) -> None:
        """Take what the walk found."""
        self.check()
        if isinstance(found, FoundFile):
            self._found.append(found)
            self._size += found.status.st_size
        elif isinstance(found, FoundFolder):
            self._entered.append(found)
        elif isinstance(found, LeftFolder):
            self._left.append(found)
        else:
            self._refuse(found)

    def _refuse(self, what: NotTaken) -> None:
        """Count what is not taken, and say so."""
        self.totals.refused += what.error is not None
        self.totals.skipped += what.error is None
        self.tell(what)

    def _step(self) -> None:
        """Import what was found: folders, then files in one transaction."""
        found, self._found, self._size = self._found, [], 0
        self._make_folders()
        new, same = self._sort(found)
        if self.dry_run:
            for file, plan in new:
                self._count(file.status.st_size)
                self.foresee("new version" if plan.there else "new", file.path)
        else:
            if self.moves:
                new += self._take_away(same)
            self._import([file for file, _plan in new])
        self.advance(len(found))
        self._remove_emptied()

    def _make_folders(self) -> None:
        """Make the folders that were entered, each with its time."""
        entered, self._entered = self._entered, []
        wanted = [
            NewFolder((*self.prefix, *folder.path), modified_at_of(folder.status))
            for folder in entered
        ]
        make = foresee_folders if self.dry_run else make_folders
        made = make(self.destination, wanted, actor=self.actor) if wanted else []
        for folder, result in zip(entered, made, strict=True):
            if isinstance(result, FilesError):
                self._refused_folders.add(folder.path)
                self._refuse(NotTaken.for_error(folder.path, result))
            elif result:
                self.totals.folders += 1
                if self.dry_run:
                    self.foresee("folder", folder.path)

    def _sort(self, found: Sequence[FoundFile]) -> tuple[list[Planned], list[Planned]]:
        """Ask what would become of files; give those to import and those that are there already."""
        assert self._planner is not None  # noqa: S101 - run made it
        wanted = [
            WantedFile((*self.prefix, *file.path), file.status.st_size, modified_at_of(file.status))
            for file in found
        ]
        new: list[Planned] = []
        same: list[Planned] = []
        plans = self._planner.plan(wanted, keeps_count=self.dry_run) if wanted else []
        for file, plan in zip(found, plans, strict=True):
            if plan.error is not None:
                self._refuse(NotTaken.for_error(file.path, plan.error))
            else:
                (same if plan.is_same else new).append((file, plan))
        self.totals.same += len(same)
        return new, same

    def _import(self, found: Sequence[FoundFile]) -> None:
        """Import files."""
        if not found:
            return
        take = move_in if self.moves else copy_in
        with self._opened(found) as files:
            put = take(self.destination, files, actor=self.actor, check=self.check)
            for file, result in zip(files, put, strict=True):
                if isinstance(result, FilesError):
                    self._refuse(NotTaken.for_error(self._shown(file), result))
                else:
                    self._count(file.size)

    def _count(self, size: int) -> None:
        """Count a file that was imported."""
        self.totals.imported += 1
        self.totals.imported_bytes += size

    def _shown(self, file: LocalFile) -> Names:
        """Give the path of a file as the operator knows it."""
        return file.path[len(self.prefix) :]

    @contextmanager
    def _opened(self, found: Sequence[FoundFile]) -> Iterator[list[LocalFile]]:
        """Open files, those that can be opened, for as long as the block runs."""
        with ExitStack() as stack:
            files = []
            for item in found:
                try:
                    file = item.open(self.prefix)
                except (FilesError, OSError) as error:
                    self._refuse(NotTaken.for_error(item.path, error))
                else:
                    stack.callback(os.close, file.descriptor)
                    files.append(file)
            yield files

    def _take_away(self, same: Sequence[Planned]) -> list[Planned]:
        """Remove sources that are there already; give those that only look it."""
        different: list[Planned] = []
        by_file = {file.path: (file, plan) for file, plan in same}
        with self._opened([file for file, _plan in same]) as files:
            pairs = []
            for file in files:
                there = by_file[self._shown(file)][1].there
                assert there is not None  # noqa: S101 - it would not be the same
                pairs.append((file, there))
            results = take_away_same(pairs, check=self.check)
            for (file, _entry), result in zip(pairs, results, strict=True):
                if isinstance(result, FilesError):
                    self._refuse(NotTaken.for_error(self._shown(file), result))
                elif not result:
                    different.append(by_file[self._shown(file)])
        self.totals.same -= len(different)
        return different

    def _remove_emptied(self) -> None:
        """Remove the sources of folders that a move has emptied."""
        left, self._left = self._left, []
        if not self.moves or self.dry_run:
            return
        for folder in left:
            if folder.path not in self._refused_folders:
                with suppress(OSError):  # not empty: something in it was not taken
                    os.rmdir(folder.path[-1], dir_fd=folder.parent)
