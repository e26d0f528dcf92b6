"""Write a folder of a space to this machine."""

from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from files.management.base import FilesCommand
from files.management.reporting import (
    command_actor,
    find_place,
    refusal,
)
from files.management.tree_export import TreeExport


class Command(FilesCommand):
    """Export, print the totals."""

    help = """
        Write a space, or a folder in it, to a folder of this machine: plain files with their names
        and modification times, and a manifest SHA256SUMS that sha256sum -c reads. Each file is
        compared with the digest that was recorded when it came in. The trash is left out.

        It can be interrupted and repeated: what is there already is read again and kept; a file
        that is another is refused, never overwritten. Links there are not followed.

        Safe while serving: what is changed meanwhile is exported as it is when its turn comes.
        Nothing in the space is changed. Exit status 0 only if all was exported.
    """
    examples = ('"Design team" /mnt/backup/design', "7:archive/2026 /mnt/backup/2026")

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        parser.add_argument(
            "place",
            metavar="SPACE[:PATH]",
            help="the id of the space, or its name, and a folder in it",
        )
        parser.add_argument(
            "folder", metavar="DIR", type=Path, help="where to, on this machine; made if missing"
        )

    def handle(self, *, place: str, folder: Path, **_rest: Any) -> None:
        """Run the command."""
        with self.progress("Exporting", None) as bar:
            source, missing = find_place(place)
            if missing:
                raise refusal(f"There is no folder {missing[0]} there", "entry-not-found")
            job = TreeExport(source, folder, command_actor())
            job.tell = lambda what: self.stderr.write(str(what))
            job.advance = bar.advance
            try:
                totals = job.run()
            except OSError as error:
                raise refusal(f"{folder}: {error.strerror}", "storage-failed") from error
        self.stdout.write(f"exported {totals}, manifest {job.manifest_name}")
        if totals.refused:
            raise refusal(f"{totals.refused} files were not exported", "files-refused")
