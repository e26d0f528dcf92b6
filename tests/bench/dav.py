"""WebDAV with a token: a large folder listed, a large file up and down, many small files."""

import http.client
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from . import clients, large, protocols, servers, trees
from .clients import Server
from .contenders import Contenders
from .small import FILES, SMALL
from .tables import Aim, Measure, compare

MEMBERS = 10_000
NGINX = "nginx dav-ext"
# What programs ask for: nothing, which is all; rclone; davfs2.
ASKED: Mapping[str, tuple[str, ...]] = {
    "all": (),
    "rclone's list": (
        "displayname",
        "getlastmodified",
        "getcontentlength",
        "resourcetype",
        "getcontenttype",
    ),
    "davfs2's list": (
        "getetag",
        "getcontentlength",
        "creationdate",
        "getlastmodified",
        "resourcetype",
        "executable",
    ),
}
_MODULE = "ngx_http_dav_ext_module.so"
_MODULE_FOLDERS = ("/usr/lib/nginx/modules", "/usr/lib64/nginx/modules", "/etc/nginx/modules")


def signed_in(server: Server, data: Path) -> Server:
    """Give a stack of ours as it is for a program with a token of the administrator."""
    command = [sys.executable, str(servers.ROOT / "manage.py"), "create_token", "admin"]
    made = subprocess.run(
        [*command, "--scope", "read", "--scope", "write"],
        env={**os.environ, "FILES_DATA_DIR": str(data)},
        cwd=servers.ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    token = made.stdout.strip().splitlines()[-1]
    return Server("strongroom", server.port, (f"Authorization: Bearer {token}",))


def measure_dav_list(them: Contenders, rounds: int) -> None:
    """List a folder of many files by PROPFIND, with what programs of today ask for."""
    ours = signed_in(them.ours, them.folder / "data")
    trees.make_flat(MEMBERS)
    paths = {"strongroom": (ours, "/dav/admin/flat/", them.pid)}
    for peer in ("copyparty", "rclone", "wsgidav"):
        if peer in them.peers:
            _write_flat(them.folder / peer)
            paths[peer] = (them.peers[peer], "/flat/", them.pids[peer])
    with nginx_dav(them.folder / "nginx-dav") as found:
        if found is not None:
            _write_flat(them.folder / "nginx-dav" / "files")
            paths[NGINX] = (Server(NGINX, found[0]), "/flat/", found[1])
        for words, names in ASKED.items():
            measures = {
                name: Measure(partial(propfind, server, path, names), pid)
                for name, (server, path, pid) in paths.items()
            }
            title = f"PROPFIND of {MEMBERS} files, {words}, CPU in seconds"
            aims = {"strongroom": Aim(NGINX, 1.0)}
            compare(title, measures, rounds=rounds, unit=NGINX, aims=aims)


def _write_flat(folder: Path) -> None:
    """Write the folder that is listed, as ours has it."""
    (folder / "flat").mkdir()
    for number in range(MEMBERS):
        (folder / "flat" / f"file {number}.txt").touch()


def propfind(server: Server, path: str, names: tuple[str, ...]) -> float:
    """List a folder; give the seconds until the last byte."""
    body = ""
    if names:
        inner = "".join(f"<D:{name}/>" for name in names)
        body = f'<D:propfind xmlns:D="DAV:"><D:prop>{inner}</D:prop></D:propfind>'
    headers = dict(line.split(": ", 1) for line in server.headers)
    headers |= {"Depth": "1", "Content-Type": "application/xml"}
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=120)
    started = time.perf_counter()
    connection.request("PROPFIND", path, body, headers)
    answer = connection.getresponse()
    text = answer.read()
    seconds = time.perf_counter() - started
    connection.close()
    clients.expect(answer.status, 207)
    if len(re.findall(rb"<(?:\w+:)?response\b", text)) != MEMBERS + 1:
        raise RuntimeError(f"{server.name} does not list all")
    return seconds


@contextmanager
def nginx_dav(folder: Path) -> Iterator[tuple[int, int] | None]:
    """Run nginx with its WebDAV extension over one folder; give its port and process id.

    None, and a line that says so, where that cannot be had (Debian: libnginx-mod-http-dav-ext).
    """
    program = servers.debian_nginx()
    module = next((path for path in map(Path, _MODULE_FOLDERS) if (path / _MODULE).is_file()), None)
    if program is None or module is None:
        print(f"without {NGINX}: Debian's nginx with libnginx-mod-http-dav-ext is not installed")
        yield None
        return
    port = servers.free_port()
    (folder / "files").mkdir(parents=True)
    configuration = folder / "nginx.conf"
    user = "user root;" if os.geteuid() == 0 else ""
    configuration.write_text(f"""
load_module {module / _MODULE};
{user} daemon off; worker_processes 2; pid {folder}/nginx.pid; error_log {folder}/error.log crit;
events {{ worker_connections 256; }}
http {{
  access_log off; sendfile on; tcp_nopush on; keepalive_requests 100000;
  client_body_temp_path {folder}/temp; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f;
  uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  server {{
    listen 127.0.0.1:{port};
    location / {{ root {folder}/files; dav_methods PUT; dav_ext_methods PROPFIND OPTIONS; }}
  }}
}}
""")
    arguments = [program, "-c", str(configuration), "-p", str(folder)]
    with servers.running(arguments, port) as process:
        yield port, process.pid


