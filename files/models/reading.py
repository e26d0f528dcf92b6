"""Read instances by SQL that is written once, for what every request asks.

The ORM builds a query anew each time it is asked, which takes several times as long as the database
takes to answer: finding a folder was 0.68 ms of CPU and is 0.15 ms. Only the few reads that every
upload makes are written so.
"""

from collections.abc import Callable, Collection, Sequence
from functools import cached_property
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connection, models
from django.db.models.base import ModelState


class Reader[M: models.Model]:
    """Makes instances of one model from the columns of a row."""

    def __init__(self, model: type[M], alias: str) -> None:
        self._model, self._alias = model, alias

    @cached_property
    def _fields(self) -> list[models.Field[Any, Any]]:
        """Give the fields that have columns."""
        return list(self._model._meta.concrete_fields)

    @cached_property
    def columns(self) -> str:
        """Give the columns to select, each with the alias of the table in front."""
        quote = connection.ops.quote_name
        return ", ".join(f"{self._alias}.{quote(str(field.column))}" for field in self._fields)

    @cached_property
    def width(self) -> int:
        """Give how many columns there are."""
        return len(self._fields)

    @cached_property
    def _names(self) -> list[str]:
        """Give the attributes that hold the values, in the order of the columns."""
        return [field.attname for field in self._fields]

    @cached_property
    def _converters(self) -> list[tuple[int, Callable[..., Any], Any]]:
        """Give what turns values of the driver into Python's, with the places they are for."""
        found = []
        for place, field in enumerate(self._fields):
            column = field.cached_col
            converters = [
                *connection.ops.get_db_converters(column),
                *field.get_db_converters(connection),
            ]
            found += [(place, convert, column) for convert in converters]
        return found

    def instance(self, row: Sequence[Any], start: int = 0) -> M:
        """Make an instance of the columns of a row from a place on."""
        values = list(row[start : start + self.width])
        for place, convert, column in self._converters:
            values[place] = convert(values[place], column, connection)
        # As a pickled instance is read: without Model.__init__, which takes longer than all else.
        made = self._model.__new__(self._model)
        made.__dict__.update(zip(self._names, values, strict=True))
        made._state = ModelState()
        made._state.adding, made._state.db = False, DEFAULT_DB_ALIAS
        return made


def marks(values: Collection[object]) -> str:
    """Give the placeholders of a list of parameters; of an empty one, a list that nothing is in."""
    return ", ".join(["%s"] * len(values)) or "NULL"  # PostgreSQL takes no "IN ()"
