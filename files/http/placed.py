"""What a PUT has made of a file, and how HTTP says so, in any protocol that PUTs."""

from dataclasses import dataclass
from http import HTTPStatus

from .conditional import etag_of_version
from .digest_fields import repr_digest
from .heads import Answer, Head


@dataclass(frozen=True, slots=True)
class Placed:
    """What a file has become."""

    entry_id: int
    version_id: int
    sha256: str  # empty where a job will take it
    is_new: bool  # False for a new version of what was there

    @property
    def etag(self) -> str:
        """Give the entity tag of the content, the same through every protocol."""
        return etag_of_version(self.version_id)


def placed_answer(head: Head, placed: Placed, *more: tuple[str, str], location: str = "") -> Answer:
    """Answer a PUT that was done (RFC 9110, 9.3.4); location is that of a new file."""
    headers = [("ETag", placed.etag), *more]
    if placed.sha256:
        headers.append(("Repr-Digest", repr_digest(placed.sha256)))
    if "x-oc-mtime" in head.headers:
        headers.append(("X-OC-Mtime", "accepted"))
    if not placed.is_new:
        return Answer(HTTPStatus.NO_CONTENT, headers)
    if location:
        headers.append(("Location", location))
    return Answer(HTTPStatus.CREATED, headers)
