"""Make a token."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.core.management.base import CommandParser
from django.utils import timezone

from files.access import locate
from files.errors import EntryNotFoundError, InvalidValueError
from files.management.ages import parse_age
from files.management.base import FilesCommand, usage_error
from files.management.reporting import command_actor, find_place, find_space, find_user
from files.models import Entry, Right, Scope
from files.operations.tokens import create_token

DEFAULT_NAME = "command line"


class Command(FilesCommand):
    """Parse, make the token, print its secret."""

    help = """
        Make a token with which a program acts as an account, and print its secret alone on a
        line. It is told this once: only a digest of it is kept.

        It gives what its scopes say, never more than the account has at that moment, in all
        or in one space or folder, until it expires or is revoked. Safe while serving. Run
        twice, it makes two tokens.
    """
    examples = (
        "ada --scope read --expires 90d",
        'backup --scope read --scope write --folder "Design team:Backups" --name nightly',
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        parser.add_argument("user", metavar="USER", help="the account that it acts as")
        parser.add_argument(
            "--scope",
            action="append",
            required=True,
            choices=Scope.ALL.words,
            metavar="SCOPE",
            help="what it is for: read, write, share or admin; may be given more than once",
        )
        where = parser.add_mutually_exclusive_group()
        where.add_argument("--space", metavar="SPACE", help="only in this space, by id or name")
        where.add_argument(
            "--folder", metavar="SPACE:PATH", help="only in this folder and all below it"
        )
        parser.add_argument(
            "--expires",
            metavar="WHEN",
            help="an age such as 90d, or a day such as 2027-01-31, at whose end it is over (UTC)",
        )
        parser.add_argument(
            "--name", default=DEFAULT_NAME, metavar="NAME", help="what it is called in lists"
        )

    def handle(self, *, user: str, scope: list[str], name: str, **options: Any) -> None:
        """Run the command."""
        expires = options["expires"]
        _token, secret = create_token(
            find_user(user),
            name=name,
            scopes=Scope.of_words(scope),
            top=_top(options["space"], options["folder"]),
            expires_at=_moment(expires) if expires is not None else None,
            actor=command_actor(),
        )
        self.tell(secret)


def _top(space: str | None, folder: str | None) -> Entry | None:
    """Find what a token is limited to; raises CommandError and EntryNotFoundError."""
    if space is not None:
        return locate(command_actor(), find_space(space).root_id or 0, Right.NONE).entry
    if folder is None:
        return None
    entry, missing = find_place(folder)
    if missing:
        raise EntryNotFoundError(name=missing[0])
    return entry


def _moment(text: str) -> datetime:
    """Give the moment that an age from now or a day names; raises CommandError."""
    try:
        return timezone.now() + parse_age(text)
    except InvalidValueError:
        pass
    try:
        day = date.fromisoformat(text)
        return datetime.combine(day, time(), UTC) + timedelta(days=1)
    except (ValueError, OverflowError):
        raise usage_error(f"--expires: {text} is neither an age nor a day") from None
