"""The Content-Disposition of an answer (RFC 6266, RFC 8187)."""

import re
import unicodedata
from typing import Literal
from urllib.parse import quote

# What a quoted file name may hold whatever the client does with it: no quote, backslash or
# semicolon (where it ends), no percent sign (some decode it), no slash, nothing beyond ASCII.
_UNSAFE = re.compile(r"[^A-Za-z0-9 !#$&'()+,.=@\[\]^_`{}~-]")
_ATTR_CHARS = "!#$&+-.^_`|~"  # RFC 8187, 3.2.1, beside letters and digits


def content_disposition(kind: Literal["inline", "attachment"], name: str) -> str:
    """Write a field value that makes a client show a file, or save it, under its name.

    Always ASCII without line breaks, for any name. A name beyond plain ASCII goes into
    filename*, where it is kept exactly; filename has a likeness of it for clients of old.
    """
    likeness = _UNSAFE.sub("_", _without_accents(name)) or "_"
    value = f'{kind}; filename="{likeness}"'
    if likeness != name:
        value += f"; filename*=UTF-8''{quote(name, safe=_ATTR_CHARS, errors='replace')}"
    return value


def _without_accents(text: str) -> str:
    """Take the marks off letters: "é" becomes "e"."""
    letters = unicodedata.normalize("NFD", text)
    return "".join(letter for letter in letters if not unicodedata.combining(letter))
