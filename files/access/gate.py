"""Rows by their ids, for who may know of them.

Visible means: the chain of parents ends at the root of the space, and nothing on it is trashed.
Effective rights are the union of all grants on that chain, less what the actor's limit leaves out.
"""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import groupby
from operator import itemgetter
from typing import Any
from uuid import UUID

from django.contrib.auth.models import User
from django.db.models import BooleanField, Model, Q, QuerySet
from django.db.models.expressions import RawSQL

from files.errors import (
    EntryNotFoundError,
    ForbiddenError,
    NotTrashedError,
    SignInRequiredError,
    SpaceNotFoundError,
    UploadNotFoundError,
)
from files.ids import can_be_id
from files.models import Blob, Entry, Grant, Right, Space, Upload, Version
from files.models.reading import Reader
from files.models.sql import fetch

from .actors import Actor

_CHAIN = """
    WITH RECURSIVE up(start_id, id, parent_id, space_id, name, is_trashed, depth) AS (
        SELECT e.id, e.id, e.parent_id, e.space_id, e.name,
            CASE WHEN e.trashed_at IS NULL THEN 0 ELSE 1 END, 0
        FROM files_entry e WHERE e.id IN ({ids})
        UNION ALL
        SELECT up.start_id, e.id, e.parent_id, e.space_id, e.name,
            CASE WHEN e.trashed_at IS NULL THEN 0 ELSE 1 END, up.depth + 1
        FROM files_entry e JOIN up ON e.id = up.parent_id
    )
    SELECT up.start_id, up.id, up.name, up.is_trashed, up.depth, s.root_id, s.owner_id, g.role
    FROM up
    JOIN files_space s ON s.id = up.space_id
    LEFT JOIN files_grant g ON g.entry_id = up.id AND (
        g.user_id = %s OR g.group_id IN (SELECT group_id FROM auth_user_groups WHERE user_id = %s)
    )
    ORDER BY up.start_id, up.depth
"""

# Whether an entry is another one or lies below it, for use in a query over a table with its id.
_INSIDE = """
    EXISTS (WITH RECURSIVE up(id, parent_id) AS (
        SELECT a.id, a.parent_id FROM files_entry a WHERE a.id = {start}
        UNION ALL
        SELECT p.id, p.parent_id FROM files_entry p JOIN up ON p.id = up.parent_id
    )
    SELECT 1 FROM up WHERE up.id = %s)
"""

_ENTRY, _SPACE = Reader(Entry, "e"), Reader(Space, "s")
_VERSION, _BLOB = Reader(Version, "v"), Reader(Blob, "b")
_FROM = """
    FROM files_entry e JOIN files_space s ON s.id = e.space_id
    LEFT JOIN files_version v ON v.id = e.version_id
    LEFT JOIN files_blob b ON b.id = v.blob_id
    WHERE e.id = %s
"""


@dataclass(frozen=True, slots=True)
class Node:
    """One step on the way from a root to an entry."""

    id: int
    name: str
    is_trashed: bool


@dataclass(frozen=True, slots=True)
class Located:
    """An entry, what the actor may do with it, and the way to it (root first, itself left out).

    above tells how many of the ancestors lie above the tree that the actor is limited to.
    """

    entry: Entry
    rights: Right
    ancestors: tuple[Node, ...]
    above: int = 0

    @property
    def trail(self) -> tuple[Node, ...]:
        """Give the way to it as the actor may know it: from the top of the limit on."""
        return self.ancestors[self.above :]


@dataclass(frozen=True, slots=True)
class _Chain:
    """What one walk up from an entry found: nodes from the entry to the root, and rights."""

    nodes: tuple[Node, ...]
    rights: Right
    is_granted_here: bool
    is_attached: bool
    above: int | None = 0  # nodes above the tree that the actor is limited to; None: outside it

    @property
    def is_visible(self) -> bool:
        """Tell whether it ends at the root of a space, with nothing trashed on the way."""
        return self.is_attached and not any(node.is_trashed for node in self.nodes)

    @property
    def is_inside(self) -> bool:
        """Tell whether it passes through the top of the limit, and that is visible itself."""
        if self.above is None:
            return False
        return not any(node.is_trashed for node in self.nodes[len(self.nodes) - self.above - 1 :])


def _walk_up(actor: Actor, *entry_ids: int) -> dict[int, _Chain]:
    """Walk from entries to their roots in one query.

    Those that are not there, and those outside the actor's limit, are left out.
    """
    user_id = actor.user.pk if actor.user else None
    possible = [entry_id for entry_id in entry_ids if can_be_id(entry_id)]
    if not possible:
        return {}
    rows = fetch(_chain_sql(len(possible)), [*possible, user_id, user_id])
    chains = {
        start_id: _chain_of(actor, [row[1:] for row in steps])
        for start_id, steps in groupby(rows, key=itemgetter(0))
    }
    if actor.limit is None:
        return chains
    return {start_id: chain for start_id, chain in chains.items() if chain.is_inside}


