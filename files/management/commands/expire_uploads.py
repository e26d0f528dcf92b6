"""Discard the unfinished uploads that nobody goes on with."""

from datetime import timedelta
from typing import Any

from django.core.management.base import CommandParser

from files.management.base import FilesCommand
from files.operations.upload_expiry import GRACE, expire_uploads


class Command(FilesCommand):
    """Expire once, print what was done."""

    help = """
        Discard the unfinished uploads that nobody has gone on with for
        FILES_UPLOAD_EXPIRY_SECONDS (7 days): their bytes go, and what they held of a quota
        is given back. One goes a day of up-time after the run that first saw it expired, so
        that a wrong clock discards nothing, and the first run usually only takes note. Safe
        while serving, to interrupt and to repeat. The job worker does this every hour;
        until FILES_EXPIRE_DRY_RUN is turned off, that only reports.
    """
    examples = ("--dry-run", "")

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        parser.add_argument(
            "--dry-run", action="store_true", help="only say what would go; change nothing"
        )
        parser.add_argument(
            "--now",
            action="store_true",
            help="trust the clock: discard what is expired without waiting for a day of up-time",
        )

    def handle(self, *, dry_run: bool, now: bool, **_rest: Any) -> None:
        """Run the command."""
        grace = timedelta(0) if now else GRACE
        done = expire_uploads(grace=grace, dry_run=dry_run)
        would = "would be " if dry_run else ""
        self.stdout.write(
            f"{done.discarded} uploads {would}discarded ({done.discarded_bytes} bytes), "
            f"{done.forgotten} finished ones {would}forgotten, {done.waiting} waiting"
        )
