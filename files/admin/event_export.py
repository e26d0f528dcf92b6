"""The events of a list as CSV (RFC 4180), for a spreadsheet or a script; however many, streamed."""

import csv
import json
from collections.abc import Iterator
from io import StringIO
from typing import Final

from django.db.models import QuerySet
from django.http import StreamingHttpResponse
from django.utils import timezone

from files.models import Event

ROWS: Final = 1000  # that one query reads, and one piece of the answer holds

COLUMNS: Final = (
    "at", "space", "seq", "kind", "entry", "name", "actor", "door", "before", "after"
)  # fmt: skip

# What a spreadsheet would take for a formula, at the beginning of a cell (OWASP, CSV injection).
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


def export_response(events: QuerySet[Event]) -> StreamingHttpResponse:
    """Answer with the events, newest first."""
    answer = StreamingHttpResponse(_pieces(events), content_type="text/csv; charset=utf-8")
    name = f"events-{timezone.now():%Y-%m-%d}.csv"
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


def _pieces(events: QuerySet[Event]) -> Iterator[bytes]:
    """Write the rows, a query's worth at a time; what comes meanwhile is left out."""
    # The mark without which spreadsheets read UTF-8 as something else.
    yield b"\xef\xbb\xbf" + _lines([COLUMNS])
    rows = events.order_by("-pk").select_related("space")
    last: int | None = None
    while some := list((rows if last is None else rows.filter(pk__lt=last))[:ROWS]):
        yield _lines(_row(event) for event in some)
        last = some[-1].pk


def _row(event: Event) -> tuple[object, ...]:
    """Give the cells of one event; times are UTC, to the microsecond."""
    kept = event.after or event.before or {}
    return (
        event.at.isoformat(),
        _text(event.space.name),
        event.seq,
        event.kind,
        event.entry_id or "",
        _text(str(kept.get("name") or "")),
        _text(event.actor_name),
        event.door,
        _json(event.before),
        _json(event.after),
    )


def _text(text: str) -> str:
    """Keep a spreadsheet from running what somebody has typed: a quote makes it text."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def _json(value: object) -> str:
    """Write what an event keeps; it begins with a brace, never as a formula."""
    return "" if value is None else json.dumps(value, ensure_ascii=False, sort_keys=True)


def _lines(rows: Iterator[tuple[object, ...]] | list[tuple[str, ...]]) -> bytes:
    """Write rows."""
    text = StringIO(newline="")
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()
