"""List the tokens that there are."""

import json
from typing import Any

from django.core.management.base import CommandParser
from django.utils import timezone

from files.access import tokens_of
from files.management.base import FilesCommand
from files.management.reporting import command_actor, find_user
from files.models import Token
from files.names import visible_name
from files.operations.blobs import BATCH


class Command(FilesCommand):
    """Print a line for each token."""

    help = """
        List the tokens with which programs act as accounts, newest first: id, account, how
        the secret begins, scopes, where it is limited to, when and from where it was used
        last, until when it counts, and its name. Those that are revoked or expired are left
        out. Secrets are not kept, so none is told. Reads only, safe while serving.
    """
    examples = ("", "--user ada --all --json")

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        parser.add_argument("--user", metavar="USER", help="only those of this account")
        parser.add_argument(
            "--all", action="store_true", dest="everything", help="revoked and expired ones too"
        )
        parser.add_argument(
            "--json", action="store_true", dest="as_json", help="print each as a line of JSON"
        )

    def handle(self, *, user: str | None, everything: bool, as_json: bool, **_rest: Any) -> None:
        """Run the command."""
        tokens = tokens_of(command_actor())
        if user is not None:
            tokens = tokens.filter(user=find_user(user))
        now = timezone.now()
        for token in tokens.iterator(BATCH):
            if everything or token.is_living(now):
                self.stdout.write(as_line_of_json(token) if as_json else as_line(token))


def as_line(token: Token) -> str:
    """Write a token for people."""
    used = "never used"
    if token.last_used_at is not None:
        used = f"used {token.last_used_at:%Y-%m-%d %H:%M} UTC from {token.last_ip or '-'}"
    parts = [
        str(token.pk),
        visible_name(token.user.get_username()),
        f"{token.prefix}…",
        "+".join(token.scope.words),
        f"entry {token.top_id}" if token.top_id is not None else "everywhere",
        used,
        _until(token),
        visible_name(token.name),
    ]
    return "  ".join(parts)


def _until(token: Token) -> str:
    """Say until when it counts."""
    if token.revoked_at is not None:
        return f"revoked {token.revoked_at:%Y-%m-%d %H:%M} UTC"
    if token.expires_at is None:
        return "never expires"
    return f"expires {token.expires_at:%Y-%m-%d %H:%M} UTC"


def as_line_of_json(token: Token) -> str:
    """Write a token for programs."""
    return json.dumps(
        {
            "id": token.pk,
            "user": token.user.get_username(),
            "name": token.name,
            "prefix": token.prefix,
            "scopes": token.scope.words,
            "entry": token.top_id,
            "created_at": token.created_at.isoformat(),
            "expires_at": token.expires_at.isoformat() if token.expires_at else None,
            "last_used_at": token.last_used_at.isoformat() if token.last_used_at else None,
            "last_ip": token.last_ip,
            "revoked_at": token.revoked_at.isoformat() if token.revoked_at else None,
        }
    )
