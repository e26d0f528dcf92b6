"""Cancel unfinished uploads."""

from typing import Any
from uuid import UUID

from django.core.management.base import CommandParser

from files.errors import FilesError
from files.management.base import FilesCommand
from files.management.reporting import command_actor, refusal
from files.operations.uploads import cancel_upload


class Command(FilesCommand):
    """Cancel one after the other; exit status 0 only if all were."""

    help = """
        Cancel unfinished uploads, whoever is uploading: what came is thrown away, what it
        held of the quota is given back, and a connection that is still sending is refused.
        Of a finished one only the memory goes; its file stays. list_uploads tells the ids.
        Safe while serving, to interrupt and to repeat.
    """
    examples = ("6f9619ff-8b86-d011-b42d-00c04fc964ff",)

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        parser.add_argument(
            "uploads", nargs="+", metavar="ID", help="the ids of uploads, as list_uploads tells"
        )

    def handle(self, *, uploads: list[str], **_rest: Any) -> None:
        """Run the command."""
        failed = 0
        for upload_id in [_parse(key) for key in uploads]:
            try:
                cancel_upload(upload_id, actor=command_actor())
            except FilesError as error:
                failed += 1
                self.stderr.write(str(refusal(f"{upload_id}: {error}", error.code)))
            else:
                self.stdout.write(f"upload {upload_id} cancelled")
        if failed:
            raise refusal(f"{failed} uploads were not cancelled", "upload-not-found")


def _parse(key: str) -> UUID:
    """Read an id; raises CommandError."""
    try:
        return UUID(key)
    except ValueError:
        raise refusal(f"{key} is not the id of an upload", "invalid-value") from None
