"""The contenders, each started for the measurement and stopped after it."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
PASSWORD = "bench-password"


def free_port() -> int:
    """Give a port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(arguments: list[str], port: int, **more: object) -> Iterator[subprocess.Popen[bytes]]:
    """Run a server until the block ends; it must answer on its port within 60 seconds."""
    process = subprocess.Popen(
        arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **more
    )  # type: ignore[call-overload]
    try:
        _wait(process, port)
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(process: "subprocess.Popen[bytes]", port: int) -> None:
    """Wait until a server listens."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"a contender ended at once, with {process.returncode}")
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError("a contender does not answer")


@contextmanager
def strongroom(data: Path) -> Iterator[tuple[int, int]]:
    """Run our whole stack on a fresh data folder; give nginx's port and the process id."""
    port, backend = free_port(), free_port()
    environment = {
        **os.environ,
        "FILES_DATA_DIR": str(data),
        "FILES_PORT": str(port),
        "FILES_BACKEND_PORT": str(backend),
        "FILES_ADMIN_PASSWORD": PASSWORD,
    }
    command = [sys.executable, str(ROOT / "manage.py"), "serve"]
    with running(command, port, env=environment, cwd=ROOT) as process:
        yield port, process.pid


def debian_nginx() -> str | None:
    """Find an nginx with WebDAV (Debian's has it, the wheel's not)."""
    found = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if found is None:
        return None
    built = subprocess.run([found, "-V"], capture_output=True, text=True, check=False)
    return found if "http_dav_module" in built.stderr else None


@contextmanager
def raw_nginx(program: str, folder: Path) -> Iterator[int]:
    """Run nginx alone: static files and WebDAV PUT over one folder, with the settings of ours."""
    port = free_port()
    for name in ("files", "temp"):
        (folder / name).mkdir(parents=True)
    configuration = folder / "nginx.conf"
    user = "user root;" if os.geteuid() == 0 else ""
    configuration.write_text(f"""
{user} daemon off; worker_processes 2; pid {folder}/nginx.pid; error_log {folder}/error.log crit;
events {{ worker_connections 256; }}
http {{
  access_log off; sendfile on; tcp_nopush on; aio threads; keepalive_requests 100000;
  client_max_body_size 0; client_body_buffer_size 128k; client_body_temp_path {folder}/temp;
  proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u;
  scgi_temp_path {folder}/s;
  server {{
    listen 127.0.0.1:{port};
    location / {{ root {folder}/files; dav_methods PUT; create_full_put_path on; }}
  }}
}}
""")
    with running([program, "-c", str(configuration), "-p", str(folder)], port):
        yield port


@contextmanager
def copyparty(folder: Path) -> Iterator[int]:
    """Run copyparty on one folder that everybody may write to."""
    port = free_port()
    folder.mkdir()
    command = [sys.executable, "-m", "copyparty", "-q", "-i", "127.0.0.1", "-p", str(port)]
    command += ["-v", f"{folder}::rw", "--http-only", "--no-crt"]
    with running(command, port, cwd=folder):
        yield port
