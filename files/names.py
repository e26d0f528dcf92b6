"""What the name of a file or folder may be, and which names count as the same.

A name is kept exactly as it was given. Two decisions that are easy to doubt:

- A backslash is an ordinary character. It is one on Linux and macOS, browsers send relative paths
  with "/" on every system, and those that sent whole Windows paths are gone. Whatever builds a
  path out of names deals with it where it matters (files/http/archive_names.py).
- Bidirectional controls are kept: names copied from Windows dialogs do begin with U+202A. They can
  make "exe.gpj" look like another type, so pages show visible_name, in an element of its own.
"""

import re
import unicodedata
from typing import Final

from files.errors import InvalidNameError, TooDeepError

MAX_NAME_BYTES: Final = 255  # what ext4, XFS, APFS and NTFS can hold, so that names survive a copy

# Controls (Cc), line and paragraph separators (they break lists and logs in two), and the two
# noncharacters that XML 1.0 cannot carry: one of them would make a WebDAV listing unreadable.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ufffe\uffff]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_BIDI_CONTROL = re.compile("[\u202a-\u202e\u2066-\u2069]")
# "report.pdf" and "backup.tar.gz", but not "Meeting of Dr. Smith".
_EXTENSION = re.compile(r"(?:\.tar)?\.[^\s.()]{1,16}\Z", re.IGNORECASE)


def check_name(name: str) -> str:
    """Give a name back as it is, if it is one that an entry may have.

    That is 1 to 255 bytes of UTF-8 without "/", controls or line breaks, and not "." or "..".
    Raises InvalidNameError; its reason is empty, encoding, reserved, slash, control or too-long.
    """
    reason = _fault(name)
    if reason:
        raise InvalidNameError(reason=reason)
    return name


def _fault(name: str) -> str:
    """Say which rule a name breaks; an empty text if it breaks none."""
    faults = {
        "empty": not name,
        "encoding": bool(_SURROGATE.search(name)),
        "reserved": name in {".", ".."},
        "slash": "/" in name,
        "control": bool(_CONTROL.search(name)),
        "too-long": _size(name) > MAX_NAME_BYTES,
    }
    return next((reason for reason, is_broken in faults.items() if is_broken), "")


def _size(text: str) -> int:
    """Count the bytes of a text in UTF-8; a lone surrogate counts three."""
    return len(text.encode(errors="surrogatepass"))


def name_key(name: str) -> str:
    """Give the form that a name is found by: NFC, at most as many characters as name has bytes."""
    return unicodedata.normalize("NFC", name)


def name_fold(name: str) -> str:
    """Give the form in which names are sorted, searched and compared without regard to case.

    Canonical caseless matching (Unicode, 3.13, D145), in NFC.
    """
    return name_key(unicodedata.normalize("NFD", name).casefold())


def visible_name(name: str) -> str:
    """Give a name for people to read: what would reorder its letters is shown as U+FFFD."""
    return _BIDI_CONTROL.sub("\ufffd", name)


def numbered_name(
    name: str, n: int, suffix_text: str | None = None, *, is_folder: bool = False
) -> str:
    """Put a number, or a word and a number, behind a name and before its extension.

    "report.pdf" becomes "report (2).pdf"; with a suffix_text, "report (copy).pdf" for 1 and
    "report (copy 2).pdf" for 2. A folder has no extension: "v1.2" becomes "v1.2 (2)". The result
    keeps to MAX_NAME_BYTES at the cost of the stem; suffix_text must be a word or two.
    """
    stem, extension = _split_extension(name, is_folder=is_folder)
    label = str(n) if suffix_text is None else f"{suffix_text} {n}" if n > 1 else suffix_text
    ending = f" ({label}){extension}"
    return _shorten(stem, MAX_NAME_BYTES - _size(ending)) + ending


def _split_extension(name: str, *, is_folder: bool) -> tuple[str, str]:
    """Split a name into its stem and its extension, dot included."""
    found = None if is_folder else _EXTENSION.search(name)
    stem = name[: found.start()] if found else name
    # ".bashrc" is all name.
    return (stem, name[len(stem) :]) if stem.strip(".") else (name, "")


def _shorten(text: str, size: int) -> str:
    """Cut a text to at most that many bytes, not between a letter and its marks."""
    cut = text.encode()[:size].decode(errors="ignore")
    end = len(cut)
    while 0 < end < len(text) and _is_joined(text[end - 1], text[end]):
        end -= 1
    return text[:end] or cut


def _is_joined(before: str, after: str) -> bool:
    """Tell whether two characters belong to one written sign (roughly Unicode Annex 29)."""
    return "\u200d" in {before, after} or unicodedata.category(after).startswith("M")


def split_path(path: str, *, max_depth: int) -> tuple[str, ...]:
    """Split a relative path, as browsers send it with a file of a folder, into its names.

    Nothing is tidied: an empty name (a slash in front, doubled or at the end), "." and ".." are
    refused, so that a path has one reading. Raises InvalidNameError as check_name does, and
    TooDeepError if there are more than max_depth names.
    """
    names = path.split("/", max_depth)
    if len(names) > max_depth:
        raise TooDeepError(limit=max_depth)
    return tuple(check_name(name) for name in names)
