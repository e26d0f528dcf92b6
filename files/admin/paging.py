"""Pages of lists that may be long: nothing is counted to its end."""

from functools import cached_property
from typing import Any, Final, override

from django.core.paginator import Page, Paginator
from django.db.models import QuerySet

LIMIT: Final = 10_000  # rows that are counted, and the last that can be paged to


class BoundedPaginator(Paginator[Any]):
    """Counts up to LIMIT; who looks for something further on narrows the list down."""

    @cached_property
    def count(self) -> int:
        """Count the rows, but not past LIMIT."""
        return self._rows.order_by()[:LIMIT].count()

    @override
    def page(self, number: int | str) -> Page[Any]:
        """Give a page. Its keys are found first: to sort whole rows takes three times as long."""
        number = self.validate_number(number)
        first = (number - 1) * self.per_page
        keys = list(self._rows.values_list("pk", flat=True)[first : first + self.per_page])
        return Page(self._rows.filter(pk__in=keys), number, self)

    @property
    def _rows(self) -> QuerySet[Any]:
        """Give the rows of the whole list."""
        rows = self.object_list
        assert isinstance(rows, QuerySet)  # noqa: S101 - the admin pages through nothing else
        return rows

    @property
    def is_cut(self) -> bool:
        """Tell whether there may be more than was counted."""
        return self.count >= LIMIT
