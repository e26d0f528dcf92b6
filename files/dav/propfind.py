"""PROPFIND: what is known of a resource and of the members of a collection (RFC 4918, 9.1)."""

from files.dav_errors import DepthRefusedError
from files.errors import EntryNotFoundError
from files.http.methods import Outcome

from .asked import Asked
from .calls import Call, Depth
from .listing import windows
from .multistatus import answer_multistatus
from .responses import responses
from .xml import parse


def propfind(call: Call) -> Outcome:
    """Answer a PROPFIND.

    Raises MalformedRequestError, DepthRefusedError for a whole tree, and EntryNotFoundError.
    """
    is_minimal = "return=minimal" in call.head.headers.get("prefer", "")
    asked = Asked.of(parse(call.body, "propfind"), is_minimal=is_minimal)
    depth = call.depth
    if depth is Depth.INFINITY:
        raise DepthRefusedError
    if not call.resource.is_mapped:
        raise EntryNotFoundError
    found = windows(call, asked, with_members=depth is Depth.ONE)
    return answer_multistatus(responses(call, asked, found))
