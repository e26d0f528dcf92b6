"""Where received files go: which folders, under which names, as what. Decides, and writes nothing.

All is decided before the first row is written, so that a file which is refused leaves no trace, not
even the folder it would have been in.
"""

import enum
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from django.conf import settings

from files.access import Actor, Located
from files.dav_errors import LockedError
from files.errors import (
    BlobConflictError,
    CaseTwinError,
    EntryExistsError,
    FilesError,
    FileTooLargeError,
    NotAFileError,
    NotAFolderError,
    QuotaExceededError,
    TooDeepError,
    UploadNotFoundError,
)
from files.models import Entry, Right, Space, Upload
from files.names import check_name, name_fold, name_key

from .blobs import NewBlob, recorded_ids
from .journal import charge, discharge
from .lock_rules import find_locks
from .naming import Place, WantedName, live_children, numbered_names, set_name
from .type_rules import TypeRules

type Keys = tuple[str, ...]  # a path below the destination, each name by its key


# Looks at what has a name and raises what speaks against a file that is to have it.
type Condition = Callable[[Entry | None], None]


class Clash(enum.Enum):
    """What happens to a file whose name is taken."""

    NEW_VERSION = "version"  # it becomes the newest version of the file there
    KEEP_BOTH = "both"  # it gets a numbered name
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True)
class NewFile:
    """A received file and where it should go: folders below the destination, then its name."""

    path: tuple[str, ...]
    blob: NewBlob
    modified_at: datetime | None = None
    is_upload: bool = False  # then the blob's id is that of an open upload, which is finished by it
    is_known: bool = False  # then the blob is recorded already, and this is one more version of it
    begun: Upload | None = None  # an upload that begins and ends with the file; not saved yet
    # Decided under the lock. For who may not learn what is there, nothing is.
    condition: Condition | None = None

    @property
    def display_path(self) -> str:
        """Give the path as one line, for people."""
        return "/".join(self.path)


@dataclass(slots=True)
class Put:
    """One file on its way through put_files."""

    new: NewFile
    entry: Entry | None = None
    replaces: bool = False
    error: FilesError | None = None

    @property
    def name(self) -> str:
        """Give the file's name."""
        return self.new.path[-1]

    @property
    def folder(self) -> Keys:
        """Give the folder that the file goes to."""
        return tuple(name_key(name) for name in self.new.path[:-1])


@dataclass(slots=True)
class Batch:
    """What put_files knows while it works; everything was read under the lock of the space."""

    space: Space
    actor: Actor
    destination: Located
    clash: Clash
    puts: list[Put]
    # Those that are there, and those to be made, which have no id yet.
    folders: dict[Keys, Entry] = field(default_factory=dict)
    uploads: dict[UUID, Upload] = field(default_factory=dict)  # those that are finished by this
    # Names that this call gives, by key and by fold.
    used_keys: set[Place] = field(default_factory=set)
    used_folds: set[Place] = field(default_factory=set)
    # When folders were changed last, of those to be made that have such a time of their own.
    folder_times: dict[Keys, datetime] = field(default_factory=dict)

    @property
    def open_puts(self) -> list[Put]:
        """Give the files that are not refused so far."""
        return [put for put in self.puts if put.error is None]

    @property
    def may_tell(self) -> bool:
        """Tell whether the actor may learn what is there; a refusal would tell it."""
        return Right.READ in self.destination.rights

    def new_entry(self, parent: Entry, name: str, kind: Entry.Kind) -> Entry:
        """Make an unsaved entry, whose name is then spoken for."""
        entry = Entry(space=self.space, parent=parent, kind=kind, created_by=self.actor.user)
        set_name(entry, name)
        self.used_keys.add((id(parent), entry.name_key))
        self.used_folds.add((id(parent), entry.name_fold))
        return entry


def place_files(batch: Batch) -> None:
    """Give each file an entry or an error, and charge the space for those that have no error."""
    if not batch.may_tell:
        batch.clash = Clash.KEEP_BOTH
    if batch.clash is Clash.NEW_VERSION and Right.EDIT not in batch.destination.rights:
        batch.clash = Clash.KEEP_BOTH
    _check_paths(batch)
    _check_types(batch)
    _refuse_conflicts(batch)
    _find_uploads(batch)
    place_folders(batch)
    _settle_names(batch)
    refuse_locked(batch)
    _charge(batch)


