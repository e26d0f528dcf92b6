"""Single files by PUT, as HTTP itself has it: `PUT /folders/<id>/files/<name>` (RFC 9110, 9.3.4).

The name is percent-encoded, one component. The answer is 201 for a new file and 204 for a new
version, with the entity tag by which the next PUT can say what it means to replace (If-Match). Who
may not read the folder, or not replace what is in it, always makes a new file, whose address is the
Location: so a PUT can never learn what is there, nor change it.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from http import HTTPStatus
from typing import Final
from urllib.parse import unquote_to_bytes

from django.urls import reverse

from files.errors import FilesError, InvalidNameError, MalformedRequestError
from files.http.conditional import Conditions
from files.http.heads import Answer, Head
from files.http.putting import Placed, Put, PutFace
from files.models import Event
from files.names import check_name
from files.operations.wanted import Wanted

from .digest_fields import ContentCheck, repr_digest, stated_digests
from .errors import problem
from .headers import media_type_of, require_time, require_unpacked

_ROUTE: Final = re.compile(r"/folders/([0-9]{1,18})/files/([^/]*)", re.ASCII)
# Seconds since the epoch; ownCloud's and Nextcloud's clients, rclone and others send it.
_MTIME: Final = re.compile(r"-?[0-9]{1,12}(\.[0-9]{1,12})?", re.ASCII)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class RawPutFace:
    """What a PUT says, as an intent; and what comes of it, as HTTP says it."""

    door = Event.Door.UPLOAD
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
        headers = head.headers
        if "content-range" in headers:
            # RFC 9110, 14.5: a part that is taken for the whole would destroy a file.
            raise MalformedRequestError(reason="content-range")
        require_unpacked(headers)
        sha256, checksum = _digests(headers)
        wanted = Wanted(
            path=(_name(match[2]),),
            length=head.size,
            modified_at=_modified_at(headers),
            media_type=media_type_of(headers),
            sha256=sha256,
        )
        return Put(int(match[1]), wanted, Conditions.from_headers(headers), checksum)

    def render(self, head: Head, placed: Placed) -> Answer:
        """Answer a request that was done."""
        headers = [("ETag", placed.etag)]
        if placed.sha256:
            headers.append(("Repr-Digest", repr_digest(placed.sha256)))
        if "x-oc-mtime" in head.headers:
            headers.append(("X-OC-Mtime", "accepted"))
        if not placed.is_new:
            return Answer(HTTPStatus.NO_CONTENT, headers)
        headers.append(("Location", _content_address().format(placed.entry_id)))
        return Answer(HTTPStatus.CREATED, headers)

    def render_error(self, head: Head, error: FilesError) -> Answer:  # noqa: ARG002 - the protocol
        """Answer a request that was refused, as a problem (RFC 9457)."""
        return problem(error)


PUT: Final[PutFace] = RawPutFace()


@cache
def _content_address() -> str:
    """Give the address of a file's content, with a place for its id; resolving it is dear."""
    return reverse("web:content", args=[0]).replace("0", "{}")


def _name(encoded: str) -> str:
    """Give the name that a path ends with. Raises InvalidNameError."""
    try:
        return check_name(unquote_to_bytes(encoded).decode())
    except UnicodeDecodeError:
        raise InvalidNameError(reason="encoding") from None


def _modified_at(headers: Mapping[str, str]) -> datetime | None:
    """Give the time that a client states for its file. Raises MalformedRequestError."""
    text = headers.get("x-oc-mtime")
    if text is None:
        return None
    if not _MTIME.fullmatch(text):
        raise MalformedRequestError(reason="x-oc-mtime")
    try:
        time = _EPOCH + timedelta(microseconds=int(Decimal(text) * 10**6))
    except OverflowError:
        raise MalformedRequestError(reason="x-oc-mtime") from None
    return require_time(time, "x-oc-mtime")


def _digests(headers: Mapping[str, str]) -> tuple[str, ContentCheck | None]:
    """Give the SHA-256 that is stated, in hex, and what checks the other digests.

    The body is the whole file, so a digest of the one is a digest of the other (RFC 9530, 2 and 3).
    Raises MalformedRequestError, also for two of a kind that differ.
    """
    stated = stated_digests(headers, "repr-digest")
    for algorithm, digest in stated_digests(headers, "content-digest").items():
        if stated.setdefault(algorithm, digest) != digest:
            raise MalformedRequestError(reason="content-digest")
    sha256 = stated.pop("sha-256", b"").hex()
    return sha256, ContentCheck(stated) if stated else None
