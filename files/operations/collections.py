"""Folders that come with properties of their own (RFC 5689)."""

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from files.access import Actor
from files.models import Entry

from .entries import create_folder
from .properties import PropertyChange, set_properties


@transaction.atomic
def create_collection(
    parent: Entry,
    *,
    name: str,
    changes: Sequence[PropertyChange] = (),
    modified_at: datetime | None = None,
    actor: Actor,
) -> Entry:
    """Make an empty folder and set its properties, or do neither.

    modified_at is as in set_properties. Locks the space. Raises what create_folder and
    set_properties raise.
    """
    folder = create_folder(parent, name=name, actor=actor)
    if changes or modified_at is not None:
        set_properties(folder.pk, changes, modified_at=modified_at, actor=actor)
    return folder