def foresee_files(batch: Batch) -> None:
    """Give each file an entry or an error as place_files would, as far as paths and sizes tell.

    The types of files and the room in the space are not looked at.
    """
    _check_paths(batch)
    place_folders(batch)
    _settle_names(batch)


def _check_paths(batch: Batch) -> None:
    """Refuse files by name, depth and size."""
    depth = len(batch.destination.ancestors) + 1
    for put in batch.puts:
        try:
            for name in put.new.path:
                check_name(name)
            if depth + len(put.new.path) > settings.FILES_MAX_DEPTH:
                raise TooDeepError(limit=settings.FILES_MAX_DEPTH)
            if put.new.blob.size > settings.FILES_MAX_UPLOAD_SIZE:
                raise FileTooLargeError(limit=settings.FILES_MAX_UPLOAD_SIZE)
        except FilesError as error:
            put.error = error


def _check_types(batch: Batch) -> None:
    """Refuse files by what their bytes are."""
    rules = TypeRules.of(batch.space)
    for put in batch.open_puts:
        try:
            rules.require(put.new.blob.media_type)
        except FilesError as error:
            put.error = error


def _refuse_conflicts(batch: Batch) -> None:
    """Refuse files whose bytes were recorded or claimed meanwhile, or come twice."""
    puts = [put for put in batch.open_puts if not put.new.is_known]
    taken = recorded_ids(put.new.blob.id for put in puts)
    for put in puts:
        if put.new.blob.id in taken:
            put.error = BlobConflictError()
        taken.add(put.new.blob.id)


def _find_uploads(batch: Batch) -> None:
    """Find the uploads that are finished by these files, and refuse those that were given up."""
    ids = [put.new.blob.id for put in batch.open_puts if put.new.is_upload]
    if not ids:
        return
    rows = Upload.objects.select_for_update(no_key=True).filter(
        pk__in=ids, space=batch.space, state=Upload.State.OPEN
    )
    batch.uploads = {upload.pk: upload for upload in rows}
    for put in batch.open_puts:
        if put.new.is_upload and put.new.blob.id not in batch.uploads:
            put.error = UploadNotFoundError()


class _Siblings:
    """What lies where some names are wanted, in the database and among what this call makes."""

    def __init__(self, batch: Batch, wanted: Sequence[tuple[Entry, str]]) -> None:
        self._batch = batch
        keys = [(parent, name_key(name)) for parent, name in wanted]
        self._by_key = live_children(keys, by="name_key")
        self._by_fold: dict[tuple[int, str], Entry] = {}
        if batch.space.refuses_case_twins:
            folds = [(parent, name_fold(name)) for parent, name in wanted]
            self._by_fold = live_children(folds, by="name_fold")

    def there(self, parent: Entry, name: str) -> Entry | None:
        """Give what has that name in the database."""
        return self._by_key.get((parent.pk, name_key(name)))

    def is_used(self, parent: Entry, name: str) -> bool:
        """Tell whether this call has given that name to something."""
        return (id(parent), name_key(name)) in self._batch.used_keys

    def is_twin(self, parent: Entry, name: str) -> bool:
        """Tell whether the space refuses the name for one that differs only in case."""
        fold = name_fold(name)
        return self._batch.space.refuses_case_twins and (
            (parent.pk, fold) in self._by_fold or (id(parent), fold) in self._batch.used_folds
        )


def place_folders(batch: Batch) -> None:
    """Find the folders on the files' paths, or plan to make them, one level at a time."""
    batch.folders[()] = batch.destination.entry
    blocked: dict[Keys, FilesError] = {}
    level = 0
    while steps := _steps(batch, level):
        _take_steps(batch, steps, blocked)
        level += 1
    for put in batch.open_puts:
        ways = (put.folder[:end] for end in range(1, len(put.folder) + 1))
        put.error = next((blocked[keys] for keys in ways if keys in blocked), None)


def _steps(batch: Batch, level: int) -> dict[Keys, str]:
    """Give the folders of one level that are needed and whose parent is known, with their names."""
    steps: dict[Keys, str] = {}
    for put in batch.open_puts:
        folder = put.folder
        if len(folder) > level and folder[:level] in batch.folders:
            steps.setdefault(folder[: level + 1], put.new.path[level])
    return steps


