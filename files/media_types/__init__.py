"""What a file is, by its first bytes, and how much of that a browser may be trusted with.

The type never comes from a client. What may be shown inline is decided by signatures of our own,
text by looking at every byte at hand; puremagic names the rest, which is only ever downloaded.
Markup that a browser could run as a page is recognised to be kept from being shown, not cleaned.
"""

from typing import Final

from files.media_types.binary import guessed_type, marked_type
from files.media_types.display import inline_type, is_inline_safe, kind_of
from files.media_types.text import text_type, text_type_of_name

__all__ = ["HEAD_BYTES", "UNKNOWN", "inline_type", "is_inline_safe", "kind_of", "sniff"]

HEAD_BYTES: Final = 65_536  # the most that sniff looks at; an ISO image has its mark at 32,769
UNKNOWN: Final = "application/octet-stream"


def sniff(head: bytes, name: str) -> str:
    """Tell the media type of a file from its beginning, and from its name where bytes cannot.

    head is the first HEAD_BYTES of the content, or all of it if it is shorter: what is beyond is
    not looked at. An empty file has the type of its name if that is text. Never raises, and takes
    a millisecond or two whatever the bytes are.
    """
    head = head[:HEAD_BYTES]
    extension = _extension(name)
    if not head:
        return text_type_of_name(extension) or UNKNOWN
    return (
        marked_type(head, extension)
        or text_type(head, extension)
        or guessed_type(head, extension)
        or UNKNOWN
    )


def _extension(name: str) -> str:
    """Give the last extension of a name, in lower case and without its dot."""
    return name.rpartition(".")[2].lower() if "." in name else ""
