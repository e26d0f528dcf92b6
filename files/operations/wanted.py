"""What somebody wants to upload, and whether it may come: decided before its first byte is read."""

from dataclasses import dataclass
from datetime import datetime
from uuid import uuid4

from django.conf import settings

from files.access import Actor, Located
from files.errors import DiskFullError, EntryExistsError, FileTooLargeError, TooDeepError
from files.models import Entry, Right, Space, Upload
from files.names import check_name, name_key

from .blobs import blob_storage
from .entries import require_folder
from .lock_rules import find_locks
from .placing import Clash


@dataclass(frozen=True, slots=True)
class Wanted:
    """What somebody wants to upload: the path below the folder, and what is said of the file."""

    path: tuple[str, ...]
    length: int | None  # bytes; None where it is said later
    modified_at: datetime | None = None
    media_type: str = ""  # as the client says
    sha256: str = ""  # lower-case hex; checked before the file becomes visible
    clash: Clash = Clash.NEW_VERSION
    metadata: str = ""  # as the protocol has it, to be given back to its client


def check_wanted(located: Located, wanted: Wanted, *, landed: int = 0) -> Entry:
    """Make sure that a file may come into a folder, as far as can be told before its bytes.

    Gives the folder. Of its bytes, landed ones are on the disk already. Advice unless the space is
    locked. Raises what create_upload raises, but for the quota and the number of uploads.
    """
    folder = require_folder(located)
    for name in wanted.path:
        check_name(name)
    if len(located.ancestors) + 1 + len(wanted.path) > settings.FILES_MAX_DEPTH:
        raise TooDeepError(limit=settings.FILES_MAX_DEPTH)
    require_size(wanted.length or 0, there=landed)
    is_plain = len(wanted.path) == 1 and Right.READ in located.rights
    if wanted.clash is Clash.REFUSE and is_plain:
        there = Entry.objects.children_of(folder).filter(name_key=name_key(wanted.path[0]))
        if there.exists():
            raise EntryExistsError(name=wanted.path[0])
    return folder


def require_unlocked_place(located: Located, wanted: Wanted, space: Space, actor: Actor) -> None:
    """Make sure that no lock speaks against a file that is to come; decided again when it is there.

    space was read under its lock. Costs a query for each step of the path, and none where nothing
    in the space is locked. Raises LockedError.
    """
    if not space.may_have_locks:
        return
    way = [*(node.id for node in located.ancestors), located.entry.pk]
    for name in wanted.path:
        step = Entry.objects.filter(parent=way[-1], name_key=name_key(name)).live().first()
        if step is None or not (step.is_folder or _replaces(located, wanted)):
            break
        way.append(step.pk)
    *above, changed = way
    find_locks(space, way, actor).require(changed, above)


def _replaces(located: Located, wanted: Wanted) -> bool:
    """Tell whether a file that is there gets another version."""
    return wanted.clash is Clash.NEW_VERSION and Right.READ | Right.EDIT in located.rights


def require_size(size: int, *, there: int = 0) -> None:
    """Make sure that so many bytes may be one file, of which some are on the disk already.

    Raises FileTooLargeError and DiskFullError.
    """
    if size > settings.FILES_MAX_UPLOAD_SIZE:
        raise FileTooLargeError(limit=settings.FILES_MAX_UPLOAD_SIZE)
    free = free_disk()
    if size - there > free:
        raise DiskFullError(needed=size - there, free=free)


def free_disk() -> int:
    """Give how many bytes may still come to the disk, at least 0."""
    kept: int = settings.FILES_MIN_FREE_SPACE
    return max(0, blob_storage().free_bytes() - kept)


def room_in(space: Space) -> int:
    """Give how many bytes may still come into a space, by its quota and by the disk."""
    disk, quota = free_disk(), space.free_bytes
    return disk if quota is None else min(disk, quota)


def new_upload(folder: Entry, wanted: Wanted, *, actor: Actor) -> Upload:
    """Make the row of an upload into a folder; it is not saved, and nothing is reserved yet."""
    return Upload(
        id=uuid4(),
        space=folder.space,
        folder=folder,
        owner=actor.user,
        door=actor.door,
        path="/".join(wanted.path),
        media_type=wanted.media_type[:255],
        modified_at=wanted.modified_at,
        sha256=wanted.sha256,
        clash=wanted.clash.value,
        metadata=wanted.metadata,
        length=wanted.length,
        expires_at=Upload.next_expiry(),
    )
