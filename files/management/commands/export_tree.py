"""Write a folder of a space to this machine."""

import errno
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from files.errors import DiskFullError
from files.management.base import FilesCommand
from files.management.data_folder import refuse_own
from files.management.reporting import (
    command_actor,
    find_place,
    interrupts_held,
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
        parser.add_argument(
            "--json", action="store_true", dest="as_json", help="print the totals as JSON"
        )

    def handle(self, *, place: str, folder: Path, as_json: bool, **_rest: Any) -> None:
        """Run the command."""
        with interrupts_held() as check:
            refuse_own(folder)
            source, missing = find_place(place)
            if missing:
                raise refusal(f"There is no folder {missing[0]} there", "entry-not-found")
            job = TreeExport(source, folder, command_actor(), check=check)
            job.tell = lambda what: self.stderr.write(str(what))
            try:
                with self.progress("Exporting", None) as bar:
                    job.advance = bar.advance
                    job.run()
            except OSError as error:
                if error.errno in {errno.ENOSPC, errno.EDQUOT}:
                    raise DiskFullError from error
                raise refusal(f"{folder}: {error.strerror or error}", "storage-failed") from error
            finally:
                self._print(job, as_json=as_json)
        if job.totals.refused:
            raise refusal(f"{job.totals.refused} files were not exported", "files-refused")

    def _print(self, job: TreeExport, *, as_json: bool) -> None:
        """Print the totals."""
        if as_json:
            self.stdout.write(json.dumps({**asdict(job.totals), "manifest": job.manifest_name}))
        else:
            self.stdout.write(f"exported {job.totals}, manifest {job.manifest_name}")
