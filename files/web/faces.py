"""The pages as the byte doors see them: where their bytes go in and out, and as whom."""

import re
from typing import Final

from files.access import Actor
from files.http.downloads import ContentFace
from files.http.uploads import UploadFace
from files.models import Event


def _actor(actor: Actor) -> Actor:
    """Act as who signed in, with the rights that grants give."""
    return actor


def _reader(actor: Actor, _entry_id: int) -> Actor:
    """Read as who signed in, with the rights that grants give."""
    return actor


UPLOAD: Final = UploadFace(
    "upload", re.compile(r"/upload/(?P<folder>[0-9]+)"), _actor, Event.Door.WEB
)
CONTENT: Final = ContentFace(
    re.compile(r"/entries/(?P<entry>[0-9]+)/content"), _reader, Event.Door.WEB
)
