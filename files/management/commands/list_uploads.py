"""List what is on its way in."""

import json
from typing import Any

from django.core.management.base import CommandParser

from files.management.base import FilesCommand
from files.management.reporting import find_space, find_user
from files.names import visible_name
from files.operations.blobs import BATCH
from files.operations.pending import Pending, look_at, open_uploads
from files.templatetags.files import size


class Command(FilesCommand):
    """Print a line for each unfinished upload."""

    help = """
        List the unfinished uploads, newest first: id, space, whose, how far, whether bytes
        are coming right now and how fast, until when it is kept, and the path below the
        folder it goes to. Reads only, safe while serving.
    """
    examples = ("", '--space "Design team" --user ada --json')

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        parser.add_argument("--space", metavar="SPACE", help="only into this space, by id or name")
        parser.add_argument("--user", metavar="USER", help="only those of this account")
        parser.add_argument(
            "--json", action="store_true", dest="as_json", help="print each as a line of JSON"
        )

    def handle(self, *, space: str | None, user: str | None, as_json: bool, **_rest: Any) -> None:
        """Run the command."""
        uploads = open_uploads()
        if space is not None:
            uploads = uploads.filter(space=find_space(space))
        if user is not None:
            uploads = uploads.filter(owner=find_user(user))
        for upload in uploads.iterator(BATCH):
            pending = look_at(upload)
            self.stdout.write(as_line_of_json(pending) if as_json else as_line(pending))


def as_line(pending: Pending) -> str:
    """Write an upload for people."""
    upload = pending.upload
    whole = "?" if upload.length is None else _size(upload.length)
    parts = [
        str(upload.pk),
        f"space {upload.space_id}",
        visible_name(upload.owner.get_username()) if upload.owner else "-",
        f"{_size(pending.size)} of {whole}",
        _state(pending),
        f"expires {upload.expires_at:%Y-%m-%d %H:%M} UTC",
        visible_name(upload.path),
    ]
    return "  ".join(parts)


def _state(pending: Pending) -> str:
    """Say in a word what it is doing."""
    if pending.is_running:
        speed = pending.speed
        return "running" if speed is None else f"running, {_size(speed)}/s"
    return "received" if pending.is_received else "waiting"


def _size(count: int) -> str:
    """Write a number of bytes for people."""
    return size(count).replace("\N{NO-BREAK SPACE}", " ")


def as_line_of_json(pending: Pending) -> str:
    """Write an upload for programs."""
    upload = pending.upload
    return json.dumps(
        {
            "id": str(upload.pk),
            "space": upload.space_id,
            "user": upload.owner.get_username() if upload.owner else None,
            "folder": upload.folder_id,
            "path": upload.path,
            "length": upload.length,
            "offset": upload.offset,
            "received": pending.size,
            "running": pending.is_running,
            "bytes_per_second": pending.speed,
            "created_at": upload.created_at.isoformat(),
            "expires_at": upload.expires_at.isoformat(),
        }
    )
