"""Entries: create, rename, move and trash them within a space, one row each."""

from collections.abc import Sequence

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from files.access import Actor, Located, locate, locate_each
from files.errors import MoveIntoSelfError, NotAFolderError, RootFolderError, TooDeepError
from files.models import Entry, Event, Right, Space
from files.names import check_name

from .blobs import BATCH
from .journal import draft, lock_spaces, record, record_each
from .lock_rules import require_unlocked, take_tree
from .naming import free_name, require_free_name, set_name


def require_folder(located: Located) -> Entry:
    """Give the located entry if it is a folder that is not too deep to hold more.

    Raises NotAFolderError and TooDeepError.
    """
    if not located.entry.is_folder:
        raise NotAFolderError(entry_id=located.entry.pk)
    if len(located.ancestors) + 1 >= settings.FILES_MAX_DEPTH:
        raise TooDeepError(limit=settings.FILES_MAX_DEPTH)
    return located.entry


def refuse_root(entry: Entry, space: Space, actor: Actor) -> None:
    """Raise RootFolderError if the entry is the root of its space, or of what the actor may see."""
    if entry.pk in {space.root_id, actor.top_id}:
        raise RootFolderError(entry_id=entry.pk)


def fit_name(entry: Entry, destination: Located, space: Space) -> list[str]:
    """Make sure that an entry's name is free where it goes; give the columns that changed.

    Raises EntryExistsError and CaseTwinError. For who may add there but not read, a taken name
    becomes a numbered one instead, since a refusal would tell what is there.
    """
    if Right.READ in destination.rights:
        require_free_name(destination.entry, entry, space)
        return []
    set_name(entry, free_name(destination.entry, entry.name, kind=entry.kind))
    return ["name", "name_key", "name_fold"]


@transaction.atomic
def create_folder(parent: Entry, *, name: str, actor: Actor) -> Entry:
    """Make an empty folder in a folder (RFC 4918, 9.3).

    Locks the space. Raises NotAFolderError, TooDeepError, LockedError, InvalidNameError,
    EntryExistsError and CaseTwinError. For who may add but not read, a taken name becomes a new one
    instead.
    """
    space = lock_spaces(parent.space_id)[parent.space_id]
    destination = locate(actor, parent.pk, Right.ADD)
    parent = require_folder(destination)
    require_unlocked(destination, space, actor)
    folder = Entry(
        space=space,
        parent=parent,
        kind=Entry.Kind.FOLDER,
        created_by=actor.user,
    )
    set_name(folder, name)
    fit_name(folder, destination, space)
    folder.save(force_insert=True)
    record(space, [draft(Event.Kind.FOLDER_CREATED, folder)], actor=actor)
    return folder


@transaction.atomic
def rename_entry(entry: Entry, *, name: str, actor: Actor) -> Entry:
    """Give an entry another name where it is.

    Locks the space, and ends the locks on it and below. Raises InvalidNameError, EntryExistsError,
    CaseTwinError, RootFolderError and LockedError.
    The time it was modified stays: that is a fact about the content.
    """
    space = lock_spaces(entry.space_id)[entry.space_id]
    located = locate(actor, entry.pk, Right.EDIT)
    entry = located.entry
    refuse_root(entry, space, actor)
    assert entry.parent is not None  # noqa: S101 - only a root has none, and locate sees no other
    if entry.name == check_name(name):
        return entry
    take_tree(located, space, actor)
    before = entry.placement
    set_name(entry, name)
    require_free_name(entry.parent, entry, space)
    entry.revision += 1
    entry.save(update_fields=["name", "name_key", "name_fold", "revision"])
    record(space, [draft(Event.Kind.ENTRY_RENAMED, entry, before=before)], actor=actor)
    return entry


@transaction.atomic
def move_within_space(
    entries: Sequence[Entry], *, parent: Entry, name: str | None = None, actor: Actor
) -> list[Entry]:
    """Move entries, with what is in them, into a folder of their space, or none of them.

    name is what the one entry is called there, where that is another than now.

    One row is written for each, whatever lies below it. Locks the space, and ends the locks on them
    and below. Raises NotAFolderError, TooDeepError, MoveIntoSelfError if parent is an entry or lies
    inside it, EntryExistsError, CaseTwinError, RootFolderError and LockedError.
    The depth limit is checked for parent alone, since to measure what is moved would cost with its
    size.
    """
    space = lock_spaces(parent.space_id)[parent.space_id]
    destination = locate(actor, parent.pk, Right.ADD)
    require_folder(destination)
    require_unlocked(destination, space, actor)
    return [_move_one(entry, destination, name, space=space, actor=actor) for entry in entries]


def _move_one(
    entry: Entry, destination: Located, name: str | None, *, space: Space, actor: Actor
) -> Entry:
    """Move one entry below a locked destination of its space."""
    located, parent = locate(actor, entry.pk, Right.EDIT), destination.entry
    entry = located.entry
    refuse_root(entry, entry.space, actor)
    if entry.space_id != space.pk:
        raise ValueError("between spaces, move_entries copies")
    if entry.pk in {parent.pk, *(node.id for node in destination.ancestors)}:
        raise MoveIntoSelfError(entry_id=entry.pk)
    if entry.parent_id == parent.pk:
        return entry
    take_tree(located, space, actor)
    before = entry.placement
    if name is not None:
        set_name(entry, name)
    fit_name(entry, destination, space)
    entry.parent = parent
    entry.revision += 1
    entry.save(update_fields=["parent", "revision", "name", "name_key", "name_fold"])
    record(space, [draft(Event.Kind.ENTRY_MOVED, entry, before=before)], actor=actor)
    return entry


@transaction.atomic
def trash_entries(entries: Sequence[Entry], *, actor: Actor) -> list[Entry]:
    """Move entries of one or more spaces to the trash, one row each, or none of them.

    An entry and one inside it can be given together: each can then be restored by itself. Locks
    the spaces, and ends the locks on them and below. Raises RootFolderError and LockedError.
    """
    spaces = lock_spaces(*(entry.space_id for entry in entries))
    # All are found before any is trashed, which would hide what lies in it.
    found = locate_each(actor, [entry.pk for entry in entries], Right.EDIT)
    now = timezone.now()
    trashed, before = [located.entry for located in found], []
    for located in found:
        entry, space = located.entry, spaces[located.entry.space_id]
        refuse_root(entry, space, actor)
        take_tree(located, space, actor)
        before.append(entry.placement)
        entry.trashed_at, entry.trashed_by = now, actor.user
        entry.revision += 1
    columns = ["trashed_at", "trashed_by", "revision"]
    Entry.objects.bulk_update(trashed, columns, batch_size=BATCH)
    record_each(spaces, Event.Kind.ENTRY_TRASHED, trashed, before, actor=actor)
    return trashed
