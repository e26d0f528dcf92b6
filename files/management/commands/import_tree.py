"""Bring a folder of this machine into a space."""

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from files.management.base import FilesCommand
from files.management.data_folder import own_folders, refuse_own
from files.management.local_tree import identity_of
from files.management.reporting import (
    as_shown,
    command_actor,
    find_place,
    interrupts_held,
    refusal,
)
from files.management.tree_import import Totals, TreeImport
from files.operations.local_moves import finish_moves, moving


class Command(FilesCommand):
    """Walk, import in batches, print the totals."""

    help = """
        Bring a folder of this machine, with all that is in it, into a space. Modification times of
        files are kept. Bytes are shared with the source where the file system can (Btrfs, XFS),
        else copied.

        A file is there already if one with its path has its size and modification time; a changed
        one becomes a new version. So it can be interrupted and repeated: what was done is not done
        again. Links are never followed nor imported, files with a second hard link are refused.

        Safe while serving. The source stays as it is, but for --move. Exit status 0 only if nothing
        was refused.
    """
    examples = (
        '/srv/photos "Design team:archive/2026"',
        "--move /srv/incoming 7",
        "--dry-run /srv/photos 7",
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        parser.add_argument("folder", metavar="DIR", type=Path, help="the folder on this machine")
        parser.add_argument(
            "place",
            metavar="SPACE[:PATH]",
            help="the id of the space, or its name, and a folder in it, which is made if missing",
        )
        parser.add_argument(
            "--move",
            action="store_true",
            help=(
                "take the files over, by rename where they lie on the disk of the uploads and only "
                "this user may write to them, else by a copy whose source is then removed; remove "
                "the folders that become empty"
            ),
        )
        parser.add_argument(
            "--dry-run",
            action="store_true",
            help="only say what would be imported, a line for each file; change nothing",
        )
        parser.add_argument(
            "--json", action="store_true", dest="as_json", help="print the totals as JSON"
        )

    def handle(
        self, *, folder: Path, place: str, move: bool, dry_run: bool, as_json: bool, **_rest: Any
    ) -> None:
        """Run the command."""
        job = None
        try:
            with interrupts_held() as check:
                job = self._job(folder, place, moves=move, dry_run=dry_run, check=check)
                with self.progress("Importing", None) as bar:
                    job.advance = bar.advance
                    self._import(job)
        finally:
            if job is not None:
                self._print(job.totals, dry_run=dry_run, as_json=as_json)
        if job.totals.refused:
            raise refusal(f"{job.totals.refused} files or folders were refused", "files-refused")

    def _job(
        self, folder: Path, place: str, *, moves: bool, dry_run: bool, check: Callable[[], None]
    ) -> TreeImport:
        """Make ready what the arguments ask for."""
        try:
            source = folder.resolve(strict=True)
        except OSError as error:
            raise refusal(f"{folder}: {error.strerror or error}", "unreadable") from error
        if not source.is_dir():
            raise refusal(f"{folder} is not a folder", "not-a-folder")
        refuse_own(source)
        destination, missing = find_place(place)
        return TreeImport(
            source,
            destination,
            command_actor(),
            tuple(missing),
            moves=moves,
            dry_run=dry_run,
            forbidden={identity_of(own.stat()) for own in own_folders()},
            tell=lambda what: self.stderr.write(str(what)),
            foresee=lambda word, path: self.stdout.write(f"{word}: {as_shown('/'.join(path))}"),
            check=check,
        )

    def _import(self, job: TreeImport) -> None:
        """Import, after what an interrupted move has left."""
        if job.dry_run or not job.moves:
            job.run()
            return
        with moving():
            done, refused = finish_moves(actor=command_actor(), check=job.check)
            if done:
                self.stdout.write(f"finished {done} moves that were interrupted")
            for error in refused:
                self.stderr.write(f"refused: an interrupted move: {error} [{error.code}]")
            job.totals.refused += len(refused)
            job.run()

    def _print(self, totals: Totals, *, dry_run: bool, as_json: bool) -> None:
        """Print the totals."""
        if as_json:
            self.stdout.write(json.dumps(asdict(totals)))
        else:
            self.stdout.write(f"{'would import' if dry_run else 'imported'} {totals}")
