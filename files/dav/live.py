"""Live properties: those whose values the server knows (RFC 4918, 15; RFC 4331; RFC 6578).

Each is a function from a row to the content of its element, None where the resource has no such
property. Beside those of the standards are the few by which sync clients know a file again.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC
from typing import Final

from files.http.conditional import etag_of_version, format_http_date
from files.media_types import UNKNOWN
from files.models import Right

from .rows import Row
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


def _display_name(row: Row, around: Surroundings) -> str:
    return escape(around.names.get(row.id, row.name))


def _length(row: Row, _around: Surroundings) -> str | None:
    return None if row.is_folder else str(row.size)


def _content_type(row: Row, _around: Surroundings) -> str | None:
    return None if row.is_folder else escape(row.media_type or UNKNOWN)


def _etag(row: Row, _around: Surroundings) -> str | None:
    return None if row.version_id is None else escape(etag_of_version(row.version_id))


def _last_modified(row: Row, _around: Surroundings) -> str:
    return format_http_date(row.modified_at)


def _creation_date(row: Row, _around: Surroundings) -> str:
    return f"{row.created_at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _lock_discovery(row: Row, around: Surroundings) -> str:
    return around.locks.get(row.id, "")


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
    return str(row.id) if row.id else None


def _size(row: Row, _around: Surroundings) -> str | None:
    return None if row.is_folder else str(row.size)


def _checksums(row: Row, _around: Surroundings) -> str | None:
    return f"<oc:checksum>SHA256:{row.sha256}</oc:checksum>" if row.sha256 else None


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
