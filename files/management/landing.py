"""Whether this installation can have its nginx receive bodies for it (FILES_LANDING)."""

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core import checks
from django.core.files.storage import storages

from files.storage.filesystem import BlobStorage

from .data_folder import REMOTE_FILE_SYSTEMS, file_system_of


def check_landing(**_more: Any) -> Sequence[checks.CheckMessage]:
    """Tell why landing cannot work: a body that nginx holds must be a rename away from a blob."""
    if not settings.FILES_LANDING:
        return []
    if not isinstance(storages["default"], BlobStorage):
        text = (
            "FILES_LANDING is for files on a local disk: storage elsewhere takes bodies as streams"
        )
        return [checks.Error(text, id="files.E002")]
    uploads = settings.FILES_DATA_DIR / "uploads"
    kind = file_system_of(uploads)
    if kind in REMOTE_FILE_SYSTEMS:
        text = (
            f"FILES_LANDING is for one host, and {uploads} is a file system of several ({kind}):"
            " nginx and the backend must see the same locks and renames"
        )
        return [checks.Error(text, id="files.E003")]
    return []
