"""Filters with two ends that staff type: sizes, and days."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any, ClassVar, override

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ChangeList
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django_stubs_ext import StrOrPromise

from files.errors import InvalidValueError
from files.operations.sizes import parse_size


class RangeFilter(admin.ListFilter):
    """From and to, each of which may be left open; the end belongs to the range.

    name makes the parameters name_from and name_to. A value that cannot be read shows the list
    without filters, as the admin does with any that it does not understand.
    """

    template = "admin/files/filter_range.html"
    name: ClassVar[str]
    field: ClassVar[str]
    input_type: ClassVar[str] = "text"
    placeholder: ClassVar[StrOrPromise] = ""

    def __init__(
        self,
        request: HttpRequest,
        params: dict[str, list[str]],
        model: type[Model],
        model_admin: admin.ModelAdmin[Any],
    ) -> None:
        super().__init__(request, params, model, model_admin)
        for parameter in self.expected_parameters():
            if parameter in params:
                self.used_parameters[parameter] = params.pop(parameter)[-1].strip()

    @override
    def has_output(self) -> bool:
        """Show the filter always."""
        return True

    @override
    def expected_parameters(self) -> list[str | None]:
        """Name the parameters."""
        return [f"{self.name}_from", f"{self.name}_to"]

    @override
    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        """Give what the form needs: its two values, and the parameters of other filters."""
        yield {
            "name": self.name,
            "low": self.used_parameters.get(f"{self.name}_from", ""),
            "high": self.used_parameters.get(f"{self.name}_to", ""),
            "input_type": self.input_type,
            "placeholder": self.placeholder,
            "others": [
                (key, value)
                for key, value in changelist.params.items()
                if key not in self.expected_parameters()
            ],
        }

    def limit[M: Model](self, rows: QuerySet[M], lookup: str, text: str) -> QuerySet[M]:
        """Narrow a list down by one end; lookup is gte or lte. Raises ValueError."""
        raise NotImplementedError

    @override
    def queryset[M: Model](self, request: HttpRequest, queryset: QuerySet[M]) -> QuerySet[M]:
        """Narrow the list down to the range."""
        for suffix, lookup in (("from", "gte"), ("to", "lte")):
            if text := str(self.used_parameters.get(f"{self.name}_{suffix}", "")):
                try:
                    queryset = self.limit(queryset, lookup, text)
                except (ValueError, InvalidValueError) as error:
                    raise IncorrectLookupParameters from error
        return queryset


class SizeRangeFilter(RangeFilter):
    """Sizes as people type them; folders have none."""

    title = _("size")
    name, field, placeholder = "size", "size", _("such as 1 MiB")

    @override
    def limit[M: Model](self, rows: QuerySet[M], lookup: str, text: str) -> QuerySet[M]:
        return rows.filter(**{f"{self.field}__{lookup}": parse_size(text)}, version__isnull=False)


class DayRangeFilter(RangeFilter):
    """Days, in the time zone of the installation."""

    input_type = "date"

    @override
    def limit[M: Model](self, rows: QuerySet[M], lookup: str, text: str) -> QuerySet[M]:
        day = date.fromisoformat(text)
        if lookup == "lte":
            return rows.filter(**{f"{self.field}__lt": _start_of(day + timedelta(days=1))})
        return rows.filter(**{f"{self.field}__gte": _start_of(day)})


def _start_of(day: date) -> datetime:
    """Give the moment at which a day begins."""
    return timezone.make_aware(datetime(day.year, day.month, day.day))  # noqa: DTZ001 - made aware


class EventDays(DayRangeFilter):
    """When something happened."""

    title = _("days")
    name = field = "at"


class ModifiedDays(DayRangeFilter):
    """When an entry was changed last."""

    title = _("day of change")
    name, field = "modified", "modified_at"