def _take_steps(batch: Batch, steps: dict[Keys, str], blocked: dict[Keys, FilesError]) -> None:
    """Find or plan the folders of one level, or say why one cannot be."""
    parents = {keys: batch.folders[keys[:-1]] for keys in steps}
    siblings = _Siblings(batch, [(parents[keys], name) for keys, name in steps.items()])
    numbered: dict[Keys, WantedName] = {}
    for keys, name in steps.items():
        parent = parents[keys]
        there = siblings.there(parent, name)
        if there is not None and there.is_folder:
            batch.folders[keys] = there
        elif there is None and not siblings.is_twin(parent, name):
            batch.folders[keys] = batch.new_entry(parent, name, Entry.Kind.FOLDER)
        elif batch.may_tell:
            blocked[keys] = NotAFolderError(name=name) if there else CaseTwinError(name=name)
        else:
            numbered[keys] = WantedName(parent, name, is_folder=True)
    names = numbered_names(list(numbered.values()), batch.used_folds)
    for (keys, want), name in zip(numbered.items(), names, strict=True):
        batch.folders[keys] = batch.new_entry(want.parent, name, Entry.Kind.FOLDER)


def _settle_names(batch: Batch) -> None:
    """Decide for each file whether it is new, a new version, renamed or refused."""
    puts = batch.open_puts
    siblings = _Siblings(batch, [(batch.folders[put.folder], put.name) for put in puts])
    numbered: list[Put] = []
    for put in puts:
        try:
            if not _settle_name(batch, put, siblings):
                numbered.append(put)
        except FilesError as error:
            put.error = error
    wanted = [WantedName(batch.folders[put.folder], put.name) for put in numbered]
    names = numbered_names(wanted, batch.used_folds)
    for put, want, name in zip(numbered, wanted, names, strict=True):
        put.entry = batch.new_entry(want.parent, name, Entry.Kind.FILE)


def _settle_name(batch: Batch, put: Put, siblings: _Siblings) -> bool:
    """Settle a file under its own name; False if it needs another one."""
    parent, name = batch.folders[put.folder], put.name
    there = siblings.there(parent, name)
    if put.new.condition is not None:
        put.new.condition(there if batch.may_tell else None)
    if siblings.is_used(parent, name):
        return False
    if there is None and not siblings.is_twin(parent, name):
        put.entry = batch.new_entry(parent, name, Entry.Kind.FILE)
        return True
    if batch.clash is Clash.KEEP_BOTH:
        return False
    if there is None:
        raise CaseTwinError(name=name)
    if batch.clash is Clash.REFUSE:
        raise EntryExistsError(name=name)
    if there.is_folder:
        raise NotAFileError(name=name)
    put.entry, put.replaces = there, True
    batch.used_keys.add((id(parent), there.name_key))
    return True


def refuse_locked(batch: Batch) -> None:
    """Refuse files, and folders to be made, where a lock speaks against it."""
    if not batch.space.may_have_locks:
        return
    way = [node.id for node in batch.destination.ancestors]
    folders = [row.pk for row in batch.folders.values() if not row._state.adding]
    replaced = [put.entry.pk for put in batch.open_puts if put.replaces and put.entry]
    locks = find_locks(batch.space, [*way, *folders, *replaced], batch.actor)
    for put in batch.open_puts:
        if put.entry is None and not batch.folders[put.folder]._state.adding:
            continue  # a folder that is there already
        *above, changed = [*way, *_changed_by(batch, put)]
        try:
            locks.require(changed, above)
        except LockedError as error:
            put.error = error


def _changed_by(batch: Batch, put: Put) -> list[int]:
    """Give what one file changes, below all that it lies in: the file there, or else the folder."""
    steps = [batch.folders[put.folder[:end]] for end in range(len(put.folder) + 1)]
    there = [row.pk for row in steps if not row._state.adding]
    return [*there, put.entry.pk] if put.replaces and put.entry else there


def _charge(batch: Batch) -> None:
    """Count the files against the quota, in order, refusing those that do not fit."""
    for put in batch.open_puts:
        upload = batch.uploads.get(put.new.blob.id)
        try:
            # What an upload has reserved was granted when it began.
            reserved = upload.reserved_bytes if upload is not None else 0
            if put.new.blob.size > reserved:
                charge(batch.space, put.new.blob.size - reserved)
            else:
                discharge(batch.space, reserved - put.new.blob.size)
        except QuotaExceededError as error:
            put.error = error
