"""Filters of the lists: each a handful of choices, however many rows there are."""

from collections.abc import Iterable, Iterator
from typing import Any, ClassVar, Final, override
from uuid import UUID

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django_stubs_ext import StrOrPromise

from files.ids import is_id
from files.models import Entry, Space

SPACES_SHOWN: Final = 15  # the others are reached from their own page

_TYPES: Final[dict[str, tuple[StrOrPromise, Q]]] = {
    "image": (_("Images"), Q(media_type__startswith="image/")),
    "text": (_("Text"), Q(media_type__startswith="text/")),
    "pdf": (_("PDF"), Q(media_type="application/pdf")),
    "audio": (_("Audio"), Q(media_type__startswith="audio/")),
    "video": (_("Video"), Q(media_type__startswith="video/")),
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


class ActorFilter(admin.SimpleListFilter):
    """Who did it: a name that is typed, as the account was called then, or the system itself."""

    template = "admin/files/text_filter.html"
    title = _("who")
    parameter_name = "who"
    label = _("Name of an account")
    SYSTEM: Final = "(system)"  # no account can be called so

    @property
    def typed(self) -> str:
        """Give what stands in the field."""
        value = self.value() or ""
        return "" if value == self.SYSTEM else value

    @override
    def lookups(
        self,
        request: HttpRequest,
        model_admin: admin.ModelAdmin[Any],
    ) -> list[tuple[str, StrOrPromise]]:
        """Give the one choice that is not typed."""
        return [(self.SYSTEM, _("the system"))]

    @override
    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        """Give the choices, and keep what the form must send along."""
        self.kept = [pair for pair in changelist.params.items() if pair[0] != self.parameter_name]
        return super().choices(changelist)

    @override
    def queryset[M: Model](self, request: HttpRequest, queryset: QuerySet[M]) -> QuerySet[M]:
        """Narrow the list down to one name."""
        name = (self.value() or "").strip()
        if not name:
            return queryset
        return queryset.filter(actor_name="" if name == self.SYSTEM else name)


class KeyFilter(admin.SimpleListFilter):
    """What a link to this list has narrowed it down to; shown so that it can be taken away."""

    @override
    def lookups(
        self,
        request: HttpRequest,
        model_admin: admin.ModelAdmin[Any],
    ) -> list[tuple[str, str]]:
        """Give the one choice there is, if it was made: without any, a filter is not applied."""
        chosen = self.value() or ""
        if not chosen:
            return []
        return [(chosen, self.shown(chosen) if self.is_key(chosen) else chosen)]

    @staticmethod
    def is_key(text: str) -> bool:
        """Tell whether a text can be a key."""
        return is_id(text)

    def shown(self, key: str) -> str:
        """Say what the key stands for; no names, which not everybody may see here."""
        return f"#{key}"

    @override
    def queryset[M: Model](self, request: HttpRequest, queryset: QuerySet[M]) -> QuerySet[M]:
        """Narrow the list down to one; to nothing if there can be none."""
        chosen = self.value()
        if not chosen:
            return queryset
        if not self.is_key(chosen):
            return queryset.none()
        return queryset.filter(**{f"{self.parameter_name}": chosen})


class EventEntryFilter(KeyFilter):
    """The events of one entry, which may be gone."""

    title = _("entry")
    parameter_name = "entry_id"


class VersionEntryFilter(KeyFilter):
    """The versions of one entry."""

    title = _("entry")
    parameter_name = "entry"


class BlobFilter(KeyFilter):
    """The versions that one blob is the content of."""

    title = _("blob")
    parameter_name = "blob"

    @staticmethod
    @override
    def is_key(text: str) -> bool:
        """Tell whether a text can be the id of a blob."""
        try:
            return bool(UUID(text))
        except ValueError:
            return False

    @override
    def shown(self, key: str) -> str:
        """Shorten the id as lists do."""
        return str(UUID(key))[:8]
