"""Write a folder of a space to this machine as plain files, with a manifest of their SHA-256.

Nothing is followed and nothing overwritten there. Files are written under a temporary name and get
their own when a batch of them is on stable storage, so that an interrupted export leaves no half
file, and is gone on with by being repeated.
"""

import os
import secrets
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Final

from files.access import Actor, locate
from files.errors import FilesError, NotAFolderError, StorageFailedError, UnsuitableFileError
from files.models import Entry
from files.operations.blobs import blob_storage
from files.storage.base import blob_name
from files.storage.filesystem import PIECE_SIZE, clone_file, sync_file_system

from .local_tree import NotTaken

BATCH: Final = 200  # files that get their names together
ROWS: Final = 500  # entries that one query reads
MANIFEST: Final = "SHA256SUMS"

_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_READ: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_NEW: Final = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_PREFIX, _SUFFIX = ".strongroom-", ".part"

type Names = tuple[str, ...]


def manifest_line(digest: str, path: Names) -> str:
    r"""Write a line that sha256sum reads: where a name has a backslash, it begins with one."""
    name = "/".join(path)
    escaped = name.replace("\\", "\\\\")
    return f"{'\\' if escaped != name else ''}{digest}  {escaped}\n"


@dataclass(slots=True)
class ExportTotals:
    """What an export wrote."""

    exported: int = 0
    exported_bytes: int = 0
    same: int = 0  # files that were there already, and were read again
    refused: int = 0
    folders: int = 0

    def __str__(self) -> str:
        return (
            f"{self.exported} files ({self.exported_bytes} bytes), {self.same} there already, "
            f"{self.folders} folders, {self.refused} refused"
        )


@dataclass(frozen=True, slots=True)
class _Written:
    """A file that is there, under its own name or still under a temporary one."""

    path: Names
    size: int  # bytes
    digest: str
    temporary: str = ""


