"""The database schema, one module per noun; import models from here."""

from .answers import KeptAnswer
from .blobs import Blob
from .clocks import UptimeClock
from .entries import Entry
from .events import Event
from .grants import Grant, Right
from .jobs import JobWorker, Schedule
from .locks import Lock
from .properties import Property
from .spaces import Space
from .tokens import Scope, Token
from .uploads import Upload
from .versions import Version

__all__ = [
    "Blob",
    "Entry",
    "Event",
    "Grant",
    "JobWorker",
    "KeptAnswer",
    "Lock",
    "Property",
    "Right",
    "Schedule",
    "Scope",
    "Space",
    "Token",
    "Upload",
    "UptimeClock",
    "Version",
]
