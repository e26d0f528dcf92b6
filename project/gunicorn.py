"""gunicorn's configuration: `gunicorn -c project/gunicorn.py -b … project.asgi:application`."""

import os
import signal
from typing import Any, ClassVar

from uvicorn_worker import UvicornWorker

from files.management.supervisor import die_with_parent
from project import settings
from project.protocol import BoundedProtocol


class Worker(UvicornWorker):  # type: ignore[misc] # untyped
    """uvicorn with its fast parts named, so that a missing one is an error, not a slow server."""

    CONFIG_KWARGS: ClassVar[dict[str, Any]] = {
        "loop": "uvloop",
        "http": BoundedProtocol,
        "lifespan": "off",  # the application has nothing to do at start and end
        "server_header": False,
    }


worker_class = Worker
workers = settings.FILES_WORKERS
# A worker whose event loop stands still this long is replaced, in seconds.
timeout = 60
# What is under way when a stop is asked for may take this long to end, in seconds.
graceful_timeout = 15
# Longer than nginx keeps idle connections (60 s), so that nginx never writes into a closing one.
keepalive = 75
umask = 0o027
forwarded_allow_ips = ",".join(settings.FILES_TRUSTED_PROXIES)
# The socket would need a writable home folder, and nothing here uses it.
control_socket_disable = True
# Heartbeats are files; on a disk they could block.
worker_tmp_dir = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108 - a memory disk
accesslog = None
logconfig_dict = settings.LOGGING


def post_fork(_server: Any, _worker: Any) -> None:
    """Let a worker end with its master: left over, it would keep the port from the next one."""
    die_with_parent(signal.SIGKILL)
