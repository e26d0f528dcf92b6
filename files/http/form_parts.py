"""What the head of a part of a multipart form says."""

import re
from typing import Final

from multipart import MultipartSegment

from files.errors import MalformedRequestError

# How browsers name a file (WHATWG HTML, "multipart form data"); a backslash is one of its letters.
_DISPOSITION: Final = re.compile(r'form-data; name="[^"]*"; filename="([^"]*)"')
_AS_IT_IS: Final = {"7bit", "8bit", "binary"}  # transfer encodings that change nothing


def filename_of(segment: MultipartSegment) -> str | None:
    """Give the name that a part states for its file; None for a part that is no file.

    The parser would cut what looks like a path of Windows, for browsers that are gone.
    """
    match = _DISPOSITION.fullmatch(segment.header("Content-Disposition"))
    if match is None:
        name: str | None = segment.filename
        return name
    return match[1].replace("%0D", "\r").replace("%0A", "\n").replace("%22", '"')


def check_headers(segment: MultipartSegment) -> None:
    """Refuse what would make the bytes mean something else. Raises MalformedRequestError."""
    names = [name for name, _value in segment.headerlist]
    if len(set(names)) < len(names):
        raise MalformedRequestError(reason="headers")
    # RFC 7578, 4.7: nobody sends it. Stored as it is, the file would not be what was sent.
    if segment.header("Content-Transfer-Encoding", "binary").strip().lower() not in _AS_IT_IS:
        raise MalformedRequestError(reason="transfer-encoding")
