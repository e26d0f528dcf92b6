"""What the data folder must be able to do, tried before anything is served from it."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from django.conf import settings

from files.operations.blobs import blob_storage

from .failures import refusal

MODE = 0o750  # the group is nginx's, which only reads

# Where SQLite's locks or its shared memory do not hold, by the names in /proc/self/mountinfo.
REMOTE_FILE_SYSTEMS = frozenset({"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph"})


def make_folder(folder: Path) -> None:
    """Make a folder, with those above it, and try that it can hold what must not be lost.

    Raises CommandError, in one line, naming what failed.
    """
    try:
        folder.mkdir(mode=MODE, parents=True, exist_ok=True)
        try_folder(folder)
    except OSError as error:
        msg = f"The folder {folder} cannot be used: {error.strerror or error}."
        if isinstance(error, PermissionError):
            msg += (
                f" Give it to this user, as root: chown -R {os.geteuid()}:{os.getegid()} {folder}"
            )
        raise refusal(msg, "folder-unusable") from error


def try_folder(folder: Path) -> None:
    """Create, lock, sync, rename and remove a file, as uploads and the database will.

    Raises the OSError of what failed.
    """
    probe = folder / f".probe-{os.getpid()}"
    renamed = probe.with_suffix(".renamed")
    try:
        descriptor = os.open(probe, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            os.write(descriptor, b"probe")
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)  # SQLite's kind
            os.fsync(descriptor)
            owner = os.fstat(descriptor).st_uid
        finally:
            os.close(descriptor)
        probe.rename(renamed)
        sync(folder)
    finally:
        for leftover in (probe, renamed):
            with suppress(OSError):
                leftover.unlink(missing_ok=True)
    if owner != os.geteuid():
        msg = f"files made by user {os.geteuid()} belong to user {owner} there"
        raise OSError(msg)


def refuse_remote(folder: Path) -> None:
    """Raise CommandError where a folder for SQLite lies on a network or FUSE file system."""
    kind = file_system_of(folder)
    if kind in REMOTE_FILE_SYSTEMS or kind.startswith("fuse"):
        msg = (
            f"SQLite would lose data in {folder}, a file system of type {kind}: put FILES_DB_DIR"
            " on a local disk, or set DATABASE_URL to a PostgreSQL server"
        )
        raise refusal(msg, "remote-file-system")


def file_system_of(folder: Path, mounts: Path = Path("/proc/self/mountinfo")) -> str:
    """Return the type of the file system that a folder lies on, "" where that is not known."""
    if not mounts.exists():
        return ""
    found: dict[Path, str] = {}
    for line in mounts.read_text(errors="surrogateescape").splitlines():
        before, _, after = line.partition(" - ")
        point = before.split()[4].encode("latin-1", "surrogateescape")
        # A later mount on the same point hides the earlier one.
        found[Path(os.fsdecode(point.decode("unicode_escape").encode("latin-1")))] = after.split()[
            0
        ]
    resolved = folder.resolve()
    return next((found[path] for path in (resolved, *resolved.parents) if path in found), "")


def own_folders() -> list[Path]:
    """Give the folders that hold the state of this installation, wherever links lead."""
    own = (settings.FILES_DATA_DIR, settings.FILES_DB_DIR, Path(blob_storage().location))
    return sorted({folder.resolve() for folder in own})


def refuse_own(folder: Path) -> None:
    """Raise CommandError for a folder that holds the state of this installation, or lies in it."""
    resolved = folder.resolve()
    for own in own_folders():
        if resolved.is_relative_to(own) or own.is_relative_to(resolved):
            msg = f"{folder} holds the data of this installation, or lies in it"
            raise refusal(msg, "own-data")


def sync(folder: Path) -> None:
    """Put the names in a folder on stable storage."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_secret(path: Path, value: str) -> None:
    """Write a new file that only its owner reads, on stable storage. Raises FileExistsError."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        os.write(descriptor, value.encode())
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    sync(path.parent)


@contextmanager
def exclusive(path: Path, *, wait: bool = True) -> Iterator[None]:
    """Hold a lock between processes while the block runs; it falls with the process.

    Raises BlockingIOError if another holds it and wait is false.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        yield
    finally:
        os.close(descriptor)
