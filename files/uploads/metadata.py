"""What a tus client says of its file (tus 1.0, Upload-Metadata): keys, and values in Base64.

Read are `folder`, `relativePath` (or `filename`, or `name`), `filetype` (or `type`), `mtime` (or
`lastModified`), `sha256` and `clash`; keys of other meaning are read over, once they are well
written. Given back is the header as it came; of an upload that was begun in another way, what is
known of it, under the same keys.
"""

import binascii
import re
from base64 import b64decode, b64encode
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final

from django.conf import settings

from files.errors import MalformedRequestError
from files.http.stated import require_time
from files.ids import id_of
from files.models import Upload
from files.names import split_path
from files.operations.placing import Clash
from files.operations.wanted import Wanted

MAX_SIZE: Final = 8192  # characters of the header; also what nginx takes for one line
_KEY: Final = re.compile(r"[!-+\--~]{1,64}")  # visible ASCII but the comma
_FOLDER: Final = re.compile(r"[0-9]+", re.ASCII)
_SECONDS: Final = re.compile(r"-?[0-9]{1,12}(\.[0-9]{1,12})?", re.ASCII)
_MILLISECONDS: Final = re.compile(r"-?[0-9]{1,15}", re.ASCII)
_SHA256: Final = re.compile(r"[0-9a-fA-F]{64}")
_TYPE: Final = re.compile(r"[!-~](?:[ -~]{0,253}[!-~])?")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def parse_metadata(text: str) -> dict[str, str]:
    """Read the header into texts by key. Raises MalformedRequestError."""
    if len(text) > MAX_SIZE:
        raise _malformed("upload-metadata", limit=MAX_SIZE)
    found: dict[str, str] = {}
    for pair in text.split(",") if text.strip() else []:
        key, _, encoded = pair.strip(" \t").partition(" ")
        if not _KEY.fullmatch(key) or key in found:
            raise _malformed("upload-metadata")
        try:
            found[key] = b64decode(encoded, validate=True).decode()
        except (binascii.Error, ValueError):  # not Base64, not ASCII, not UTF-8
            raise _malformed(key) from None
    return found


def folder_of(metadata: Mapping[str, str], query: str | None) -> int:
    """Give the folder that a file goes to; query is the address's, where the metadata has none.

    Raises MalformedRequestError.
    """
    text = metadata.get("folder", query) or ""
    if not _FOLDER.fullmatch(text):
        raise _malformed("folder")
    return id_of(text)


def wanted_of(metadata: Mapping[str, str], length: int | None) -> Wanted:
    """Give what a client wants to upload.

    Raises MalformedRequestError, whose reason names the key, InvalidNameError and TooDeepError.
    """
    return Wanted(
        path=split_path(_path(metadata), max_depth=settings.FILES_MAX_DEPTH),
        length=length,
        modified_at=_modified_at(metadata),
        media_type=_media_type(metadata),
        sha256=_sha256(metadata.get("sha256", "")),
        clash=_clash(metadata.get("clash", "")),
    )


def _path(metadata: Mapping[str, str]) -> str:
    """Give the path of the file below the folder."""
    name = metadata.get("filename") or metadata.get("name") or ""
    path = metadata.get("relativePath") or ""
    if path == "null" and name:
        path = ""  # Uppy's word for a file that came without a folder
    if not (path or name):
        raise _malformed("relativePath")
    return path or name


def _modified_at(metadata: Mapping[str, str]) -> datetime | None:
    """Give the time of the file: seconds since the epoch, or as browsers have it, milliseconds."""
    for key, pattern, unit in (("mtime", _SECONDS, 10**6), ("lastModified", _MILLISECONDS, 10**3)):
        text = metadata.get(key, "")
        if not text:
            continue
        if not pattern.fullmatch(text):
            raise _malformed(key)
        try:
            time = _EPOCH + timedelta(microseconds=int(Decimal(text) * unit))
        except OverflowError:
            raise _malformed(key) from None
        return require_time(time, key)
    return None


def _media_type(metadata: Mapping[str, str]) -> str:
    """Give the type that the client claims."""
    for key in ("filetype", "type"):
        if text := metadata.get(key, ""):
            if not _TYPE.fullmatch(text):
                raise _malformed(key)
            return text
    return ""


def _sha256(text: str) -> str:
    """Give the digest that is stated, in lower case; an empty text if none is."""
    if text and not _SHA256.fullmatch(text):
        raise _malformed("sha256")
    return text.lower()


def _clash(text: str) -> Clash:
    """Give what is to happen where the name is taken."""
    try:
        return Clash(text) if text else Clash.NEW_VERSION
    except ValueError:
        raise _malformed("clash", expected=[clash.value for clash in Clash]) from None


def write_metadata(upload: Upload) -> str:
    """Write what is known of an upload that another protocol began."""
    fields: dict[str, str] = {}
    if upload.folder_id is not None:
        fields["folder"] = str(upload.folder_id)
    fields["relativePath"] = upload.path
    if upload.media_type:
        fields["filetype"] = upload.media_type
    if upload.modified_at is not None:
        since = upload.modified_at - _EPOCH
        fields["lastModified"] = str(since // timedelta(milliseconds=1))
    if upload.sha256:
        fields["sha256"] = upload.sha256
    fields["clash"] = upload.clash
    encoded = ((key, b64encode(value.encode()).decode()) for key, value in fields.items())
    return ",".join(f"{key} {value}" for key, value in encoded)


def _malformed(reason: str, **data: object) -> MalformedRequestError:
    """Make the error that says which part of the metadata is wrong."""
    return MalformedRequestError(reason=reason, **data)
