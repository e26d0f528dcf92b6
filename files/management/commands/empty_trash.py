"""Delete for good what lies in the trash of spaces."""

import json
import time
from datetime import datetime
from typing import Any, Final

from django.core.management.base import CommandParser
from django.utils import timezone

from files.management.ages import parse_age
from files.management.base import FilesCommand, usage_error
from files.management.reporting import Bar, command_actor, find_spaces
from files.models import Space
from files.models.tree import measure_trash
from files.operations.sizes import approximate_size
from files.operations.trash import empty_trash, purge_step, spaces_with_trash

# Between two transactions, so that whoever else waits to write to the space comes in between.
PAUSE_SECONDS: Final = 0.002


class Command(FilesCommand):
    """Measure, empty and purge one space after the other; print a line for each."""

    help = """
        Delete for good what lies in the trash of spaces: with its earlier versions, and without a
        way back. Use it when people do not empty their trash themselves and the room is needed.

        The spaces are named by id or name, or --all says every one. --older-than spares what was
        trashed since; the age is by the wall clock, since you ask for it here and now. What was
        trashed earlier out of a folder that is spared goes by its own age. Each space gets one
        event, "trash emptied".

        The room is free for the quota of the space when this returns. The disk gets it back when
        the sweeper has let its grace period pass (sweep_blobs). Safe while serving. If it is
        interrupted, what it had begun to delete is gone for everybody, and the job worker, or the
        next run, removes the rest of it.
    """
    examples = ("--all --older-than 30d --dry-run", "--all --older-than 30d", '7 "Design team"')

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        parser.add_argument(
            "spaces", nargs="*", metavar="SPACE", help="the id of a space, or its name"
        )
        parser.add_argument(
            "--all", action="store_true", dest="everywhere", help="empty the trash of every space"
        )
        parser.add_argument(
            "--older-than",
            metavar="AGE",
            help="only what was trashed longer ago than this: 90s, 15m, 12h, 30d or 2w",
        )
        parser.add_argument(
            "--dry-run", action="store_true", help="only say what would go; change nothing"
        )
        parser.add_argument(
            "--json",
            action="store_true",
            dest="as_json",
            help="print a line of JSON for each space, and a last line with the totals",
        )

    def handle(
        self,
        *,
        spaces: list[str],
        everywhere: bool,
        older_than: str | None,
        dry_run: bool,
        as_json: bool,
        **_rest: Any,
    ) -> None:
        """Run the command."""
        if bool(spaces) == everywhere:
            msg = "Say either which spaces, or --all"
            raise usage_error(msg)
        before = timezone.now() - parse_age(older_than) if older_than is not None else None
        chosen = find_spaces(spaces) if spaces else list(spaces_with_trash())
        all_entries = all_bytes = 0
        with self.progress("Deleting", 0) as bar:
            for space in chosen:
                entries, size = measure_trash(space.pk, before=before)
                bar.expect(entries)
                if dry_run:
                    bar.advance(entries)
                elif not delete(space, before, bar, entries):
                    entries = size = 0  # brought back in this moment
                all_entries, all_bytes = all_entries + entries, all_bytes + size
                if as_json:
                    which = {"space": space.pk, "name": space.name}
                    self.tell(json.dumps(which | as_figures(entries, size, is_dry=dry_run)))
                elif entries or spaces:
                    told = as_words(entries, size, is_dry=dry_run)
                    self.tell(f"space {space.pk} {space.name}: {told}")
        if as_json:
            self.tell(json.dumps(as_figures(all_entries, all_bytes, is_dry=dry_run)))
        elif everywhere:
            self.tell(f"all spaces: {as_words(all_entries, all_bytes, is_dry=dry_run)}")


def delete(space: Space, before: datetime | None, bar: Bar, expected: int) -> int:
    """Empty the trash of a space, and remove all of it in steps; give how many were on top."""
    count = empty_trash(space, trashed_before=before, actor=command_actor())
    is_last, left = False, expected
    while not is_last:
        removed, is_last = purge_step(space)
        bar.advance(removed)
        left -= removed
        time.sleep(0 if is_last else PAUSE_SECONDS)
    bar.advance(max(0, left))  # the job worker, or the first step, had those
    return count


def as_figures(entries: int, size: int, *, is_dry: bool) -> dict[str, object]:
    """Write figures for programs."""
    return {"entries": entries, "bytes": size, "dry_run": is_dry}


def as_words(entries: int, size: int, *, is_dry: bool) -> str:
    """Write figures for people."""
    noun = "entry" if entries == 1 else "entries"
    would = "would be " if is_dry else ""
    return f"{entries} {noun} {would}deleted, {approximate_size(size)} {would}given back"
