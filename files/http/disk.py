"""Work on files that may wait for the disk, outside the event loop."""

import errno
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any

from files.errors import DiskFullError, FilesError, StorageFailedError

from .threads import Threads

logger = logging.getLogger(__name__)

# More threads than cores, since they mostly wait.
_disk = Threads(8, "disk")
_flushes = ThreadPoolExecutor(8, thread_name_prefix="flush")


async def in_disk_thread[T](function: Callable[..., T], *arguments: Any) -> T:
    """Run a blocking function on files in a thread of its own kind."""
    return await _disk.call(function, *arguments)


def side_by_side(calls: Sequence[Callable[[], object]]) -> None:
    """Make calls that wait for the disk at the same time, in a thread, and return when all ended.

    A disk flushes many files in little more time than one. Raises what the first that failed did.
    """
    if len(calls) == 1:
        calls[0]()
        return
    flushes = [_flushes.submit(call) for call in calls]
    wait(flushes)
    for flush in flushes:
        flush.result()


def translated(error: OSError) -> FilesError:
    """Turn what the disk raises into an error that a face can render, and log it."""
    name = errno.errorcode.get(error.errno or 0, "?")
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        logger.error("an upload met a full disk (%s)", name)
        return DiskFullError()
    logger.critical("an upload failed in the storage (%s)", name)
    return StorageFailedError()
