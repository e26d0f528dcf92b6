"""PUT: one request brings one whole file (RFC 4918, 9.7), through the door that every PUT takes."""

import hashlib
import hmac
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from files.errors import DigestMismatchError, FilesError, MalformedRequestError, NotAFileError
from files.http.conditional import Conditions, parse_tag_list
from files.http.credentials import Scheme
from files.http.heads import Answer, Head
from files.http.placed import Placed, placed_answer
from files.http.putting import Put
from files.http.stated import stated_file
from files.http.writer import Checksum
from files.models import Event

from .calls import Call
from .conditions import etag_of
from .errors import SCHEMES, render_error
from .names import require_wanted_name

ROUTE: Final = "/dav/<path>"

# ownCloud's header: an algorithm and the digest in hex, as in "SHA1:…". Against damage on the way.
_HASHES: Final[dict[str, Callable[[], "hashlib._Hash"]]] = {
    "MD5": lambda: hashlib.md5(usedforsecurity=False),
    "SHA1": lambda: hashlib.sha1(usedforsecurity=False),
}
_OC_CHECKSUM: Final = re.compile(r"([A-Z0-9]{1,10}):([0-9a-fA-F]{8,128})")


@dataclass(slots=True)
class DavPutFace:
    """The face of one request, of which it is known into which folder its file goes."""

    folder_id: int
    name: str
    door: Event.Door
    pinned: str | None = None  # the entity tag that the content there must still have
    schemes: Scheme = SCHEMES
    route: str = ROUTE

    def speaks(self, head: Head) -> bool:  # noqa: ARG002 - the protocol
        """Tell that the request is for this face, which was made for it."""
        return True

    def parse(self, head: Head) -> Put:
        """Say what a request means. Raises what stated_file raises."""
        wanted, check = stated_file(head, self.name)
        checks: list[Checksum] = [check] if check is not None else []
        algorithm, digest = _stated_checksum(head.headers)
        if algorithm == "SHA256":
            if wanted.sha256 not in {"", digest.hex()}:
                raise MalformedRequestError(reason="oc-checksum")
            wanted = replace(wanted, sha256=digest.hex())
        elif algorithm in _HASHES:
            checks.append(_StatedChecksum(algorithm, digest))
        conditions = Conditions.from_headers(head.headers)
        stated = conditions.if_match
        if self.pinned and (stated is None or stated.matches_strongly(self.pinned)):
            conditions = replace(conditions, if_match=parse_tag_list(self.pinned))
        return Put(self.folder_id, wanted, conditions, _AllOf(checks) if checks else None)

    def render(self, head: Head, placed: Placed) -> Answer:
        """Answer a request that was done."""
        of_owncloud = (("OC-ETag", placed.etag), ("OC-FileId", str(placed.entry_id)))
        return placed_answer(head, placed, *of_owncloud)

    def render_error(self, head: Head, error: FilesError) -> Answer:
        """Answer a request that was refused."""
        return render_error(head, error)


def find_put(call: Call, door: Event.Door, *, pins_content: bool = False) -> DavPutFace:
    """Find where the file of a PUT goes, before a byte of it is asked for.

    pins_content says that what is there now must still be there when the file is: the If header
    has been held against it.

    Raises NotAFileError for a collection, ParentNotFoundError, ForbiddenError for a name beside
    the spaces, and NameRefusedError.
    """
    resource, name = call.resource, call.path.name
    if resource.is_collection or call.path.has_slash:
        raise NotAFileError(name=name)
    require_wanted_name(name)
    if resource.located is not None:
        folder_id = resource.located.entry.parent_id
        name = resource.located.entry.name  # however it was spelt
    else:
        folder_id = resource.home_of_new.pk
    assert folder_id is not None  # noqa: S101 - only the top of a space has none, a collection
    pinned = etag_of(resource) if pins_content else None
    return DavPutFace(folder_id, name, door, pinned=pinned)


def _stated_checksum(headers: Mapping[str, str]) -> tuple[str, bytes]:
    """Read an OC-Checksum; one of an algorithm that is not known here says nothing.

    Raises MalformedRequestError: what cannot be read would not be checked.
    """
    text = headers.get("oc-checksum")
    if text is None:
        return "", b""
    match = _OC_CHECKSUM.fullmatch(text.strip())
    if match is None or len(match[2]) % 2:
        raise MalformedRequestError(reason="oc-checksum")
    algorithm, digest = match[1], bytes.fromhex(match[2])
    sizes = {"SHA256": 32, **{name: new().digest_size for name, new in _HASHES.items()}}
    if sizes.get(algorithm, len(digest)) != len(digest):
        raise MalformedRequestError(reason="oc-checksum")
    return algorithm, digest


class _StatedChecksum:
    """A digest that was stated, against that of what came."""

    def __init__(self, algorithm: str, stated: bytes) -> None:
        self._algorithm, self._stated = algorithm, stated
        self._hash = _HASHES[algorithm]()

    def update(self, piece: bytes | memoryview, /) -> None:
        """Take in the next bytes."""
        self._hash.update(piece)

    def require_match(self) -> None:
        """Raise DigestMismatchError."""
        if not hmac.compare_digest(self._hash.digest(), self._stated):
            raise DigestMismatchError(algorithm=self._algorithm.lower(), of="content")


class _AllOf:
    """Several checksums of one body."""

    def __init__(self, checks: list[Checksum]) -> None:
        self._checks = checks

    def update(self, piece: bytes | memoryview, /) -> None:
        """Take in the next bytes."""
        for check in self._checks:
            check.update(piece)

    def require_match(self) -> None:
        """Raise DigestMismatchError for the first that does not match."""
        for check in self._checks:
            check.require_match()
