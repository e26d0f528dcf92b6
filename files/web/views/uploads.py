"""What is on its way: one's unfinished uploads, to be gone on with, confirmed or discarded."""

import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from uuid import UUID

from django.contrib import messages
from django.db.models import Q, QuerySet, Subquery
from django.http import HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.cache import patch_vary_headers
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from files.access import Located, get_upload, locate_all
from files.errors import FilesError, MalformedRequestError, UploadNotFoundError
from files.http.confirming import confirm_upload
from files.http.requests import FilesRequest
from files.models import Right, Upload
from files.names import visible_name
from files.operations.pending import Pending, look_at_all
from files.operations.uploads import cancel_upload, pending_uploads
from files.web.errors import sentence, wants_json
from files.web.pages import page, see_other
from files.web.trail import Crumb, title_of

PAGE_SIZE = 50
TOLD = 1000  # to a script
AT_ONCE = 200  # confirmed or discarded by one button
NAMED = 5  # that are told one by one
RECEIVED = "received"  # in the place of an id: all that is there whole


@dataclass(frozen=True, slots=True)
class Row:
    """An upload as the page shows it; place is where it goes, if one may still put it there."""

    pending: Pending
    place: Located | None

    @property
    def where(self) -> str:
        """Name the folders on the way, from the space on; who may not read knows only the last."""
        if self.place is None:
            return ""
        names = [title_of(self.place)]
        if Right.READ in self.place.rights:
            space = self.place.entry.space.name
            names = [*(visible_name(node.name or space) for node in self.place.ancestors), *names]
        return " / ".join([*names, *map(visible_name, self.pending.upload.names[:-1])])


@page("GET")
def uploads(request: FilesRequest) -> HttpResponse:
    """List one's unfinished uploads, newest first: a page, or all that a script goes on with."""
    mine = pending_uploads(request.actor).defer("hash_state").order_by("-created_at", "-pk")
    if wants_json(request):
        response: HttpResponse = JsonResponse({"uploads": [_told(one) for one in mine[:TOLD]]})
    else:
        after = request.GET.get("after", "")
        found = list(_behind(mine, after)[: PAGE_SIZE + 1])
        places = locate_all(
            request.actor, [one.folder_id for one in found if one.folder_id], Right.ADD
        )
        rows = [
            Row(pending, places.get(pending.upload.folder_id or 0))
            for pending in look_at_all(found[:PAGE_SIZE])
        ]
        context = {
            "rows": rows,
            "crumbs": [Crumb(_("Unfinished uploads"))],
            "received": sum(row.pending.is_received for row in rows),
            "after": found[PAGE_SIZE - 1].pk.hex if len(found) > PAGE_SIZE else "",
            "is_first_page": not after,
        }
        response = render(request, "files/pending.html", context)
    patch_vary_headers(response, ["Accept"])
    return response


def _behind(mine: QuerySet[Upload], after: str) -> QuerySet[Upload]:
    """Give those behind one that a page ended with; all, if that is gone meanwhile."""
    if not after or not (start := mine.filter(pk=_parse(after))).exists():
        return mine
    # Compared in the database, which may keep a moment in another form than it is given.
    at = Subquery(start.values("created_at"))
    return mine.filter(created_at__lte=at).filter(Q(created_at__lt=at) | Q(pk__lt=_parse(after)))


def _told(upload: Upload) -> dict[str, object]:
    """Say which file an upload is of, and how far it is."""
    return {
        "id": upload.pk.hex,
        "url": f"/uploads/{upload.pk.hex}",
        "name": upload.name,
        "path": upload.path,
        "folder": upload.folder_id,
        "length": upload.length,
        "offset": upload.offset,
        "modified_at": upload.modified_at,
        "expires_at": upload.expires_at,
    }


def _parse(text: str) -> UUID:
    """Read the id of an upload. Raises UploadNotFoundError for what cannot be one."""
    if not re.fullmatch(r"[0-9a-f]{32}", text, re.ASCII):
        raise UploadNotFoundError
    return UUID(text)


def _selected(request: FilesRequest, text: str) -> list[Upload]:
    """Find the upload that a button names, or all that are received."""
    if not text:
        raise MalformedRequestError(reason="upload")
    if text != RECEIVED:
        return [get_upload(request.actor, _parse(text))]
    mine = pending_uploads(request.actor).defer("hash_state").select_related("folder")
    return [pending.upload for pending in look_at_all(mine[:TOLD]) if pending.is_received][:AT_ONCE]


@page("GET", "POST")
def confirm(request: FilesRequest) -> HttpResponse:
    """Put what is received in its place."""
    if request.method != "POST":
        # Where a browser goes that was sent to sign in halfway.
        return redirect("web:uploads")
    done: list[Upload] = []
    for upload in _selected(request, request.POST.get("upload", "")):
        try:
            done.append(confirm_upload(upload.pk, actor=request.actor))
        except FilesError as error:
            said = f"{visible_name(upload.name)}: {sentence(error)}"
            messages.error(request, said)
    _tell_confirmed(request, done)
    return see_other(reverse("web:uploads"))


def _tell_confirmed(request: FilesRequest, done: Sequence[Upload]) -> None:
    """Say what is in its place now, with links to it for whom may see it."""
    shown = locate_all(request.actor, [one.entry_id for one in done[:NAMED] if one.entry_id])
    for upload in done[:NAMED]:
        located = shown.get(upload.entry_id or 0)
        name = visible_name(located.entry.name if located else upload.name)
        said = _("“%(name)s” is in its place.") % {"name": name}
        if located is not None:
            url = reverse("web:folder", args=[located.entry.parent_id])
            said = format_html('{} <a href="{}">{}</a>', said, url, _("Show its folder"))
        messages.success(request, said)
    if (more := len(done) - NAMED) > 0:
        text = ngettext("%(count)d more is in its place.", "%(count)d more are in theirs.", more)
        messages.success(request, text % {"count": more})


@page("GET", "POST")
def discard(request: FilesRequest) -> HttpResponse:
    """Ask whether uploads should be given up, and do so on POST."""
    data = request.POST if request.method == "POST" else request.GET
    selected = data.get("upload", "")
    found = [upload for upload in _selected(request, selected) if not upload.is_finished]
    if not found:
        raise UploadNotFoundError
    if request.method == "POST":
        for upload in found:
            with suppress(UploadNotFoundError):  # over by now
                cancel_upload(upload.pk, actor=request.actor)
        count = len(found)
        text = ngettext(
            "%(count)d upload was discarded.", "%(count)d uploads were discarded.", count
        )
        messages.success(request, text % {"count": count})
        return see_other(reverse("web:uploads"))
    back = reverse("web:uploads")
    crumbs = [Crumb(_("Unfinished uploads"), back), Crumb(_("Discard"))]
    context = {"uploads": found, "selected": selected, "crumbs": crumbs, "back": back}
    return render(request, "files/discard.html", context)
