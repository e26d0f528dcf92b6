"""Folders that come with properties of their own (RFC 5689)."""

from collections.abc import Sequence

from django.db import transaction

from files.access import Actor
from files.models import Entry

from .entries import create_folder
from .properties import PropertyChange, set_properties


@transaction.atomic
def create_collection(
    parent: Entry, *, name: str, changes: Sequence[PropertyChange] = (), actor: Actor
) -> Entry:
    """Make an empty folder and set its properties, or do neither.

    Locks the space. Raises what create_folder and set_properties raise.
    """
    folder = create_folder(parent, name=name, actor=actor)
    if changes:
        set_properties(folder.pk, changes, actor=actor)
    return folder
