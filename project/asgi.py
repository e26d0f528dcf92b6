"""The ASGI entry point: the byte doors with their faces, and Django behind them."""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")
django.setup(set_prefix=False)

from files.admin import faces as admin  # noqa: E402 - needs the settings
from files.api import faces as api  # noqa: E402 - needs the settings
from files.dav.face import DAV  # noqa: E402
from files.http.doors import Doors  # noqa: E402 - needs the settings
from files.http.handler import SyncCoreHandler  # noqa: E402
from files.uploads.put import PUT  # noqa: E402
from files.uploads.resumable import IETF  # noqa: E402
from files.uploads.tus import TUS  # noqa: E402
from files.web import faces as web  # noqa: E402
from project import urls  # noqa: E402, F401 - a mistake in a page's module must fail here, at start

handler = SyncCoreHandler()
handler.open_reader()  # gunicorn imports this in the thread that will run the event loop
application = Doors(
    handler,
    uploads=[web.UPLOAD, admin.UPLOAD],
    contents=[web.CONTENT, api.CONTENT, admin.CONTENT],
    resumable=[TUS, IETF],
    puts=[PUT, api.PUT],
    methods=[DAV],
)
