"""Who may do what: the only way to a row for somebody. Import from here."""

from .actors import Actor, Limit
from .by_path import locate_path
from .gate import (
    Located,
    Node,
    get_space,
    get_upload,
    locate,
    locate_all,
    locate_each,
    locate_each_trashed,
    locate_trashed,
    trashed_in,
    visible_spaces,
    within,
)
from .searching import find_content, search
from .tokens import act_by, get_token, token_of, tokens_of

__all__ = [
    "Actor",
    "Limit",
    "Located",
    "Node",
    "act_by",
    "find_content",
    "get_space",
    "get_token",
    "get_upload",
    "locate",
    "locate_all",
    "locate_each",
    "locate_each_trashed",
    "locate_path",
    "locate_trashed",
    "search",
    "token_of",
    "tokens_of",
    "trashed_in",
    "visible_spaces",
    "within",
]