@lru_cache(16)
def _chain_sql(count: int) -> str:
    """Write the walk up from so many entries."""
    return _CHAIN.replace("{ids}", ", ".join(["CAST(%s AS bigint)"] * count))


def _chain_of(actor: Actor, rows: Sequence[tuple[Any, ...]]) -> _Chain:
    """Put one walk together."""
    user_id = actor.user.pk if actor.user else None
    nodes: dict[int, Node] = {}
    rights, here = actor.everywhere, actor.everywhere
    for node_id, name, is_trashed, depth, _root_id, owner_id, role in rows:
        nodes[node_id] = Node(node_id, name, bool(is_trashed))
        granted = Right.of_role(role or 0)
        if user_id is not None and owner_id == user_id:
            granted |= Right.ALL
        rights |= granted
        if depth == 0:
            here |= granted
    chain = tuple(nodes.values())
    rights, here, top_id = actor.limited(rights), actor.limited(here), actor.top_id
    above: int | None = 0
    if top_id is not None:
        above = len(chain) - 1 - [*nodes].index(top_id) if top_id in nodes else None
        here = rights if chain[0].id == top_id else here
    return _Chain(chain, rights, bool(here), chain[-1].id == rows[0][4], above)


def _check(chain: _Chain, need: Right, entry_id: int) -> None:
    """Raise for a right that lacks: not found for who may not know, forbidden for who does.

    Who may add but not read knows only of the very folder that was granted.
    """
    knows = Right.READ in chain.rights or (chain.is_granted_here and bool(chain.rights))
    if not knows or (Right.READ in need and Right.READ not in chain.rights):
        raise EntryNotFoundError(entry_id=entry_id)
    if need not in chain.rights:
        raise ForbiddenError(right=(need & ~chain.rights).name)


@cache
def _load_sql() -> str:
    """Write the statement that reads an entry with its space, its version and its bytes."""
    columns = ", ".join(reader.columns for reader in (_ENTRY, _SPACE, _VERSION, _BLOB))
    return f"SELECT {columns} {_FROM}"


def _load(entry_id: int, chain: _Chain) -> Located:
    """Read the entry that a walk started at."""
    rows = fetch(_load_sql(), [entry_id])
    if not rows:
        raise EntryNotFoundError(entry_id=entry_id)
    row = rows[0]
    entry = _ENTRY.instance(row)
    at = _ENTRY.width
    entry.space = _SPACE.instance(row, at)
    at += _SPACE.width
    if entry.version_id is not None:
        entry.version = _VERSION.instance(row, at)
        entry.version.blob = _BLOB.instance(row, at + _VERSION.width)
    return _located(entry, chain)


def _located(entry: Entry, chain: _Chain) -> Located:
    """Say where an entry is and what may be done with it."""
    return Located(entry, chain.rights, tuple(reversed(chain.nodes[1:])), chain.above or 0)


def locate(actor: Actor, entry_id: int, need: Right = Right.READ) -> Located:
    """Find a visible entry on which the actor has the needed rights.

    Raises EntryNotFoundError both for a missing entry and for one the actor may not know of, so
    that answers do not tell what exists; ForbiddenError if it may be seen but a right lacks.
    """
    chain = _walk_up(actor, entry_id).get(entry_id)
    if chain is None or not chain.is_visible:
        raise EntryNotFoundError(entry_id=entry_id)
    _check(chain, need, entry_id)
    return _load(entry_id, chain)


def locate_all(
    actor: Actor, entry_ids: Iterable[int], need: Right = Right.READ
) -> dict[int, Located]:
    """Find those of a page's entries that locate would find, by their ids, in two queries."""
    wanted, chains = set(entry_ids), {}
    for entry_id, chain in _walk_up(actor, *wanted).items() if wanted else ():
        with suppress(EntryNotFoundError, ForbiddenError):
            _check(chain, need, entry_id)
            if chain.is_visible:
                chains[entry_id] = chain
    rows = Entry.objects.select_related("space", "version__blob").in_bulk(chains)
    return {entry_id: _located(entry, chains[entry_id]) for entry_id, entry in rows.items()}


def locate_each(actor: Actor, entry_ids: Iterable[int], need: Right = Right.READ) -> list[Located]:
    """Find all of some entries, each once and in their order, in two queries.

    Raises for the first that locate would raise for.
    """
    ids = list(dict.fromkeys(entry_ids))
    chains = _walk_up(actor, *ids)
    for entry_id in ids:
        chain = chains.get(entry_id)
        if chain is None or not chain.is_visible:
            raise EntryNotFoundError(entry_id=entry_id)
        _check(chain, need, entry_id)
    return _load_each(ids, chains)


def _load_each(ids: Sequence[int], chains: Mapping[int, _Chain]) -> list[Located]:
    """Read the entries that some walks started at."""
    rows = Entry.objects.select_related("space", "version__blob").in_bulk(ids)
    for entry_id in ids:
        if entry_id not in rows:
            raise EntryNotFoundError(entry_id=entry_id)
    return [_located(rows[entry_id], chains[entry_id]) for entry_id in ids]


