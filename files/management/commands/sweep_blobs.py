"""Remove bytes that nothing points at."""

import json
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.management.base import CommandParser

from files.management.base import FilesCommand
from files.management.reporting import refusal
from files.models import Blob
from files.operations.blobs import sweep_blobs


class Command(FilesCommand):
    """Sweep once, print what was done."""

    help = """
        Remove the bytes of files that were deleted for good, and of uploads that never ended.

        Bytes go a grace period after the sweep that saw them first, by the clock and by the up-time
        of the machine, so the first run usually only takes note. The job worker sweeps every hour;
        until FILES_SWEEP_DRY_RUN is turned off, that only reports, and this command is the way to
        give the disk its room back.

        Nothing that a version points at is ever removed. Safe while serving, to interrupt and to
        repeat.
    """
    examples = ("--dry-run", "")

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        parser.add_argument(
            "--dry-run", action="store_true", help="only say what would go; change nothing"
        )
        parser.add_argument(
            "--grace",
            type=float,
            metavar="SECONDS",
            help=(
                "how long bytes stay after nothing points at them (default: "
                "FILES_BLOB_GRACE_SECONDS, a day). Uploads that take longer than this are refused "
                "at their end: use less only when nobody is uploading"
            ),
        )

        parser.add_argument(
            "--json", action="store_true", dest="as_json", help="print the figures as JSON"
        )

    def handle(self, *, dry_run: bool, grace: float | None, as_json: bool, **_rest: Any) -> None:
        """Run the command."""
        seconds = settings.FILES_BLOB_GRACE_SECONDS if grace is None else grace
        if not 0 <= seconds < timedelta(days=36500).total_seconds():
            msg = "The grace period is a number of seconds, 0 or more"
            raise refusal(msg, "invalid-value")
        period = timedelta(seconds=seconds)
        with self.progress("Sweeping", Blob.objects.count()) as bar:
            done = sweep_blobs(grace=period, dry_run=dry_run, on_progress=bar.advance)
        would = "would be " if dry_run else ""
        if as_json:
            self.tell(json.dumps(asdict(done) | {"dry_run": dry_run}))
        else:
            self.tell(
                f"{done.unlinked} blobs {would}removed ({done.unlinked_bytes} bytes), "
                f"{done.claimed} strays {would}taken note of, {done.waiting} waiting"
            )
        if done.failed:
            msg = f"{done.failed} blobs could not be removed from the disk; see the log"
            raise refusal(msg, "storage-failed")
