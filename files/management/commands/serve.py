"""Serve an installation on this machine: nginx, the backend and the job worker as one process."""

import errno
import hashlib
import os
import signal
import socket
import sys
from contextlib import ExitStack
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command, get_commands
from django.db import connections

from files.management.base import FilesCommand
from files.management.commands.prepare import UMASK
from files.management.data_folder import exclusive
from files.management.landing import check_landing
from files.management.nginx import Nginx
from files.management.reporting import refusal
from files.management.supervisor import Part, PartFailedError, Supervisor


class Command(FilesCommand):
    """Prepare, then run all parts in the foreground until Ctrl-C or SIGTERM."""

    help = """
        Serve in the foreground: prepare, then run nginx in front of the backend, and the job
        worker, until Ctrl-C or SIGTERM, which end it with exit status 0 when what was under way has
        ended. A second signal ends the waiting.

        A part that crashes is started again; one that keeps crashing ends the whole with its
        reason. What this machine cannot start for now, as on a full disk, is tried until it can.
        Where it listens is set in the environment: FILES_HOST, FILES_PORT and
        FILES_BACKEND_PORT (docs/settings.md). A data folder is served once.
    """
    needs_database = False
    requires_system_checks: list[str] = []  # each part makes its own at its start

    def handle(self, **_options: Any) -> None:
        """Run the command; a part that keeps crashing ends it with its reason and exit status 1."""
        os.umask(UMASK)
        call_command("prepare", stdout=self.stdout, stderr=self.stderr)
        run = settings.FILES_DATA_DIR / "run"
        run.mkdir(mode=0o750, exist_ok=True)
        with ExitStack() as stack:
            try:
                stack.enter_context(exclusive(run / "serve.lock", wait=False))
            except BlockingIOError as error:
                msg = f"{settings.FILES_DATA_DIR} is being served already; stop that first"
                raise refusal(msg, "already-served") from error
            self.serve(run)

    def serve(self, run: Path) -> None:
        """Start the parts and tend them until a signal comes; the caller holds the lock."""
        for problem in check_landing():
            raise refusal(problem.msg, "invalid-setting")
        check_port(settings.FILES_HOST, settings.FILES_PORT, "FILES_PORT")
        check_port("127.0.0.1", settings.FILES_BACKEND_PORT, "FILES_BACKEND_PORT")
        collect_static(run / "static.fingerprint")
        nginx = make_nginx(run / "nginx")
        nginx.write()
        connections.close_all()  # from here on the parts use the database
        try:
            Supervisor(make_parts(nginx)).run(on_started=self.say_where)
        except PartFailedError as error:
            raise refusal(str(error), "part-failed") from error
        self.stdout.write("Stopped.")

    def say_where(self) -> None:
        """Print the address, as a person would type it."""
        host = settings.FILES_HOST
        if host in {"127.0.0.1", "0.0.0.0", "::", "::1"}:  # noqa: S104 - compared, not bound
            host = "localhost"
        self.stdout.write(f"Strongroom is at http://{host}:{settings.FILES_PORT} (Ctrl-C stops it)")
        self.stdout.flush()


def make_nginx(run: Path) -> Nginx:
    """Return the nginx of this installation; its run-time files go to run."""
    return Nginx(
        host=settings.FILES_HOST,
        port=settings.FILES_PORT,
        backend_port=settings.FILES_BACKEND_PORT,
        run=run,
        uploads=settings.FILES_DATA_DIR / "uploads",
        error_log=settings.FILES_DATA_DIR / "logs" / "nginx-error.log",
        shared=settings.BASE_DIR / "nginx",
        front_proxies=settings.FILES_FRONT_PROXIES,
        landing=settings.FILES_LANDING,
    )


def make_parts(nginx: Nginx) -> list[Part]:
    """Return what is run, in the order of stopping: no request meets a backend that has ended."""
    base, python = settings.BASE_DIR, sys.executable
    bind = f"127.0.0.1:{nginx.backend_port}"
    gunicorn = [python, "-m", "gunicorn", "-c", str(base / "project" / "gunicorn.py"), "-b", bind]
    parts = [
        # QUIT lets what is under way end; TERM would cut it off.
        Part(
            "nginx",
            nginx.command(),
            base,
            stop_signal=signal.SIGQUIT,
            before_start=nginx.begin,
        ),
        Part(
            "the backend",
            [*gunicorn, "project.asgi:application"],
            base,
            stop_seconds=20.0,  # more than gunicorn's graceful_timeout
            is_ready=lambda: answers(nginx.backend_port),
        ),
    ]
    if "run_jobs" in get_commands():
        parts.append(Part("the job worker", [python, "manage.py", "run_jobs"], base))
    return parts


def answers(port: int) -> bool:
    """Tell whether a server on this machine answers; what it says does not matter."""
    connection = HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", "/healthz")
        connection.getresponse()
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()
    return True


def check_port(host: str, port: int, setting: str) -> None:
    """Raise CommandError if this process cannot listen on a port, or not on such a host."""
    if not 0 < port < 2**16:
        msg = f"There is no port {port}: set {setting} to another"
        raise refusal(msg, "port-unavailable")
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as listener:
            # As the servers do: connections that are being closed are no hindrance.
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
    except OSError as error:
        is_host = isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL
        wrong = "FILES_HOST" if is_host else setting
        msg = f"Cannot listen on port {port} of {host} ({error.strerror}): set {wrong} to another"
        raise refusal(msg, "port-unavailable") from error


def collect_static(known: Path) -> None:
    """Collect static files if any has changed since the last time, which known remembers."""
    fingerprint = static_fingerprint()
    if known.exists() and known.read_text() == fingerprint and settings.STATIC_ROOT.exists():
        return
    call_command("collectstatic", interactive=False, clear=True, verbosity=0)
    known.write_text(fingerprint)


def static_fingerprint() -> str:
    """Return a digest of the names, sizes and times of all static files and where they go."""
    digest = hashlib.sha256(repr((settings.STORAGES, settings.STATIC_ROOT)).encode())
    for finder in get_finders():
        for name, storage in sorted(finder.list([]), key=lambda found: found[0]):
            status = Path(storage.path(name)).stat()
            digest.update(f"{name}\0{status.st_size}\0{status.st_mtime_ns}\0".encode())
    return digest.hexdigest()
