"""Run background work in the foreground."""

from typing import Any, Protocol, runtime_checkable

from django.tasks import task_backends

from files.management.base import FilesCommand
from files.management.reporting import refusal


@runtime_checkable
class Runner(Protocol):
    """A task backend that can work its jobs off."""

    def run_worker(self) -> None:
        """Work until a signal says to stop."""


class Command(FilesCommand):
    """Work until SIGTERM or Ctrl-C; any number of these may run, on any number of machines."""

    help = """
        Run background work in the foreground: what follows from changes (moves between spaces,
        deletions of large folders) and what comes round by the clock (sweeping, pruning). `serve`
        runs it by itself; run it yourself where the parts are services or containers of their own.
        Any number may run, on any number of machines.

        SIGTERM or Ctrl-C ends it at the end of the current step with exit status 0; a second one
        ends it at once, and the next worker takes over.
    """

    def handle(self, **_options: Any) -> None:
        """Run the command."""
        backend = task_backends["default"]
        if not isinstance(backend, Runner):
            msg = "The setting TASKS names a backend that has no worker"
            raise refusal(msg, "no-worker")
        backend.run_worker()
