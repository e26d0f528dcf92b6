"""What is on its way in, for staff to look at live, and to cancel."""

from collections.abc import Iterable, Sequence
from typing import Any, Final, override
from uuid import UUID

from django.contrib import admin, messages
from django.db.models import F, QuerySet
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from django_stubs_ext import StrOrPromise

from files.access import Actor
from files.errors import UploadNotFoundError
from files.models import Event, Right, Upload
from files.names import visible_name
from files.operations.pending import Pending, look_at, open_uploads
from files.operations.uploads import cancel_upload
from files.templatetags.files import moment, size

from .actors import user_of
from .base import ReadOnlyAdmin
from .confirming import ask_first
from .filters import SpaceFilter
from .shown import page_link, viewer_of

LOOKED_AT: Final = 2000  # that a connection has begun and the filter looks at


class StateFilter(admin.SimpleListFilter):
    """Those that bytes are coming for at this moment, those that wait, those that are whole."""

    title = _("state")
    parameter_name = "doing"

    @override
    def lookups(
        self, request: HttpRequest, model_admin: admin.ModelAdmin[Any]
    ) -> Iterable[tuple[str, StrOrPromise]]:
        """Give the choices."""
        return [("running", _("Running")), ("waiting", _("Waiting")), ("received", _("Received"))]

    @override
    def queryset(self, request: HttpRequest, queryset: QuerySet[Upload]) -> QuerySet[Upload]:
        """Narrow the list down; what is running, the disk tells and not the database."""
        chosen = self.value()
        if chosen == "received":
            return queryset.filter(offset=F("length"))
        if chosen not in {"running", "waiting"}:
            return queryset
        begun = queryset.filter(active_since__isnull=False)[:LOOKED_AT]
        running = [upload.pk for upload in begun if look_at(upload).is_running]
        if chosen == "running":
            return queryset.filter(pk__in=running)
        return queryset.exclude(pk__in=running).exclude(offset=F("length"))


@admin.register(Upload)
class UploadAdmin(ReadOnlyAdmin[Upload]):
    """Read what is on its way in; cancelling takes the permission to delete uploads."""

    list_display = (
        "shown_name",
        "owner",
        "shown_progress",
        "shown_speed",
        "space",
        "shown_created",
        "shown_expires",
    )
    list_filter = (StateFilter, SpaceFilter, "door")
    search_fields = ("owner__username",)
    search_help_text = _("The whole name of an account, or the whole id of an upload.")
    sortable_by = ()
    actions = ("cancel",)  # type: ignore[assignment]  # the one change that there is
    ordering = ("-created_at", "-id")  # as an index holds it
    fields = (
        "id",
        "shown_path",
        "shown_folder",
        "space",
        "owner",
        "door",
        "shown_progress",
        "shown_speed",
        "sha256",
        "shown_created",
        "shown_expires",
    )
    readonly_fields = (
        "shown_path",
        "shown_folder",
        "shown_progress",
        "shown_speed",
        "shown_created",
        "shown_expires",
    )

    @override
    def get_queryset(self, request: HttpRequest) -> QuerySet[Upload]:
        """Give those that are not finished, the newest first."""
        return open_uploads().select_related("folder")

    @override
    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Upload], search_term: str
    ) -> tuple[QuerySet[Upload], bool]:
        """Find by whose it is, or by its id."""
        term = search_term.strip()
        if not term:
            return queryset, False
        try:
            return queryset.filter(pk=UUID(term)), False
        except ValueError:
            return queryset.filter(owner__username=term), False

    def has_cancel_permission(self, request: HttpRequest) -> bool:
        """Tell whether somebody may cancel the uploads of others."""
        return request.user.has_perm("files.delete_upload")

    @admin.action(description=_("Cancel"), permissions=["cancel"])
    def cancel(self, request: HttpRequest, queryset: QuerySet[Upload]) -> TemplateResponse | None:
        """Ask whether uploads should be cancelled, and do so when that was confirmed."""
        template = "admin/files/upload/cancel.html"
        title = _("Cancel uploads")
        return ask_first(self, request, queryset, self._cancel, title=title, template=template)

    def _cancel(self, request: HttpRequest, uploads: Sequence[Upload]) -> None:
        """Cancel uploads one by one; those that are over meanwhile are no failure."""
        actor = Actor(user_of(request), Event.Door.ADMIN, everywhere=Right.MANAGE)
        done = 0
        for upload in uploads:
            try:
                cancel_upload(upload.pk, actor=actor)
            except UploadNotFoundError:
                continue
            done += 1
        text = ngettext(
            "%(count)d upload was cancelled.", "%(count)d uploads were cancelled.", done
        )
        self.message_user(request, text % {"count": done}, messages.SUCCESS)

    @admin.display(description=_("name"))
    def shown_name(self, upload: Upload) -> str:
        """Show the name of the file."""
        return format_html(
            '<span class="entry-name"><bdi>{}</bdi></span>', visible_name(upload.name)
        )

    @admin.display(description=_("path"))
    def shown_path(self, upload: Upload) -> str:
        """Show the path below the folder."""
        return visible_name(upload.path)

    @admin.display(description=_("folder"))
    def shown_folder(self, upload: Upload) -> str:
        """Link to the folder it goes to; a root has no page."""
        folder = upload.folder
        if folder is None:
            return str(_("gone"))
        return (
            "/"
            if folder.parent_id is None
            else page_link(viewer_of(upload), "entry", folder.pk, folder.name)
        )

    @admin.display(description=_("received"))
    def shown_progress(self, upload: Upload) -> str:
        """Show how far it is, as a bar and in figures."""
        return render_to_string("admin/files/upload/_progress.html", {"pending": _look(upload)})

    @admin.display(description=_("speed"))
    def shown_speed(self, upload: Upload) -> str:
        """Show how fast bytes are coming at this moment."""
        pending = _look(upload)
        if not pending.is_running:
            return "-"
        return "…" if pending.speed is None else f"{size(pending.speed)}/s"

    @admin.display(description=_("begun"))
    def shown_created(self, upload: Upload) -> str:
        """Show since when."""
        return moment(upload.created_at)

    @admin.display(description=_("expires"))
    def shown_expires(self, upload: Upload) -> str:
        """Show until when it is kept."""
        return moment(upload.expires_at)


def _look(upload: Upload) -> Pending:
    """Look at the disk once for each row, however many columns need it."""
    seen: Pending | None = getattr(upload, "seen", None)
    if seen is None:
        seen = look_at(upload)
        upload.seen = seen  # type: ignore[attr-defined]  # kept with the row
    return seen
