"""Who may do what: the only way to a row for somebody. Import from here."""

from .actors import Actor, Limit
from .by_path import locate_path
from .gate import (
    Located,
    Node,
    get_space,
    get_token,
    get_upload,
    locate,
    locate_all,
    locate_trashed,
    tokens_of,
    trashed_in,
    visible_spaces,
    within,
)
from .searching import find_content, search

__all__ = [
    "Actor",
    "Limit",
    "Located",
    "Node",
    "find_content",
    "get_space",
    "get_token",
    "get_upload",
    "locate",
    "locate_all",
    "locate_path",
    "locate_trashed",
    "search",
    "tokens_of",
    "trashed_in",
    "visible_spaces",
    "within",
]
