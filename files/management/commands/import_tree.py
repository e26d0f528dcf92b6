"""Bring a folder of this machine into a space."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandParser

from files.management.base import FilesCommand
from files.management.reporting import (
    command_actor,
    find_place,
    refusal,
)
from files.management.tree_import import TreeImport, make_folders
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
                "this user may write to them, and remove the folders that become empty"
            ),
        )
        parser.add_argument(
            "--dry-run", action="store_true", help="only say what would be imported"
        )

    def handle(self, *, folder: Path, place: str, move: bool, dry_run: bool, **_rest: Any) -> None:
        """Run the command."""
        source = _source(folder)
        with self.progress("Importing", None) as bar:
            destination, missing = find_place(place)
            if missing and not dry_run:
                destination, missing = make_folders(destination, missing, actor=command_actor()), []
            job = TreeImport(source, destination, command_actor(), moves=move, dry_run=dry_run)
            job.is_new = bool(missing)
            job.tell = lambda what: self.stderr.write(str(what))
            job.advance = bar.advance
            if move and not dry_run:
                with moving():
                    self._finish_moves()
                    totals = job.run()
            else:
                totals = job.run()
        self.stdout.write(f"{'would import' if dry_run else 'imported'} {totals}")
        if totals.refused:
            raise refusal(f"{totals.refused} files or folders were refused", "files-refused")

    def _finish_moves(self) -> None:
        """Do first what an interrupted run has left."""
        done, refused = finish_moves(actor=command_actor())
        if done:
            self.stdout.write(f"finished {done} moves that were interrupted")
        for error in refused:
            self.stderr.write(f"refused: an interrupted move: {error} [{error.code}]")


def _source(folder: Path) -> Path:
    """Give the folder to import, if it is one and has nothing to do with our own data."""
    try:
        source = folder.resolve(strict=True)
        if not source.is_dir():
            raise refusal(f"{folder} is not a folder", "not-a-folder")
    except OSError as error:
        raise refusal(f"{folder}: {error.strerror}", "unreadable") from error
    data = settings.FILES_DATA_DIR.resolve()
    if source.is_relative_to(data) or data.is_relative_to(source):
        raise refusal(f"{folder} holds the data of this installation, or lies in it", "own-data")
    return source
