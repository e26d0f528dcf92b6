"""The entries that a form or an address names, found with a number of queries that stays small."""

from collections.abc import Iterable, Sequence

from django.http import QueryDict

from files.access import Actor, Located, locate
from files.errors import EntryNotFoundError, MalformedRequestError
from files.ids import is_id
from files.models import Entry

LIMIT = 1000  # entries in one request; a page has 100


def selected_ids(data: QueryDict) -> list[int]:
    """Read the ids in the fields named entry, each once, in their order.

    Raises MalformedRequestError for anything but up to LIMIT ids.
    """
    texts = dict.fromkeys(data.getlist("entry"))
    if len(texts) > LIMIT or not all(is_id(text) for text in texts):
        raise MalformedRequestError(reason="entry")
    return [int(text) for text in texts]


def single_id(data: QueryDict, field: str) -> int | None:
    """Read one id; None if the field is missing or empty. Raises MalformedRequestError."""
    text = data.get(field, "")
    if not text:
        return None
    if not is_id(text):
        raise MalformedRequestError(reason=field)
    return int(text)


def children_in(folder: Entry, ids: Iterable[int]) -> list[Entry]:
    """Give those of the ids that are live members of a folder, for who came by access.locate.

    What somebody else moved or trashed meanwhile is left out.
    """
    members = Entry.objects.children_of(folder).filter(pk__in=ids).select_related("space")
    return list(members.order_by("kind", "name_fold", "pk"))


def locate_selection(actor: Actor, ids: Sequence[int]) -> tuple[Located, list[Entry]]:
    """Find the first entry of a selection, and all of them, usually members of one folder.

    Raises EntryNotFoundError if there is none, or one is not to be seen.
    """
    if not ids:
        raise EntryNotFoundError
    first = locate(actor, ids[0])
    entries = [first.entry]
    if len(ids) > 1 and first.entry.parent_id is not None:
        entries = children_in(locate(actor, first.entry.parent_id).entry, ids)
    found = {entry.pk for entry in entries}
    entries += [locate(actor, entry_id).entry for entry_id in ids if entry_id not in found]
    return first, entries
