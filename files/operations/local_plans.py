"""What would become of files of this machine: decided by paths, sizes and times, reading no byte.

Advice, since put_files decides everything again under the lock: what is the same need not be read,
what is sure to be refused need not be copied, and a dry run has something to say.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import uuid4

from files.access import Actor, locate
from files.errors import EntryExistsError, FilesError, QuotaExceededError
from files.models import Entry, Right, Space

from .blobs import NewBlob
from .entries import require_folder
from .journal import charge
from .placing import Batch, Clash, NewFile, Put, foresee_files


@dataclass(frozen=True, slots=True)
class WantedFile:
    """A file of this machine and where it should go: folders below the destination, its name."""

    path: tuple[str, ...]
    size: int  # bytes
    modified_at: datetime | None


@dataclass(frozen=True, slots=True)
class Plan:
    """What would become of a file: an error, or there is what has its path now, or neither."""

    there: Entry | None = None
    error: FilesError | None = None
    is_same: bool = False  # what is there has its size and modification time


@dataclass(slots=True)
class Planner:
    """Plans for files that go below one folder. A dry run keeps the planner, to count the quota."""

    folder: Entry
    actor: Actor
    _space: Space | None = None

    def plan(self, files: Sequence[WantedFile], *, keeps_count: bool = False) -> list[Plan]:
        """Plan some files, in order; keeps_count adds to what earlier calls would have used.

        A few queries for each level of folders, however many files there are. Raises
        NotAFolderError and TooDeepError for the folder.
        """
        destination = locate(self.actor, self.folder.pk, Right.ADD)
        require_folder(destination)
        puts = [Put(NewFile(new.path, NewBlob(uuid4(), new.size, "", 0, ""))) for new in files]
        space = destination.entry.space
        foresee_files(Batch(space, self.actor, destination, Clash.NEW_VERSION, puts))
        if self._space is None or not keeps_count:
            self._space = space
        return [_plan(put, new, self._space) for put, new in zip(puts, files, strict=True)]


def _plan(put: Put, new: WantedFile, space: Space) -> Plan:
    """Plan one file, and charge a space, which is never saved, unless it is there already."""
    if put.error is not None:
        return Plan(error=put.error)
    entry = put.entry
    if entry is None or (not put.replaces and entry.name != put.name):
        # Another spelling of a name of the same source: kept once, or each import would add one.
        return Plan(error=EntryExistsError(name=put.name))
    there = entry if put.replaces else None
    if there is not None and (there.size, there.modified_at) == (new.size, new.modified_at):
        return Plan(there, is_same=True)
    try:
        charge(space, new.size)
    except QuotaExceededError as error:
        return Plan(there, error)
    return Plan(there)
