"""Copies and moves onto a name, over what has it (RFC 4918, 9.8 and 9.9).

One transaction takes what was there to the trash and puts the other in its place, so that nobody
ever finds neither, and a refusal leaves both where they were.
"""

from dataclasses import dataclass

from django.db import transaction

from files.access import Actor, Located, locate
from files.errors import EntryExistsError, MoveIntoSelfError
from files.models import Entry, Right
from files.names import check_name, name_key

from .entries import move_within_space, rename_entry, trash_entries
from .journal import lock_spaces
from .transfer import Outcome, transfer_entry


@dataclass(frozen=True, slots=True)
class Place:
    """Where something goes: into which folder, under which name, and whether over what has it."""

    parent: Entry
    name: str
    overwrites: bool = True


@dataclass(frozen=True, slots=True)
class Arrival:
    """What has come to a place; entry is None where a job brings it later."""

    entry: Entry | None
    has_replaced: bool
    job: int | None = None  # the seq of its request, in the space of the place


@transaction.atomic
def move_to(entry: Entry, place: Place, *, actor: Actor) -> Arrival:
    """Move an entry, with what is in it, to a place; what has the name there goes to the trash.

    Locks the spaces. Raises EntryExistsError if something has the name and may not be overwritten,
    MoveIntoSelfError for a place in the entry, for its own, and for that of a folder it lies in,
    and what move_entries and trash_entries raise.
    """
    has_replaced = _clear(entry, place, actor, moves=True)
    if entry.space_id != place.parent.space_id:
        outcome = transfer_entry(
            entry, parent=place.parent, name=place.name, moves=True, actor=actor
        )
        return _arrival(outcome, has_replaced=has_replaced)
    if entry.parent_id == place.parent.pk:
        return Arrival(rename_entry(entry, name=place.name, actor=actor), has_replaced)
    (moved,) = move_within_space([entry], parent=place.parent, name=place.name, actor=actor)
    return Arrival(moved, has_replaced)


@transaction.atomic
def copy_to(entry: Entry, place: Place, *, is_shallow: bool = False, actor: Actor) -> Arrival:
    """Copy the current version of an entry to a place; what has the name there goes to the trash.

    is_shallow copies a folder without what is in it. A large tree is copied by a job. Locks the
    spaces. Raises as move_to does.
    """
    has_replaced = _clear(entry, place, actor, moves=False)
    outcome = transfer_entry(
        entry,
        parent=place.parent,
        name=place.name,
        moves=False,
        is_shallow=is_shallow,
        actor=actor,
    )
    return _arrival(outcome, has_replaced=has_replaced)


def _arrival(outcome: Outcome, *, has_replaced: bool) -> Arrival:
    """Say what has come to a place by a copy of one entry."""
    entry = outcome.done[0] if outcome.done else None
    return Arrival(entry, has_replaced, outcome.job)


def _clear(entry: Entry, place: Place, actor: Actor, *, moves: bool) -> bool:
    """Take what has the name of a place to the trash, and tell whether something had it."""
    lock_spaces(entry.space_id, place.parent.space_id)
    check_name(place.name)
    source = locate(actor, entry.pk, Right.EDIT if moves else Right.READ)
    destination = locate(actor, place.parent.pk, Right.ADD)
    if entry.pk in {place.parent.pk, *(node.id for node in destination.ancestors)}:
        raise MoveIntoSelfError(entry_id=entry.pk)
    there = _there(destination, place.name)
    if there is None or (moves and _is_new_spelling(source.entry, there, place.name)):
        return False
    if there.pk == entry.pk:
        raise MoveIntoSelfError(entry_id=entry.pk)
    if not place.overwrites:
        raise EntryExistsError(name=there.name)
    if there.pk in {node.id for node in source.ancestors}:
        # Its own folder would go to the trash, and the source with it.
        raise MoveIntoSelfError(entry_id=entry.pk)
    trash_entries([there], actor=actor)
    return True


def _there(destination: Located, name: str) -> Entry | None:
    """Find what has a name in a folder, for who may know of it."""
    if Right.READ not in destination.rights:
        return None
    children = Entry.objects.children_of(destination.entry)
    return children.filter(name_key=name_key(name)).first()


def _is_new_spelling(entry: Entry, there: Entry, name: str) -> bool:
    """Tell whether a name is only another way to write that of the entry itself."""
    return there.pk == entry.pk and there.name != name
