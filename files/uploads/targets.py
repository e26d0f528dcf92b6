"""What a request to begin an upload says of its file beside the bytes: where to, which, since when.

The address has the folder and the path, as in /uploads/?folder=7&path=a/b.txt. A client that cannot
choose its address's query for each file gives the name by Content-Disposition (RFC 6266).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from urllib.parse import parse_qs, unquote_to_bytes

from django.conf import settings

from files.errors import MalformedRequestError
from files.http.digest_fields import stated_sha256
from files.http.stated import require_time, require_unpacked
from files.ids import id_of
from files.names import split_path
from files.operations.placing import Clash

_KNOWN: Final = frozenset({"folder", "path", "modified", "sha256", "clash"})
_FOLDER: Final = re.compile(r"[0-9]+", re.ASCII)
_SHA256: Final = re.compile(r"[0-9a-fA-F]{64}")
_TOKEN: Final = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"  # noqa: S105 - the grammar's word (RFC 9110, 5.6.2)
_MEDIA_TYPE: Final = re.compile(rf"({_TOKEN}/{_TOKEN})[ \t]*(?:;.*)?")
_TYPE: Final = re.compile(rf"{_TOKEN}[ \t]*")
_PARAMETER: Final = re.compile(rf';[ \t]*({_TOKEN})=({_TOKEN}|"(?:[^"\\]|\\.)*")[ \t]*')

# What a body is called that is only a part of a file: it says nothing of the file.
_PARTS: Final = frozenset({"application/partial-upload", "application/offset+octet-stream"})


@dataclass(frozen=True, slots=True)
class Target:
    """What is said of a file that is to come."""

    folder_id: int
    path: tuple[str, ...]
    modified_at: datetime | None
    media_type: str
    sha256: str
    clash: Clash


def target_of(query: str, headers: Mapping[str, str]) -> Target:
    """Read it from the query and the headers.

    Raises MalformedRequestError, whose reason names the field, InvalidNameError, TooDeepError, and
    UnsupportedTypeError for packed bytes, which would be kept under the name of what they pack.
    """
    require_unpacked(headers)
    fields = query_fields(query)
    folder = fields.get("folder", "")
    if not _FOLDER.fullmatch(folder):
        raise MalformedRequestError(reason="folder")
    path = fields.get("path") or _filename(headers.get("content-disposition"))
    if not path:
        raise MalformedRequestError(reason="path")
    return Target(
        folder_id=id_of(folder),
        path=split_path(path, max_depth=settings.FILES_MAX_DEPTH),
        modified_at=_time(fields["modified"]) if "modified" in fields else None,
        media_type=_media_type(headers.get("content-type", "")),
        sha256=_sha256(fields.get("sha256"), stated_sha256(headers)),
        clash=_clash(fields.get("clash")),
    )


def query_fields(query: str) -> dict[str, str]:
    """Read the query; fields of other names are left to who else may look at them."""
    try:
        found = parse_qs(
            query.encode("ascii").decode(), keep_blank_values=True, errors="strict",
            max_num_fields=20,
        )  # fmt: skip
    except ValueError:  # not ASCII, not UTF-8 behind the %, or too many
        raise MalformedRequestError(reason="query") from None
    for name, values in found.items():
        if name in _KNOWN and len(values) > 1:
            raise MalformedRequestError(reason=name)
    return {name: values[0] for name, values in found.items()}


def _filename(disposition: str | None) -> str:
    """Give the file name of a Content-Disposition; an empty text where there is none.

    filename* counts more than filename (RFC 6266, 4.3). Raises MalformedRequestError.
    """
    if disposition is None:
        return ""
    match = _TYPE.match(disposition)
    parameters: dict[str, str] = {}
    at = match.end() if match else 0
    while at and at < len(disposition):
        match = _PARAMETER.match(disposition, at)
        if match is None or match[1].lower() in parameters:
            raise MalformedRequestError(reason="content-disposition")
        parameters[match[1].lower()] = match[2]
        at = match.end()
    if not at:
        raise MalformedRequestError(reason="content-disposition")
    try:
        if "filename*" in parameters:
            return _extended(parameters["filename*"])
        return _unquoted(parameters.get("filename", "")).encode("latin-1").decode()
    except UnicodeDecodeError:
        raise MalformedRequestError(reason="content-disposition") from None


def _extended(value: str) -> str:
    """Read an extended value (RFC 8187), of which only UTF-8 is spoken. Raises as decoding does."""
    charset, _language, text = [*value.split("'", 2), "", ""][:3]
    if charset.lower() != "utf-8":
        raise MalformedRequestError(reason="content-disposition")
    return unquote_to_bytes(text).decode()


def _unquoted(value: str) -> str:
    """Read a token or a quoted string."""
    return re.sub(r"\\(.)", r"\1", value[1:-1]) if value.startswith('"') else value


def _time(text: str) -> datetime:
    """Read a time with its zone, as RFC 3339 writes it. Raises MalformedRequestError."""
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise MalformedRequestError(reason="modified") from None
    if time.tzinfo is None:
        raise MalformedRequestError(reason="modified")
    return require_time(time, "modified")


def _media_type(text: str) -> str:
    """Give the type that a client claims for its file; an empty text if it claims none."""
    match = _MEDIA_TYPE.fullmatch(text)
    media_type = match[1].lower() if match else ""
    return "" if media_type in _PARTS else media_type


def _sha256(from_query: str | None, from_header: str) -> str:
    """Give the SHA-256 that is stated. Raises MalformedRequestError for two that differ."""
    if from_query is None:
        return from_header
    if not _SHA256.fullmatch(from_query):
        raise MalformedRequestError(reason="sha256")
    if from_header and from_header != from_query.lower():
        raise MalformedRequestError(reason="sha256")
    return from_query.lower()


def _clash(text: str | None) -> Clash:
    """Give what is to happen where the name is taken. Raises MalformedRequestError."""
    try:
        return Clash(text) if text is not None else Clash.NEW_VERSION
    except ValueError:
        raise MalformedRequestError(reason="clash") from None
