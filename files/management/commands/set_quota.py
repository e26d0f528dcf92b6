"""Limit what a space may hold."""

from typing import Any

from django.core.management.base import CommandParser

from files.management.base import FilesCommand
from files.management.reporting import command_actor, find_space
from files.operations.sizes import format_size, parse_size
from files.operations.spaces import set_quota


class Command(FilesCommand):
    """Parse, set, print one line."""

    help = """
        Limit what a space may hold, or lift the limit. Everything in it counts at its full size:
        files, their earlier versions and the trash.

        A quota below what is used deletes nothing: it refuses what comes. The change is one event.
        Safe while serving, and to repeat.
    """
    examples = ('"Design team" 100G', "7 none")

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        parser.add_argument("space", metavar="SPACE", help="the id of the space, or its name")
        parser.add_argument(
            "size", metavar="SIZE", help="such as 500M, 10G or 512MiB, or none to lift the limit"
        )

    def handle(self, *, space: str, size: str, **_rest: Any) -> None:
        """Run the command."""
        quota = None if size.lower() == "none" else parse_size(size)
        changed = set_quota(find_space(space), quota_bytes=quota, actor=command_actor())
        told = "none" if quota is None else format_size(quota)
        self.tell(f"space {changed.pk}: quota {told}, used {format_size(changed.used_bytes)}")
