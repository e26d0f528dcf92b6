"""Blobs on a local disk: written once, synced, served by nginx.

Paths are made of ids alone and no link below the storage's root is followed: each folder is opened
by its own name with O_NOFOLLOW, and files through it. So nothing a user typed and nothing planted
in the folders can lead a read, a write or an unlink elsewhere.
"""

import os
import stat
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.files.base import File
from django.core.files.storage import FileSystemStorage

from .base import blob_id_of, blob_name
from .system_calls import clone_file, copy_file, go_on, read_pieces, start_write_back

DIRECTORY_MODE = 0o750
FILE_MODE = 0o640  # the group is nginx's, which only reads

HEAD_SIZE = 8192  # bytes kept of the beginning, for sniffing the media type
WRITE_BACK_SIZE = 8 * 2**20  # bytes between two requests to the kernel to start writing

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


def prepare_folders(location: Path) -> None:
    """Make the 256 folders that blobs are spread over, and put them on stable storage."""
    location.parent.mkdir(parents=True, exist_ok=True)
    _make_folders(location.parent, [location.name])
    _make_folders(location, ["blobs"])
    _make_folders(location / "blobs", [f"{number:02x}" for number in range(256)])


def _make_folders(parent: Path, names: Iterable[str]) -> None:
    """Make those of the folders that are missing, whatever the umask, and sync their parent."""
    missing = set(names) - set(os.listdir(parent))  # noqa: PTH208 - names, not paths
    for name in sorted(missing):
        (parent / name).mkdir(exist_ok=True)
        (parent / name).chmod(DIRECTORY_MODE)
    if missing:
        sync_folder(parent)


def sync_folder(path: Path) -> None:
    """Put the names in a folder on stable storage."""
    folder = os.open(path, _FOLDER)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


@dataclass(frozen=True, slots=True)
class StoredName:
    """One file found below the blobs folder; blob_id is None where the name is no blob's."""

    name: str  # relative to the storage's root
    blob_id: UUID | None
    size: int  # bytes
    changed_at: float  # ctime, seconds since the epoch: cannot be set back by touch
    is_regular: bool


class BlobWriter:
    """One blob on its way to disk: at its final path from the first byte, under its own id.

    Not visible to anybody until a transaction records the id. Calls block, so they are made in a
    thread; write and sync are never called at the same time.
    """

    def __init__(self, storage: "BlobStorage", blob_id: UUID) -> None:
        self.blob_id = blob_id
        self.name = blob_name(blob_id)
        self.size = 0
        self.head = b""
        self.crc32: int | None = 0
        self._sha256: Any = sha256()
        self._storage = storage
        self._written_back = 0
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        with storage.folder_of(self.name) as (folder, basename):
            self._descriptor = os.open(basename, flags, FILE_MODE, dir_fd=folder)
        try:
            os.fchmod(self._descriptor, FILE_MODE)  # whatever the umask
        except OSError:
            self.discard()
            raise

    @property
    def folder(self) -> Path:
        """Give the folder that must be synced before the blob's name is safe."""
        # Not by the storage's path(), which makes safe what a blob's name is already.
        return Path(self._storage.location, self.name.rpartition("/")[0])

    @property
    def sha256(self) -> str:
        """Give the SHA-256 of what was written so far, in lower-case hex; empty where left."""
        return "" if self._sha256 is None else str(self._sha256.hexdigest())

    def leave_digests(self) -> None:
        """Take in what comes from now on without digests: a job takes them, of all of it."""
        self._sha256 = self.crc32 = None

    def write(self, piece: bytes | bytearray | memoryview) -> None:
        """Append a piece and take it into size, SHA-256, CRC-32 and head."""
        view = memoryview(piece)
        while view:
            written = os.write(self._descriptor, view)
            self._take_in(view[:written])
            view = view[written:]
        if self.size - self._written_back >= WRITE_BACK_SIZE:
            start_write_back(self._descriptor, self._written_back, self.size - self._written_back)
            self._written_back = self.size

    def _take_in(self, view: memoryview) -> None:
        """Take bytes that are in the file into size, SHA-256, CRC-32 and head."""
        if len(self.head) < HEAD_SIZE:
            self.head += bytes(view[: HEAD_SIZE - len(self.head)])
        if self._sha256 is not None:
            self._sha256.update(view)
        if self.crc32 is not None:
            self.crc32 = zlib.crc32(view, self.crc32)
        self.size += len(view)

    def clone(self, source: int, check: Callable[[], None] = go_on) -> bool:
        """Take all of an open file by sharing its blocks; False where the file system cannot.

        Nothing is written then, and only reading remains, for the digests. check is called before
        each piece; what it raises ends it.
        """
        if not clone_file(source, self._descriptor):
            return False
        self._read_on(check)
        return True

    def copy(self, source: int, check: Callable[[], None] = go_on) -> None:
        """Take all of an open file, by the cheapest way that there is; nothing may be taken yet."""
        copy_file(source, self._descriptor, check)
        self._read_on(check)

    def _read_on(self, check: Callable[[], None]) -> None:
        """Take in what lies in the file: what is hashed is what is kept."""
        for piece in read_pieces(self._descriptor, self.size, check=check):
            self._take_in(memoryview(piece))

    def start_sync(self) -> None:
        """Hint that all bytes are there, so that the disk is busy before sync is called."""
        start_write_back(self._descriptor, 0, 0)

    def sync(self) -> None:
        """Put the bytes on stable storage and close; the folder is the caller's to sync.

        Raises OSError, after which the bytes must not be trusted: discard, never sync again.
        """
        try:
            os.fsync(self._descriptor)
        finally:
            self.close()

    def close(self) -> None:
        """Close without syncing."""
        if self._descriptor >= 0:
            descriptor, self._descriptor = self._descriptor, -1
            os.close(descriptor)

    def discard(self) -> None:
        """Close and remove the file: this upload is refused or was cut."""
        self.close()
        self._storage.unlink(self.name)


