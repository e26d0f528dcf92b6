"""The base of all commands: help that teaches, errors in one line, a clean stop at any moment."""

import os
import signal
import sys
from argparse import Namespace
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from inspect import cleandoc
from io import TextIOWrapper
from types import FrameType
from typing import Any, ClassVar, NoReturn

from django.core.management import BaseCommand, CommandError
from django.core.management.base import (
    CommandParser,
    DjangoHelpFormatter,
    SystemCheckError,
    handle_default_options,
)
from django.db import connections
from rich.text import Text

from .failures import refusal, require_database
from .reporting import Bar, TerminatedError, progress_shown, refusals_told, stopped

USAGE = 2  # the exit status of a command that was called in a wrong way
PIPE_CLOSED = 141  # what a shell says of a program that SIGPIPE ended
EXIT_STATUS = """
Exit status: 0 if it did what it says; 1 if something was refused or failed, told in one line on
stderr that ends in a code; 2 if it was called in a wrong way; 130 or 143 if Ctrl-C or SIGTERM ended
it. docs/commands.md tells more.
"""


class ParagraphFormatter(DjangoHelpFormatter):
    """Wraps each paragraph of a help text by itself, and leaves alone those that are indented."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        """Fill the description or the epilog of a command."""
        return "\n\n".join(
            part
            if part.startswith("    ")
            else super(ParagraphFormatter, self)._fill_text(part, width, indent)
            for part in cleandoc(text).split("\n\n")
        )


class FilesCommand(BaseCommand):
    """A command of ours.

    help says what it does, when one wants it, what it changes and what may go on meanwhile, in
    paragraphs; examples hold the arguments of some calls. handle may raise FilesError, OSError and
    DatabaseError: they end the command with one line.
    """

    examples: ClassVar[Sequence[str]] = ("",)
    needs_database: ClassVar[bool] = True
    _bar: Bar = Bar(None)
    _in_color = True

    def create_parser(self, prog_name: str, subcommand: str, **more: Any) -> CommandParser:
        """Make the parser, which raises CommandError where Django's would print its usage."""
        calls = [f"    manage.py {subcommand} {example}".rstrip() for example in self.examples]
        epilog = "\n\n".join(["Examples:", "\n".join(calls), cleandoc(EXIT_STATUS)])
        more = {"formatter_class": ParagraphFormatter, "epilog": epilog} | more
        parser = super().create_parser(prog_name, subcommand, **more)
        parser.called_from_command_line = False
        return parser

    def run_from_argv(self, argv: list[str]) -> None:
        """Run as a program, to its exit status; an error is one line on stderr."""
        if isinstance(sys.stdout, TextIOWrapper):
            sys.stdout.reconfigure(errors="backslashreplace")  # names, where a locale lacks letters
        received: list[int] = []
        try:
            with refusals_told(), signals_raised(received), output_flushed():
                self._run(argv)
        except CommandError as error:
            if "--traceback" in argv:
                raise
            # A signal may have come out as something else: a query that failed, say.
            self._exit(stopped(received[0]) if received else error)
        except BrokenPipeError:  # who reads has seen enough, as `head` does
            discard_output()
            sys.exit(PIPE_CLOSED)
        finally:
            connections.close_all()

    def _run(self, argv: list[str]) -> None:
        """Parse and execute."""
        options = self._parse(argv)
        handle_default_options(options)
        self._called_from_command_line = True
        self.execute(**vars(options))

    def _parse(self, argv: list[str]) -> Namespace:
        """Parse the command line; what is wrong with it is told in one line."""
        parser = self.create_parser(argv[0], argv[1])
        try:
            return parser.parse_args(argv[2:])
        except CommandError as error:
            reason = str(error).removeprefix("Error: ")
            raise usage_error(f"{reason}; see {parser.prog} --help") from None

    def _exit(self, error: CommandError) -> NoReturn:
        """Print an error, and end with its status."""
        try:
            sys.stdout.flush()
        except OSError:
            discard_output()
        with suppress(OSError):
            if isinstance(error, SystemCheckError):
                self.stderr.write(str(error), lambda text: text)
            else:
                self.stderr.write(f"error: {error}")
        sys.exit(error.returncode)

    def execute(self, *args: Any, **options: Any) -> str | None:
        """Execute, by whatever way it was called; what is refused is a CommandError."""
        if os.environ.get("NO_COLOR") and not options["force_color"]:
            options["no_color"] = True
        self._in_color = not options["no_color"]
        with refusals_told():
            if self.needs_database:
                require_database()
            return super().execute(*args, **options)

    @contextmanager
    def progress(self, unit: str, total: int | None) -> Iterator[Bar]:
        """Show a bar while the block runs, on a terminal; tell() prints above it."""
        with progress_shown(unit, total, color=self._in_color) as shown:
            self._bar = Bar(shown)
            try:
                yield self._bar
            finally:
                self._bar = Bar(None)

    def tell(self, line: str) -> None:
        """Print a line of the result."""
        bar = self._bar.progress
        if bar is not None and self.stdout.isatty():
            # The same terminal: the bar makes room for the line and is drawn again below it.
            bar.print(Text(line), soft_wrap=True)
        else:
            self.stdout.write(line)


def usage_error(message: str) -> CommandError:
    """Make the error of a command that was called in a wrong way."""
    return refusal(message, "usage", status=USAGE)


@contextmanager
def signals_raised(received: list[int]) -> Iterator[None]:
    """Let SIGTERM and Ctrl-C end the block by an exception, and note them in received.

    A transaction under way is rolled back. A second signal ends the process as usual, at once. Who
    was told to ignore one, as nohup and shells do for what runs in the background, goes on so.
    """

    def on_signal(signum: int, _frame: FrameType | None) -> None:
        for other in before:
            signal.signal(other, signal.SIG_DFL)
        received.append(signum)
        raise_received()

    def raise_received(*_signal: object) -> None:
        raise TerminatedError if received[-1] == signal.SIGTERM else KeyboardInterrupt

    def on_swallowed(unraisable: Any) -> None:
        """Raise it once more, soon: Python drops what is raised while an object is destroyed."""
        if not isinstance(unraisable.exc_value, TerminatedError | KeyboardInterrupt):
            hook(unraisable)
            return
        signal.signal(signal.SIGALRM, raise_received)
        signal.setitimer(signal.ITIMER_REAL, 0.05)

    hook = sys.unraisablehook
    before = {
        signum: handler
        for signum in (signal.SIGINT, signal.SIGTERM)
        if (handler := signal.getsignal(signum)) not in {signal.SIG_IGN, None}
    }
    for signum in before:
        signal.signal(signum, on_signal)
    sys.unraisablehook = on_swallowed
    try:
        yield
    finally:
        sys.unraisablehook = hook
        if received:
            signal.setitimer(signal.ITIMER_REAL, 0)
        for signum, handler in before.items():
            signal.signal(signum, handler)


@contextmanager
def output_flushed() -> Iterator[None]:
    """Write what stdout holds before the block counts as done: a full disk is an error."""
    try:
        yield
    except SystemExit:  # --help
        sys.stdout.flush()
        raise
    sys.stdout.flush()


def discard_output() -> None:
    """Let what stdout holds go nowhere, or Python would fail to write it once more at exit."""
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
