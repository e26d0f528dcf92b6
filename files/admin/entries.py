"""Entries: staff find, look at, upload, rename, trash and restore them."""

from typing import Any, override

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.options import ActionLocation
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from files.access import Actor, Node, locate, locate_trashed
from files.errors import FilesError
from files.ids import is_id
from files.models import Entry, Event, Right
from files.names import name_fold
from files.operations.entries import rename_entry, trash_entries
from files.operations.trash import delete_entries, restore_entries
from files.templatetags.files import kind_label, moment, size

from . import choosing, recent, uploads
from .actors import READ_CONTENT, staff_actor, user_of
from .base import LongListAdmin
from .confirming import chosen_rows
from .filters import SpaceFilter, TrashFilter, TypeFilter
from .ranges import ModifiedFilter, SizeFilter
from .shown import entry_name, list_link, may_see, page_link, user_link, viewer_of

_BOTH_PLACES = (ActionLocation.CHANGE_LIST, ActionLocation.CHANGE_FORM)


# Reads the way to an entry for who may see the entry: names of folders, which staff sees anyway.
_READER = Actor.system(Event.Door.ADMIN)


@admin.register(Entry)
class EntryAdmin(LongListAdmin[Entry]):
    """All files and folders but the roots of spaces; nothing here shows what is in a file."""

    list_display = ("shown_name", "shown_folder", "kind_text", "shown_size", "shown_modified")
    list_select_related = ("space", "parent")
    list_filter = (SizeFilter, ModifiedFilter, TrashFilter, SpaceFilter, "kind", TypeFilter)
    ordering = ("-id",)
    search_fields = ("name_fold",)
    search_help_text = _("A part of the name, or # and the number of an entry.")
    actions = ("move_to_trash", "restore")
    fields = (
        "name",
        "where",
        "shown_space",
        "kind_text",
        "shown_size",
        "versions_link",
        "latest_events",
        "revision",
        "modified_at",
        "created_at",
        "shown_creator",
        "trashed_at",
        "shown_trasher",
    )
    change_form_template = "admin/files/entry/change_form.html"

    @override
    def get_list_display(self, request: HttpRequest) -> tuple[str, ...]:
        """Show since when, where all that is listed lies in the trash."""
        is_trash = request.GET.get(TrashFilter.parameter_name) == "yes"
        return (*self.list_display, "shown_trashed") if is_trash else self.list_display

    @override
    def get_queryset(self, request: HttpRequest) -> QuerySet[Entry]:
        """Leave out roots, and what is detached: it is being made or removed."""
        return super().get_queryset(request).filter(parent__isnull=False)

    @override
    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Entry], search_term: str
    ) -> tuple[QuerySet[Entry], bool]:
        """Find by a part of the name, in any case of letters, or by number."""
        term = search_term.strip()
        if term.startswith("#") and is_id(term[1:]):
            return queryset.filter(pk=int(term[1:])), False
        found = queryset.filter(name_fold__contains=name_fold(term)) if term else queryset
        return found, False

    @override
    def get_fields(self, request: HttpRequest, obj: Entry | None = None) -> tuple[str, ...]:
        """Leave out what only leads to pages that this member of staff may not see."""
        hidden = {
            field
            for field, model in (("versions_link", "version"), ("latest_events", "event"))
            if not may_see(user_of(request), model)
        }
        return tuple(field for field in self.fields if field not in hidden)

    @override
    def get_readonly_fields(
        self,
        request: HttpRequest,
        obj: Entry | None = None,
    ) -> tuple[str, ...]:
        """Leave only the name to be changed, and not while it lies in the trash."""
        is_fixed = obj is not None and obj.trashed_at is not None
        return tuple(field for field in self.fields if is_fixed or field != "name")

    @override
    def get_urls(self) -> list[URLPattern]:
        """Add the pages that bytes go through."""
        own = [
            path(
                "<int:folder_id>/upload/",
                uploads.view(self.admin_site),
                name="files_entry_upload",
            ),
            path(
                "<int:entry_id>/content/",
                uploads.answered_by_door,
                name="files_entry_content",
            ),
        ]
        return own + super().get_urls()

    @override
    def add_view(
        self,
        request: HttpRequest,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Let a folder be chosen: files come in through its upload form."""
        return choosing.choose(self, request)

    @override
    def has_delete_permission(self, request: HttpRequest, obj: Entry | None = None) -> bool:
        """Let only what lies in the trash be deleted for good, one at a time."""
        allowed = super().has_delete_permission(request, obj)
        return allowed and obj is not None and obj.trashed_at is not None

    @override
    def get_deleted_objects(
        self, objs: Any, request: HttpRequest
    ) -> tuple[list[Any], dict[Any, Any], set[Any], list[Any]]:
        """Say what is deleted, without reading all that lies below it."""
        names = [
            format_html("{}", _("%(name)s, with all that is in it") % {"name": entry})
            if entry.is_folder
            else str(entry)
            for entry in objs
        ]
        counts = {self.opts.verbose_name_plural: len(names)}
        lacking = set() if request.user.has_perm("files.delete_entry") else {_("entry")}
        return names, counts, lacking, []

    @override
    def save_model(
        self,
        request: HttpRequest,
        obj: Entry,
        form: forms.ModelForm[Entry],
        change: bool,
    ) -> None:
        """Rename, through the operation."""
        if "name" in form.changed_data:
            name = form.cleaned_data["name"]
            rename_entry(obj, name=name, actor=staff_actor(user_of(request)))

    @override
    def delete_model(self, request: HttpRequest, obj: Entry) -> None:
        """Delete for good, through the operation."""
        delete_entries([obj], actor=staff_actor(user_of(request)))

    @override
    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **more: Any
    ) -> HttpResponse:
        """Tell the page which of its links this member of staff may follow."""
        entry = context.get("original")
        # Nothing is added by the form of another entry.
        context |= {"show_save_and_add_another": False, "show_save_as_new": False}
        if isinstance(entry, Entry):
            context["can_see_events"] = may_see(user_of(request), "event")
            context["can_upload"] = entry.is_folder and request.user.has_perm("files.add_entry")
            context["can_read_content"] = not entry.is_folder and request.user.has_perm(
                READ_CONTENT
            )
        return super().render_change_form(request, context, *args, **more)

    @admin.action(description=_("Move to the trash"), permissions=["change"], location=_BOTH_PLACES)
    def move_to_trash(self, request: HttpRequest, queryset: QuerySet[Entry]) -> None:
        """Trash what is selected and not trashed yet, all of it or nothing."""
        entries = self._selected(request, queryset.filter(trashed_at__isnull=True))
        if not entries:
            return
        try:
            done = len(trash_entries(entries, actor=staff_actor(user_of(request))))
        except FilesError as error:
            self.message_user(request, str(error), messages.ERROR)
            return
        text = ngettext(
            "%(count)d entry was moved to the trash.",
            "%(count)d entries were moved to the trash.",
            done,
        )
        self.message_user(request, text % {"count": done}, messages.SUCCESS)

    @admin.action(
        description=_("Restore from the trash"), permissions=["change"], location=_BOTH_PLACES
    )
    def restore(self, request: HttpRequest, queryset: QuerySet[Entry]) -> None:
        """Restore what is selected and trashed, all of it or nothing."""
        entries = self._selected(request, queryset.filter(trashed_at__isnull=False))
        if not entries:
            return
        try:
            done = len(restore_entries(entries, actor=staff_actor(user_of(request))))
        except FilesError as error:
            self.message_user(request, str(error), messages.ERROR)
            return
        text = ngettext("%(count)d entry was restored.", "%(count)d entries were restored.", done)
        self.message_user(request, text % {"count": done}, messages.SUCCESS)

    def _selected(self, request: HttpRequest, queryset: QuerySet[Entry]) -> list[Entry]:
        """Read what an action is for; none, with a message, if that is nothing or too much."""
        entries = chosen_rows(self, request, queryset.order_by("pk"))
        if entries is not None and not entries:
            self.message_user(
                request, _("There was nothing to do for this selection."), messages.WARNING
            )
        return entries or []

    @admin.display(description=_("name"), ordering="name_fold")
    def shown_name(self, entry: Entry) -> str:
        """Show icon and name."""
        return entry_name(entry)

    @admin.display(description=_("folder"))
    def shown_folder(self, entry: Entry) -> str:
        """Name the space, with a link to the folder it lies in; the root has no page."""
        parent = entry.parent
        folder = "/"
        if parent is not None and parent.parent_id is not None:
            folder = page_link(viewer_of(entry), "entry", parent.pk, parent.name)
        return format_html('{}<small class="below"><bdi>{}</bdi></small>', folder, entry.space)

    @admin.display(description=_("type"))
    def kind_text(self, entry: Entry) -> str:
        """Name what it is."""
        return kind_label(entry)

    @admin.display(description=_("size"), ordering="size")
    def shown_size(self, entry: Entry) -> str:
        """Show the size of a file for people."""
        return "-" if entry.is_folder else size(entry.size)

    @admin.display(description=_("modified"), ordering="modified_at")
    def shown_modified(self, entry: Entry) -> str:
        """Show the time in short."""
        return moment(entry.modified_at)

    @admin.display(description=_("trashed"), ordering="trashed_at")
    def shown_trashed(self, entry: Entry) -> str:
        """Show since when it has been in the trash."""
        return moment(entry.trashed_at) if entry.trashed_at else "-"

    @admin.display(description=_("path"))
    def where(self, entry: Entry) -> str:
        """Show the way to it, with links."""
        steps = [
            (page_link(viewer_of(entry), "entry", node.id, node.name),)
            for node in _ancestors(entry)[1:]  # the root has no page
        ]
        return format_html('<span class="path">/{}</span>', format_html_join("", "{}/", steps))

    @admin.display(description=_("space"))
    def shown_space(self, entry: Entry) -> str:
        """Link to the space."""
        return page_link(viewer_of(entry), "space", entry.space_id, str(entry.space))

    @admin.display(description=_("created by"))
    def shown_creator(self, entry: Entry) -> str:
        """Link to the account that put it there."""
        return user_link(viewer_of(entry), entry.created_by)

    @admin.display(description=_("trashed by"))
    def shown_trasher(self, entry: Entry) -> str:
        """Link to the account that trashed it."""
        return user_link(viewer_of(entry), entry.trashed_by)

    @admin.display(description=_("versions"))
    def versions_link(self, entry: Entry) -> str:
        """Link to its contents."""
        if entry.is_folder:
            return "-"
        return list_link(viewer_of(entry), "version", _("show"), entry=entry.pk)

    @admin.display(description=_("latest events"))
    def latest_events(self, entry: Entry) -> str:
        """Say who changed it lately, and how."""
        return recent.listed(entry)


def _ancestors(entry: Entry) -> list[Node]:
    """Give the way to an entry that the caller may see, the root first; nothing if it has none."""
    for find in (locate, locate_trashed):
        try:
            return list(find(_READER, entry.pk, Right.READ).ancestors)
        except FilesError:
            continue
    return []
