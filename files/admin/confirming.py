"""Actions on rows of a list: as many as one takes, and asked about once more where it matters."""

from collections.abc import Callable, Sequence
from typing import Final

from django.contrib import admin, messages
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django_stubs_ext import StrOrPromise

AT_ONCE: Final = 500  # rows of one action: while it writes, all others wait


def chosen_rows[M: Model](
    admin_of: admin.ModelAdmin[M], request: HttpRequest, queryset: QuerySet[M]
) -> list[M] | None:
    """Give the rows that an action is for; None, and a message, where they are too many."""
    rows = list(queryset[: AT_ONCE + 1])
    if len(rows) <= AT_ONCE:
        return rows
    text = _("Please select at most %(count)d at once.") % {"count": AT_ONCE}
    admin_of.message_user(request, text, messages.ERROR)
    return None


def ask_first[M: Model](
    admin_of: admin.ModelAdmin[M],
    request: HttpRequest,
    queryset: QuerySet[M],
    act: Callable[[HttpRequest, Sequence[M]], None],
    *,
    title: StrOrPromise,
    template: str,
) -> TemplateResponse | None:
    """Ask whether something should be done with rows; do it where that is what was just answered.

    The template extends admin/files/confirm.html.
    """
    rows = chosen_rows(admin_of, request, queryset)
    if rows is None:
        return None
    if "confirmed" in request.POST:
        act(request, rows)
        return None
    context = {
        **admin_of.admin_site.each_context(request),
        "opts": admin_of.opts,
        "title": title,
        "rows": rows,
        "action": request.POST["action"],
        "list_url": request.path,
    }
    return TemplateResponse(request, template, context)
