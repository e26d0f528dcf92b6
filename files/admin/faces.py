"""The admin as the byte doors see it: where its bytes go in and out, and as whom."""

import re
from typing import Final

from files.access import Actor, locate
from files.errors import ForbiddenError
from files.http.credentials import Scheme
from files.http.downloads import ContentFace
from files.http.uploads import UploadFace
from files.models import Event
from files.operations.staff_access import record_staff_read

from .actors import READ_CONTENT, staff_actor


def _uploader(actor: Actor) -> Actor:
    """Act as staff who may add entries. Raises ForbiddenError."""
    user = actor.user
    if user is None or not (user.is_staff and user.has_perm("files.add_entry")):
        raise ForbiddenError(right="ADD")
    return staff_actor(user)


def _reader(actor: Actor, entry_id: int) -> Actor:
    """Act as staff who may read content, and record that they do.

    Raises ForbiddenError, EntryNotFoundError and NotAFileError.
    """
    user, needed = actor.user, (READ_CONTENT, "files.view_entry")
    if user is None or not (user.is_staff and user.has_perms(needed)):
        raise ForbiddenError(right="READ")
    actor = staff_actor(user)
    record_staff_read(locate(actor, entry_id).entry, actor=actor)
    return actor


CONTENT: Final = ContentFace(
    re.compile(r"/admin/files/entry/(?P<entry>[0-9]+)/content/"),
    _reader,
    Event.Door.ADMIN,
    Scheme.SESSION,
)
UPLOAD: Final = UploadFace(
    "admin-upload",
    re.compile(r"/admin/files/entry/(?P<folder>[0-9]+)/upload/"),
    _uploader,
    Event.Door.ADMIN,
    Scheme.SESSION,
)
