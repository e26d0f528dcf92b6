"""What is on its way: one's unfinished uploads."""

from django.http import HttpResponse, JsonResponse

from files.http.requests import FilesRequest
from files.models import Upload
from files.operations.uploads import pending_uploads
from files.web.pages import page

SHOWN = 1000


@page("GET")
def uploads(request: FilesRequest) -> HttpResponse:
    """List one's unfinished uploads, newest first, for the script that goes on with them."""
    found = pending_uploads(request.actor).defer("hash_state")[:SHOWN]
    return JsonResponse({"uploads": [_told(upload) for upload in found]})


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
