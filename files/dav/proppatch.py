"""PROPPATCH: properties are set and removed, all or none of them (RFC 4918, 9.2)."""

from files.errors import MalformedRequestError
from files.http.methods import Outcome
from files.operations.properties import set_properties

from .calls import Call
from .changes import Changes, propstats_of
from .multistatus import answer_multistatus, response
from .xml import parse


def proppatch(call: Call) -> Outcome:
    """Change the properties of what is there, and say what became of each.

    Raises MalformedRequestError, EntryNotFoundError, ForbiddenError for the collection of all
    spaces, and what set_properties raises.
    """
    root = parse(call.body, "propertyupdate")
    if root is None:
        raise MalformedRequestError(reason="propertyupdate")
    changes, entry = Changes.of(root), call.resource.entry
    if not changes.refused:
        set_properties(entry.pk, changes.dead, modified_at=changes.modified_at, actor=call.actor)
    href = call.path.href(is_collection=entry.is_folder)
    return answer_multistatus([response(href, propstats_of(changes))])
