"""Check that the database and the disk agree."""

import json
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.management.base import CommandParser

from files.management.base import FilesCommand
from files.management.reporting import command_actor, refusal
from files.models import Blob
from files.operations.storage_check import Finding, StorageCheck


class Command(FilesCommand):
    """Run the check, print a line for each finding; exit status 0 only when all is well."""

    help = """
        Check that every blob in the database has its bytes on the disk with the right size and
        mode, that nothing else lies there, that versions and entries fit together, and that the
        usage of each space adds up. Use it after a crash, a restore or a move to another disk, and
        from time to time.

        Prints one line for each finding; docs/commands.md explains them. Reads only, but for
        --repair, which never deletes what can be read. Safe while serving, to interrupt and to
        repeat. Exit status 0 only when everything is well.
    """
    examples = ("", "--hash --json", "--repair")

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        parser.add_argument(
            "--hash",
            action="store_true",
            dest="hashes",
            help="read all bytes again and compare their SHA-256 and CRC-32; takes long",
        )
        parser.add_argument(
            "--json",
            action="store_true",
            dest="as_json",
            help="print each finding as a line of JSON, and a last line with the totals",
        )
        parser.add_argument(
            "--repair",
            action="store_true",
            help=(
                "put right what can be put right without deleting anything that can be read: "
                "usage, modes, missing folders; unreferenced and stray bytes are handed to the "
                "sweeper, which removes them after its grace period"
            ),
        )

    def handle(self, *, hashes: bool, as_json: bool, repair: bool, **_rest: Any) -> None:
        """Run the command."""
        check = StorageCheck(
            actor=command_actor(),
            grace=timedelta(seconds=settings.FILES_BLOB_GRACE_SECONDS),
            hashes=hashes,
            repairs=repair,
        )
        errors = notes = repaired = 0
        # Each blob is looked at twice: its row, then its file.
        with self.progress("Checking", 2 * Blob.objects.count()) as bar:
            check.on_progress = bar.advance
            for finding in check.run():
                errors += finding.is_error
                repaired += finding.is_repaired
                notes += not finding.is_error and not finding.is_repaired
                self.tell(as_line_of_json(finding) if as_json else as_line(finding))
        if as_json:
            totals = {"errors": errors, "repaired": repaired, "notes": notes, "clean": not errors}
            self.tell(json.dumps(totals))
        if errors:
            raise refusal(f"The storage is not clean: {errors} errors", "storage-not-clean")
        if not as_json:
            self.tell(f"clean: 0 errors, {repaired} repaired, {notes} notes")


def as_line(finding: Finding) -> str:
    """Write a finding for people."""
    state = "repaired" if finding.is_repaired else "error" if finding.is_error else "note"
    return " ".join(filter(None, (f"{state}:", finding.code, finding.subject, finding.detail)))


def as_line_of_json(finding: Finding) -> str:
    """Write a finding for programs."""
    return json.dumps(
        {
            "code": finding.code,
            "subject": finding.subject,
            "detail": finding.detail,
            "error": finding.is_error,
            "repaired": finding.is_repaired,
        }
    )
