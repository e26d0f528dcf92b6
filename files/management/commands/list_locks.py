"""List what is locked."""

import json
from typing import Any

from django.core.management.base import CommandParser

from files.management.base import FilesCommand
from files.management.reporting import find_space, find_user
from files.models import Lock
from files.names import visible_name
from files.operations.blobs import BATCH


class Command(FilesCommand):
    """Print a line for each lock that holds."""

    help = """
        List the WebDAV locks that hold, newest first: id, space, who holds it, exclusive or
        shared, deep if it covers all below, until when, and the name of what is locked.
        Reads only, safe while serving.
    """
    examples = ("", '--space "Design team" --user ada --json')

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        parser.add_argument("--space", metavar="SPACE", help="only in this space, by id or name")
        parser.add_argument("--user", metavar="USER", help="only those of this account")
        parser.add_argument(
            "--json", action="store_true", dest="as_json", help="print each as a line of JSON"
        )

    def handle(self, *, space: str | None, user: str | None, as_json: bool, **_rest: Any) -> None:
        """Run the command."""
        locks = Lock.objects.living().select_related("entry", "principal").order_by("-pk")
        if space is not None:
            locks = locks.filter(space=find_space(space))
        if user is not None:
            locks = locks.filter(principal=find_user(user))
        for lock in locks.iterator(BATCH):
            self.stdout.write(as_line_of_json(lock) if as_json else as_line(lock))


def as_line(lock: Lock) -> str:
    """Write a lock for people."""
    parts = [
        str(lock.pk),
        f"space {lock.space_id}",
        visible_name(lock.holder_name) or "-",
        f"{lock.scope}, deep" if lock.deep else lock.scope,
        f"until {lock.expires_at:%Y-%m-%d %H:%M} UTC",
        visible_name(lock.entry.name) or "/",
    ]
    return "  ".join(parts)


def as_line_of_json(lock: Lock) -> str:
    """Write a lock for programs."""
    return json.dumps(
        {
            "id": lock.pk,
            "space": lock.space_id,
            "user": lock.holder_name or None,
            "entry": lock.entry_id,
            "name": lock.entry.name,
            "scope": lock.scope,
            "deep": lock.deep,
            "created_at": lock.created_at.isoformat(),
            "expires_at": lock.expires_at.isoformat(),
        }
    )
