"""What an event changed, in words: each value before and after, with names instead of ids."""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from django.contrib.auth.models import Group, User
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy
from django_stubs_ext import StrOrPromise

from files.models import Entry, Event, Grant, Lock, Space
from files.templatetags.files import moment, size

from .shown import Viewer, may_see, page_link

# Said by the kind of the event, or kept for jobs.
_SILENT: Final = {"revision", "trashed", "transfer", "request", "token"}
# What makes or ends an entry changes all that it keeps.
_WHOLE: Final = {
    Event.Kind.FOLDER_CREATED,
    Event.Kind.FILE_CREATED,
    Event.Kind.ENTRY_COPIED,
    Event.Kind.ENTRY_PURGED,
}


@dataclass(frozen=True)
class Names:
    """What the ids in some events stand for today; what is gone, or hidden, is a number."""

    viewer: Viewer
    entries: Mapping[int, tuple[str, int | None]] = field(default_factory=dict)
    users: Mapping[int, str] = field(default_factory=dict)
    groups: Mapping[int, str] = field(default_factory=dict)
    spaces: Mapping[int, str] = field(default_factory=dict)


def names_in(events: Iterable[Event], viewer: Viewer) -> Names:
    """Look up what events of a page mention: at most four queries, however many they are.

    Who may not see entries is told the names that the events themselves keep, and no others.
    """
    events = list(events)
    kept = [state for event in events for state in (event.before, event.after) if state]
    entries = {event.entry_id for event in events if event.entry_id is not None}
    entries |= _ids(kept, "parent") | _ids(kept, "entry") | _ids(kept, "top")
    spaces = _ids(kept, "space")
    users, groups = _ids(kept, "user"), _ids(kept, "group")
    return Names(
        viewer,
        {
            key: (name or space, parent)
            for key, name, parent, space in Entry.objects.filter(pk__in=entries).values_list(
                "pk", "name", "parent", "space__name"
            )
        }
        if entries and may_see(viewer, "entry")
        else {},
        dict(User.objects.filter(pk__in=users).values_list("pk", "username")) if users else {},
        dict(Group.objects.filter(pk__in=groups).values_list("pk", "name")) if groups else {},
        dict(Space.objects.filter(pk__in=spaces).values_list("pk", "name")) if spaces else {},
    )


def _ids(states: Iterable[dict[str, Any]], key: str) -> set[int]:
    """Collect the ids under a key."""
    return {state[key] for state in states if isinstance(state.get(key), int)}


def entry_shown(key: int, names: Names, name: str = "") -> SafeString:
    """Link to the page of an entry; the root of a space and what is gone have none."""
    today, parent = names.entries.get(key, ("", None))
    text = name or today or f"#{key}"
    if parent is None:
        return format_html("<bdi>{}</bdi>", text)
    return page_link(names.viewer, "entry", key, text)


def _entry(value: Any, names: Names) -> SafeString:
    return entry_shown(value, names)


def _version(value: Any, names: Names) -> SafeString:
    return page_link(names.viewer, "version", value, f"v{value}")


def _quota(value: Any, _names: Names) -> str:
    return _("no limit") if value is None else size(value)


def _plain(value: Any, _names: Names) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _moment(value: Any, _names: Names) -> str:
    return moment(datetime.fromisoformat(value))


def _flag(value: Any, _names: Names) -> str:
    return _("Yes") if value else _("No")


def _label(choices: Any) -> Callable[[Any, Names], str]:
    return lambda value, _names: dict(choices.choices).get(value, str(value))


type _Show = Callable[[Any, Names], StrOrPromise]

# Label and manner of each value that operations keep in an event.
_FIELDS: Final[dict[str, tuple[StrOrPromise, _Show]]] = {
    "name": (gettext_lazy("name"), lambda value, _names: format_html("<bdi>{}</bdi>", value)),
    "parent": (gettext_lazy("folder"), _entry),
    "entry": (gettext_lazy("entry"), _entry),
    "space": (gettext_lazy("space"), lambda v, names: names.spaces.get(v, f"#{v}")),
    "version": (gettext_lazy("version"), _version),
    "quota_bytes": (gettext_lazy("quota"), _quota),
    "used": (gettext_lazy("used"), lambda value, _names: size(value)),
    "user": (gettext_lazy("account"), lambda v, names: names.users.get(v, f"#{v}")),
    "group": (gettext_lazy("group"), lambda v, names: names.groups.get(v, f"#{v}")),
    "role": (gettext_lazy("role"), _label(Grant.Role)),
    "kind": (gettext_lazy("kind"), _label(Space.Kind)),
    "refuses_case_twins": (gettext_lazy("refuses names that differ only in case"), _flag),
    "entries": (gettext_lazy("entries"), lambda value, _names: str(value)),
    "holder": (gettext_lazy("held by"), _plain),
    "scope": (pgettext_lazy("lock", "scope"), _label(Lock.Scope)),
    "deep": (gettext_lazy("with all below"), _flag),
    "properties": (gettext_lazy("properties"), lambda value, _names: ", ".join(value)),
    "prefix": (gettext_lazy("begins with"), lambda value, _names: f"{value}…"),
    "scopes": (gettext_lazy("scopes"), lambda value, _names: ", ".join(value)),
    "top": (gettext_lazy("only in"), _entry),
    "expires_at": (gettext_lazy("expires"), _moment),
    "code": (gettext_lazy("reason"), lambda value, _names: str(value)),
}
_ARROW: Final = SafeString(' <span class="arrow">→</span> ')
_NOTHING: Final = SafeString("-")
_MISSING: Final = object()  # a side on which nothing was kept; None is a value


def changed(event: Event, names: Names) -> SafeString:
    """Say what an event changed, one line for each value."""
    before, after = event.before or {}, event.after or {}
    lines = [
        (_line(key, before.get(key, _MISSING), after.get(key, _MISSING), names),)
        for key in dict.fromkeys([*before, *after])
        if key not in _SILENT and _is_telling(key, event)
    ]
    items = format_html_join("", "<li>{}</li>", lines)
    return format_html('<ul class="changes">{}</ul>', items) if lines else _NOTHING


def _is_telling(key: str, event: Event) -> bool:
    """Tell whether a value says more than the kind and the subject of its event do."""
    before, after = event.before or {}, event.after or {}
    differs = before.get(key, _MISSING) != after.get(key, _MISSING)
    if "revision" not in {**before, **after}:  # not of an entry
        return differs or (key in {"user", "group"} and after[key] is not None)
    if key == "parent" and event.kind != Event.Kind.ENTRY_RENAMED:
        return True  # where it happened
    return differs and bool(event.before) and event.kind not in _WHOLE


def _line(key: str, before: Any, after: Any, names: Names) -> SafeString:
    """Write one value: what it was, what it is, or both."""
    label, show = _FIELDS.get(key, (key, _plain))
    values = [value for value in (before, after) if value is not _MISSING]
    sides = [
        ("-" if value is None and key != "quota_bytes" else show(value, names),)
        for value in (values if before != after else values[:1])
    ]
    text = format_html_join(_ARROW, "{}", sides)
    return format_html('<span class="what">{}:</span> {}', label, text)
