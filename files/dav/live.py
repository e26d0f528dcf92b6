"""Live properties: those whose values the server knows (RFC 4918, 15; RFC 4331; RFC 6578).

Each is a function from a row to the content of its element, None where the resource has no such
property. What differs from row to row is left open as a place, such as "%(size)s": a listing asks
once for each shape of resources (shape_of) and fills the places in for each row (values_of). Beside
the properties of the standards are the few by which sync clients know a file again.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final
from urllib.parse import quote

from files.http.conditional import etag_of_version, format_http_date
from files.media_types import UNKNOWN
from files.models import Right
from files.models.rows import Row

from .xml import DAV, OWNCLOUD, PropertyName, escape


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the rows of one listing have in common, and what differs in few of them."""

    rights: Right
    used_bytes: int | None = None  # None where there is no quota to tell of
    free_bytes: int | None = None
    sync_token: str = ""
    # Names of spaces, by the id of the root; activelock elements, by the id of what is locked.
    names: Mapping[int, str] = field(default_factory=dict)
    locks: Mapping[int, str] = field(default_factory=dict)


type Getter = Callable[[Row, Surroundings], str | None]

type Shape = tuple[int, bool, bool, bool]
type Values = tuple[str | int | None, ...]

PLACES: Final = (
    "href", "name", "size", "type", "etag", "modified", "created", "id", "sha256", "locks"
)  # fmt: skip

# In an address only the blank of these is written otherwise, in XML none.
_is_plain: Final = re.compile(r"[A-Za-z0-9_.~ -]+").fullmatch


def shape_of(row: Row) -> Shape:
    """Give what decides which properties a resource has: rows of one shape have the same."""
    return row.kind, row.version_id is None, not row.sha256, not row.id


def values_of(row: Row, around: Surroundings) -> Values:
    """Give what a row has for each of the PLACES; href is its address within its collection."""
    pk, kind, name, _fold, size, modified, created, version_id, media_type, sha256 = row
    shown = around.names.get(pk, name)
    is_plain = _is_plain(name) is not None
    href = name.replace(" ", "%20") if is_plain else quote(name, safe="")
    return (
        href if kind else f"{href}/",
        name if is_plain and shown is name else escape(shown),
        size,
        _written_type(media_type),
        None if version_id is None else etag_of_version(version_id),
        _http_date(modified),
        f"{created[:10]}T{created[11:]}Z",
        pk,
        sha256,
        around.locks.get(pk, ""),
    )


@lru_cache(maxsize=4096)
def _http_date(time: str) -> str:
    """Write a time of a row as an HTTP-date; what came together shares its second."""
    return format_http_date(datetime.fromisoformat(time).replace(tzinfo=UTC))


@lru_cache(maxsize=256)
def _written_type(media_type: str) -> str:
    """Write a media type; there are few."""
    return escape(media_type or UNKNOWN)


SUPPORTED_LOCK: Final = "".join(
    f"<D:lockentry><D:lockscope><D:{scope}/></D:lockscope>"
    "<D:locktype><D:write/></D:locktype></D:lockentry>"
    for scope in ("exclusive", "shared")
)
_REPORTS: Final = (
    "<D:supported-report><D:report><D:sync-collection/></D:report></D:supported-report>"
)


def _resource_type(row: Row, _around: Surroundings) -> str:
    return "<D:collection/>" if row.is_folder else ""


def _display_name(_row: Row, _around: Surroundings) -> str:
    return "%(name)s"


def _length(row: Row, _around: Surroundings) -> str | None:
    return None if row.is_folder else "%(size)s"


def _content_type(row: Row, _around: Surroundings) -> str | None:
    return None if row.is_folder else "%(type)s"


def _etag(row: Row, _around: Surroundings) -> str | None:
    return None if row.version_id is None else "%(etag)s"


def _last_modified(_row: Row, _around: Surroundings) -> str:
    return "%(modified)s"


def _creation_date(_row: Row, _around: Surroundings) -> str:
    return "%(created)s"


def _lock_discovery(_row: Row, around: Surroundings) -> str:
    return "%(locks)s" if around.locks else ""


def _supported_lock(_row: Row, _around: Surroundings) -> str:
    return SUPPORTED_LOCK


def _used(row: Row, around: Surroundings) -> str | None:
    return str(around.used_bytes) if row.is_folder and around.used_bytes is not None else None


def _available(row: Row, around: Surroundings) -> str | None:
    return str(around.free_bytes) if row.is_folder and around.free_bytes is not None else None


def _reports(row: Row, around: Surroundings) -> str | None:
    return _REPORTS if row.is_folder and around.sync_token else None


def _sync_token(row: Row, around: Surroundings) -> str | None:
    return around.sync_token or None if row.is_folder else None


def _file_id(row: Row, _around: Surroundings) -> str | None:
    return "%(id)s" if row.id else None


def _size(row: Row, _around: Surroundings) -> str | None:
    return None if row.is_folder else "%(size)s"


def _checksums(row: Row, _around: Surroundings) -> str | None:
    return "<oc:checksum>SHA256:%(sha256)s</oc:checksum>" if row.sha256 else None


def _permissions(row: Row, around: Surroundings) -> str:
    """Say in ownCloud's letters what may be done: read, delete, rename, move, write, create."""
    letters = "G" if Right.READ in around.rights else ""
    if Right.EDIT in around.rights:
        letters += "DNV" if row.is_folder else "DNVW"
    if row.is_folder and Right.ADD in around.rights:
        letters += "CK"
    return letters


# What allprop gives (RFC 4918, 9.1; RFC 4331, 3 and RFC 6578, 4 keep theirs out of it).
ALLPROP: Final[dict[PropertyName, Getter]] = {
    PropertyName(DAV, name): getter
    for name, getter in {
        "resourcetype": _resource_type,
        "displayname": _display_name,
        "getcontentlength": _length,
        "getcontenttype": _content_type,
        "getetag": _etag,
        "getlastmodified": _last_modified,
        "creationdate": _creation_date,
        "lockdiscovery": _lock_discovery,
        "supportedlock": _supported_lock,
    }.items()
}

LIVE: Final[dict[PropertyName, Getter]] = {
    **ALLPROP,
    PropertyName(DAV, "quota-used-bytes"): _used,
    PropertyName(DAV, "quota-available-bytes"): _available,
    PropertyName(DAV, "supported-report-set"): _reports,
    PropertyName(DAV, "sync-token"): _sync_token,
    PropertyName(OWNCLOUD, "id"): _file_id,
    PropertyName(OWNCLOUD, "fileid"): _file_id,
    PropertyName(OWNCLOUD, "size"): _size,
    PropertyName(OWNCLOUD, "checksums"): _checksums,
    PropertyName(OWNCLOUD, "permissions"): _permissions,
}
