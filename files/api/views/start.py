"""Where to begin: the addresses around the API, and the limits that hold."""

from django.conf import settings
from django.http import HttpResponse
from django.urls import reverse
from ninja import Router

from files.api.documents import StartTold
from files.api.replies import reply
from files.api.requests import ApiRequest

router = Router(tags=["start"])


@router.get("/", response=StartTold, summary="Begin here")
def start(request: ApiRequest) -> HttpResponse:
    """Tell where the schema is, where bytes go in, and which limits hold."""
    told = StartTold(
        docs_address=reverse("api:docs"),
        schema_address=reverse("api:openapi"),
        resumable_uploads="/uploads/",
        batch_uploads="/upload/{folder}",
        max_upload_size=settings.FILES_MAX_UPLOAD_SIZE,
        max_upload_files=settings.FILES_MAX_UPLOAD_FILES,
    )
    return reply(told)