class BlobStorage(FileSystemStorage):
    """Django's file storage with durable writes, for Blob.file and for the byte doors.

    Takes no name but a blob's; ValueError for any other. Bytes are immutable: saving under a taken
    name raises FileExistsError, and opening for writing ValueError.
    """

    def __init__(self, location: str | Path | None = None, **options: Any) -> None:
        super().__init__(
            location=location or settings.FILES_DATA_DIR / "uploads",
            file_permissions_mode=FILE_MODE,
            directory_permissions_mode=DIRECTORY_MODE,
            **options,
        )

    def writer(self, blob_id: UUID) -> BlobWriter:
        """Open a new blob for writing; raises FileExistsError if the id is taken."""
        return BlobWriter(self, blob_id)

    @contextmanager
    def folder_of(self, name: str) -> Iterator[tuple[int, str]]:
        """Open the folder that a blob lies in; give its descriptor and the name in it.

        Raises OSError if a link stands where one of our folders should be.
        """
        if blob_id_of(name) is None:
            raise ValueError(f"not the name of a blob: {name!r}")
        *folders, basename = name.split("/")
        descriptor = os.open(self.location, _FOLDER)  # the root may well be a link
        try:
            for step in folders:
                inner = os.open(step, _FOLDER | os.O_NOFOLLOW, dir_fd=descriptor)
                os.close(descriptor)
                descriptor = inner
            yield descriptor, basename
        finally:
            os.close(descriptor)

    def adopt(self, blob_id: UUID, name: str, *, parent: int) -> None:
        """Take a file over by renaming it to the path of a blob whose id nobody has.

        parent is a descriptor of the folder that it lies in, on the same file system. The folder
        of the blob is the caller's to sync.
        """
        with self.folder_of(blob_name(blob_id)) as (folder, basename):
            os.rename(name, basename, src_dir_fd=parent, dst_dir_fd=folder)

    def give_back(self, blob_id: UUID, name: str, *, parent: int) -> None:
        """Undo adopt. Raises FileExistsError rather than replace what has the name by now."""
        with self.folder_of(blob_name(blob_id)) as (folder, basename):
            os.link(basename, name, src_dir_fd=folder, dst_dir_fd=parent, follow_symlinks=False)
            os.unlink(basename, dir_fd=folder)

    def folder_path(self, blob_id: UUID) -> Path:
        """Give the folder that a blob lies in, which must be synced before its name is safe."""
        return Path(self.path(blob_name(blob_id))).parent

    def open_blob(self, name: str) -> int:
        """Open stored bytes for reading and give the descriptor, the caller's to close.

        Raises FileNotFoundError, and OSError for what is not a regular file.
        """
        # O_NONBLOCK: a pipe that somebody planted must not hang the thread.
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
        with self.folder_of(name) as (folder, basename):
            descriptor = os.open(basename, flags, dir_fd=folder)
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise OSError(f"not a regular file: {name}")
        return descriptor

    def stored_size(self, name: str) -> int | None:
        """Give the size of stored bytes; None where there is no regular file of that name."""
        try:
            with self.folder_of(name) as (folder, basename):
                status = os.stat(basename, dir_fd=folder, follow_symlinks=False)
        except (FileNotFoundError, NotADirectoryError):
            return None
        return status.st_size if stat.S_ISREG(status.st_mode) else None

    def free_bytes(self) -> int:
        """Give the space that the disk has left for the server's user, in bytes."""
        figures = os.statvfs(self.location)
        return figures.f_bavail * figures.f_frsize

    def sync_folders(self, folders: Iterable[Path]) -> None:
        """Put the names in each of the folders on stable storage, once each."""
        for folder in sorted(set(folders)):
            sync_folder(folder)

    def unlink(self, name: str) -> bool:
        """Remove stored bytes and tell whether there were any.

        Of recorded bytes, only operations/blobs.py may say that their time has come.
        """
        try:
            with self.folder_of(name) as (folder, basename):
                os.unlink(basename, dir_fd=folder)
        except FileNotFoundError:
            return False
        return True

    def scan(self) -> Iterator[StoredName]:
        """Walk everything below the blobs folder, in the order of the disk, one at a time."""
        pending = ["blobs"]
        while pending:
            at = pending.pop()
            with os.scandir(Path(self.location) / at) as found:
                for item in found:
                    name = f"{at}/{item.name}"
                    if item.is_dir(follow_symlinks=False):
                        pending.append(name)
                    elif stored := _look_at(item, name):
                        yield stored

    def get_available_name(self, name: str, max_length: int | None = None) -> str:  # noqa: ARG002 - Django's signature
        """Give the name as it is: a blob has one name, and a taken one is an error."""
        return name

    def exists(self, name: str) -> bool:
        """Tell whether a blob of that name is at rest."""
        return self.stored_size(name) is not None

    def size(self, name: str) -> int:
        """Give the size of stored bytes; raises FileNotFoundError."""
        size = self.stored_size(name)
        if size is None:
            raise FileNotFoundError(name)
        return size

    def delete(self, name: str) -> None:
        """Remove stored bytes, if there are any; see unlink."""
        self.unlink(name)

    def _open(self, name: str, mode: str = "rb") -> File:  # type: ignore[type-arg]
        """Open stored bytes through Django's API, for reading only."""
        if mode != "rb":
            raise ValueError(f"blobs are immutable, and bytes: mode {mode!r}")
        return File(os.fdopen(self.open_blob(name), mode), name)

    def _save(self, name: str, content: File) -> str:  # type: ignore[type-arg]
        """Write through Django's API with the same promise: synced before it returns."""
        blob_id = blob_id_of(name)
        if blob_id is None:
            raise ValueError(f"not the name of a blob: {name!r}")
        writer = self.writer(blob_id)
        try:
            for piece in content.chunks():
                writer.write(piece)
            writer.sync()
            sync_folder(writer.folder)
        except BaseException:
            writer.discard()
            raise
        return name


def _look_at(item: os.DirEntry[str], name: str) -> StoredName | None:
    """Describe one file that a scan found; None if it was unlinked meanwhile."""
    try:
        status = item.stat(follow_symlinks=False)
    except FileNotFoundError:
        return None
    is_regular = stat.S_ISREG(status.st_mode)
    return StoredName(name, blob_id_of(name), status.st_size, status.st_ctime, is_regular)
