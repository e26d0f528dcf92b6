"""The If header: lists of lock tokens and entity tags, of this resource or others (RFC 4918, 10.4).

A request goes on if one list holds, all of whose conditions hold. Whatever lock tokens it names are
submitted: they are what lets a change through a lock.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from files.errors import FilesError, MalformedRequestError, PreconditionFailedError
from files.http.conditional import Conditions, Outcome, etag_of_version, evaluate
from files.operations.locks import covering_locks

from .calls import Call
from .paths import resource_of
from .resources import Resource, find

LENGTH: Final = 16_384  # characters of the header
MOST_LISTS: Final = 100
MOST_RESOURCES: Final = 32  # that one header may be about

_FOLDER_ETAG: Final = '"folder"'  # of what has no content, for If-Match: * (RFC 9110, 13.1.1)
_SPACE: Final = re.compile(r"[ \t\r\n]*")
_URL: Final = re.compile(r"<([^<>]*)>")
_CONDITION: Final = re.compile(
    # No run of white space is tried at more than one length, which would cost by its square.
    r"[ \t\r\n]*+(?P<no>Not(?=[ \t<\[]))?[ \t\r\n]*+"
    r"(?:<(?P<token>[^<>]+)>|\[(?P<etag>[^\]]+)\])",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition: that a lock covers the resource, or that its content has an entity tag."""

    value: str
    is_etag: bool
    is_negated: bool


@dataclass(frozen=True, slots=True)
class ConditionList:
    """Conditions that hold together; an empty URL is that of the request itself."""

    url: str
    conditions: tuple[Condition, ...]


def parse_if(text: str) -> list[ConditionList]:
    """Read an If header. Raises MalformedRequestError for what breaks its grammar or bounds."""
    if len(text) > LENGTH:
        raise MalformedRequestError(reason="if")
    lists: list[ConditionList] = []
    at, url = _skip(text, 0), ""
    while at < len(text):
        if match := _URL.match(text, at):
            if lists and not lists[0].url:
                raise MalformedRequestError(reason="if")  # tags for all lists, or for none
            at, url = _skip(text, match.end()), match[1]
        conditions, at = _list(text, at)
        lists.append(ConditionList(url, conditions))
        at = _skip(text, at)
    if not lists or len(lists) > MOST_LISTS:
        raise MalformedRequestError(reason="if")
    return lists


def _list(text: str, at: int) -> tuple[tuple[Condition, ...], int]:
    """Read one list from its parenthesis on, and give where it ends."""
    if text[at : at + 1] != "(":
        raise MalformedRequestError(reason="if")
    at += 1
    conditions: list[Condition] = []
    while match := _CONDITION.match(text, at):
        value, is_etag = match["token"] or match["etag"], match["etag"] is not None
        conditions.append(Condition(value, is_etag, match["no"] is not None))
        at = match.end()
    at = _skip(text, at)
    if not conditions or text[at : at + 1] != ")":
        raise MalformedRequestError(reason="if")
    return tuple(conditions), at + 1


def _skip(text: str, at: int) -> int:
    """Give where the white space from there on ends."""
    match = _SPACE.match(text, at)
    return match.end() if match else at


def any_etag(lists: list[ConditionList]) -> bool:
    """Tell whether a header says anything of contents, and not of locks alone."""
    return any(condition.is_etag for one in lists for condition in one.conditions)


def depends_on_content(headers: Mapping[str, str], lists: list[ConditionList]) -> bool:
    """Tell whether a request is to be done only with contents as its client knows them."""
    return any_etag(lists) or Conditions.from_headers(headers) != Conditions()


def submitted_tokens(lists: list[ConditionList]) -> frozenset[str]:
    """Give the state tokens that a header names, each of which is submitted by that."""
    conditions = (condition for one in lists for condition in one.conditions)
    return frozenset(condition.value for condition in conditions if not condition.is_etag)


def require_conditions(call: Call, lists: list[ConditionList]) -> None:
    """Make sure that what the request says of the state of resources holds.

    Raises PreconditionFailedError, MalformedRequestError for too many resources, and the same as
    find for the request's own.
    """
    if lists and not _holds_any(call, lists):
        raise PreconditionFailedError
    if call.head.method in _BY_THEIR_DOORS:
        return
    conditions = Conditions.from_headers(call.head.headers)
    if conditions != Conditions() and _outcome(call, conditions) is Outcome.PRECONDITION_FAILED:
        raise PreconditionFailedError


_BY_THEIR_DOORS: Final = frozenset({"GET", "HEAD", "PUT", "OPTIONS", "PROPFIND", "REPORT"})


def _outcome(call: Call, conditions: Conditions) -> Outcome:
    """Evaluate If-Match and its kin, which other methods than PUT may have too."""
    located = call.resource.located
    modified_at = located.entry.modified_at if located is not None else None
    return evaluate(conditions, etag_of(call.resource), modified_at, call.head.method)


def _holds_any(call: Call, lists: list[ConditionList]) -> bool:
    """Tell whether one of the lists holds."""
    urls = dict.fromkeys(one.url for one in lists)
    if len(urls) > MOST_RESOURCES:
        raise MalformedRequestError(reason="if")
    states: dict[str, _State | None] = {}
    for one in lists:
        if one.url not in states:
            states[one.url] = _state(call, one.url)
        if all(_holds(condition, states[one.url]) for condition in one.conditions):
            return True
    return False


@dataclass(frozen=True, slots=True)
class _State:
    """What can be said of a resource: its entity tag, and the tokens of the locks that cover it."""

    etag: str | None
    tokens: frozenset[str]


def _state(call: Call, url: str) -> _State | None:
    """Look at a resource; None for one that is not ours, or has an address that nothing has."""
    try:
        path = resource_of(url, call.head.headers, reason="if") if url else call.path
        resource = find(call.actor, path) if url else call.resource
    except FilesError:
        return None
    # Of what is not there yet, the locks are those of the folder it would be in.
    located = resource.located or resource.parent
    if located is None:
        return _State(None, frozenset())
    locks = covering_locks(located)
    if resource.located is None:
        locks = [lock for lock in locks if lock.deep]
    return _State(etag_of(resource), frozenset(lock.token for lock in locks))


def etag_of(resource: Resource) -> str | None:
    """Give the entity tag of what is there; None where nothing is."""
    if resource.located is None:
        return _FOLDER_ETAG if resource.is_home else None
    version_id = resource.located.entry.version_id
    return _FOLDER_ETAG if version_id is None else etag_of_version(version_id)


def _holds(condition: Condition, state: _State | None) -> bool:
    """Tell whether a condition holds; a resource that cannot be looked at has no state at all."""
    if state is None:
        is_true = False
    elif condition.is_etag:
        is_true = condition.value.strip() == state.etag
    else:
        is_true = condition.value in state.tokens
    return is_true != condition.is_negated


def held_tokens(headers: Mapping[str, str]) -> tuple[list[ConditionList], frozenset[str]]:
    """Read the If header: its lists, and the tokens submitted by them and by Lock-Token."""
    text = headers.get("if")
    lists = parse_if(text) if text is not None else []
    return lists, submitted_tokens(lists)
