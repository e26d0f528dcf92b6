"""Validators and conditional requests (RFC 9110, 8.8 and 13)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import Final, Self

from django.utils.http import parse_http_date_safe

# An entity tag, weak or strong, or whatever else stands between two commas (8.8.3).
_ELEMENT = re.compile(r'[ \t]*(?:(W/)?("[\x21\x23-\x7e\x80-\xff]*")[ \t]*(?=,|\Z)|([^,]*))(?:,|\Z)')
_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS: Final = (
    *("Jan", "Feb", "Mar", "Apr", "May", "Jun"),
    *("Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
)
_READING: Final = {"GET", "HEAD"}
_UNCONDITIONAL: Final = {"CONNECT", "OPTIONS", "TRACE"}


class Outcome(Enum):
    """What to do with a conditional request; the value is the status to answer with."""

    PROCEED = 0
    NOT_MODIFIED = 304
    PRECONDITION_FAILED = 412


@dataclass(frozen=True, slots=True)
class TagList:
    """The value of If-Match or If-None-Match: any, or tags with their quotes."""

    strong: frozenset[str] = frozenset()
    weak: frozenset[str] = frozenset()  # without the W/ in front
    is_any: bool = False
    is_malformed: bool = False  # something in it was no entity tag

    def matches_strongly(self, etag: str | None) -> bool:
        """Compare as RFC 9110, 8.8.3.2 says for writing; etag is None if there is nothing yet."""
        return etag is not None and (self.is_any or etag in self.strong)

    def matches_weakly(self, etag: str | None) -> bool:
        """Compare as RFC 9110, 8.8.3.2 says for caches."""
        if etag is None:
            return False
        return self.is_any or etag.removeprefix("W/") in self.strong | self.weak


@dataclass(frozen=True, slots=True)
class Conditions:
    """The preconditions of one request; None where a field is missing or has no meaning."""

    if_match: TagList | None = None
    if_none_match: TagList | None = None
    if_modified_since: datetime | None = None
    if_unmodified_since: datetime | None = None

    @classmethod
    def from_headers(cls, headers: Mapping[str, str]) -> Self:
        """Read them from header fields, whose names may be in any case.

        Lines of one field are expected joined by commas. A date that is none is ignored, as RFC
        9110, 13.1.3 and 13.1.4 ask.
        """
        fields = {name.lower(): value for name, value in headers.items()}
        return cls(
            if_match=parse_tag_list(fields.get("if-match")),
            if_none_match=parse_tag_list(fields.get("if-none-match")),
            if_modified_since=parse_http_date(fields.get("if-modified-since")),
            if_unmodified_since=parse_http_date(fields.get("if-unmodified-since")),
        )


def etag_of_version(version_id: int) -> str:
    """Give the entity tag of a version: strong, because the bytes of a version never change."""
    return f'"v{version_id}"'


def parse_tag_list(value: str | None) -> TagList | None:
    """Read a list of entity tags; None if the field is missing.

    What cannot be read is left out and the list marked, for evaluate to be careful with.
    """
    if value is None:
        return None
    if value.strip(" \t") == "*":
        return TagList(is_any=True)
    strong: set[str] = set()
    weak: set[str] = set()
    is_malformed = False
    for found in _ELEMENT.finditer(value):
        is_weak, tag, other = found.groups()
        if tag:
            (weak if is_weak else strong).add(tag)
        # Empty elements of a list are no fault (5.6.1.2).
        is_malformed = is_malformed or bool(other)
    return TagList(
        strong=frozenset(strong),
        weak=frozenset(weak),
        is_malformed=is_malformed or not (strong or weak),
    )


def format_http_date(moment: datetime) -> str:
    """Write an aware time as an HTTP-date, cut to its second (RFC 9110, 5.6.7).

    By hand: listings write thousands, and Django's function takes ten times as long.
    """
    time = moment.astimezone(UTC)
    return (
        f"{_DAYS[time.weekday()]}, {time.day:02} {_MONTHS[time.month - 1]} {time.year:04} "
        f"{time.hour:02}:{time.minute:02}:{time.second:02} GMT"
    )


def parse_http_date(value: str | None) -> datetime | None:
    """Read an HTTP-date in any of its three forms; None if it is missing or no date."""
    seconds = parse_http_date_safe(value.strip(" \t")) if value else None
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


def _to_second(moment: datetime) -> datetime:
    """Cut a time to what an HTTP-date can hold."""
    return moment.replace(microsecond=0)


def evaluate(
    conditions: Conditions, etag: str | None, last_modified: datetime | None, method: str
) -> Outcome:
    """Decide on the preconditions of a request, in the order of RFC 9110, 13.2.2.

    etag and last_modified are those of what the request would read or replace; etag is None if
    there is nothing there. Range and If-Range come after this, see range_applies.

    A guard that cannot be read never lets a write pass: an If-Match without a readable tag has no
    match, and a malformed If-None-Match fails for a method that writes. For GET and HEAD the
    latter only means that the content is sent.
    """
    if method in _UNCONDITIONAL:
        return Outcome.PROCEED
    if not _may_proceed(conditions, etag, last_modified):
        return Outcome.PRECONDITION_FAILED
    if method in _READING:
        is_fresh = _is_fresh(conditions, etag, last_modified)
        return Outcome.NOT_MODIFIED if is_fresh else Outcome.PROCEED
    tags = conditions.if_none_match
    if tags is not None and (tags.is_malformed or tags.matches_weakly(etag)):
        return Outcome.PRECONDITION_FAILED
    return Outcome.PROCEED


def _may_proceed(conditions: Conditions, etag: str | None, last_modified: datetime | None) -> bool:
    """Check If-Match, or without it If-Unmodified-Since."""
    if conditions.if_match is not None:
        return conditions.if_match.matches_strongly(etag)
    limit = conditions.if_unmodified_since
    if limit is None or last_modified is None:
        return True
    return _to_second(last_modified) <= limit


def _is_fresh(conditions: Conditions, etag: str | None, last_modified: datetime | None) -> bool:
    """Check If-None-Match, or without it If-Modified-Since, for a method that reads."""
    if conditions.if_none_match is not None:
        return conditions.if_none_match.matches_weakly(etag)
    limit = conditions.if_modified_since
    if limit is None or last_modified is None:
        return False
    return _to_second(last_modified) <= limit


def range_applies(if_range: str | None, etag: str, last_modified: datetime | None) -> bool:
    """Tell whether a Range still means the content that the client has a part of (13.1.5).

    Without If-Range it does. An entity tag must be strong and equal, a date exactly that of the
    content, as nginx compares it too; whether the date is a strong validator has been the
    client's to check, which alone knows the Date that came with it.
    """
    if if_range is None:
        return True
    value = if_range.strip(" \t")
    if '"' in value:
        # A weak tag never equals, because its W/ takes part in the comparison.
        return value == etag and not etag.startswith("W/")
    date = parse_http_date(value)
    return date is not None and last_modified is not None and date == _to_second(last_modified)
