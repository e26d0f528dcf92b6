"""Pages of lists that may be long: nothing is counted to its end."""

from functools import cached_property
from typing import Any, Final

from django.core.paginator import Paginator
from django.db.models import QuerySet

LIMIT: Final = 10_000  # rows that are counted, and the last that can be paged to


class BoundedPaginator(Paginator[Any]):
    """Counts up to LIMIT; who looks for something further on narrows the list down."""

    @cached_property
    def count(self) -> int:
        """Count the rows, but not past LIMIT."""
        rows = self.object_list
        assert isinstance(rows, QuerySet)  # noqa: S101 - the admin pages through nothing else
        return rows.order_by()[:LIMIT].count()

    @property
    def is_cut(self) -> bool:
        """Tell whether there may be more than was counted."""
        return self.count >= LIMIT