def locate_trashed(actor: Actor, entry_id: int, need: Right = Right.EDIT) -> Located:
    """Find an entry that lies in the trash itself, wherever it was trashed out of.

    Raises as locate does, and NotTrashedError for one that is not in the trash.
    """
    (found,) = locate_each_trashed(actor, [entry_id], need)
    return found


def locate_each_trashed(
    actor: Actor, entry_ids: Iterable[int], need: Right = Right.EDIT
) -> list[Located]:
    """Find all of some entries in the trash, each once and in their order, in two queries.

    Raises for the first that locate_trashed would raise for.
    """
    ids = list(dict.fromkeys(entry_ids))
    chains = _walk_up(actor, *ids)
    for entry_id in ids:
        chain = chains.get(entry_id)
        if chain is None or not chain.is_attached:
            raise EntryNotFoundError(entry_id=entry_id)
        _check(chain, need | Right.READ, entry_id)
        if not chain.nodes[0].is_trashed:
            raise NotTrashedError(entry_id=entry_id)
    return _load_each(ids, chains)


def _memberships(user: User | None) -> dict[int, Right]:
    """Give what a user has on whole spaces by grants, by the id of the root."""
    roles: dict[int, Right] = {}
    if user is not None:
        groups = user.groups.order_by().values("pk")
        grants = Grant.objects.filter(Q(user=user) | Q(group__in=groups))
        whole = grants.filter(entry__parent__isnull=True)
        for root_id, role in whole.values_list("entry_id", "role"):
            roles[root_id] = roles.get(root_id, Right.NONE) | Right.of_role(role)
    return roles


def _space_rights(actor: Actor, space: Space, roles: dict[int, Right]) -> Right:
    """Unite what the actor has on a whole space; roles are by the id of the root."""
    is_owner = actor.user is not None and space.owner_id == actor.user.pk
    granted = roles.get(space.root_id or 0, Right.NONE)
    return actor.limited(actor.everywhere | granted | (Right.ALL if is_owner else Right.NONE))


def visible_spaces(actor: Actor) -> list[tuple[Space, Right]]:
    """List the spaces that the actor owns or is a member of: personal first, then by name.

    An actor who is limited to a folder sees none, since none is all within its limit. Raises
    SignInRequiredError for nobody.
    """
    if actor.user is None and not actor.everywhere:
        raise SignInRequiredError
    spaces = Space.objects.exclude(kind=Space.Kind.SYSTEM).order_by("kind", "name", "pk")
    roles = _memberships(actor.user)
    if not actor.everywhere:
        spaces = spaces.filter(Q(owner=actor.user) | Q(root__in=roles))
    if actor.top_id is not None:
        spaces = spaces.filter(root=actor.top_id)
    found = [(space, _space_rights(actor, space, roles)) for space in spaces]
    return [(space, rights) for space, rights in found if rights]


def get_space(actor: Actor, space_id: int, need: Right = Right.READ) -> tuple[Space, Right]:
    """Find a space on which the actor has the needed rights.

    Raises SpaceNotFoundError for a missing space and for one the actor may not know of,
    ForbiddenError if a right lacks.
    """
    space = Space.objects.exclude(kind=Space.Kind.SYSTEM).filter(pk=space_id).first()
    if space is None:
        raise SpaceNotFoundError(space_id=space_id)
    rights = _space_rights(actor, space, _memberships(actor.user))
    if not rights or actor.top_id not in {None, space.root_id}:
        raise SpaceNotFoundError(space_id=space_id)
    if need not in rights:
        raise ForbiddenError(right=(need & ~rights).name)
    return space, rights


def get_upload(actor: Actor, upload_id: UUID) -> Upload:
    """Find an upload, finished or not, that is the actor's own, or anybody's for who manages all.

    Raises UploadNotFoundError, and ForbiddenError for an actor whose limit lets nothing in.
    """
    uploads = Upload.objects.select_related("space", "folder", "owner").filter(pk=upload_id)
    if Right.MANAGE not in actor.everywhere:
        uploads = uploads.filter(owner=actor.user, owner__isnull=False)
    upload = within(actor, uploads, '"files_upload"."folder_id"').first()
    if upload is None:
        raise UploadNotFoundError
    if not actor.limited(Right.ADD):
        raise ForbiddenError(right=Right.ADD.name)
    return upload


def within[M: Model](actor: Actor, rows: QuerySet[M], column: str) -> QuerySet[M]:
    """Narrow rows down to those whose entry lies in the tree that an actor is limited to.

    column holds the id of the entry, in SQL with its table.
    """
    if actor.top_id is None:
        return rows
    sql = _INSIDE.replace("{start}", column)
    return rows.filter(RawSQL(sql, [actor.top_id], output_field=BooleanField()))  # noqa: S611 - ours


def trashed_in(space: Space) -> QuerySet[Entry]:
    """Give what lies in the trash of a space; for who came here through get_space."""
    return Entry.objects.filter(space=space, trashed_at__isnull=False, parent__isnull=False)
