"""Search: entries by a part of their name, in all spaces that one may read."""

from django.http import HttpResponse
from ninja import Router

from files import access
from files.api.cursors import cursor_of, number_of
from files.api.documents import EntryTold, Page
from files.api.replies import reply, split_page
from files.api.requests import ApiRequest
from files.api.values import After, Limit, Sought

router = Router(tags=["search"])


@router.get("/search", response=Page[EntryTold], summary="Search by name")
def search(request: ApiRequest, q: Sought, limit: Limit = 100, cursor: After = "") -> HttpResponse:
    """Find files and folders whose name contains a text, in any case of letters, newest first."""
    found = access.search(request.auth, q, after=number_of(cursor), limit=limit + 1)
    shown, last = split_page(found, limit)
    items = [EntryTold.of(entry) for entry in shown]
    return reply(Page[EntryTold](items=items, next=cursor_of(last.pk) if last else None))
