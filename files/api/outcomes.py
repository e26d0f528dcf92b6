"""How what became of entries is answered: told to who may read there, and no more to others."""

from http import HTTPStatus

from django.http import HttpResponse
from django.urls import reverse

from files.access import Located
from files.errors import NotAFolderError
from files.models import Entry, Right
from files.operations.overwriting import Arrival
from files.operations.transfer import Outcome

from .documents import EntryTold, TransferTold
from .replies import etag_of, no_content, reply


def folder_of(located: Located) -> Entry:
    """Give the located entry if it is a folder. Raises NotAFolderError."""
    if not located.entry.is_folder:
        raise NotAFolderError(entry_id=located.entry.pk)
    return located.entry


def told(
    entry: Entry, *, is_readable: bool = True, status: HTTPStatus = HTTPStatus.OK
) -> HttpResponse:
    """Tell of an entry, with its address where it was made."""
    if not is_readable:
        # The name it was given would tell what else there is.
        return no_content()
    location = address_of(entry) if status == HTTPStatus.CREATED else ""
    return reply(EntryTold.of(entry), status=status, etag=etag_of(entry), location=location)


def address_of(entry: Entry) -> str:
    """Give the address of an entry."""
    return reverse("api:get_entry", args=[entry.pk])


def outcome_of(arrival: Arrival) -> Outcome:
    """Say what became of one entry that was to come to a place."""
    if arrival.entry is None:
        return Outcome([], queued=True, job=arrival.job)
    return Outcome([arrival.entry])


def transferred(outcome: Outcome, parent: Located, status: HTTPStatus) -> HttpResponse:
    """Tell what became of one entry that was moved or copied."""
    if outcome.queued:
        return all_transferred(outcome, parent)
    (entry,) = outcome.done
    return told(entry, is_readable=Right.READ in parent.rights, status=status)


def all_transferred(outcome: Outcome, parent: Located) -> HttpResponse:
    """Tell what became of entries that were moved or copied, and where to ask for the rest."""
    job = ""
    if outcome.job is not None:
        job = reverse("api:get_job", args=[parent.entry.space_id, outcome.job])
    is_readable = Right.READ in parent.rights
    entries = [EntryTold.of(entry) for entry in outcome.done] if is_readable else []
    document = TransferTold(entries=entries, job=job or None)
    status = HTTPStatus.ACCEPTED if outcome.queued else HTTPStatus.OK
    return reply(document, status=status, location=job)
