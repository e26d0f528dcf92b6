"""Move and copy: choose a folder by walking to it, without a script."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http import HTTPStatus

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from files.access import Actor, Located, locate, visible_spaces
from files.errors import FilesError, MalformedRequestError, NotAFolderError
from files.http.requests import FilesRequest
from files.models import Entry, Right
from files.names import visible_name
from files.operations.transfer import Outcome, copy_entries, move_entries
from files.web.errors import sentence
from files.web.pages import page, see_other
from files.web.selection import locate_selection, selected_ids, single_id
from files.web.trail import title_of

FOLDERS_SHOWN = 500


@dataclass(frozen=True, slots=True)
class Verb:
    """What the picker is for, and how it says so."""

    url_name: str
    title: Promise
    button: Promise
    run: Callable[[Sequence[Entry], Entry, Actor], Outcome]
    tell: Callable[[int], str]


def _moved(count: int) -> str:
    """Say that entries were moved."""
    text = ngettext("%(count)d item was moved here.", "%(count)d items were moved here.", count)
    return text % {"count": count}


def _copied(count: int) -> str:
    """Say that entries were copied."""
    text = ngettext("%(count)d item was copied here.", "%(count)d items were copied here.", count)
    return text % {"count": count}


MOVE = Verb(
    "web:move",
    gettext_lazy("Move"),
    gettext_lazy("Move here"),
    lambda entries, parent, actor: move_entries(entries, parent=parent, actor=actor),
    _moved,
)
COPY = Verb(
    "web:copy",
    gettext_lazy("Copy"),
    gettext_lazy("Copy here"),
    lambda entries, parent, actor: copy_entries(entries, parent=parent, actor=actor),
    _copied,
)


@page("GET", "POST")
def move(request: FilesRequest) -> HttpResponse:
    """Choose where entries go, then move them there."""
    return _transfer(request, MOVE)


@page("GET", "POST")
def copy(request: FilesRequest) -> HttpResponse:
    """Choose where copies of entries go, then make them there."""
    return _transfer(request, COPY)


def _transfer(request: FilesRequest, verb: Verb) -> HttpResponse:
    """Show the picker; a POST transfers, and shows the picker again with what stood in the way."""
    data = request.POST if request.method == "POST" else request.GET
    first, entries = locate_selection(request.actor, selected_ids(data))
    to = single_id(data, "to") or first.entry.parent_id or first.entry.pk
    target = locate(request.actor, to, Right.NONE)
    if not target.entry.is_folder:
        raise NotAFolderError(entry_id=to)
    problem, status = "", HTTPStatus.OK
    if request.method == "POST":
        if "to" not in data:
            raise MalformedRequestError(reason="to")
        try:
            outcome = verb.run(entries, target.entry, request.actor)
        except FilesError as error:
            # Another folder may do, so the picker is the place to say it.
            problem, status = sentence(error), error.status
        else:
            _tell(request, verb, outcome)
            return see_other(reverse("web:folder", args=[to]))
    context = {**_picker_context(request.actor, target, entries, verb), "problem": problem}
    return render(request, "files/picker.html", context, status=status)


def _tell(request: FilesRequest, verb: Verb, outcome: Outcome) -> None:
    """Say what was done, or that it goes on in the background."""
    if outcome.queued:
        messages.info(
            request, _("This is being done in the background and appears here when it is complete.")
        )
    else:
        messages.success(request, verb.tell(len(outcome.done)))


def _way_to(target: Located) -> list[tuple[int, str]]:
    """Give ids and names of the folders above one, for who may read them."""
    if Right.READ not in target.rights:
        return []
    return [
        (node.id, visible_name(node.name or target.entry.space.name)) for node in target.ancestors
    ]


def _picker_context(
    actor: Actor, target: Located, entries: list[Entry], verb: Verb
) -> dict[str, object]:
    """Gather what the picker shows: the folders in one folder, the way to it, other spaces."""
    folders: list[Entry] = []
    if Right.READ in target.rights:
        members = Entry.objects.children_of(target.entry).filter(kind=Entry.Kind.FOLDER)
        folders = list(members.order_by("name_fold", "pk")[: FOLDERS_SHOWN + 1])
    ids = {entry.pk for entry in entries}
    query = "&".join(f"entry={entry.pk}" for entry in entries)
    source = entries[0].parent_id or entries[0].pk
    return {
        "verb": verb,
        "action": reverse(verb.url_name),
        "query": query,
        "entries": entries,
        "target": target.entry,
        "title": title_of(target),
        "way": _way_to(target),
        "folders": [folder for folder in folders[:FOLDERS_SHOWN] if folder.pk not in ids],
        "has_more": len(folders) > FOLDERS_SHOWN,
        "can_add": Right.ADD in target.rights,
        "is_same": verb is MOVE and all(e.parent_id == target.entry.pk for e in entries),
        "spaces": [space for space, rights in visible_spaces(actor) if Right.ADD in rights],
        "back": reverse("web:folder", args=[source]),
    }
