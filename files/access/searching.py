"""What is visible to somebody, found by its name or its content."""

from django.db.models import F, IntegerField, QuerySet
from django.db.models.expressions import RawSQL

from files.models import Entry, Right
from files.names import name_fold

from .actors import Actor
from .gate import visible_spaces, within

# 1 for an entry that nobody can see, for use in a query over files_entry.
_HIDDEN = """
    (WITH RECURSIVE up(id, parent_id, trashed_at) AS (
        SELECT a.id, a.parent_id, a.trashed_at
        FROM files_entry a WHERE a.id = "files_entry"."id"
        UNION ALL
        SELECT p.id, p.parent_id, p.trashed_at
        FROM files_entry p JOIN up ON p.id = up.parent_id
    )
    SELECT MAX(CASE
        WHEN up.trashed_at IS NOT NULL THEN 1
        WHEN up.parent_id IS NOT NULL THEN 0
        WHEN EXISTS (SELECT 1 FROM files_space s WHERE s.root_id = up.id) THEN 0
        ELSE 1 END)
    FROM up)
"""


def search(actor: Actor, text: str, *, after: int | None = None, limit: int = 100) -> list[Entry]:
    """Find visible entries whose name contains text in any case, newest first.

    Looks in the spaces of visible_spaces that the actor may read. after is the id of the last one
    of the page before.
    """
    found = _readable(actor, Entry.objects.all(), "space")
    found = found.filter(name_fold__contains=name_fold(text))
    if after is not None:
        found = found.filter(pk__lt=after)
    return list(found.select_related("space", "parent", "version").order_by("-pk")[:limit])


def find_content(actor: Actor, sha256: str, size: int) -> Entry | None:
    """Find the newest visible file whose current content has this digest and size.

    Looks where search does, and asks the database the same whether nobody has such content or only
    others do, so that neither the answer nor its time tells.
    """
    # Not the column by itself: SQLite would read whole spaces by its index, not the one digest.
    same = _readable(actor, Entry.objects.alias(place=F("space_id") + 0), "place")
    same = same.filter(version__blob__sha256=sha256, version__blob__size=size)
    return same.select_related("version__blob").order_by("-pk").first()


def _readable(actor: Actor, found: QuerySet[Entry], column: str) -> QuerySet[Entry]:
    """Narrow down to what is visible in the spaces of visible_spaces that the actor may read.

    column holds the id of the space.
    """
    whole = actor.but(limit=None)
    spaces = [space.pk for space, rights in visible_spaces(whole) if Right.READ in rights]
    found = found.filter(parent__isnull=False)
    if not actor.limited(Right.READ):
        return found.none()
    found = within(actor, found, '"files_entry"."id"')
    if Right.READ not in actor.everywhere:
        found = found.filter(**{f"{column}__in": spaces})
    hidden = RawSQL(_HIDDEN, [], output_field=IntegerField())  # noqa: S611 - constant
    return found.annotate(hidden=hidden).filter(hidden=0)
