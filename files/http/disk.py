"""Work on files that may wait for the disk, outside the event loop."""

import errno
import logging
from collections.abc import Callable
from typing import Any

from files.errors import DiskFullError, FilesError, StorageFailedError

from .threads import Threads

logger = logging.getLogger(__name__)

# More threads than cores, since they mostly wait.
_disk = Threads(8, "disk")


async def in_disk_thread[T](function: Callable[..., T], *arguments: Any) -> T:
    """Run a blocking function on files in a thread of its own kind."""
    return await _disk.call(function, *arguments)


def translated(error: OSError) -> FilesError:
    """Turn what the disk raises into an error that a face can render, and log it."""
    name = errno.errorcode.get(error.errno or 0, "?")
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        logger.error("an upload met a full disk (%s)", name)
        return DiskFullError()
    logger.critical("an upload failed in the storage (%s)", name)
    return StorageFailedError()
