"""The pages as the byte doors see them: where their bytes go in and out, and as whom."""

import re
from typing import Final

from django.contrib.auth.models import User

from files.access import Actor
from files.http.downloads import ContentFace
from files.http.uploads import UploadFace
from files.models import Event


def _actor(user: User) -> Actor:
    """Act as the user, with the rights that grants give."""
    return Actor(user, Event.Door.WEB)


def _reader(user: User, _entry_id: int) -> Actor:
    """Read as the user, with the rights that grants give."""
    return _actor(user)


UPLOAD: Final = UploadFace("upload", re.compile(r"/upload/(?P<folder>[0-9]{1,18})"), _actor)
CONTENT: Final = ContentFace(re.compile(r"/entries/(?P<entry>[0-9]{1,18})/content"), _reader)
