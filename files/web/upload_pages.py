"""What the pages around an upload share: its form, and what became of it."""

from http import HTTPStatus

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from files.access import Located
from files.errors import FilesError
from files.models import Right
from files.names import visible_name

from .errors import sentence
from .trail import title_of, trail_to


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
