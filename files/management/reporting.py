"""How commands speak to operators: errors as one line with a code, progress on a terminal only."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from django.contrib.auth.models import User
from django.core.management import CommandError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from files.access import Actor, get_space, locate
from files.errors import FilesError, NotAFolderError
from files.models import Entry, Event, Right, Space
from files.names import check_name, name_key

INTERRUPTED = 130  # the exit status of a shell's Ctrl-C


@contextmanager
def refusals_told() -> Iterator[None]:
    """Turn what an operation refuses into one line and exit status 1, and Ctrl-C into its own."""
    try:
        yield
    except FilesError as error:
        details = "".join(f" {key}={value}" for key, value in error.data.items())
        raise refusal(f"{error}{details}", error.code) from error
    except KeyboardInterrupt:
        raise CommandError("Interrupted [interrupted]", returncode=INTERRUPTED) from None


def refusal(message: str, code: str) -> CommandError:
    """Make the error of a command: one line, whatever the message holds."""
    return CommandError(f"{' '.join(message.split())} [{code}]")


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
    if key.isascii() and key.isdigit() and len(key) <= 18:  # noqa: PLR2004 - what a column holds
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


@contextmanager
def progress_shown(unit: str, total: int | None) -> Iterator[Progress | None]:
    """Show a bar on stderr while the block runs; None, and silence, where that is no terminal.

    The one task of the bar has the id 0.
    """
    if not sys.stderr.isatty():
        yield None
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        progress.add_task(unit, total=total)
        yield progress
