"""Work on files that may wait for the disk, outside the event loop."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

# More threads than cores, since they mostly wait.
_disk = ThreadPoolExecutor(8, thread_name_prefix="disk")


async def in_disk_thread[T](function: Callable[..., T], *arguments: Any) -> T:
    """Run a blocking function on files in a thread of its own kind."""
    return await asyncio.get_running_loop().run_in_executor(_disk, function, *arguments)
