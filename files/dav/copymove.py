"""COPY and MOVE: onto a name, over what is there if the client says so (RFC 4918, 9.8 and 9.9)."""

from http import HTTPStatus

from files.access import Actor
from files.dav_errors import ParentNotFoundError
from files.errors import ForbiddenError, MalformedRequestError
from files.http.heads import Answer
from files.http.methods import Outcome
from files.models import Entry, Right
from files.operations.overwriting import Arrival, Place, copy_to, move_to

from .calls import Call, Depth
from .names import require_wanted_name
from .paths import DavPath, destination_of
from .resources import find


def copy(call: Call) -> Outcome:
    """Copy what is there; with Depth 0, a folder without what is in it.

    Raises MalformedRequestError, ForeignDestinationError, ParentNotFoundError, and as copy_to does.
    """
    destination = destination_of(call.head)
    depth = call.depth
    if depth is Depth.ONE:
        raise MalformedRequestError(reason="depth")
    source, place = call.resource.entry, _place(call, destination)
    arrival = copy_to(source, place, is_shallow=depth is Depth.ZERO, actor=call.actor)
    return _answer(arrival, destination)


def move(call: Call) -> Outcome:
    """Move what is there, with all in it. Raises as copy does, and as move_to does."""
    destination = destination_of(call.head)
    if call.depth is not Depth.INFINITY and call.resource.entry.is_folder:
        raise MalformedRequestError(reason="depth")  # RFC 4918, 9.9.2
    arrival = move_to(call.resource.entry, _place(call, destination), actor=call.actor)
    return _answer(arrival, destination)


def _place(call: Call, destination: DavPath) -> Place:
    """Say where something goes: into which folder, under which name, over what."""
    require_wanted_name(destination.name)
    return Place(_folder(call.actor, destination), destination.name, call.overwrites)


def _folder(actor: Actor, destination: DavPath) -> Entry:
    """Find the folder that a destination lies in.

    Raises ParentNotFoundError, and ForbiddenError for a place beside or instead of the spaces.
    """
    if len(destination.names) <= 1:
        raise ForbiddenError(right=Right.MANAGE.name)
    located = find(actor, destination.parent).located
    if located is None:
        raise ParentNotFoundError
    return located.entry


def _answer(arrival: Arrival, destination: DavPath) -> Outcome:
    """Say what came of it: done, or begun where a job does it."""
    if arrival.entry is None:
        return Answer(HTTPStatus.ACCEPTED)
    if arrival.has_replaced:
        return Answer(HTTPStatus.NO_CONTENT)
    path = destination.beside(arrival.entry.name)
    return Answer(
        HTTPStatus.CREATED, [("Location", path.href(is_collection=arrival.entry.is_folder))]
    )
