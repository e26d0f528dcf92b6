"""Filters of the lists: each a handful of choices, however many rows there are."""

from collections.abc import Iterable
from typing import Any, ClassVar, Final, override

from django.contrib import admin
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django_stubs_ext import StrOrPromise

from files.models import Entry, Space

MIB: Final = 2**20
SPACES_SHOWN: Final = 15  # the others are reached from their own page

_TYPES: Final[dict[str, tuple[StrOrPromise, Q]]] = {
    "image": (_("Images"), Q(media_type__startswith="image/")),
    "text": (_("Text"), Q(media_type__startswith="text/")),
    "pdf": (_("PDF"), Q(media_type="application/pdf")),
    "audio": (_("Audio"), Q(media_type__startswith="audio/")),
    "video": (_("Video"), Q(media_type__startswith="video/")),
}
_SIZES: Final[dict[str, tuple[StrOrPromise, Q]]] = {
    "small": (_("Under 1 MiB"), Q(size__lt=MIB)),
    "medium": (_("1 to 100 MiB"), Q(size__gte=MIB, size__lt=100 * MIB)),
    "large": (_("100 MiB to 1 GiB"), Q(size__gte=100 * MIB, size__lt=1024 * MIB)),
    "huge": (_("1 GiB and more"), Q(size__gte=1024 * MIB)),
}


class TableFilter(admin.SimpleListFilter):
    """A filter whose choices are a table of (label, condition) by key."""

    table: ClassVar[dict[str, tuple[StrOrPromise, Q]]]

    @override
    def lookups(
        self,
        request: HttpRequest,
        model_admin: admin.ModelAdmin[Any],
    ) -> Iterable[tuple[str, StrOrPromise]]:
        """Give the choices."""
        return [(key, label) for key, (label, _condition) in self.table.items()]

    @override
    def queryset[M: Model](self, request: HttpRequest, queryset: QuerySet[M]) -> QuerySet[M]:
        """Narrow the list down to the choice."""
        chosen = self.table.get(self.value() or "")
        return queryset.filter(chosen[1]) if chosen else queryset


class TypeFilter(TableFilter):
    """Groups of media types, for files."""

    title = _("type")
    parameter_name = "type"
    table: ClassVar = {
        **_TYPES,
        "other": (
            _("Other files"),
            Q(kind=Entry.Kind.FILE)
            & ~Q(media_type="application/pdf")
            & ~Q(media_type__startswith="image/")
            & ~Q(media_type__startswith="text/")
            & ~Q(media_type__startswith="audio/")
            & ~Q(media_type__startswith="video/"),
        ),
    }


class SizeFilter(TableFilter):
    """Ranges of sizes; folders have none."""

    title = _("size")
    parameter_name = "size"
    table: ClassVar = {
        key: (label, condition & Q(kind=Entry.Kind.FILE))
        for key, (label, condition) in _SIZES.items()
    }


class TrashFilter(TableFilter):
    """What was trashed itself, or not; what lies below a trashed folder counts as not."""

    title = _("trash")
    parameter_name = "trash"
    table: ClassVar = {
        "no": (_("Not in the trash"), Q(trashed_at__isnull=True)),
        "yes": (_("In the trash"), Q(trashed_at__isnull=False)),
    }


class SpaceFilter(admin.SimpleListFilter):
    """A few spaces to choose from, the shared ones first, and the one that was chosen."""

    title = _("space")
    parameter_name = "space"

    @override
    def lookups(
        self,
        request: HttpRequest,
        model_admin: admin.ModelAdmin[Any],
    ) -> list[tuple[str, str]]:
        """Give the choices."""
        spaces = Space.objects.exclude(kind=Space.Kind.SYSTEM)
        shown = list(spaces.order_by("-kind", "name", "pk")[:SPACES_SHOWN])
        chosen = request.GET.get(self.parameter_name or "", "")
        if is_id(chosen) and int(chosen) not in {space.pk for space in shown}:
            shown += spaces.filter(pk=int(chosen))
        return [(str(space.pk), space.name) for space in shown]

    @override
    def has_output(self) -> bool:
        """Show the filter whenever there is a space."""
        return bool(self.lookup_choices)

    @override
    def queryset[M: Model](self, request: HttpRequest, queryset: QuerySet[M]) -> QuerySet[M]:
        """Narrow the list down to one space."""
        chosen = self.value() or ""
        return queryset.filter(space=int(chosen)) if is_id(chosen) else queryset


def is_id(text: str) -> bool:
    """Tell whether a text can be the id of a row."""
    return text.isascii() and text.isdigit() and len(text) <= 18  # noqa: PLR2004 - what a column holds
