"""Headers that every upload protocol reads or writes in the same way."""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from email.utils import format_datetime
from typing import Final

from django.urls import reverse

from files.errors import MalformedRequestError
from files.http.digest_fields import repr_digest
from files.models import Upload

_SIZE: Final = re.compile(r"[0-9]{1,18}", re.ASCII)  # bytes; more digits than any disk needs


def read_size(headers: Mapping[str, str], name: str) -> int | None:
    """Read a plain number of bytes; None where there is none. Raises MalformedRequestError."""
    text = headers.get(name)
    if text is None:
        return None
    if not _SIZE.fullmatch(text):
        raise MalformedRequestError(reason=name)
    return int(text)


def http_date(time: datetime) -> str:
    """Write an aware time, in UTC, as RFC 9110, 5.6.7 has it."""
    return format_datetime(time, usegmt=True)


def entry_path(upload: Upload) -> str:
    """Give the address of the file that a finished upload has become."""
    return reverse("web:entry", args=[upload.entry_id])


def result_of(upload: Upload) -> Iterator[tuple[str, str]]:
    """Write what a finished upload has become: its file, and the digest where that is known."""
    if upload.is_finished:
        yield ("Upload-Entry", entry_path(upload))
        if upload.sha256:
            yield ("Repr-Digest", repr_digest(upload.sha256))