def measure_dav_large(them: Contenders, rounds: int, file: Path) -> None:
    """Put a large file and get it, as programs that speak WebDAV do, beside nginx alone."""
    ways = {"strongroom": (signed_in(them.ours, them.folder / "data"), them.pid)}
    if them.landing is not None:
        landing = signed_in(them.landing, them.folder / "landing-data")
        ways["landed"] = (landing, them.pids["landing"])
    size = file.stat().st_size
    measures = {
        f"{name} PUT": Measure(partial(_put, them, server, file), pid)
        for name, (server, pid) in ways.items()
    }
    if (nginx := them.nginx) is not None:
        run = partial(_put_and_sync, them, nginx, file)
        measures[large.UNIT] = Measure(run, them.pids["nginx"])
    title = f"{size / 2**20:.0f} MiB up at /dav/, CPU in seconds per GiB"
    aims = {"landed PUT": Aim(large.UNIT, 0.8)}
    compare(title, measures, rounds=rounds, unit=large.UNIT, per=size / 2**30, aims=aims)
    measures = {}
    for name, (server, pid) in ways.items():
        protocols.put_file(server, "/dav/admin/large.bin", file)
        run = partial(clients.get_once, server, "/dav/admin/large.bin")
        measures[name] = Measure(run, pid)
    if nginx is not None:
        protocols.put_file(nginx, "/large.bin", file)
        run = partial(clients.get_once, nginx, "/large.bin")
        measures["nginx static"] = Measure(run, them.pids["nginx"])
    title = f"{size / 2**20:.0f} MiB down at /dav/, CPU in seconds per GiB"
    aims = {"strongroom": Aim("nginx static", 0.95)}
    compare(title, measures, rounds=rounds, unit="nginx static", per=size / 2**30, aims=aims)


def _put(them: Contenders, server: Server, file: Path) -> float:
    """Put the file under a new name, then remove what was stored: no disk holds all of it."""
    seconds = protocols.put_file(server, f"/dav/admin/{them.new_name()}", file)
    _clear(them.folder, file)
    return seconds


def _put_and_sync(them: Contenders, nginx: Server, file: Path) -> float:
    """Put the file to nginx alone, and do what a durable upload must have done."""
    name = them.new_name()
    stored = them.folder / "nginx" / "files" / name
    seconds = protocols.put_file(nginx, f"/{name}", file)
    seconds += clients.timed(lambda: clients.sync_file(stored))
    stored.unlink()
    return seconds


def _clear(folder: Path, file: Path) -> None:
    """Remove what is as large as a file, but for that one."""
    for path in folder.rglob("*"):
        if path != file and path.is_file() and path.stat().st_size == file.stat().st_size:
            path.unlink()


def measure_dav_small(them: Contenders, rounds: int) -> None:
    """Put and get small files over eight connections, each request with a token."""
    ours = signed_in(them.ours, them.folder / "data")
    paths = {"strongroom": (ours, "/dav/admin/", them.pid)}
    for peer in ("nginx", "copyparty", "rclone"):
        if peer in them.peers:
            paths[peer] = (them.peers[peer], "/", them.pids[peer])
    ahead = {"strongroom": Aim("copyparty", 1.0)}
    up = {
        name: Measure(partial(_put_small, them, server, path), pid)
        for name, (server, path, pid) in paths.items()
    }
    title = f"{FILES} x 16 KiB up at /dav/, 8 at once, CPU in ms a file"
    compare(title, up, rounds=rounds, unit="copyparty", per=FILES / 1000, aims=ahead)
    down = {}
    for name, (server, path, pid) in paths.items():
        _put_all(server, [f"{path}small.bin"])
        requests = [server.head("GET", f"{path}small.bin")] * FILES
        down[name] = Measure(partial(clients.at_once, server, requests, 200), pid)
    title = f"{FILES} x {len(SMALL) // 1024} KiB down at /dav/, 8 at once, CPU in ms a file"
    compare(title, down, rounds=rounds, unit="copyparty", per=FILES / 1000, aims=ahead)


def _put_small(them: Contenders, server: Server, path: str) -> float:
    """Put the small files under new names."""
    return _put_all(server, [f"{path}{them.new_name()}" for _ in range(FILES)])


def _put_all(server: Server, paths: list[str]) -> float:
    """Put small files one by one over eight connections."""
    length = f"Content-Length: {len(SMALL)}"
    requests = [server.head("PUT", path, length) + SMALL for path in paths]
    return clients.at_once(server, requests, 200, 201, 204)
