"""Versions: put received files into a folder, set-wise.

One function serves the form, the single request and the group commit: a handful of statements for
any number of files, because an operation for each would cost seven times that.
"""

import enum
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import batched
from typing import Final

from django.db import transaction
from django.utils import timezone

from files.access import Actor, locate
from files.errors import BlobConflictError, FilesError, FilesRefusedError
from files.models import Entry, Event, Right, Space, Upload, Version
from files.models.bulk import insert_rows
from files.models.reading import marks
from files.models.sql import fetch
from files.names import name_key

from .blobs import BATCH, record_blobs, share_blobs
from .digests import request_digests
from .entries import require_folder
from .journal import Draft, draft, lock_spaces, record
from .placing import Batch, Clash, Keys, NewFile, Put, place_files

__all__ = ["Clash", "Member", "NewFile", "Refusal", "point_at_newest", "put_files", "put_members"]


class Refusal(enum.Enum):
    """What a refused file does to the others of its request."""

    ALL = "all"  # then none is put
    EACH = "each"  # the others are put


@transaction.atomic
def put_files(
    folder: Entry,
    files: Sequence[NewFile],
    *,
    actor: Actor,
    clash: Clash = Clash.NEW_VERSION,
    refusal: Refusal = Refusal.ALL,
) -> list[Entry | FilesError]:
    """Make received files visible in a folder, in one transaction; missing folders are created.

    Two of the same path in one call are both kept. Who may add but not change always gets a new
    name instead of a new version. Locks the space. Gives an entry or an error for each file, in
    order; with Refusal.ALL it raises FilesRefusedError instead if one is refused. Raises
    NotAFolderError and TooDeepError for the folder, and BlobConflictError if the bytes of one were
    claimed at this very moment.
    """
    space = lock_spaces(folder.space_id)[folder.space_id]
    batch = _place(space, folder.pk, files, actor, clash)
    refused = {put.new.display_path: put.error for put in batch.puts if put.error}
    if refused and refusal is Refusal.ALL:
        raise FilesRefusedError(refused)
    return _insert(batch)


def _place(
    space: Space, folder_id: int, files: Sequence[NewFile], actor: Actor, clash: Clash
) -> Batch:
    """Decide what becomes of files in a locked space, and charge it for them."""
    destination = locate(actor, folder_id, Right.ADD)
    require_folder(destination)
    batch = Batch(space, actor, destination, clash, [Put(new) for new in files])
    place_files(batch)
    return batch


def _insert(batch: Batch) -> list[Entry | FilesError]:
    """Write what was decided, and give what became of each file."""
    if batch.open_puts:
        drafts = [*insert_folders(batch), *_insert_files(batch)]
        _finish_uploads(batch)
        record(batch.space, drafts, actor=batch.actor)
    return [put.error or _entry(put) for put in batch.puts]


@dataclass(frozen=True, slots=True)
class Member:
    """The one file of a request, put together with those of other requests for the same space."""

    folder_id: int
    file: NewFile
    actor: Actor
    clash: Clash = Clash.NEW_VERSION


def put_members(space_id: int, members: Sequence[Member]) -> list[Entry | FilesError]:
    """Make the files of several requests visible in one transaction: the group commit.

    Locks the space once. Gives an entry or an error for each, in order: one that is refused, in
    whatever way put_files refuses, does not take the others with it. Two for the same path are
    decided one after the other, as if each had come alone.
    """
    return put_waiting(space_id, lambda: members)


@transaction.atomic
def put_waiting(space_id: int, take: Callable[[], Sequence[Member]]) -> list[Entry | FilesError]:
    """Do as put_members does with what take gives, which is called when the space is locked.

    So who has come by then comes along.
    """
    space = lock_spaces(space_id)[space_id]
    members = take()
    groups: dict[tuple[object, ...], list[int]] = {}
    turns: Counter[tuple[int, Keys]] = Counter()  # how many for a path came before
    for index, member in enumerate(members):
        actor = member.actor
        user_id, rest = actor.user.pk if actor.user else None, actor.but(user=None)
        place = (member.folder_id, tuple(name_key(name) for name in member.file.path))
        key = (turns[place], member.folder_id, user_id, rest, member.clash)
        turns[place] += 1
        groups.setdefault(key, []).append(index)
    results: dict[int, Entry | FilesError] = {}
    for indexes in groups.values():
        put = _put_group(space, [members[index] for index in indexes])
        results.update(zip(indexes, put, strict=True))
    return [results[index] for index in range(len(members))]


def _put_group(space: Space, members: Sequence[Member]) -> list[Entry | FilesError]:
    """Put files of one folder, actor and clash; what refuses all of them is undone.

    Where the bytes of one were claimed at this very moment, each is tried by itself.
    """
    first, before = members[0], (space.used_bytes, space.last_seq)
    try:
        with transaction.atomic():
            files = [member.file for member in members]
            return _insert(_place(space, first.folder_id, files, first.actor, first.clash))
    except FilesError as error:
        space.used_bytes, space.last_seq = before
        if isinstance(error, BlobConflictError) and len(members) > 1:
            return [result for member in members for result in _put_group(space, [member])]
        return [error for _member in members]