@dataclass(slots=True)
class TreeExport:
    """One export. tell is called for each file that is not exported, advance with their number."""

    source: Entry
    target: Path
    actor: Actor
    tell: Callable[[NotTaken], None] = lambda _what: None
    advance: Callable[[int], None] = lambda _count: None
    totals: ExportTotals = field(default_factory=ExportTotals)
    manifest_name: str = MANIFEST
    _root: int = -1
    _written: list["_Written"] = field(default_factory=list)
    _times: list[tuple[Names, datetime]] = field(default_factory=list)

    def run(self) -> ExportTotals:
        """Export everything. Raises OSError for the target, and FilesErrors for the source."""
        source = locate(self.actor, self.source.pk).entry
        if not source.is_folder:
            raise NotAFolderError(entry_id=source.pk)
        self.target.mkdir(parents=True, exist_ok=True)
        self._root = os.open(self.target, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            self._choose_manifest_name(source)
            temporary = _temporary_name()
            with os.fdopen(os.open(temporary, _NEW, 0o666, dir_fd=self._root), "w") as manifest:
                try:
                    self._export(source, manifest.write)
                    manifest.flush()
                    self._set_times()
                    sync_file_system(self._root)
                    os.replace(
                        temporary,
                        self.manifest_name,
                        src_dir_fd=self._root,
                        dst_dir_fd=self._root,
                    )
                    os.fsync(self._root)
                except BaseException:
                    with suppress(OSError):
                        os.unlink(temporary, dir_fd=self._root)
                    raise
        finally:
            os.close(self._root)
        return self.totals

    def _choose_manifest_name(self, source: Entry) -> None:
        """Give the manifest another name while an entry at the top has it."""
        number = 1
        while Entry.objects.children_of(source).filter(name_key=self.manifest_name).exists():
            number += 1
            self.manifest_name = f"{MANIFEST}.{number}"

    def _export(self, source: Entry, write: Callable[[str], object]) -> None:
        """Export all that is below a folder, a folder at a time."""
        pending: list[tuple[int, Names]] = [(source.pk, ())]
        while pending:
            folder_id, path = pending.pop()
            try:
                with self._folder(path) as folder:
                    for entry in _members(folder_id):
                        inner = (*path, entry.name)
                        if entry.is_folder:
                            self._make_folder(folder, entry.name)
                            self._times.append((inner, entry.modified_at))
                            pending.append((entry.pk, inner))
                        else:
                            self._export_file(folder, inner, entry)
                        if len(self._written) >= BATCH:
                            self._publish(folder, write)
                    self._publish(folder, write)
            except (OSError, FilesError) as error:
                self._refuse(path, error)

    @contextmanager
    def _folder(self, path: Names) -> Iterator[int]:
        """Open a folder of the target, without following a link; yield its descriptor."""
        descriptor = os.dup(self._root)
        try:
            for name in path:
                inner = os.open(name, _FOLDER, dir_fd=descriptor)
                os.close(descriptor)
                descriptor = inner
            for name in os.listdir(descriptor):  # noqa: PTH208 - of a descriptor
                if name.startswith(_PREFIX) and name.endswith(_SUFFIX) and path:
                    os.unlink(name, dir_fd=descriptor)  # left by an export that was killed
            yield descriptor
        finally:
            for file in self._written:  # of a folder that broke off
                with suppress(OSError):
                    os.unlink(file.temporary, dir_fd=descriptor)
            self._written.clear()
            os.close(descriptor)

    def _make_folder(self, parent: int, name: str) -> None:
        """Make a folder unless it is there."""
        with suppress(FileExistsError):
            os.mkdir(name, dir_fd=parent)
            self.totals.folders += 1

    def _export_file(self, folder: int, path: Names, entry: Entry) -> None:
        """Write one file under a temporary name, or refuse it."""
        try:
            if (there := _stat(folder, path[-1])) is not None:
                digest = _require_same(folder, path[-1], there, entry)
                self._written.append(_Written(path, entry.size, digest))
            else:
                temporary, digest = _write(folder, entry)
                self._written.append(_Written(path, entry.size, digest, temporary))
        except (OSError, FilesError) as error:
            self._refuse(path, error)

    def _publish(self, folder: int, write: Callable[[str], object]) -> None:
        """Give files their names when all of them are on stable storage, and list them."""
        if any(file.temporary for file in self._written):
            sync_file_system(folder)
        while self._written:
            file = self._written[-1]
            if file.temporary:
                # Not a rename, which would replace what has come meanwhile.
                os.link(file.temporary, file.path[-1], src_dir_fd=folder, dst_dir_fd=folder)
                os.unlink(file.temporary, dir_fd=folder)
                self.totals.exported += 1
                self.totals.exported_bytes += file.size
            else:
                self.totals.same += 1
            self._written.pop()
            write(manifest_line(file.digest, file.path))
            self.advance(1)

    def _refuse(self, path: Names, error: OSError | FilesError) -> None:
        """Count and tell what is not exported."""
        self.totals.refused += 1
        if isinstance(error, OSError):
            told = NotTaken(path, error.strerror or "unreadable", StorageFailedError())
        else:
            told = NotTaken(path, str(error.data.get("reason", "")), error)
        self.tell(told)

    def _set_times(self) -> None:
        """Give the folders their times, the inner ones first."""
        for path, modified_at in reversed(self._times):
            with suppress(OSError), self._folder(path) as folder:
                _set_time(folder, modified_at)


def _temporary_name() -> str:
    """Make a name for what is not complete."""
    return f"{_PREFIX}{secrets.token_hex(8)}{_SUFFIX}"


def _members(folder_id: int) -> Iterator[Entry]:
    """Give the live members of a folder, some rows at a time."""
    rows = Entry.objects.live().filter(parent=folder_id).select_related("version__blob")
    last = 0
    while some := list(rows.filter(pk__gt=last).order_by("pk")[:ROWS]):
        yield from some
        last = some[-1].pk


def _stat(folder: int, name: str) -> os.stat_result | None:
    """Look at what has a name, without following it; None if nothing has."""
    try:
        return os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return None


def _require_same(folder: int, name: str, there: os.stat_result, entry: Entry) -> str:
    """Make sure that what is there is the file, by reading it; give its digest.

    Raises UnsuitableFileError.
    """
    if stat.S_ISREG(there.st_mode) and there.st_size == entry.size:
        descriptor = os.open(name, _READ, dir_fd=folder)
        try:
            digest = _digest_of(descriptor)
        finally:
            os.close(descriptor)
        assert entry.version is not None  # noqa: S101 - a file has one
        if digest == entry.version.blob.sha256:
            return digest
    raise UnsuitableFileError(reason="exists")


def _digest_of(descriptor: int) -> str:
    """Give the SHA-256 of an open file."""
    digest, offset = sha256(), 0
    while piece := os.pread(descriptor, PIECE_SIZE, offset):
        digest.update(piece)
        offset += len(piece)
    return digest.hexdigest()


def _write(folder: int, entry: Entry) -> tuple[str, str]:
    """Write a file under a temporary name; give that and its digest.

    Raises StorageFailedError if the bytes are not those that were recorded, and leaves nothing.
    """
    assert entry.version is not None  # noqa: S101 - a file has one
    blob = entry.version.blob
    source = blob_storage().open_blob(blob_name(blob.pk))
    temporary = _temporary_name()
    try:
        target = os.open(temporary, _NEW, 0o666, dir_fd=folder)
        try:
            digest = _copy(source, target)
            if digest != blob.sha256 and blob.sha256:
                raise StorageFailedError(reason="damaged")
            _set_time(target, entry.modified_at)
        except BaseException:
            os.unlink(temporary, dir_fd=folder)
            raise
        finally:
            os.close(target)
    finally:
        os.close(source)
    return temporary, digest


def _copy(source: int, target: int) -> str:
    """Copy an open file to an empty one, sharing blocks where that can be; give its SHA-256."""
    if clone_file(source, target):
        return _digest_of(target)
    digest, offset = sha256(), 0
    while piece := os.pread(source, PIECE_SIZE, offset):
        digest.update(piece)
        offset += len(piece)
        view = memoryview(piece)
        while view:
            view = view[os.write(target, view) :]
    return digest.hexdigest()


def _set_time(descriptor: int, modified_at: datetime) -> None:
    """Set when a file or folder was changed last, to the microsecond."""
    microseconds = round(modified_at.timestamp() * 1_000_000)
    os.utime(descriptor, ns=(microseconds * 1000, microseconds * 1000))
