"""Locks: end one's own, or with the right to manage, one that somebody forgot."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _

from files.access import locate
from files.http.requests import FilesRequest
from files.operations.lock_rules import is_own
from files.operations.locks import break_lock, breakable_lock
from files.web.locking import sentence_of
from files.web.pages import page, see_other
from files.web.trail import trail_to


@page("GET", "POST")
def break_(request: FilesRequest, lock_id: int) -> HttpResponse:
    """Ask whether a lock should be broken, and do so on POST."""
    lock = breakable_lock(lock_id, actor=request.actor)
    is_folder = lock.entry.is_folder
    back = reverse("web:folder" if is_folder else "web:entry", args=[lock.entry_id])
    if request.method == "POST":
        break_lock(lock_id, actor=request.actor)
        messages.success(request, _("The lock is gone."))
        return see_other(back)
    own = is_own(lock, request.actor)
    last = _("Unlock") if own else _("Break the lock")
    context = {
        "lock": lock,
        "is_own": own,
        "sentence": sentence_of(lock, is_own=own),
        "crumbs": trail_to(locate(request.actor, lock.entry_id), last=last),
        "title": last,
        "back": back,
    }
    return render(request, "files/break_lock.html", context)
