"""What our nginx says of bodies that it receives into files (docs/adr/0010-landing.md).

Before it takes a body, nginx asks with the head of the request whether it may come (ADMIT). When
the body is there, nginx passes the request on without it and names the file. Both are believed only
with the key of a start of nginx that runs on this disk; a request that says such things without it
is refused, since what it would leave out is its body.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, Self
from urllib.parse import unquote
from uuid import UUID

from django.conf import settings
from django.utils import timezone

from files.errors import FilesError, MalformedRequestError, StorageFailedError
from files.operations.blobs import blob_storage
from files.operations.wanted import require_size
from files.storage.landing import LandedFile, start_of_key

from .disk import in_disk_thread, translated
from .handler import Scope

ADMIT: Final = "/_landing/admit"

TICKET: Final = b"x-landing-ticket"

_PREFIX: Final = b"x-landing-"
_KEY: Final = b"x-landing-key"
_FILE: Final = b"x-landing-file"  # empty where nginx could not take the body
_LENGTH: Final = b"x-landing-length"
_METHOD: Final = b"x-landing-method"
_TARGET: Final = b"x-landing-target"


class LandingRefusedError(Exception):
    """A body is to be streamed, though it may come: not one that nginx can receive for us."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """What an admitted request gets, and shows when its body has landed."""

    upload_id: UUID
    until: datetime  # past it, the upload that was begun may have been forgotten

    def __str__(self) -> str:
        return f"{self.upload_id.hex}.{int(self.until.timestamp())}"

    @classmethod
    def read(cls, text: str) -> Self:
        """Read one. Raises ValueError."""
        upload_id, _, until = text.partition(".")
        return cls(UUID(hex=upload_id), datetime.fromtimestamp(int(until), tz=UTC))

    @property
    def is_over(self) -> bool:
        """Tell whether its time is over."""
        return timezone.now() >= self.until


@dataclass(slots=True)
class Landed:
    """A body that nginx has received into a file, or could not."""

    size: int  # bytes, as the request states them
    ticket: Ticket
    found: LandedFile | FilesError = field(repr=False)
    is_settled: bool = False  # whether somebody sees to the upload that was begun for it

    def file(self) -> LandedFile:
        """Give the file. Raises DiskFullError and StorageFailedError where there is none."""
        if isinstance(self.found, FilesError):
            raise self.found
        return self.found

    def close(self) -> None:
        """Close the file; what nobody has taken is nginx's to remove."""
        if isinstance(self.found, LandedFile):
            self.found.close()


def _said(scope: Scope) -> dict[bytes, bytes]:
    """Give what a request says of landing; nginx sends each header once and none empty."""
    return {name: value for name, value in scope["headers"] if name.startswith(_PREFIX)}


async def landed_of(scope: Scope) -> Landed | None:
    """Claim the file of a request; None for one that brings its body itself, as most do.

    Raises MalformedRequestError for one that speaks of landing without being believed.
    """
    said = _said(scope)
    if not said:
        return None
    return await in_disk_thread(_claim, said)


def _claim(said: dict[bytes, bytes]) -> Landed:
    """Open the file that nginx names, before anything else is decided; in a thread."""
    start, size = _start(said), _size(said)
    ticket, path = said.get(TICKET, b"").decode("latin-1"), said.get(_FILE, b"").decode("latin-1")
    try:
        read = Ticket.read(ticket)
    except (ValueError, OverflowError, OSError):
        raise MalformedRequestError(reason="x-landing-ticket") from None
    return Landed(size, read, _open(start, path, size))


def _open(start: str, path: str, size: int) -> LandedFile | FilesError:
    """Open a landed file, or tell why there is none."""
    try:
        if not path:
            require_size(size)  # nginx does not say what was wrong; a full disk is the likely thing
            return StorageFailedError()
        return LandedFile(blob_storage(), start, path, size)
    except FilesError as error:
        return error
    except OSError as error:
        return translated(error)


async def is_our_nginx(scope: Scope) -> bool:
    """Tell whether our nginx asks."""
    try:
        await in_disk_thread(_start, _said(scope))
    except MalformedRequestError:
        return False
    return True


def _start(said: dict[bytes, bytes]) -> str:
    """Give the start of nginx that says so. Raises MalformedRequestError if none that runs does."""
    key = said.get(_KEY, b"").decode("latin-1")
    start = start_of_key(blob_storage(), key) if settings.FILES_LANDING else None
    if start is None:
        raise MalformedRequestError(reason="x-landing-key")
    return start


def _size(said: dict[bytes, bytes]) -> int:
    """Give the length that the request states. Raises MalformedRequestError."""
    text = said.get(_LENGTH, b"")
    if not text.isdigit() or len(text) > 18:  # noqa: PLR2004 - more than any disk has
        raise MalformedRequestError(reason="x-landing-length")
    return int(text)


def asked_scope(scope: Scope) -> Scope:
    """Give the request that nginx asks about, as it would have come to us, but for its body.

    Raises MalformedRequestError.
    """
    said = _said(scope)
    path, _, query = said.get(_TARGET, b"").partition(b"?")
    size = _size(said)
    left_out = {b"content-length", b"transfer-encoding"}
    headers = [
        (name, value)
        for name, value in scope["headers"]
        if name not in left_out and not name.startswith(_PREFIX)
    ]
    return {
        **scope,
        "method": said.get(_METHOD, b"").decode("latin-1"),
        "path": unquote(path.decode("latin-1")),
        "raw_path": path,
        "query_string": query,
        "headers": [*headers, (b"content-length", str(size).encode())],
    }
