"""If-Match on changes: the entity tag of a document against what it tells of now (RFC 9110, 13)."""

from functools import partial

from files.errors import PreconditionFailedError
from files.http.conditional import TagList, parse_tag_list
from files.models import Entry
from files.operations.unchanged import Check

from .replies import etag_of


def check_of(if_match: str | None) -> Check | None:
    """Give what holds an entry against an If-Match; None where none was sent."""
    tags = parse_tag_list(if_match)
    return None if tags is None else partial(_require_match, tags)


def _require_match(tags: TagList, entry: Entry) -> None:
    """Raise PreconditionFailedError unless a tag is that of the entry."""
    if not tags.matches_strongly(etag_of(entry)):
        raise PreconditionFailedError
