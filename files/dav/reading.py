"""GET and HEAD: contents of files, and a signpost for collections (RFC 4918, 9.4)."""

from http import HTTPStatus

from django.urls import reverse
from django.utils.html import escape

from files.errors import EntryNotFoundError
from files.http.heads import Answer
from files.http.methods import Content, Outcome
from files.models import Right

from .calls import Call


def get(call: Call) -> Outcome:
    """Give the content of a file; a collection has a line that leads to its page.

    Raises EntryNotFoundError, also for what may be added to but not read.
    """
    located = call.resource.located
    if call.resource.is_home:
        return _signpost(reverse("web:spaces"))
    if located is None or Right.READ not in located.rights:
        raise EntryNotFoundError
    if located.entry.is_folder:
        return _signpost(reverse("web:folder", args=[located.entry.pk]))
    return Content(located, call.actor)


def _signpost(address: str) -> Answer:
    """Say where a collection can be seen in a browser."""
    page = (
        "<!doctype html><html lang=en><title>WebDAV</title>"
        f'<p>This is a WebDAV collection. <a href="{escape(address)}">See it as a page</a>.</p>\n'
    )
    headers = [
        ("Content-Type", "text/html; charset=utf-8"),
        ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"),
    ]
    return Answer(HTTPStatus.OK, headers, page.encode())
