"""Revoke tokens."""

from typing import Any

from django.core.management.base import CommandParser

from files.access import get_token
from files.errors import FilesError, TokenNotFoundError
from files.ids import is_id
from files.management.base import FilesCommand
from files.management.reporting import command_actor, refusal
from files.operations.tokens import revoke_token


class Command(FilesCommand):
    """Revoke one after the other; exit status 0 only if all were."""

    help = """
        Revoke tokens: whoever comes by one is refused from the next request on, and what was
        made with it stays. A token that is revoked already is no failure. list_tokens tells
        the ids. Safe while serving, to interrupt and to repeat.
    """
    examples = ("7", "7 8 9")

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        parser.add_argument(
            "tokens", nargs="+", metavar="ID", help="the ids of tokens, as list_tokens tells"
        )

    def handle(self, *, tokens: list[str], **_rest: Any) -> None:
        """Run the command."""
        failed = 0
        for key in tokens:
            try:
                token = get_token(command_actor(), _parse(key))
                revoke_token(token, actor=command_actor())
            except FilesError as error:
                failed += 1
                self.stderr.write(str(refusal(f"{key}: {error}", error.code)))
            else:
                self.stdout.write(f"token {token.pk} revoked")
        if failed:
            raise refusal(f"{failed} tokens were not revoked", "token-not-found")


def _parse(key: str) -> int:
    """Read an id; raises TokenNotFoundError for what cannot be one."""
    if not is_id(key):
        raise TokenNotFoundError
    return int(key)
