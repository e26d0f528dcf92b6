"""The API as the byte doors see it: where the bytes of files go in and out, and as whom."""

import re
from functools import cache
from typing import Final

from django.urls import reverse

from files.access import Actor
from files.errors import FilesError
from files.http.conditional import Conditions
from files.http.credentials import Scheme
from files.http.downloads import ContentFace
from files.http.heads import Answer, Head
from files.http.placed import Placed, placed_answer
from files.http.putting import Put, PutFace
from files.http.stated import stated_file, stated_name
from files.ids import id_of
from files.models import Event

from .errors import answer_of
from .lock_tokens import held_of

_ROUTE: Final = re.compile(
    r"/api/v1/(?:entries/(?P<entry>[0-9]+)/content"
    r"|folders/(?P<folder>[0-9]+)/content/(?P<name>[^/]*))",
    re.ASCII,
)


class ApiPutFace:
    """A file that is put into a folder under a name, or in the place of one that is there."""

    door = Event.Door.API
    schemes = Scheme.ANY
    route = "/api/v1/…/content"

    def speaks(self, head: Head) -> bool:
        """Tell whether a request is for this face."""
        return _ROUTE.fullmatch(head.target) is not None

    def parse(self, head: Head) -> Put:
        """Say what a request means.

        Raises InvalidNameError, MalformedRequestError, and UnsupportedTypeError for packed bytes.
        """
        held = held_of(head.headers.get("lock-token"))
        match = _ROUTE.fullmatch(head.target)
        assert match is not None  # noqa: S101 - speaks has told
        conditions = Conditions.from_headers(head.headers)
        if match["entry"] is not None:
            wanted, checksum = stated_file(head, "")
            entry_id = id_of(match["entry"])
            return Put(0, wanted, conditions, checksum, entry_id=entry_id, held=held)
        wanted, checksum = stated_file(head, stated_name(match["name"]))
        return Put(id_of(match["folder"]), wanted, conditions, checksum, held=held)

    def render(self, head: Head, placed: Placed) -> Answer:
        """Answer a request that was done."""
        location = _entry_address().format(placed.entry_id)
        return placed_answer(head, placed, location=location)

    def render_error(self, head: Head, error: FilesError) -> Answer:  # noqa: ARG002 - the protocol
        """Answer a request that was refused."""
        return answer_of(error)


@cache
def _entry_address() -> str:
    """Give the address of an entry, with a place for its id; resolving it is dear."""
    return reverse("api:get_entry", args=[0]).replace("0", "{}")


def _reader(actor: Actor, _entry_id: int) -> Actor:
    """Read as who signed in, with the rights that grants give."""
    return actor


PUT: Final[PutFace] = ApiPutFace()
CONTENT: Final = ContentFace(
    re.compile(r"/api/v1/entries/(?P<entry>[0-9]+)/content"), _reader, Event.Door.API
)
