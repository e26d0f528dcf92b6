"""What has changed among the members of a folder since some moment, told by the events."""

from dataclasses import dataclass, field

from .entries import Entry
from .events import Event

MOST_EVENTS = 10_000  # looked at in one go


@dataclass(slots=True)
class FolderChanges:
    """Who came, changed or went after a seq of a space, as far as the events were looked at."""

    until: int  # the seq up to which
    touched: set[int] = field(default_factory=set)  # entries that were members then or are now
    old_names: set[str] = field(default_factory=set)  # that members had before a change
    is_whole: bool = True  # False where there are later events still


def changes_in(folder: Entry, *, since: int, most: int | None = None) -> FolderChanges | None:
    """Give the changes among a folder's members after a seq; None if the events do not reach back.

    most is how many members may be touched at most; then there are later events still.
    """
    events = Event.objects.filter(space=folder.space_id, seq__gt=since).order_by("seq")
    changes = FolderChanges(since)
    for seq, entry_id, before, after in events.values_list("seq", "entry_id", "before", "after")[
        : MOST_EVENTS + 1
    ].iterator():
        if changes.until == since and seq != since + 1:
            return None  # pruned by age
        was_here = (before or {}).get("parent") == folder.pk
        is_here = (after or {}).get("parent") == folder.pk
        is_new = entry_id is not None and (was_here or is_here) and entry_id not in changes.touched
        if seq > since + MOST_EVENTS or (is_new and len(changes.touched) == most):
            changes.is_whole = False
            break
        changes.until = seq
        if was_here or is_here:
            changes.touched.add(entry_id or 0)
        if was_here and before is not None:
            changes.old_names.add(before["name"])
    if changes.until == since < folder.space.last_seq:
        return None  # pruned, every one of them
    return changes
