"""The task backend that the setting TASKS names: rows in the database, and a worker for them."""

from django_tasks_db import DatabaseBackend


class JobBackend(DatabaseBackend):
    """Keeps jobs as rows, the truth about them whatever carries them to a worker."""

    def run_worker(self) -> None:
        """Work until SIGTERM or SIGINT: dispatch events, start what is due, run what is ready."""
        from .stopping import StopFlag, stop_on_signals
        from .worker import Worker  # its models cannot be loaded when the settings are

        stop = StopFlag()
        with stop_on_signals(stop):
            Worker(stop, backend_name=self.alias).run()
