"""Search: find entries by a part of their name, in all the spaces one may read."""

from urllib.parse import urlencode

from django.http import HttpResponse
from django.shortcuts import render

from files import access
from files.http.requests import FilesRequest
from files.models.listing import PAGE_SIZE
from files.web.pages import page
from files.web.selection import single_id

LONGEST = 255  # characters; no name is longer


@page("GET")
def search(request: FilesRequest) -> HttpResponse:
    """Show what is found, newest first, a page at a time; without a text, only the form."""
    text = request.GET.get("q", "").strip()[:LONGEST]
    found = []
    if text:
        after = single_id(request.GET, "after")
        found = access.search(request.actor, text, after=after, limit=PAGE_SIZE + 1)
    entries = found[:PAGE_SIZE]
    following = ""
    if len(found) > PAGE_SIZE:
        following = urlencode({"q": text, "after": entries[-1].pk})
    context = {"text": text, "entries": entries, "next_query": following}
    return render(request, "files/search.html", context)
