"""Blobs, for staff to look at: their state, and who uses them."""

from typing import override

from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext_lazy as _

from files.models import Blob
from files.templatetags.files import size

from .base import ReadOnlyAdmin
from .ranges import CreatedFilter
from .shown import list_link, may_see, page_link, viewer_of

LISTED = 10  # files on the page of a blob


@admin.register(Blob)
class BlobAdmin(ReadOnlyAdmin[Blob]):
    """Read blobs; who uses one is a list of versions."""

    list_display = ("id", "shown_size", "media_type", "state", "created_at", "doomed_at")
    list_filter = ("state", CreatedFilter)
    ordering = ("-created_at", "-id")
    sortable_by = ()
    search_fields = ("id", "sha256")
    search_help_text = _("The whole id, or the whole SHA-256.")
    fields = (
        "id",
        "file_name",
        "shown_size",
        "media_type",
        "sha256",
        "crc32",
        "state",
        "doomed_at",
        "created_at",
        "verified_at",
        "used_by",
    )
    readonly_fields = ("file_name", "shown_size", "used_by")

    @override
    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Blob], search_term: str
    ) -> tuple[QuerySet[Blob], bool]:
        """Find by the whole id or digest: parts of them mean nothing, and no index finds them."""
        term = search_term.strip().lower()
        if not term:
            return queryset, False
        digits = term.replace("-", "")
        if len(digits) == 32 and all(digit in "0123456789abcdef" for digit in digits):  # noqa: PLR2004 - of a UUID
            return queryset.filter(pk=digits), False
        return queryset.filter(sha256=term), False

    @admin.display(description=_("size"))
    def shown_size(self, blob: Blob) -> str:
        """Show the size for people."""
        return size(blob.size)

    @admin.display(description=_("stored as"))
    def file_name(self, blob: Blob) -> str:
        """Name the file below the uploads folder; no link, since nobody reads blobs by name."""
        return str(blob.file.name)

    @admin.display(description=_("used by"))
    def used_by(self, blob: Blob) -> str:
        """Link to the first files that it is the content of, and to all versions."""
        viewer = viewer_of(blob)
        found = blob.versions.aggregate(count=Count("pk"))["count"]
        text = _("versions: %(count)d") % {"count": found}
        total = list_link(viewer, "version", text, blob=blob.pk)
        if not may_see(viewer, "entry"):
            return total
        versions = blob.versions.select_related("entry", "entry__space").order_by("-pk")
        lines = (
            (page_link(viewer, "entry", version.entry_id, version.entry.name), version.entry.space)
            for version in versions[:LISTED]
        )
        items = format_html_join("", "<li>{} <small><bdi>{}</bdi></small></li>", lines)
        return format_html('<ul class="plain">{}<li>{}</li></ul>', items, total)
