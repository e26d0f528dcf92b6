"""What a request that brings one whole file says of it beside the bytes, in any protocol that PUTs.

Its modification time (X-OC-Mtime, as ownCloud's and Nextcloud's clients, rclone and others send
it), its digests (RFC 9530), and its type.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final
from urllib.parse import unquote_to_bytes

from files.errors import InvalidNameError, MalformedRequestError, UnsupportedTypeError
from files.names import check_name
from files.operations.wanted import Wanted

from .digest_fields import ContentCheck, stated_digests
from .heads import Head

# What can be shown in every time zone; Python has no more than years 1 to 9999.
_EARLIEST: Final = datetime(1, 1, 3, tzinfo=UTC)
_LATEST: Final = datetime(9999, 12, 29, tzinfo=UTC)
_SECONDS: Final = re.compile(r"-?[0-9]{1,12}(\.[0-9]{1,12})?", re.ASCII)  # since the epoch
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def stated_file(head: Head, name: str) -> tuple[Wanted, ContentCheck | None]:
    """Say what file a request brings under a name, and what checks digests beside the SHA-256.

    Raises MalformedRequestError, also for a part of a file, and UnsupportedTypeError.
    """
    headers = head.headers
    if "content-range" in headers:
        # RFC 9110, 14.5: a part that is taken for the whole would destroy a file.
        raise MalformedRequestError(reason="content-range")
    require_unpacked(headers)
    sha256, checksum = _digests(headers)
    wanted = Wanted(
        path=(name,),
        length=head.size,
        modified_at=_modified_at(headers),
        media_type=media_type_of(headers),
        sha256=sha256,
    )
    return wanted, checksum


def stated_name(encoded: str) -> str:
    """Give the name that the last part of a path says. Raises InvalidNameError."""
    try:
        return check_name(unquote_to_bytes(encoded).decode())
    except UnicodeDecodeError:
        raise InvalidNameError(reason="encoding") from None


def media_type_of(headers: Mapping[str, str]) -> str:
    """Give the media type of a body, without its parameters and in lower case."""
    return headers.get("content-type", "").partition(";")[0].strip().lower()


def require_unpacked(headers: Mapping[str, str]) -> None:
    """Refuse packed bytes, which would be kept under the name of what they pack.

    Raises UnsupportedTypeError.
    """
    if headers.get("content-encoding", "identity").lower() != "identity":
        raise UnsupportedTypeError(expected="identity")


def require_time(time: datetime, reason: str) -> datetime:
    """Make sure that an aware time can be shown anywhere. Raises MalformedRequestError."""
    if not _EARLIEST <= time <= _LATEST:
        raise MalformedRequestError(reason=reason)
    return time.astimezone(UTC)


def seconds_time(text: str, reason: str) -> datetime:
    """Read a time that is told in seconds since the epoch. Raises MalformedRequestError."""
    if not _SECONDS.fullmatch(text):
        raise MalformedRequestError(reason=reason)
    try:
        time = _EPOCH + timedelta(microseconds=int(Decimal(text) * 10**6))
    except OverflowError:
        raise MalformedRequestError(reason=reason) from None
    return require_time(time, reason)


def _modified_at(headers: Mapping[str, str]) -> datetime | None:
    """Give the time that a client states for its file. Raises MalformedRequestError."""
    text = headers.get("x-oc-mtime")
    return None if text is None else seconds_time(text, "x-oc-mtime")


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
