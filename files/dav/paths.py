"""Addresses: from the target of a request to names, and back to an href.

The first name is that of a space, the others are names of entries. All is exact: a name may hold
anything that an entry's may, percent-encoded, and nothing is tidied away.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Self
from urllib.parse import quote, unquote_to_bytes, urlsplit

from django.conf import settings

from files.dav_errors import ForeignDestinationError
from files.errors import InvalidNameError, MalformedRequestError, TooDeepError
from files.http.heads import Head
from files.names import check_name

PREFIX: Final = "/dav"
_PORTS: Final = {"http": ":80", "https": ":443"}


@dataclass(frozen=True, slots=True)
class DavPath:
    """What an address says: names from a space downwards, and whether a slash ends it."""

    names: tuple[str, ...]
    has_slash: bool = True

    @classmethod
    def parse(cls, target: str) -> Self:
        """Read the path of a request as it was sent. Raises InvalidNameError and TooDeepError."""
        rest = target.removeprefix(PREFIX).removeprefix("/")
        if not rest:
            return cls(())
        segments = rest.removesuffix("/").split("/", settings.FILES_MAX_DEPTH + 1)
        if len(segments) > settings.FILES_MAX_DEPTH + 1:
            raise TooDeepError(limit=settings.FILES_MAX_DEPTH)
        return cls(tuple(_name(segment) for segment in segments), rest.endswith("/"))

    @property
    def name(self) -> str:
        """Give the last name; an empty text for the collection of all spaces."""
        return self.names[-1] if self.names else ""

    @property
    def parent(self) -> "DavPath":
        """Give the path of the collection that this lies in."""
        return DavPath(self.names[:-1])

    def beside(self, name: str) -> "DavPath":
        """Give the path of what has another name in the same collection."""
        return DavPath((*self.names[:-1], name))

    @property
    def below_space(self) -> tuple[str, ...]:
        """Give the names below the space."""
        return self.names[1:]

    def href(self, *, is_collection: bool) -> str:
        """Write the address; a collection's ends with a slash (RFC 4918, 5.2)."""
        path = "".join(f"/{quote(name, safe='')}" for name in self.names)
        return f"{PREFIX}{path}/" if is_collection else f"{PREFIX}{path}"


def is_dav_path(target: str) -> bool:
    """Tell whether an address belongs to WebDAV."""
    return target == PREFIX or target.startswith(f"{PREFIX}/")


def _name(segment: str) -> str:
    """Decode one name. Raises InvalidNameError, also for a slash that was percent-encoded."""
    try:
        return check_name(unquote_to_bytes(segment).decode())
    except UnicodeDecodeError:
        raise InvalidNameError(reason="encoding") from None


def destination_of(head: Head) -> DavPath:
    """Read where a copy or a move goes (RFC 4918, 10.3).

    Raises MalformedRequestError, ForeignDestinationError for another host, and what parse raises.
    """
    return resource_of(head.headers.get("destination", ""), head.headers, reason="destination")


def resource_of(url: str, headers: Mapping[str, str], *, reason: str) -> DavPath:
    """Read the address of one of our resources: whole, or from its path on (RFC 4918, 8.3).

    Raises what destination_of raises; reason names where the address stands.
    """
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - raises for one that is no number
    except ValueError:
        raise MalformedRequestError(reason=reason) from None
    if not url or not url.isascii() or parts.query or parts.fragment or parts.username is not None:
        raise MalformedRequestError(reason=reason)
    if parts.scheme or parts.netloc:
        _require_own(parts.scheme, parts.netloc, headers.get("host", ""))
    if not is_dav_path(parts.path):
        raise ForeignDestinationError
    return DavPath.parse(parts.path)


def _require_own(scheme: str, netloc: str, host: str) -> None:
    """Raise ForeignDestinationError for an address that is not of this server.

    The scheme is not held against the request's: behind a proxy that ends TLS and does not say so,
    the client's is another one.
    """
    port = _PORTS.get(scheme.lower())
    if port is None or netloc.lower().removesuffix(port) != host.lower().removesuffix(port):
        raise ForeignDestinationError
