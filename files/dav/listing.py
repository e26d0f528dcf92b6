"""The resources that an answer lists, in windows, with all that is shown of them read set-wise."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Final

from files.access import Actor, Located, visible_spaces
from files.models import Entry, Right, Space
from files.models.rows import Row, rows_of, windows_of
from files.operations.locks import locks_below
from files.operations.properties import properties_of, property_sizes
from files.operations.wanted import room_in

from .asked import Asked
from .calls import Call
from .live import Surroundings
from .locked import active_locks
from .resources import has_made_space
from .xml import PropertyName

TITLE: Final = "Strongroom"
SYNC: Final = "urn:strongroom:sync:"  # how tokens begin
MOST_DEAD: Final = 1_048_576  # characters of dead properties that a window holds, if more than one
_LONG_AGO: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Window:
    """Some resources of a listing."""

    rows: list[Row]
    around: Surroundings
    dead: Mapping[int, Mapping[PropertyName, str]] = field(default_factory=dict)
    self_id: int = -1  # of the row that is the listed resource itself, if it is among them


def windows(call: Call, asked: Asked, *, with_members: bool) -> Iterator[Window]:
    """Read a resource that is there and, if wanted, the members of a collection.

    A number of queries a window, whatever is in it. Who may add to a folder but not read it sees
    the folder, and nothing in it.
    """
    located = call.resource.located
    if located is None:
        return _home(call.actor, with_members=with_members)
    entry = located.entry
    own = Row.of(entry)._replace(name=call.path.name)
    has_members = with_members and entry.is_folder and Right.READ in located.rights
    chunks = windows_of(entry, with_digests=asked.wants_digests) if has_members else iter(())
    return windows_over(call, located, asked, _beginning_with(own, chunks))


def _beginning_with(own: Row, chunks: Iterator[list[Row]]) -> Iterator[list[Row]]:
    """Put a row in front of the others."""
    yield [own, *next(chunks, ())]
    yield from chunks


def windows_over(
    call: Call, located: Located, asked: Asked, chunks: Iterable[list[Row]]
) -> Iterator[Window]:
    """Read what else is wanted of the rows of a folder, or of its members."""
    around = _surroundings(located, asked)
    for rows in chunks:
        sizes = property_sizes([row.id for row in rows]) if asked.wants_dead else {}
        for some in _bounded(rows, sizes):
            window = Window(some, around, self_id=located.entry.pk)
            yield _window(call, located, window, asked, has_dead=bool(sizes))


def _bounded(rows: list[Row], sizes: Mapping[int, int]) -> Iterator[list[Row]]:
    """Part rows so that those together have no more dead properties than memory may hold."""
    if sum(sizes.values()) <= MOST_DEAD:
        yield rows
        return
    some: list[Row] = []
    held = 0
    for row in rows:
        size = sizes.get(row.id, 0)
        if some and held + size > MOST_DEAD:
            yield some
            some, held = [], 0
        some.append(row)
        held += size
    yield some


def _window(
    call: Call, located: Located, window: Window, asked: Asked, *, has_dead: bool
) -> Window:
    """Read locks and dead properties of the rows, where they are wanted."""
    dead = properties_of(row.id for row in window.rows) if has_dead else {}
    around = window.around
    if asked.wants("lockdiscovery"):
        members = [row for row in window.rows if row.id != window.self_id]
        locks = locks_below(located, [row.id for row in members])
        around = replace(around, locks=active_locks(locks, call.path, located, members))
    named = {
        pk: {PropertyName(*key): value for key, value in found.items()}
        for pk, found in dead.items()
    }
    return replace(window, around=around, dead=named)


def _surroundings(located: Located, asked: Asked) -> Surroundings:
    """Say what all rows of a listing have in common."""
    space = located.entry.space
    names = {space.root_id: space.name} if space.root_id is not None else {}
    around = Surroundings(located.rights, sync_token=sync_token(space), names=names)
    if asked.wants("quota-used-bytes", "quota-available-bytes"):
        around = replace(around, used_bytes=space.used_bytes, free_bytes=room_in(space))
    return around


def sync_token(space: Space) -> str:
    """Give the token of a space as it is now: what comes later has a higher number (RFC 6578)."""
    return f"{SYNC}{space.pk}:{space.last_seq}"


def _home(actor: Actor, *, with_members: bool) -> Iterator[Window]:
    """Read the collection of all spaces that somebody may see, and the spaces."""
    since = (actor.user.date_joined if actor.user is not None else _LONG_AGO).astimezone(UTC)
    time = since.isoformat(" ", "seconds")[:19]
    home = Row(0, Entry.Kind.FOLDER, "", "", 0, time, time, None, "", None)
    yield Window([home], Surroundings(Right.READ, names={0: TITLE}), self_id=0)
    if not with_members:
        return
    has_made_space(actor)
    spaces = [space for space, _rights in visible_spaces(actor) if space.slug and space.root_id]
    slugs = {space.root_id: space.slug or "" for space in spaces}
    names = {space.root_id: space.name for space in spaces if space.root_id is not None}
    by_id = {row.id: row for row in rows_of(list(names))}
    rows = [by_id[pk]._replace(name=slugs[pk]) for pk in names if pk in by_id]
    yield Window(rows, Surroundings(Right.READ, names=names))
