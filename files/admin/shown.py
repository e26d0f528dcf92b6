"""How values are shown in lists and on pages of the admin."""

from collections.abc import Iterable, Mapping
from urllib.parse import urlencode

from django.contrib.auth.models import AnonymousUser, User
from django.db.models import Model
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django_stubs_ext import StrOrPromise

from files.models import Entry, Space
from files.templatetags.files import entry_icon

LOW, HIGH = 0.75, 0.9  # parts of a quota from which its bar changes colour

type Viewer = User | AnonymousUser


def show_to(viewer: Viewer, rows: Iterable[Model]) -> None:
    """Note on rows who looks at them, for links that not everybody may follow."""
    for row in rows:
        row.viewer = viewer  # type: ignore[attr-defined]  # read by viewer_of alone


def viewer_of(row: Model) -> Viewer:
    """Tell who looks at a row; nobody unless show_to has said so."""
    viewer: Viewer = getattr(row, "viewer", None) or AnonymousUser()
    return viewer


def may_see(viewer: Viewer, model: str) -> bool:
    """Tell whether staff may open the pages of a model of ours (files) or of accounts (auth)."""
    app = "auth" if model in {"user", "group"} else "files"
    return viewer.has_perm(f"{app}.view_{model}") or viewer.has_perm(f"{app}.change_{model}")


def list_link(viewer: Viewer, model: str, text: StrOrPromise, **filters: object) -> SafeString:
    """Link to a list of ours, filtered; the text alone for who may not see the list."""
    if not may_see(viewer, model):
        return format_html("<bdi>{}</bdi>", text)
    return format_html('<a href="{}"><bdi>{}</bdi></a>', list_url(model, filters), text)


def list_url(model: str, filters: Mapping[str, object]) -> str:
    """Give the address of a list of ours, filtered."""
    return f"{reverse(f'admin:files_{model}_changelist')}?{urlencode(filters)}"


def page_link(viewer: Viewer, model: str, key: object, text: StrOrPromise) -> SafeString:
    """Link to the page of one row; the text alone for who may not see it.

    The text may be in any script, so it is kept apart.
    """
    if not may_see(viewer, model):
        return format_html("<bdi>{}</bdi>", text)
    app = "auth" if model in {"user", "group"} else "files"
    url = reverse(f"admin:{app}_{model}_change", args=[key])
    return format_html('<a href="{}"><bdi>{}</bdi></a>', url, text)


def user_link(viewer: Viewer, user: User | None) -> SafeString:
    """Link to the page of an account, if there is one and its page may be seen."""
    return page_link(viewer, "user", user.pk, user.username) if user else SafeString("-")


def entry_name(entry: Entry) -> SafeString:
    """Show the icon and the name of an entry, and whether it was trashed."""
    mark = (
        format_html(' <span class="tag">{}</span>', _("in the trash")) if entry.trashed_at else ""
    )
    return format_html(
        '<span class="entry-name">{}<bdi>{}</bdi>{}</span>', entry_icon(entry), entry, mark
    )


def usage(space: Space) -> str:
    """Show how much of its quota a space uses, as a bar and in figures."""
    context = {
        "space": space,
        "low": int((space.quota_bytes or 0) * LOW),
        "high": int((space.quota_bytes or 0) * HIGH),
    }
    return render_to_string("admin/files/_usage.html", context)
