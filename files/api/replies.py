"""Answers: documents, their entity tags and addresses, and pages of lists."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Final

from django.http import HttpResponse
from pydantic import BaseModel

from files.models import Entry

JSON: Final = "application/json"


def reply(
    document: BaseModel,
    *,
    status: HTTPStatus = HTTPStatus.OK,
    etag: str = "",
    location: str = "",
) -> HttpResponse:
    """Answer with a document."""
    fields = {"ETag": etag, "Location": location}
    headers = {name: value for name, value in fields.items() if value}
    body = document.model_dump_json(by_alias=True)
    return HttpResponse(body, status=status, content_type=JSON, headers=headers)


def no_content(headers: Mapping[str, str] | None = None) -> HttpResponse:
    """Answer that it is done, with nothing to tell."""
    answer = HttpResponse(status=HTTPStatus.NO_CONTENT, headers=headers)
    del answer["Content-Type"]
    return answer


def etag_of(entry: Entry) -> str:
    """Give the entity tag of what the API tells of an entry: another one after each change."""
    return f'"r{entry.revision}"'


def split_page[T](found: Sequence[T], limit: int) -> tuple[Sequence[T], T | None]:
    """Give a page of what was read with one row too many, and its last row if more follows."""
    return found[:limit], found[limit - 1] if len(found) > limit else None
