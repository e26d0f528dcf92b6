"""How commands speak to operators: errors as one line with a code, progress on a terminal only."""

import os
import signal
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from django.contrib.auth.models import User
from django.core.management import CommandError
from django.db import DatabaseError, InterfaceError
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)

from files.access import Actor, get_space, locate
from files.errors import FilesError, NotAFolderError
from files.ids import is_id
from files.models import Entry, Event, Right, Space
from files.names import check_name, name_key

from .failures import failure_of, refusal

__all__ = [
    "Bar",
    "TerminatedError",
    "as_shown",
    "command_actor",
    "find_place",
    "find_space",
    "find_spaces",
    "find_user",
    "interrupts_held",
    "progress_shown",
    "refusal",
    "refusals_told",
    "stopped",
]


class TerminatedError(KeyboardInterrupt):
    """SIGTERM came; raised where Ctrl-C would be, and as little an Exception."""


@contextmanager
def refusals_told() -> Iterator[None]:
    """Turn what an operation, the database or the disk refuses into one line and exit status 1.

    Ctrl-C and SIGTERM have their own. Bugs stay exceptions, and so does a closed pipe.
    """
    try:
        yield
    except FilesError as error:
        details = "".join(f" {key}={value}" for key, value in error.data.items())
        raise refusal(f"{error}{details}", error.code) from error
    except TerminatedError:
        raise stopped(signal.SIGTERM) from None
    except KeyboardInterrupt:
        raise stopped(signal.SIGINT) from None
    except BrokenPipeError:
        raise
    except (DatabaseError, InterfaceError, OSError) as error:
        failure = failure_of(error)
        if failure is None:
            raise
        raise failure from error


def stopped(signum: int) -> CommandError:
    """Make the error of a stop by a signal, with the exit status that shells give it."""
    if signum == signal.SIGTERM:
        return refusal("Terminated", "terminated", status=128 + signal.SIGTERM)
    return refusal("Interrupted", "interrupted", status=128 + signal.SIGINT)


@contextmanager
def interrupts_held() -> Iterator[Callable[[], None]]:
    """Hold Ctrl-C and SIGTERM back while the block runs; yield what lets them through.

    It is called where nothing is half done, by any thread, and raises what the signal stands for
    once one came. So none comes in the middle of a commit, when nobody could say what it did. A
    second signal ends the process at once. What is ignored stays ignored.
    """
    received = 0

    def on_signal(signum: int, _frame: object) -> None:
        nonlocal received
        received = signum
        signal.signal(signum, signal.SIG_DFL)

    def check() -> None:
        if received:
            raise TerminatedError if received == signal.SIGTERM else KeyboardInterrupt

    before = {
        signum: signal.signal(signum, on_signal)
        for signum in (signal.SIGINT, signal.SIGTERM)
        if signal.getsignal(signum) is not signal.SIG_IGN
    }
    try:
        yield check
        check()
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)


def as_shown(text: str) -> str:
    """Give text for a terminal: what could change that, or is no readable text, is escaped."""
    return "".join(letter if letter.isprintable() else _escaped(letter) for letter in text)


def _escaped(letter: str) -> str:
    """Write a letter, or a byte that was no text, as an escape."""
    if "\udc80" <= letter <= "\udcff":  # by surrogateescape
        return f"\\x{ord(letter) - 0xDC00:02x}"
    return letter.encode("unicode_escape").decode()


def command_actor() -> Actor:
    """Give the actor of commands: whoever may run them may do all."""
    return Actor.system(Event.Door.COMMAND)


def find_user(username: str) -> User:
    """Find an account by its name; raises CommandError."""
    user = User.objects.filter(username=username).first()
    if user is None:
        raise refusal(f"There is no account named {username}", "user-not-found")
    return user


def find_space(key: str) -> Space:
    """Find a space by its id or its name; raises CommandError, also if a name is not the only one.

    A number is an id first, and a name only if no space has that id.
    """
    if is_id(key):
        by_id = Space.objects.exclude(kind=Space.Kind.SYSTEM).filter(pk=int(key)).first()
        if by_id is not None:
            return get_space(command_actor(), by_id.pk, Right.READ)[0]
    named = list(Space.objects.exclude(kind=Space.Kind.SYSTEM).filter(name=key).order_by("pk")[:9])
    if not named:
        raise refusal(f"There is no space {key}", "space-not-found")
    if len(named) > 1:
        ids = ", ".join(str(space.pk) for space in named)
        raise refusal(f"Several spaces are named {key}: give an id of {ids}", "space-ambiguous")
    return named[0]


def find_place(place: str) -> tuple[Entry, list[str]]:
    """Find the folder that SPACE[:PATH] names: the nearest that is there, and the names that miss.

    A space whose name has a colon is found by its whole name first. Raises CommandError and
    InvalidNameError.
    """
    key, _colon, path = place.partition(":")
    if Space.objects.filter(name=place).exists():
        key, path = place, ""
    space = find_space(key)
    names = [check_name(name) for name in path.strip("/").split("/")] if path.strip("/") else []
    folder = locate(command_actor(), space.root_id or 0, Right.READ).entry
    while names:
        there = Entry.objects.children_of(folder).filter(name_key=name_key(names[0])).first()
        if there is None:
            break
        if not there.is_folder:
            raise NotAFolderError(name=names[0])
        folder, names = there, names[1:]
    return folder, names


def find_spaces(keys: Iterable[str]) -> list[Space]:
    """Find spaces by their ids or names, each once, in the order given; raises as find_space."""
    found = {space.pk: space for space in map(find_space, keys)}
    return list(found.values())


@contextmanager
def progress_shown(
    unit: str, total: int | None, *, color: bool = True
) -> Iterator[Progress | None]:
    """Show a bar on stderr while the block runs; None, and silence, where that is no terminal.

    The one task of the bar has the id 0. A terminal that cannot move its cursor gets none. Rich
    itself leaves colours out where NO_COLOR says so.
    """
    if not sys.stderr.isatty() or os.environ.get("TERM", "") in {"", "dumb", "unknown"}:
        yield None
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(
        *columns,
        console=Console(stderr=True, no_color=None if color else True),
        transient=True,
        redirect_stdout=False,  # else rich moves to stderr what a command prints meanwhile
        redirect_stderr=False,
    ) as progress:
        progress.add_task(unit, total=total)
        yield progress


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar that may not be shown: who works tells it how far things are, and need not ask."""

    progress: Progress | None

    def advance(self, count: int = 1) -> None:
        """Count what was done since the last time."""
        if self.progress is not None:
            self.progress.advance(TaskID(0), count)

    def expect(self, count: int) -> None:
        """Raise the total."""
        if self.progress is not None:
            total = self.progress.tasks[0].total or 0
            self.progress.update(TaskID(0), total=total + count)
