"""Filters with two ends, which staff type, or click a range ready-made; no scripts."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta
from typing import Any, ClassVar, Final, override

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.dateparse import parse_date
from django.utils.translation import gettext_lazy as _
from django_stubs_ext import StrOrPromise

from files.errors import InvalidValueError
from files.models import Entry
from files.operations.sizes import parse_size

ENDS: Final = ("from", "to")
_YEARS: Final = range(1970, 3000)  # such as every database and time zone can reckon with

type Ends = Mapping[str, str]


class RangeFilter(admin.ListFilter, ABC):
    """Rows whose column lies between two ends, of which either may be missing.

    What cannot be understood is said at the field, and nothing is listed: rather no row than
    rows that nobody asked for.
    """

    template = "admin/files/range_filter.html"
    column: ClassVar[str]
    stem: ClassVar[str]  # of the two parameters: <stem>_from and <stem>_to
    input_type: ClassVar[str]
    hint: ClassVar[StrOrPromise] = ""

    def __init__(
        self,
        request: HttpRequest,
        params: dict[str, list[str]],
        model: type[Model],
        model_admin: admin.ModelAdmin[Any],
    ) -> None:
        super().__init__(request, params, model, model_admin)
        self.ends = {end: params.pop(f"{self.stem}_{end}", [""])[-1].strip() for end in ENDS}
        self.kept: list[tuple[str, str]] = []
        self.fault: StrOrPromise = ""
        try:
            self.condition = self.between(self.ends)
        except ValueError as error:
            self.fault, self.condition = error.args[0], Q(pk__in=[])

    @abstractmethod
    def between(self, ends: Ends) -> Q:
        """Give the condition on the column; raise ValueError with what is to be said."""

    @abstractmethod
    def ranges(self) -> Iterator[tuple[StrOrPromise, Ends]]:
        """Give the ranges that one can click."""

    @property
    def fields(self) -> list[tuple[str, str, StrOrPromise]]:
        """Give parameter, value and label of both ends, for the form."""
        labels = {"from": _("From"), "to": _("To")}
        return [(f"{self.stem}_{end}", self.typed(self.ends[end]), labels[end]) for end in ENDS]

    def typed(self, text: str) -> str:
        """Give what the field of an end shows."""
        return text

    @override
    def expected_parameters(self) -> list[str | None]:
        """Name the two ends."""
        return [f"{self.stem}_{end}" for end in ENDS]

    @override
    def has_output(self) -> bool:
        """Show the filter always."""
        return True

    @override
    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        """Give what one can click, and keep what the form must send along."""
        mine = set(self.expected_parameters())
        self.kept = [pair for pair in changelist.params.items() if pair[0] not in mine]
        given = {end: text for end, text in self.ends.items() if text}
        for label, ends in ((_("Any"), {}), *self.ranges()):
            query = {f"{self.stem}_{end}": ends.get(end) for end in ENDS}
            yield {
                "selected": given == ends,
                "query_string": changelist.get_query_string(query),
                "display": label,
            }

    @override
    def queryset[M: Model](self, request: HttpRequest, queryset: QuerySet[M]) -> QuerySet[M]:
        """Narrow the list down to the range."""
        return queryset.filter(self.condition) if self.condition else queryset


class SizeFilter(RangeFilter):
    """Sizes as people type them, both ends included; folders have none."""

    title = _("size")
    column = "size"
    stem = "size"
    input_type = "text"
    hint = _("Such as 500 KiB or 2 GiB.")

    @override
    def between(self, ends: Ends) -> Q:
        """Read both sizes."""
        try:
            low, high = (parse_size(ends[end]) if ends[end] else None for end in ENDS)
        except InvalidValueError:
            msg = _("Please enter a size such as 500 MiB or 10 GiB.")
            raise ValueError(msg) from None
        return _between(self.column, low, high, and_also=Q(kind=Entry.Kind.FILE))

    @override
    def ranges(self) -> Iterator[tuple[StrOrPromise, Ends]]:
        """Offer four of them."""
        yield _("Up to 1 MiB"), {"to": "1 MiB"}
        yield _("1 to 100 MiB"), {"from": "1 MiB", "to": "100 MiB"}
        yield _("100 MiB to 1 GiB"), {"from": "100 MiB", "to": "1 GiB"}
        yield _("1 GiB and more"), {"from": "1 GiB"}


class DateFilter(RangeFilter):
    """Days in the server's time zone, the last one included."""

    input_type = "date"

    @override
    def typed(self, text: str) -> str:
        """Give a day: browsers complain about anything else in their field for days."""
        try:
            return _day(text).isoformat()
        except ValueError:
            return ""

    @override
    def between(self, ends: Ends) -> Q:
        """Read both days."""
        low, high = (_day(ends[end]) if ends[end] else None for end in ENDS)
        if low and high and low > high:
            raise ValueError(_("The range ends before it begins."))
        last = high + timedelta(days=1) if high else None
        return Q(
            **({f"{self.column}__gte": _midnight(low)} if low else {}),
            **({f"{self.column}__lt": _midnight(last)} if last else {}),
        )

    @override
    def ranges(self) -> Iterator[tuple[StrOrPromise, Ends]]:
        """Offer spans that end today."""
        today = timezone.localdate()
        for label, days in ((_("Today"), 0), (_("Past 7 days"), 6), (_("Past 30 days"), 29)):
            first = today - timedelta(days=days)
            yield label, {"from": first.isoformat(), "to": today.isoformat()}
        yield _("This year"), {"from": f"{today.year}-01-01", "to": f"{today.year}-12-31"}


class ModifiedFilter(DateFilter):
    """When an entry was modified."""

    title = _("modified")
    column = stem = "modified_at"


class AtFilter(DateFilter):
    """When an event was recorded."""

    title = _("when")
    column = stem = "at"


class CreatedFilter(DateFilter):
    """When something was made."""

    title = _("created")
    column = stem = "created_at"


def _between(column: str, low: int | None, high: int | None, *, and_also: Q) -> Q:
    """Give the condition for both ends included; none for no end."""
    if low is None and high is None:
        return Q()
    if low is not None and high is not None and low > high:
        raise ValueError(_("The range ends before it begins."))
    bounds = {f"{column}__gte": low, f"{column}__lte": high}
    return and_also & Q(**{key: value for key, value in bounds.items() if value is not None})


def _day(text: str) -> date:
    """Read a day as the browser's field for dates sends it."""
    try:
        day = parse_date(text)
    except ValueError:
        day = None
    if day is None or day.year not in _YEARS:
        raise ValueError(_("Please enter a date such as 2026-05-03."))
    return day


def _midnight(day: date) -> datetime:
    """Give when a day begins on the server."""
    return timezone.make_aware(datetime(day.year, day.month, day.day))  # noqa: DTZ001 - made aware here
