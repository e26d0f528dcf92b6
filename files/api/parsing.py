"""Documents that are sent: JSON by its type only, bounded, and JSON indeed."""

import json
from typing import Any, Final, NoReturn

from django.http import HttpRequest
from ninja.parser import Parser

from files.errors import BodyTooLargeError, MalformedRequestError, UnsupportedTypeError

LIMIT: Final = 2**20  # bytes of one document


class StrictParser(Parser):
    """Reads the body of a request."""

    def parse_body(self, request: HttpRequest) -> dict[str, Any]:
        """Read a document. Pages of other sites cannot send its type without being asked first.

        Raises UnsupportedTypeError, BodyTooLargeError and MalformedRequestError.
        """
        if request.content_type != "application/json":
            raise UnsupportedTypeError(expected="application/json")
        if len(request.body) > LIMIT:
            raise BodyTooLargeError(limit=LIMIT)
        try:
            return json.loads(request.body, parse_constant=_refuse)  # type: ignore[no-any-return]
        except (ValueError, RecursionError):
            raise MalformedRequestError(reason="json") from None


def _refuse(constant: str) -> NoReturn:
    """Refuse NaN and Infinity, which are no JSON (RFC 8259, 6)."""
    raise ValueError(constant)
