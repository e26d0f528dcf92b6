"""Count afresh what spaces hold, and say where that is not what is kept."""

import json
from typing import Any

from django.core.management.base import CommandParser

from files.management.base import FilesCommand
from files.management.reporting import command_actor, find_spaces, refusal
from files.models import Space
from files.operations.usage import Recount, correct_usage, recount_usage


class Command(FilesCommand):
    """Print a line for each space; exit status 0 only when nothing drifts any more."""

    help = """
        Count afresh what each space holds, and compare it with the usage that is kept for it and
        that its quota is held against. Both are in bytes and must be equal: a drift is a bug, or
        somebody has changed the database by hand. Use it to be sure, and after such a change.

        Reads only, but for --repair, which sets the usage to what was counted, under a lock, and
        records that as an event. Each space is read at one moment, so what people do meanwhile
        makes no drift: safe while serving, to interrupt and to repeat.

        Without SPACE all spaces are counted. Exit status 0 only if no drift is left.
    """
    examples = ("", '"Design team" 7', "--repair --json")

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        parser.add_argument(
            "spaces",
            nargs="*",
            metavar="SPACE",
            help="the id of a space, or its name (default: all spaces)",
        )
        parser.add_argument(
            "--repair", action="store_true", help="set what is kept to what was counted"
        )
        parser.add_argument(
            "--json",
            action="store_true",
            dest="as_json",
            help="print a line of JSON for each space, and a last line with the totals",
        )

    def handle(self, *, spaces: list[str], repair: bool, as_json: bool, **_rest: Any) -> None:
        """Run the command."""
        chosen = Space.objects.exclude(kind=Space.Kind.SYSTEM)
        if spaces:
            chosen = chosen.filter(pk__in=[space.pk for space in find_spaces(spaces)])
        count = drifted = 0
        with self.progress("Counting", chosen.count()) as bar:
            for recount in recount_usage(chosen):
                is_repaired = repair and recount.drift != 0
                if is_repaired:
                    correct_usage(recount.space_id, actor=command_actor())
                write = as_line_of_json if as_json else as_line
                self.tell(write(recount, is_repaired=is_repaired))
                count, drifted = count + 1, drifted + (recount.drift != 0)
                bar.advance()
        repaired = drifted if repair else 0
        if as_json:
            totals = {"spaces": count, "drifted": drifted, "repaired": repaired}
            self.tell(json.dumps({**totals, "clean": drifted == repaired}))
        if drifted > repaired:
            raise refusal(f"The usage of {drifted} of {count} spaces drifts", "usage-drift")
        if not as_json:
            self.tell(f"clean: {count} spaces, {repaired} repaired")


def as_line(recount: Recount, *, is_repaired: bool) -> str:
    """Write what was counted for people."""
    repaired = ", repaired" if is_repaired else ""
    return (
        f"space {recount.space_id} {recount.name}: {recount.kept} kept, {recount.counted} counted, "
        f"drift {recount.drift}{repaired}"
    )


def as_line_of_json(recount: Recount, *, is_repaired: bool) -> str:
    """Write what was counted for programs."""
    return json.dumps(
        {
            "space": recount.space_id,
            "name": recount.name,
            "kept": recount.kept,
            "counted": recount.counted,
            "drift": recount.drift,
            "repaired": is_repaired,
        }
    )
