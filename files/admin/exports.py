"""Events as CSV: streamed by windows of ids, so that the memory is that of one window."""

import csv
import json
from collections.abc import Iterator
from datetime import UTC
from io import StringIO
from itertools import count
from typing import Any, Final

from django.db.models import Max, Min, QuerySet

from files.models import Event

WINDOW: Final = 500  # ids read at a time: about 100 KiB of text
# Stable names, whatever language the page was in: what reads a CSV is often a program.
HEADINGS: Final = (
    "id", "at", "space_id", "space", "seq", "kind", "entry_id", "name", "actor_id", "actor",
    "token_id", "token", "door", "before", "after",
)  # fmt: skip
# A spreadsheet runs a cell that begins so (CWE-1236); the wide forms are read alike.
_FORMULAS: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
_BOM: Final = "\ufeff"  # without it Excel reads UTF-8 as the system's code page


def events_as_csv(events: QuerySet[Event]) -> Iterator[bytes]:
    """Give the events as CSV (RFC 4180), oldest first, a piece for each window that has some.

    No query is left open between pieces, which different threads may ask for. What is recorded
    after the first piece is left out, so that a busy installation's export ends.
    """
    yield (_BOM + _written([HEADINGS])).encode()
    events = events.order_by().select_related(None)
    span = events.aggregate(first=Min("pk"), last=Max("pk"))
    if span["first"] is None:
        return
    rows = events.order_by("pk").select_related("space")
    # Bounded on both sides: with the key alone in reach, no database prefers a sort.
    for start in count(span["first"], WINDOW):
        if start > span["last"]:
            return
        end = min(start + WINDOW - 1, span["last"])
        found = [_row(event) for event in rows.filter(pk__gte=start, pk__lte=end)]
        if found:
            yield _written(found).encode()


def _row(event: Event) -> list[object]:
    """Make the cells of one event."""
    at = event.at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    kept = event.after or event.before or {}
    name = kept.get("name", "") if event.entry_id is not None else ""
    return [
        event.pk, at, event.space_id, _safe(event.space), event.seq, event.kind, event.entry_id,
        _safe(name), event.actor_id, _safe(event.actor_name), event.token_id,
        _safe(event.token_name), event.door, _json(event.before), _json(event.after),
    ]  # fmt: skip


def _safe(text: object) -> str:
    """Keep a spreadsheet from taking what people typed for a formula."""
    text = str(text)
    return f"'{text}" if text.startswith(_FORMULAS) else text


def _json(state: Any) -> str:
    """Write what an event keeps; it begins with a brace or is empty, so never as a formula."""
    return "" if state is None else json.dumps(state, ensure_ascii=False, sort_keys=True)


def _written(rows: list[Any]) -> str:
    """Write rows as CSV."""
    with StringIO(newline="") as text:
        csv.writer(text).writerows(rows)
        return text.getvalue()
