"""Write a folder of a space to this machine as plain files, with a manifest of their SHA-256.

The walk goes depth first, a page of members at a time, so memory depends on the depth alone. What
was written is named in batches, each after one sync.
"""

import errno
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TextIO

from files.access import Actor, locate
from files.errors import (
    DiskFullError,
    FilesError,
    NotAFolderError,
    StorageFailedError,
    UnsuitableFileError,
)
from files.models import Entry
from files.operations.blobs import blob_storage
from files.storage.base import blob_name
from files.storage.system_calls import go_on

from .export_target import STAGING, ExportTarget, TargetFolder, WrittenFile, is_plain
from .local_tree import NotTaken

BATCH: Final = 200  # files that get their names together; folders that are held open until then
ROWS: Final = 500  # entries that one query reads
MANIFEST: Final = "SHA256SUMS"

type Names = tuple[str, ...]


def manifest_line(digest: str, path: Names) -> str:
    r"""Write a line that sha256sum reads: where a name has a backslash, it begins with one."""
    name = "/".join(path)
    escaped = name.replace("\\", "\\\\")
    if name == "-":  # that would be its standard input
        escaped = "./-"
    return f"{'\\' if '\\' in name else ''}{digest}  {escaped}\n"


@dataclass(slots=True)
class ExportTotals:
    """What an export wrote."""

    exported: int = 0
    exported_bytes: int = 0
    same: int = 0  # files that were there already, and were read again
    refused: int = 0
    folders: int = 0  # that were made

    def __str__(self) -> str:
        return (
            f"{self.exported} files ({self.exported_bytes} bytes), {self.same} there already, "
            f"{self.folders} folders, {self.refused} refused"
        )


@dataclass(frozen=True, slots=True)
class _Due:
    """A file that is written and gets its name with the next batch."""

    folder: TargetFolder
    path: Names
    written: WrittenFile


@dataclass(slots=True)
class TreeExport:
    """One export.

    tell is called for each file that is not exported, advance with numbers of files, check wherever
    it can be interrupted: what that raises ends the export, which leaves whole files only.
    """

    source: Entry
    path: Path
    actor: Actor
    tell: Callable[[NotTaken], None] = lambda _what: None
    advance: Callable[[int], None] = lambda _count: None
    check: Callable[[], None] = go_on
    totals: ExportTotals = field(default_factory=ExportTotals)
    manifest_name: str = MANIFEST
    _due: list[_Due] = field(default_factory=list)
    _left: list[TargetFolder] = field(default_factory=list)
    _target: ExportTarget = field(init=False)
    _manifest: TextIO = field(init=False)

    def run(self) -> ExportTotals:
        """Export everything.

        Raises OSError for the target, DiskFullError, CommandError while another export writes
        there, and FilesErrors for the source.
        """
        source = locate(self.actor, self.source.pk).entry
        if not source.is_folder:
            raise NotAFolderError(entry_id=source.pk)
        self._choose_manifest_name(source)
        with ExportTarget.opened(self.path) as self._target:
            with self._target.new_file() as (descriptor, called):
                with os.fdopen(os.dup(descriptor), "w", encoding="utf-8") as self._manifest:
                    try:
                        self._export(source.pk, (), self._target.top)
                        self._name_due()
                    finally:
                        self._close_left()
                self._target.sync()
                self._target.replace(called, self._target.top, self.manifest_name)
            self._target.sync()
        return self.totals

    def _choose_manifest_name(self, source: Entry) -> None:
        """Give the manifest another name while an entry at the top has it."""
        number = 1
        while Entry.objects.children_of(source).filter(name_key=self.manifest_name).exists():
            number += 1
            self.manifest_name = f"{MANIFEST}.{number}"

    def _export(self, folder_id: int, path: Names, folder: TargetFolder) -> None:
        """Export all that is in a folder, and below it."""
        for entry in _members(folder_id):
            self.check()
            inner = (*path, entry.name)
            if (opened := self._take(entry, inner, folder)) is not None:
                try:
                    self._export(entry.pk, inner, opened)
                finally:
                    self._left.append(opened)
            if max(len(self._due), len(self._left)) >= BATCH:
                self._name_due()

    def _take(self, entry: Entry, path: Names, parent: TargetFolder) -> TargetFolder | None:
        """Write a file, or make and open a folder and give it; what fails is refused."""
        try:
            if path == (STAGING,):
                raise UnsuitableFileError(reason="reserved")
            if not entry.is_folder:
                self._export_file(entry, path, parent)
                return None
            folder, is_new = parent.enter(entry.name, entry.modified_at)
        except (OSError, FilesError) as error:
            self._refuse(path, error)
            return None
        self.totals.folders += is_new
        return folder

    def _export_file(self, entry: Entry, path: Names, folder: TargetFolder) -> None:
        """Write one file, or find that it is there. Raises OSError and FilesErrors."""
        assert entry.version is not None  # noqa: S101 - a file has one
        blob, there = entry.version.blob, folder.look_at(path[-1])
        if there is not None:
            # An empty digest is one that is being taken: then nothing can be compared.
            is_same = is_plain(there, blob.size) and bool(blob.sha256)
            if not is_same or folder.digest_of(path[-1], self.check) != blob.sha256:
                raise UnsuitableFileError(reason="exists")
            self.totals.same += 1
            self._list(blob.sha256, path)
            return
        source = blob_storage().open_blob(blob_name(blob.pk))
        try:
            written = self._target.write(source, entry.modified_at, self.check)
        finally:
            os.close(source)
        if written.size != blob.size or blob.sha256 not in {"", written.digest}:
            self._target.drop(written.called)
            raise StorageFailedError(reason="damaged")
        self._due.append(_Due(folder, path, written))

    def _name_due(self) -> None:
        """Give files their names, now that all of them are on stable storage, and list them."""
        if self._due:
            self._target.sync()
        due, self._due = self._due, []
        for file in due:
            try:
                self._target.name(file.written.called, file.folder, file.path[-1])
            except (OSError, FilesError) as error:
                self._target.drop(file.written.called)
                self._refuse(file.path, error)
            else:
                self.totals.exported += 1
                self.totals.exported_bytes += file.written.size
                self._list(file.written.digest, file.path)
        self._close_left()

    def _list(self, digest: str, path: Names) -> None:
        """Write a file that has its name into the manifest."""
        self._manifest.write(manifest_line(digest, path))
        self.advance(1)

    def _close_left(self) -> None:
        """Close the folders that the walk has left, inner ones first."""
        left, self._left = self._left, []
        for folder in left:
            folder.close()

    def _refuse(self, path: Names, error: OSError | FilesError) -> None:
        """Count and tell what is not exported. Raises DiskFullError, with which all ends."""
        if isinstance(error, OSError):
            if error.errno in {errno.ENOSPC, errno.EDQUOT}:
                raise DiskFullError from error
            error = StorageFailedError(reason=error.strerror)
        if isinstance(error, DiskFullError):
            raise error
        self.totals.refused += 1
        self.tell(NotTaken.for_error(path, error))


def _members(folder_id: int) -> Iterator[Entry]:
    """Give the live members of a folder, some rows at a time."""
    rows = Entry.objects.live().filter(parent=folder_id).select_related("version__blob")
    some = list(rows.order_by("pk")[:ROWS])
    while some:
        yield from some
        is_last = len(some) < ROWS
        some = [] if is_last else list(rows.filter(pk__gt=some[-1].pk).order_by("pk")[:ROWS])
