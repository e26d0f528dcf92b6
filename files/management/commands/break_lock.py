"""Break locks that somebody forgot."""

from typing import Any

from django.core.management.base import CommandParser

from files.errors import FilesError
from files.ids import is_id
from files.management.base import FilesCommand
from files.management.reporting import command_actor, refusal
from files.operations.locks import break_lock


class Command(FilesCommand):
    """Break one after the other; exit status 0 only if all were."""

    help = """
        Break WebDAV locks, whoever holds them; each leaves an event. The program that took
        one may then be unable to save. list_locks tells the ids.
        Safe while serving, to interrupt and to repeat.
    """
    examples = ("17",)

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        parser.add_argument(
            "locks", nargs="+", metavar="ID", help="the ids of locks, as list_locks tells"
        )

    def handle(self, *, locks: list[str], **_rest: Any) -> None:
        """Run the command."""
        failed = 0
        for lock_id in [_parse(key) for key in locks]:
            try:
                break_lock(lock_id, actor=command_actor())
            except FilesError as error:
                failed += 1
                self.stderr.write(str(refusal(f"{lock_id}: {error}", error.code)))
            else:
                self.stdout.write(f"lock {lock_id} broken")
        if failed:
            raise refusal(f"{failed} locks were not broken", "lock-not-found")


def _parse(key: str) -> int:
    """Read an id; raises CommandError."""
    if not is_id(key):
        raise refusal(f"{key} is not the id of a lock", "invalid-value")
    return int(key)
