"""MKCOL and DELETE: collections are made, and resources go to the trash (RFC 4918, 9.3 and 9.6)."""

from http import HTTPStatus
from typing import Final
from xml.etree.ElementTree import Element

from files.errors import EntryExistsError, MalformedRequestError
from files.http.heads import Answer
from files.http.methods import Outcome
from files.operations.collections import create_collection
from files.operations.entries import trash_entries

from .calls import Call, Depth
from .changes import OTHER_TYPE, Changes, propstats_of
from .multistatus import HEADERS
from .names import require_wanted_name
from .xml import DAV, DECLARATION, NAMESPACES, PropertyName, dav, parse, require_xml

_RESOURCE_TYPE: Final = PropertyName(DAV, "resourcetype")


def mkcol(call: Call) -> Outcome:
    """Make a folder, with the properties that an extended MKCOL gives it (RFC 5689).

    Raises EntryExistsError, ParentNotFoundError, UnsupportedTypeError for a body that is none it
    knows, and what create_folder and set_properties raise.
    """
    if call.resource.is_mapped:
        raise EntryExistsError(name=call.path.name)
    parent = call.resource.home_of_new
    require_wanted_name(call.path.name)
    if call.body:
        require_xml(call.head)
    root = parse(call.body, "mkcol")
    changes = Changes() if root is None else _changes_of(root)
    if changes.refused:
        told = propstats_of(changes)
        body = f"{DECLARATION}<D:mkcol-response {NAMESPACES}>{told}</D:mkcol-response>\n"
        return Answer(HTTPStatus.FORBIDDEN, HEADERS, body.encode())
    entry = create_collection(
        parent,
        name=call.path.name,
        changes=changes.dead,
        modified_at=changes.modified_at,
        actor=call.actor,
    )
    if entry.name == call.path.name:
        return Answer(HTTPStatus.CREATED)
    # Who may not know what is there was given another name.
    location = call.path.beside(entry.name).href(is_collection=True)
    return Answer(HTTPStatus.CREATED, [("Location", location)])


def _changes_of(root: Element) -> Changes:
    """Read what an extended MKCOL sets; another type than a folder's is refused as a property.

    Raises MalformedRequestError.
    """
    if any(part.tag != dav("set") for part in root):
        raise MalformedRequestError(reason="mkcol")
    changes = Changes.of(root, allowed=frozenset({_RESOURCE_TYPE}))
    for kind in root.iterfind(f"{dav('set')}/{dav('prop')}/{dav('resourcetype')}"):
        if [child.tag for child in kind] != [dav("collection")]:
            changes.refused[_RESOURCE_TYPE] = OTHER_TYPE
    return changes


def delete(call: Call) -> Outcome:
    """Move what is there to the trash, with all in it. Raises as trash_entries does."""
    entry = call.resource.entry
    if entry.is_folder and call.depth is not Depth.INFINITY:
        raise MalformedRequestError(reason="depth")  # RFC 4918, 9.6.1
    trash_entries([entry], actor=call.actor)
    return Answer(HTTPStatus.NO_CONTENT)
