"""Upload-Metadata: what a tus client says of its file (tus 1.0, Creation)."""

import binascii
import re
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from django.conf import settings

from files.errors import MalformedRequestError
from files.names import split_path
from files.operations.placing import Clash

MAX_SIZE: Final = 8192  # bytes of the header

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_SHA256: Final = re.compile(r"[0-9a-fA-F]{64}")
_FOLDER: Final = re.compile(r"[0-9]{1,18}", re.ASCII)
_NUMBER: Final = re.compile(r"-?[0-9]{1,17}(?:\.[0-9]{1,9})?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Metadata:
    """What is understood of it; anything else is only kept."""

    folder_id: int | None
    path: tuple[str, ...]
    modified_at: datetime | None
    media_type: str
    sha256: str
    clash: Clash


def parse_metadata(text: str) -> dict[str, str]:
    """Read the pairs: keys, each with a value in Base64 or without one.

    Raises MalformedRequestError for what is no such list, or no UTF-8.
    """
    if len(text) > MAX_SIZE:
        raise MalformedRequestError(reason="upload-metadata")
    values: dict[str, str] = {}
    for pair in text.split(",") if text.strip() else ():
        key, _space, value = pair.strip().partition(" ")
        try:
            if not key or not key.isascii() or key in values:
                raise MalformedRequestError(reason="upload-metadata")
            values[key] = b64decode(value.strip(), validate=True).decode()
        except (binascii.Error, ValueError):
            raise MalformedRequestError(reason="upload-metadata") from None
    return values


def metadata_of(values: Mapping[str, str]) -> Metadata:
    """Understand what clients say of their files.

    folder is the id of the folder to put it into; relativePath, or else filename or name, the path
    below it; filetype or type what they take it for; lastModified (milliseconds since 1970) or
    mtime (seconds) when it was changed; sha256 its digest in hex; clash what is to happen where the
    name is taken. Raises MalformedRequestError, whose reason names the key, and InvalidNameError.
    """
    folder = values.get("folder", "")
    if folder and not _FOLDER.fullmatch(folder):
        raise MalformedRequestError(reason="folder")
    path = values.get("relativePath") or values.get("filename") or values.get("name")
    if not path:
        raise MalformedRequestError(reason="filename")
    sha256 = values.get("sha256", "")
    if sha256 and not _SHA256.fullmatch(sha256):
        raise MalformedRequestError(reason="sha256")
    return Metadata(
        folder_id=int(folder) if folder else None,
        path=split_path(path, max_depth=settings.FILES_MAX_DEPTH),
        modified_at=_modified_at(values),
        media_type=values.get("filetype") or values.get("type", ""),
        sha256=sha256.lower(),
        clash=_clash(values.get("clash", "")),
    )


def _clash(text: str) -> Clash:
    """Give what is to happen where the name is taken."""
    try:
        return Clash(text) if text else Clash.NEW_VERSION
    except ValueError:
        raise MalformedRequestError(reason="clash") from None


def _modified_at(values: Mapping[str, str]) -> datetime | None:
    """Give when a file was changed last; None where nothing is said."""
    key = "lastModified" if values.get("lastModified") else "mtime"
    text = values.get(key)
    if not text:
        return None
    if not _NUMBER.fullmatch(text):
        raise MalformedRequestError(reason=key)
    factor = 1000 if key == "lastModified" else 1_000_000
    whole, _dot, part = text.partition(".")
    microseconds = int(whole) * factor + int(float(f"0.{part or 0}") * factor)
    try:
        return _EPOCH + timedelta(microseconds=microseconds)
    except OverflowError:
        raise MalformedRequestError(reason=key) from None
