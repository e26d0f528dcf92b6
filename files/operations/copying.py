"""Copies of rows: entries with their versions and properties, detached from every tree.

The blobs are shared, and the space is charged for what comes to it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import batched
from typing import Final

from files.access import Actor
from files.models import Blob, Entry, Event, Space, Version

from .blobs import BATCH, share_blobs
from .journal import charge, lock_spaces
from .properties import copy_properties
from .type_rules import TypeRules
from .versions import point_at_newest

MARK: Final = "transfer "  # how the key of an unfinished copy begins: no name that a user sees


@dataclass(frozen=True, slots=True)
class Transfer:
    """Where copies go and for whom; request is the event that asked a job for it."""

    parent: Entry
    actor: Actor
    moves: bool
    request: Event | None = None
    name: str = ""  # of the one entry, where it is to have another
    is_shallow: bool = False  # what is in a folder stays behind

    @property
    def mark(self) -> str:
        """Give what marks the top of an unfinished copy of this job: no name that a user sees."""
        return f"{MARK}{self.request.pk}" if self.request else ""


def copy_rows(sources: Sequence[Entry], job: Transfer, *, parent_id: int | None) -> list[Entry]:
    """Insert detached copies of some entries, with those of their versions and properties.

    Locks the space that they come to, and charges it. Raises TypeRefusedError and
    QuotaExceededError.
    """
    space = lock_spaces(job.parent.space_id)[job.parent.space_id]
    copies = Entry.objects.bulk_create(
        [_copy_of(source, space, parent_id, job) for source in sources]
    )
    by_source = {source.pk: copy for source, copy in zip(sources, copies, strict=True)}
    versions = Version.objects.filter(entry__in=by_source).order_by("pk")
    if not job.moves:
        versions = versions.filter(pk__in=[source.version_id for source in sources])
    rows = list(versions)
    _require_types(sources, rows, space)
    share_blobs(row.blob_id for row in rows)
    _renew_digests(rows)
    charge(space, sum(row.size for row in rows))
    space.save(update_fields=["used_bytes"])
    # In the order of their ids, so that the newest is the newest again.
    made = Version.objects.bulk_create(
        [_copy_of_version(row, by_source[row.entry_id]) for row in rows], batch_size=BATCH
    )
    point_at_newest([copy.pk for copy in copies if not copy.is_folder])
    for version in made:
        version.entry.version = version
    copy_properties({pk: copy.pk for pk, copy in by_source.items()})
    return copies


def _require_types(sources: Sequence[Entry], rows: Sequence[Version], space: Space) -> None:
    """Hold what comes from another space against the rules of this one. Raises TypeRefusedError."""
    rules = TypeRules.of(space)
    if not rules.hold or all(source.space_id == space.pk for source in sources):
        return
    for some in batched(sorted({row.blob_id for row in rows}), BATCH):
        types = Blob.objects.filter(pk__in=some).values_list("media_type", flat=True)
        for media_type in types.distinct():
            rules.require(media_type)


def _renew_digests(rows: Sequence[Version]) -> None:
    """Read digests that rows lacked once more, now that their blobs are locked.

    A job may have recorded them meanwhile (operations/digests.py), and does not see the copies.
    """
    lacking = [row for row in rows if not row.sha256]
    for some in batched(lacking, BATCH):
        keys = [row.pk for row in some]
        known = dict(Version.objects.filter(pk__in=keys).values_list("pk", "sha256"))
        for row in some:
            row.sha256 = known.get(row.pk, "")


def _copy_of(source: Entry, space: Space, parent_id: int | None, job: Transfer) -> Entry:
    """Make an unsaved copy of an entry; what is moved keeps who made it, and when."""
    copy = Entry(
        space=space,
        parent_id=parent_id,
        kind=source.kind,
        name=source.name,
        name_key=source.name_key if parent_id else job.mark,
        name_fold=source.name_fold,
        size=source.size,
        media_type=source.media_type,
        modified_at=source.modified_at,
        created_by=job.actor.user,
    )
    if job.moves:
        copy.created_by_id, copy.created_at = source.created_by_id, source.created_at
    return copy


def _copy_of_version(row: Version, copy: Entry) -> Version:
    """Make an unsaved copy of a version."""
    return Version(
        entry=copy,
        blob_id=row.blob_id,
        size=row.size,
        sha256=row.sha256,
        created_at=row.created_at,
        created_by_id=row.created_by_id,
    )
