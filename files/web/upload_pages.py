"""What the pages around an upload share: its form, and what became of it."""

from http import HTTPStatus
from typing import Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.templatetags.static import static
from django.utils.translation import gettext as _

from files.access import Located
from files.errors import (
    BlobConflictError,
    CaseTwinError,
    DigestMismatchError,
    DiskFullError,
    EntryExistsError,
    EntryNotFoundError,
    FilesError,
    FileTooLargeError,
    ForbiddenError,
    InvalidNameError,
    NotAFileError,
    NotAFolderError,
    QuotaExceededError,
    StorageFailedError,
    TooDeepError,
    TooManyUploadsError,
    TypeRefusedError,
)
from files.models import Right
from files.names import visible_name

from .errors import sentence
from .trail import title_of, trail_to

# What may be said of a single file or folder on its way.
_FAULTS: Final = (
    BlobConflictError,
    CaseTwinError,
    DigestMismatchError,
    DiskFullError,
    EntryExistsError,
    EntryNotFoundError,
    FileTooLargeError,
    ForbiddenError,
    InvalidNameError,
    NotAFileError,
    NotAFolderError,
    QuotaExceededError,
    StorageFailedError,
    TooDeepError,
    TooManyUploadsError,
    TypeRefusedError,
)


def upload_data() -> dict[str, object]:
    """Gather what the script of the upload pages says to people, in their language, and its worker.

    Figures are formatted where they arise; no sentence depends on a number's plural.
    """
    faults = {error.code: str(error.message) for error in _FAULTS}
    faults["file-unreadable"] = _("The file was changed or moved meanwhile. Choose it again.")
    faults["other"] = _("The server did not take this file.")
    hasher = static("files/js/hasher.js")
    return {"texts": {**_texts(), "faults": faults}, "hasher": hasher}


def _texts() -> dict[str, object]:
    """Give the sentences by what they are about."""
    return {
        "units": [_("B"), _("KiB"), _("MiB"), _("GiB"), _("TiB"), _("PiB")],
        "waiting": _("Waiting · %(size)s"),
        "sent": _("%(percent)s of %(size)s"),
        "placing": _("%(size)s sent, being put in its place"),
        "paused": _("Paused at %(percent)s of %(size)s"),
        "retrying": _("No answer. Next try in %(time)s."),
        "done": _("Uploaded · %(size)s"),
        "more": _("Not shown in this list: %(count)s"),
        "begun": _("Uploading has begun."),
        "finished": _("Files uploaded: %(count)s."),
        "not_uploaded": _("Not uploaded: %(count)s."),
        "files": _("Files: %(done)s of %(all)s"),
        "bytes": _("%(sent)s of %(size)s"),
        "speed": _("%(size)s/s"),
        "left": _("%(time)s left"),
        "all_paused": _("paused"),
        "offline": _("no connection, goes on by itself"),
        "there": _("%(percent)s of %(size)s received"),
        "no_folder": _("The folder “%(path)s” could not be made. %(reason)s"),
        "too_many": _("That is too much at once. Choose fewer files and folders."),
        "unreadable": _("The browser could not read what was chosen."),
    }


def upload_context(located: Located, *, last: str = "") -> dict[str, object]:
    """Gather what the upload form of a folder shows: where to, and what the limits are.

    last names the page in the breadcrumb, where it is not the folder's own.
    """
    return {
        "folder": located.entry,
        "title": title_of(located),
        "crumbs": trail_to(located, last=last),
        "free": located.entry.space.free_bytes,
        "max_size": settings.FILES_MAX_UPLOAD_SIZE,
        "max_files": settings.FILES_MAX_UPLOAD_FILES,
        # Who may not read never replaces anything, so has nothing to choose.
        "can_choose_clash": Right.READ in located.rights,
        "upload_data": upload_data(),
    }


def upload_refused(
    request: HttpRequest, located: Located, error: FilesError, per_file: dict[str, FilesError]
) -> HttpResponse:
    """Say why an upload was refused, for each file that is at fault, with the form once more.

    Has the status of the error; nothing of the upload was stored.
    """
    context = {
        **upload_context(located, last=_("Upload")),
        "refusal": sentence(error),
        "refused_files": [
            (visible_name(path), sentence(fault)) for path, fault in per_file.items()
        ],
    }
    return render(request, "files/upload.html", context, status=HTTPStatus(error.status))
