"""Structured fields (RFC 9651), as far as the headers of uploads need them.

Booleans, integers and byte sequences; as one item, or as the members of a dictionary. Parameters
are read over, as the fields that are read here define none. What breaks the grammar is None: the
caller decides whether such a field is ignored or refused.
"""

import binascii
import re
from base64 import b64decode, b64encode
from collections.abc import Mapping
from typing import Final

type Value = bool | int | bytes

_STRING: Final = r'"(?:[ -!#-[\]-~]|\\["\\])*"'
_WORD: Final = r"[A-Za-z*][!#$%&'*+.^_`|~0-9A-Za-z:/-]*"
_BARE: Final = rf"(?:\?[01]|-?[0-9]{{1,15}}|:[A-Za-z0-9+/=]*:|{_STRING}|{_WORD})"
_KEY: Final = r"[a-z*][a-z0-9_.*-]*"
_PARAMETERS: Final = rf"(?:; *{_KEY}(?:={_BARE})?)*"
_ITEM: Final = re.compile(rf" *({_BARE}){_PARAMETERS} *")
_MEMBER: Final = re.compile(rf"({_KEY})(?:=({_BARE}))?{_PARAMETERS}")
_COMMA: Final = re.compile(r"[ \t]*,[ \t]*")


def parse_item(text: str) -> Value | None:
    """Read the one item of a field; None if it is none, or of another type than those here."""
    match = _ITEM.fullmatch(text)
    return _value(match[1]) if match else None


def parse_boolean(text: str | None) -> bool | None:
    """Read a field that is a boolean; None for anything else."""
    value = parse_item(text) if text is not None else None
    return value if isinstance(value, bool) else None


def parse_size(text: str | None) -> int | None:
    """Read a field that is an integer of bytes, 0 or more; None for anything else."""
    value = parse_item(text) if text is not None else None
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def parse_dictionary(text: str) -> dict[str, Value | None] | None:
    """Read a dictionary; the last of a key counts. None if it is none.

    A member of another type than those here is there, with None as its value.
    """
    members: dict[str, Value | None] = {}
    text = text.strip(" ")
    at = 0
    while at < len(text):
        if (match := _MEMBER.match(text, at)) is None:
            return None
        members[match[1]] = True if match[2] is None else _value(match[2])
        at = match.end()
        if at < len(text):
            comma = _COMMA.match(text, at)
            if comma is None or comma.end() == len(text):
                return None
            at = comma.end()
    return members


def _value(text: str) -> Value | None:
    """Read a bare item; None for the types that are not needed, and for what is no base64."""
    if text.startswith("?"):
        return text == "?1"
    if text.startswith(":"):
        try:
            return b64decode(text[1:-1], validate=True)
        except binascii.Error:
            return None
    return int(text) if text.lstrip("-").isdigit() else None


def write_boolean(value: bool) -> str:  # noqa: FBT001 - it is what is written
    """Write a boolean."""
    return "?1" if value else "?0"


def write_dictionary(members: Mapping[str, int | bytes]) -> str:
    """Write a dictionary of integers and byte sequences."""
    return ", ".join(f"{key}={_written(value)}" for key, value in members.items())


def _written(value: int | bytes) -> str:
    """Write a bare item."""
    return str(value) if isinstance(value, int) else f":{b64encode(value).decode()}:"
