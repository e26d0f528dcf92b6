"""How the upload protocols render what is refused: as a problem (RFC 9457), with its code."""

import json
from collections.abc import Iterable
from typing import Any

from files.errors import DigestMismatchError, FilesError, LengthMismatchError
from files.http.credentials import challenges
from files.http.heads import Answer


def problem(
    error: FilesError,
    *,
    status: int | None = None,
    headers: Iterable[tuple[str, str]] = (),
    **members: Any,
) -> Answer:
    """Render an error; status and members are what a protocol has instead of the error's own."""
    status = int(status or error.status)
    document = {"title": str(error), "status": status, "code": error.code, **error.data, **members}
    own = [("Content-Type", "application/problem+json"), ("Cache-Control", "no-store")]
    return Answer(status, [*own, *challenges(error), *headers], json.dumps(document).encode())


def is_of_content(error: FilesError) -> bool:
    """Tell whether the bytes of one body were damaged: then its upload stands where it stood."""
    return isinstance(error, DigestMismatchError) and error.data.get("of") == "content"


def is_gone(error: FilesError) -> bool:
    """Tell whether a refusal has taken the upload with it, so that it cannot be gone on with."""
    if isinstance(error, DigestMismatchError):
        return "of" not in error.data
    return isinstance(error, LengthMismatchError)
