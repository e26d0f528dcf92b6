"""Single files by PUT, as HTTP itself has it: `PUT /folders/<id>/files/<name>` (RFC 9110, 9.3.4).

The name is percent-encoded, one component. The answer is 201 for a new file and 204 for a new
version, with the entity tag by which the next PUT can say what it means to replace (If-Match). Who
may not read the folder, or not replace what is in it, always makes a new file, whose address is the
Location: so a PUT can never learn what is there, nor change it.
"""

import re
from functools import cache
from typing import Final

from django.urls import reverse

from files.errors import FilesError
from files.http.conditional import Conditions
from files.http.credentials import Scheme
from files.http.heads import Answer, Head
from files.http.placed import Placed, placed_answer
from files.http.putting import Put, PutFace
from files.http.stated import stated_file, stated_name
from files.ids import id_of
from files.models import Event

from .errors import problem

_ROUTE: Final = re.compile(r"/folders/([0-9]+)/files/([^/]*)", re.ASCII)


class RawPutFace:
    """What a PUT says, as an intent; and what comes of it, as HTTP says it."""

    door = Event.Door.UPLOAD
    schemes = Scheme.ANY
    route = "/folders/<id>/files/<name>"

    def speaks(self, head: Head) -> bool:
        """Tell whether a request is for this face."""
        return _ROUTE.fullmatch(head.target) is not None

    def parse(self, head: Head) -> Put:
        """Say what a request means.

        Raises InvalidNameError, MalformedRequestError, and UnsupportedTypeError for packed bytes.
        """
        match = _ROUTE.fullmatch(head.target)
        assert match is not None  # noqa: S101 - speaks has told
        wanted, checksum = stated_file(head, stated_name(match[2]))
        return Put(id_of(match[1]), wanted, Conditions.from_headers(head.headers), checksum)

    def render(self, head: Head, placed: Placed) -> Answer:
        """Answer a request that was done."""
        location = _content_address().format(placed.entry_id)
        return placed_answer(head, placed, location=location)

    def render_error(self, head: Head, error: FilesError) -> Answer:  # noqa: ARG002 - the protocol
        """Answer a request that was refused, as a problem (RFC 9457)."""
        return problem(error)


PUT: Final[PutFace] = RawPutFace()


@cache
def _content_address() -> str:
    """Give the address of a file's content, with a place for its id; resolving it is dear."""
    return reverse("web:content", args=[0]).replace("0", "{}")
