"""Make a shared space."""

from typing import Any

from django.core.management.base import CommandParser
from django.db import transaction

from files.management.base import FilesCommand
from files.management.reporting import command_actor, find_user
from files.operations.sizes import parse_size
from files.operations.spaces import create_space, set_quota


class Command(FilesCommand):
    """Parse, make the space, print its id."""

    help = """
        Make a shared space, and print its id and nothing else. Personal spaces need no command:
        each is made when its owner signs in for the first time.

        All of it is done, or nothing: manager and quota too. Safe while serving. Run twice, it
        makes two spaces; names need not differ.
    """
    examples = ('"Design team" --manager ada --quota 50G',)

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        parser.add_argument("name", metavar="NAME", help="what people see, up to 100 characters")
        parser.add_argument(
            "--manager", metavar="USER", help="the account that manages it: members and deletion"
        )
        parser.add_argument(
            "--quota",
            metavar="SIZE",
            help="what it may hold, such as 500M or 10GiB (default: FILES_DEFAULT_QUOTA)",
        )

    def handle(self, *, name: str, manager: str | None, quota: str | None, **_rest: Any) -> None:
        """Run the command."""
        actor = command_actor()
        size = parse_size(quota) if quota is not None else None
        user = find_user(manager) if manager is not None else None
        with transaction.atomic():
            space = create_space(name, manager=user, actor=actor)
            if size is not None:
                set_quota(space, quota_bytes=size, actor=actor)
        self.tell(str(space.pk))
