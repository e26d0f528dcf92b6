"""Whether this process can serve: asked by nginx, Docker and whoever watches."""

import os

from django.conf import settings
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe


@require_safe
@never_cache
def healthz(_request: HttpRequest) -> HttpResponse:
    """Answer 200 "ok" when the database answers and blobs can be written, else 503 and what fails.

    Says no more than that: it is asked without an account.
    """
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return HttpResponse("database\n", status=503, content_type="text/plain")
    if not os.access(settings.MEDIA_ROOT, os.W_OK | os.X_OK):
        return HttpResponse("uploads\n", status=503, content_type="text/plain")
    return HttpResponse("ok\n", content_type="text/plain")
