"""Import with --move again and again, killed one step later each time: `python -m … DATA SPACE`.

Each run is a process of its own, forked from one that has loaded everything, so that all steps can
be tried. Prints how many there were, and what was found wrong.
"""

import os
import signal
import sys
import tempfile
from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from itertools import count
from pathlib import Path
from typing import Any

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "project.settings"
django.setup()

from django.core.management import call_command  # noqa: E402 - needs the set-up
from django.db.backends.base.base import BaseDatabaseWrapper  # noqa: E402

from files.models import Entry, Upload  # noqa: E402
from files.operations.blobs import sweep_blobs  # noqa: E402
from tests.factories import paths_in  # noqa: E402
from tests.invariants import check_everything  # noqa: E402

WATCHED = ("rename", "link", "unlink", "rmdir", "fsync", "fchmod", "copy_file_range")
CONTENT: dict[str, bytes | None] = {
    "a": b"renamed",
    "inner": None,
    "inner/b": b"renamed, too",
    "inner/c": b"copied, as others may write to it",
    "inner/empty": None,
}


def make_source(folder: Path) -> None:
    for path, content in CONTENT.items():
        if content is None:
            (folder / path).mkdir()
        else:
            (folder / path).write_bytes(content)
            (folder / path).chmod(0o666 if content.startswith(b"copied") else 0o640)


def in_child(work: Callable[[], None]) -> int:
    """Do something in a process of its own; give how that ended, as waitpid tells it."""
    pid = os.fork()
    if pid == 0:
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - there is nobody to raise it to
            print(repr(error), flush=True)  # noqa: T201
            os._exit(1)
        os._exit(0)
    return os.waitpid(pid, 0)[1]


def kill_at(step: int) -> None:
    """End this process when it is about to do the nth thing that cannot be taken back."""
    left = step

    def watch(real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **more: Any) -> Any:
            nonlocal left
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*args, **more)

        return call

    for name in WATCHED:
        setattr(os, name, watch(getattr(os, name)))
    BaseDatabaseWrapper.commit = watch(BaseDatabaseWrapper.commit)  # type: ignore[method-assign]


def move(source: Path, space: str, step: int) -> None:
    call_command("import_tree", str(source), f"{space}:run {step}", move=True, stdout=StringIO())


def go_on(source: Path, space: str, step: int) -> None:
    """Sweep, repeat the import, and look whether all is there, once."""
    for _ in range(2):
        sweep_blobs(grace=timedelta(0))
    move(source, space, step)
    top = Entry.objects.get(name=f"run {step}")
    assert paths_in(top) == CONTENT, f"step {step}: {paths_in(top)}"
    assert list(source.iterdir()) == [], f"step {step}: a source stayed"
    assert not Upload.objects.exists(), f"step {step}: a move is left"
    check_everything()


def main(space: str) -> int:
    """Try step after step, until a run has fewer."""
    for step in count(1):
        with tempfile.TemporaryDirectory() as name:
            source = Path(name)
            make_source(source)

            def killed(source: Path = source, step: int = step) -> None:
                kill_at(step)
                move(source, space, step)

            ended = in_child(killed)
            if os.WIFEXITED(ended):
                print(f"{step - 1} steps")  # noqa: T201
                return os.WEXITSTATUS(ended)
            if in_child(lambda source=source, step=step: go_on(source, space, step)):  # type: ignore[misc]
                return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
