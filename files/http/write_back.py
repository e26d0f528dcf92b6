"""Write-back of bodies while nginx receives them: so that little is left for the last fsync."""

import asyncio
from pathlib import Path
from typing import Final

from files.operations.blobs import blob_storage
from files.storage.landing import write_back

from .disk import in_disk_thread

TICK_SECONDS: Final = 0.1  # between two looks at what has come
QUIET_TICKS: Final = 20  # looks that find nothing, after which nobody looks until the next body


class WriteBack:
    """Looks after bodies that this process has admitted; whoever takes them may be another."""

    def __init__(self) -> None:
        self._task: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Look from now on, as long as there is something to look after."""
        if self._task is None or self._task.done():
            self._task = asyncio.ensure_future(self._look())

    async def _look(self) -> None:
        """Look again and again, until it is quiet."""
        location, begun, quiet = Path(blob_storage().location), dict[int, int](), 0
        while quiet < QUIET_TICKS:
            await asyncio.sleep(TICK_SECONDS)
            count = await in_disk_thread(write_back, location, begun)
            quiet = 0 if count else quiet + 1
