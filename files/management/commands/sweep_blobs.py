"""Remove bytes that nothing points at."""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.management import BaseCommand
from django.core.management.base import CommandParser

from files.management.reporting import refusal, refusals_told
from files.operations.blobs import sweep_blobs


class Command(BaseCommand):
    """Sweep once, print what was done."""

    help = (
        "Remove the bytes of files that were deleted for good, and of uploads that never ended. "
        "Bytes go a grace period after the sweep that saw them first, by the clock and by the "
        "up-time of the machine, so the first run usually only takes note. Safe while serving, to "
        "interrupt and to repeat. The job worker sweeps every hour; until FILES_SWEEP_DRY_RUN is "
        "turned off, that only reports."
    )

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

    def handle(self, *, dry_run: bool, grace: float | None, **_rest: Any) -> None:
        """Run the command."""
        seconds = settings.FILES_BLOB_GRACE_SECONDS if grace is None else grace
        if not 0 <= seconds < timedelta(days=36500).total_seconds():
            msg = "The grace period is a number of seconds, 0 or more"
            raise refusal(msg, "invalid-value")
        with refusals_told():
            done = sweep_blobs(grace=timedelta(seconds=seconds), dry_run=dry_run)
        would = "would be " if dry_run else ""
        self.stdout.write(
            f"{done.unlinked} blobs {would}removed ({done.unlinked_bytes} bytes), "
            f"{done.claimed} strays {would}taken note of, {done.waiting} waiting"
        )
        if done.failed:
            msg = f"{done.failed} blobs could not be removed from the disk; see the log"
            raise refusal(msg, "storage-failed")
