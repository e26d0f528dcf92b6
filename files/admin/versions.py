"""Versions, for staff to look at: what contents a file has had."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from files.models import Version
from files.templatetags.files import size

from .base import ReadOnlyAdmin
from .filters import BlobFilter, VersionEntryFilter
from .ranges import CreatedFilter
from .shown import page_link, user_link, viewer_of


@admin.register(Version)
class VersionAdmin(ReadOnlyAdmin[Version]):
    """Read versions, usually those of one entry or one blob (?entry=, ?blob=)."""

    list_display = (
        "__str__",
        "shown_entry",
        "shown_size",
        "created_at",
        "shown_creator",
        "shown_blob",
    )
    list_select_related = ("entry", "created_by")
    list_filter = (VersionEntryFilter, BlobFilter, CreatedFilter)
    ordering = ("-id",)
    sortable_by = ()
    fields = ("shown_entry", "shown_blob", "shown_size", "sha256", "created_at", "shown_creator")
    readonly_fields = ("shown_entry", "shown_blob", "shown_size", "shown_creator")

    @admin.display(description=_("entry"))
    def shown_entry(self, version: Version) -> str:
        """Link to the file."""
        return page_link(viewer_of(version), "entry", version.entry_id, version.entry.name)

    @admin.display(description=_("blob"))
    def shown_blob(self, version: Version) -> str:
        """Link to the bytes."""
        return page_link(viewer_of(version), "blob", version.blob_id, str(version.blob_id)[:8])

    @admin.display(description=_("size"))
    def shown_size(self, version: Version) -> str:
        """Show the size for people."""
        return size(version.size)

    @admin.display(description=_("created by"))
    def shown_creator(self, version: Version) -> str:
        """Link to the account that put it there."""
        return user_link(viewer_of(version), version.created_by)
