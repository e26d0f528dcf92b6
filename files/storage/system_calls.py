"""What Linux can do with open files beyond the os module: share, copy, write back, sync, lease."""

import ctypes
import errno
import fcntl
import os
from collections.abc import Callable, Iterator
from typing import Final

PIECE_SIZE: Final = 2**20  # bytes read at once
STRETCH_SIZE: Final = 8 * 2**20  # bytes that the system copies at once

_SYNC_FILE_RANGE_WRITE: Final = 2
_FICLONE: Final = 0x40049409  # the ioctl that makes a file share the blocks of another
# Of a file system, or a pair of them, that copy_file_range does not serve.
_UNSERVED: Final = frozenset({errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP})
_libc = ctypes.CDLL(None, use_errno=True)


def go_on() -> None:
    """Do nothing: the check of who cannot be interrupted."""


def start_write_back(descriptor: int, offset: int, size: int) -> None:
    """Ask the kernel to begin writing a range, so that the last fsync finds little left to do.

    A hint: where the call fails, fsync does the whole work.
    """
    _libc.sync_file_range(
        ctypes.c_int(descriptor),
        ctypes.c_int64(offset),
        ctypes.c_int64(size),
        ctypes.c_uint(_SYNC_FILE_RANGE_WRITE),
    )


def sync_file_system(descriptor: int) -> None:
    """Put all that was written to a file system on stable storage; the descriptor lies on it."""
    if _libc.syncfs(ctypes.c_int(descriptor)):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def is_open_for_writing(descriptor: int) -> bool:
    """Tell whether anybody may still write to a file that this process reads and its user owns.

    True also where the file system cannot tell.
    """
    try:
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)  # refused while there is a writer
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    except OSError:
        return True
    return False


def clone_file(source: int, target: int) -> bool:
    """Let an open file share all blocks of another; False where the file system cannot."""
    try:
        fcntl.ioctl(target, _FICLONE, source)
    except OSError:
        return False
    return True


def copy_file(source: int, target: int, check: Callable[[], None] = go_on) -> None:
    """Give an empty open file the content of another, and leave the first one's offset alone.

    By sharing blocks, else by a copy within the system, else by reading and writing: the first
    that works. check is called before each stretch; what it raises ends the copy.
    """
    if not clone_file(source, target):
        append_file(source, target, 0, check)


def append_file(source: int, target: int, offset: int, check: Callable[[], None] = go_on) -> None:
    """Write the content of an open file into another one from an offset on.

    By a copy within the system, else by reading and writing. check is called before each stretch;
    what it raises ends the copy, and what was copied until then stays.
    """
    size = 0
    try:
        while copied := _copy_stretch(source, size, target, offset + size, check):
            size += copied
    except OSError as error:
        if size or error.errno not in _UNSERVED:
            raise
        _copy_by_hand(source, target, offset, check)


def _copy_stretch(
    source: int, start: int, target: int, offset: int, check: Callable[[], None]
) -> int:
    """Let the system copy some bytes; give how many, 0 at the end of the source."""
    check()
    copied = os.copy_file_range(source, target, STRETCH_SIZE, start, offset)
    start_write_back(target, offset, copied)
    return copied


def _copy_by_hand(source: int, target: int, offset: int, check: Callable[[], None]) -> None:
    """Copy by reading and writing."""
    for piece in read_pieces(source, check=check):
        view = memoryview(piece)
        while view:
            written = os.pwrite(target, view, offset)
            offset += written
            view = view[written:]


def read_pieces(
    descriptor: int, start: int = 0, *, check: Callable[[], None] = go_on
) -> Iterator[bytes]:
    """Read an open file in pieces from an offset to its end; check is called before each."""
    while True:
        check()
        piece = os.pread(descriptor, PIECE_SIZE, start)
        if not piece:
            return
        yield piece
        start += len(piece)
