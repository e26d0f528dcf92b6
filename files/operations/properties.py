"""Properties that clients keep beside entries: set, remove and read them (RFC 4918, 9.2).

A change of them is all or nothing. Copies have them too; they go with their entry.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import batched
from typing import Final

from django.db import connection, transaction

from files.access import Actor, locate
from files.dav_errors import PropertiesTooLargeError
from files.errors import EntryNotFoundError, InvalidValueError
from files.models import Entry, Event, Property, Right
from files.models.reading import marks
from files.models.sql import fetch

from .blobs import BATCH
from .journal import draft, lock_spaces, record
from .lock_rules import require_unlocked

MOST: Final = 100  # of one entry
MOST_BYTES: Final = 65_536  # of one value
MOST_BYTES_IN_ALL: Final = 262_144  # of the values of one entry
MOST_NAME: Final = 255  # characters of a name, and of a namespace

_ANY_BETWEEN: Final = "SELECT 1 FROM files_property WHERE entry_id BETWEEN %s AND %s LIMIT 1"

type PropertyName = tuple[str, str]  # the namespace and the local name


@dataclass(frozen=True, slots=True)
class PropertyChange:
    """One step of a change: a value to be set, or None to remove the property."""

    namespace: str
    name: str
    value: str | None

    @property
    def key(self) -> PropertyName:
        """Give what it is about."""
        return self.namespace, self.name

    @property
    def clark_name(self) -> str:
        """Give its name as one string, as events keep it."""
        return f"{{{self.namespace}}}{self.name}"


def set_properties(
    entry_id: int,
    changes: Sequence[PropertyChange],
    *,
    modified_at: datetime | None = None,
    actor: Actor,
) -> None:
    """Set and remove properties of an entry, one after the other, or none of them.

    modified_at is when the content was changed, where a client says so. To remove what is not there
    is no error. Locks the space. Raises InvalidValueError for a name, PropertiesTooLargeError, and
    LockedError.
    """
    _check(changes)
    space_id = Entry.objects.values_list("space", flat=True).filter(pk=entry_id).first()
    if space_id is None:
        raise EntryNotFoundError(entry_id=entry_id)
    with transaction.atomic():
        space = lock_spaces(space_id)[space_id]
        located = locate(actor, entry_id, Right.EDIT)
        require_unlocked(located, space, actor)
        entry = located.entry
        before = entry.placement
        has_changed = _write(entry_id, {change.key: change for change in changes})
        if modified_at is not None and modified_at != entry.modified_at:
            entry.modified_at, has_changed = modified_at, True
        if not has_changed:
            return
        entry.revision += 1
        entry.save(update_fields=["revision", "modified_at"])
        names = sorted({change.clark_name for change in changes})
        after = {**entry.placement, "properties": names}
        event = draft(Event.Kind.PROPERTIES_CHANGED, entry, before=before, after=after)
        record(space, [event], actor=actor)


def _check(changes: Sequence[PropertyChange]) -> None:
    """Refuse by themselves what can never be kept."""
    if len(changes) > 2 * MOST:
        raise PropertiesTooLargeError(reason="count", limit=MOST)
    for change in changes:
        if not 0 < len(change.name) <= MOST_NAME or len(change.namespace) > MOST_NAME:
            raise InvalidValueError(field="property", limit=MOST_NAME)
        if change.value is not None and _bytes(change.value) > MOST_BYTES:
            raise PropertiesTooLargeError(reason="size", limit=MOST_BYTES)


def _bytes(value: str) -> int:
    """Give how long a value is in UTF-8."""
    return len(value.encode(errors="surrogatepass"))


def _write(entry_id: int, changes: Mapping[PropertyName, PropertyChange]) -> bool:
    """Write the last word on each property; tell whether anything is another now."""
    rows = {(row.namespace, row.name): row for row in Property.objects.filter(entry=entry_id)}
    gone, changed, made = [], [], []
    for key, change in changes.items():
        row = rows.get(key)
        if change.value is None:
            gone += [rows.pop(key)] if row is not None else []
        elif row is None:
            rows[key] = Property(entry_id=entry_id, namespace=key[0], name=key[1])
            rows[key].value = change.value
            made.append(rows[key])
        elif row.value != change.value:
            row.value = change.value
            changed.append(row)
    _require_room(rows.values())
    Property.objects.filter(pk__in=[row.pk for row in gone]).delete()
    Property.objects.bulk_update(changed, ["value"])
    Property.objects.bulk_create(made)
    return bool(gone or changed or made)


def _require_room(rows: Iterable[Property]) -> None:
    """Raise PropertiesTooLargeError for more than one entry may have."""
    sizes = [_bytes(row.value) for row in rows]
    if len(sizes) > MOST:
        raise PropertiesTooLargeError(reason="count", limit=MOST)
    if sum(sizes) > MOST_BYTES_IN_ALL:
        raise PropertiesTooLargeError(reason="total", limit=MOST_BYTES_IN_ALL)


def property_sizes(entry_ids: Collection[int]) -> dict[int, int]:
    """Give how many characters the properties of some entries have in all, by the ids.

    Those without any are left out. Where there are none among or between them, as in most folders,
    one look into an index tells.
    """
    if not entry_ids:
        return {}
    if not fetch(_ANY_BETWEEN, [min(entry_ids), max(entry_ids)]):
        return {}
    rows = fetch(
        "SELECT p.entry_id, SUM(LENGTH(p.value)) FROM files_property p "  # noqa: S608 - placeholders
        f"WHERE p.entry_id IN ({marks(entry_ids)}) GROUP BY p.entry_id",
        [*entry_ids],
    )
    return {int(entry_id): int(size) for entry_id, size in rows}


def properties_of(entry_ids: Iterable[int]) -> dict[int, dict[PropertyName, str]]:
    """Give the properties of some entries that the caller may see, in one query for each 500.

    Those without any are left out.
    """
    found: dict[int, dict[PropertyName, str]] = {}
    for some in batched(entry_ids, BATCH):
        rows = Property.objects.filter(entry__in=some).order_by("pk")
        for entry_id, *key, value in rows.values_list("entry_id", "namespace", "name", "value"):
            found.setdefault(entry_id, {})[key[0], key[1]] = value
    return found


def copy_properties(copies: Mapping[int, int]) -> None:
    """Give copies the properties of their originals, by whose ids they are; within the database.

    The caller has locked the space of the copies.
    """
    for some in batched(copies.items(), BATCH):
        pairs = ", ".join(["(CAST(%s AS bigint), CAST(%s AS bigint))"] * len(some))
        with connection.cursor() as cursor:
            cursor.execute(
                f"WITH pairs(original, made) AS (VALUES {pairs}) "  # noqa: S608 - placeholders
                "INSERT INTO files_property (entry_id, namespace, name, value) "
                "SELECT pairs.made, p.namespace, p.name, p.value "
                "FROM pairs JOIN files_property p ON p.entry_id = pairs.original",
                [pk for pair in some for pk in pair],
            )