def _finish_uploads(batch: Batch) -> None:
    """Finish the uploads that have become files: they answer with them until they are forgotten."""
    finished, begun = [], []
    for put in batch.open_puts:
        if (upload := put.new.begun) is not None:
            begun.append(upload)
        elif (upload := batch.uploads.get(put.new.blob.id)) is not None:
            finished.append(upload)
        else:
            continue
        _finish(upload, put)
    Upload.objects.bulk_update(finished, _FINISHED, batch_size=BATCH)
    Upload.objects.bulk_create(begun, batch_size=BATCH)


def _finish(upload: Upload, put: Put) -> None:
    """Set the columns of an upload that has become a file."""
    entry = _entry(put)
    upload.state, upload.reserved_bytes = Upload.State.FINISHED, 0
    upload.length = upload.offset = put.new.blob.size
    upload.sha256 = put.new.blob.sha256 or upload.sha256
    upload.entry_id, upload.version_id = entry.pk, entry.version_id
    upload.active_since, upload.hash_state, upload.tail_boot_id = None, None, ""
    upload.expires_at, upload.expired_uptime = Upload.next_expiry(), None


_FINISHED: Final = (
    "state", "reserved_bytes", "length", "offset", "entry_id", "version_id", "active_since",
    "hash_state", "tail_boot_id", "sha256", "expires_at", "expired_uptime",
)  # fmt: skip


def _entry(put: Put) -> Entry:
    """Give the entry of a file that was not refused."""
    assert put.entry is not None  # noqa: S101 - place_files gives an entry or an error
    return put.entry


def insert_folders(batch: Batch) -> list[Draft]:
    """Insert the missing folders of the files that are put, and draft their events."""
    needed = {put.folder[:end] for put in batch.open_puts for end in range(1, len(put.folder) + 1)}
    missing = [keys for keys in needed if batch.folders[keys].pk is None]
    now = timezone.now()
    made: list[Entry] = []
    for level in sorted({len(keys) for keys in missing}):
        rows = []
        for keys in sorted(missing):
            if len(keys) == level:
                batch.folders[keys].modified_at = batch.folder_times.get(keys, now)
                rows.append(batch.folders[keys])
        _insert_entries(rows)
        made += rows
    return [draft(Event.Kind.FOLDER_CREATED, row) for row in made]


def _insert_files(batch: Batch) -> list[Draft]:
    """Write blobs, entries and versions, and draft the events: a flat number of statements."""
    puts = batch.open_puts
    record_blobs([put.new.blob for put in puts if not put.new.is_known])
    share_blobs(put.new.blob.id for put in puts if put.new.is_known)
    replaced = [_entry(put) for put in puts if put.replaces]
    before = {entry.pk: entry.placement for entry in replaced}
    now = timezone.now()
    for put in puts:
        _give_content(_entry(put), put.new, now)
    _insert_entries([_entry(put) for put in puts if not put.replaces])
    Entry.objects.bulk_update(
        replaced, ["size", "media_type", "modified_at", "revision"], batch_size=BATCH
    )
    _insert_versions(batch, puts, now)
    events = []
    for put in puts:
        entry = _entry(put)
        kind = Event.Kind.VERSION_ADDED if put.replaces else Event.Kind.FILE_CREATED
        events.append(draft(kind, entry, before=before.get(entry.pk)))
    return [*events, *request_digests(put.new.blob for put in puts)]


_ENTRY_COLUMNS: Final = (
    "space_id", "parent_id", "kind", "name", "name_key", "name_fold", "size", "media_type",
    "revision", "modified_at", "created_at", "created_by_id",
)  # fmt: skip


def _insert_entries(entries: Sequence[Entry]) -> None:
    """Insert new live entries without a version, and give them their ids; parents have theirs."""
    now = timezone.now()
    for entry in entries:
        entry.created_at = now
        entry.parent_id = entry.parent.pk if entry.parent else None
    rows = ([getattr(entry, column) for column in _ENTRY_COLUMNS] for entry in entries)
    for entry, key in zip(entries, insert_rows(Entry, _ENTRY_COLUMNS, rows), strict=True):
        entry.pk = key


def _give_content(entry: Entry, new: NewFile, now: datetime) -> None:
    """Set the columns of an entry that its newest version decides."""
    if entry.pk is not None:
        entry.revision += 1
    entry.size, entry.media_type = new.blob.size, new.blob.media_type
    entry.modified_at = new.modified_at or now


_VERSION_COLUMNS: Final = ("entry_id", "blob_id", "size", "sha256", "created_at", "created_by_id")


def _insert_versions(batch: Batch, puts: Sequence[Put], now: datetime) -> None:
    """Insert one version for each file, and make it the current one."""
    author = batch.actor.user.pk if batch.actor.user else None
    rows = [
        (_entry(put).pk, blob.id, blob.size, blob.sha256, now, author)
        for put, blob in ((put, put.new.blob) for put in puts)
    ]
    keys = insert_rows(Version, _VERSION_COLUMNS, rows)
    point_at_newest([_entry(put).pk for put in puts])
    for put, key in zip(puts, keys, strict=True):
        _entry(put).version_id = key


def point_at_newest(entry_ids: Sequence[int]) -> None:
    """Make the newest version of each entry its current one."""
    for some in batched(entry_ids, BATCH):
        fetch(
            "UPDATE files_entry SET version_id = "  # noqa: S608 - marks are placeholders
            "(SELECT MAX(v.id) FROM files_version v WHERE v.entry_id = files_entry.id) "
            f"WHERE id IN ({marks(some)})",
            some,
        )
