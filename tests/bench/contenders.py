"""Who is measured: all of them running at once, idle but for the one whose turn it is."""

import itertools
import subprocess
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from . import clients, servers, trees
from .clients import Server

PEERS: dict[str, servers.Command] = {
    "copyparty": servers.copyparty,
    "rclone": servers.rclone,
    "wsgidav": servers.wsgidav,
    "@tus/server": servers.tus_server,
}


@dataclass
class Contenders:
    """Our stack, nginx alone, and the peers that can be run here."""

    folder: Path
    ours: Server
    token: str
    pid: int  # of our stack's first process
    root: int  # the folder that files go to
    peers: dict[str, Server] = field(default_factory=dict)  # by name, those that take a PUT
    pids: dict[str, int] = field(default_factory=dict)
    tus: Server | None = None  # @tus/server
    landing: Server | None = None  # our stack again, whose nginx receives bodies into files
    numbers: "itertools.count[int]" = field(default_factory=itertools.count)

    @property
    def nginx(self) -> Server | None:
        """Give nginx alone, which everything is compared with."""
        return self.peers.get("nginx")

    def new_name(self) -> str:
        """Give a name that was not used yet."""
        return f"bench-{next(self.numbers)}.bin"

    def put_path(self, name: str) -> str:
        """Give the address of a file of ours."""
        return f"/folders/{self.root}/files/{name}"


def start(folder: Path, stack: ExitStack) -> Contenders:
    """Start all that can be run, and say why the others cannot."""
    port, pid = stack.enter_context(servers.strongroom(folder / "data"))
    ours, token = clients.sign_in(port, "admin", servers.PASSWORD)
    trees.attach(folder / "data")
    found = Contenders(folder, ours, token, pid, trees.root_id())
    if program := servers.debian_nginx():
        _add(found, "nginx", stack.enter_context(servers.raw_nginx(program, folder / "nginx")))
    else:
        print("without nginx: Debian's, which has WebDAV, is not installed")
    missing = servers.missing()
    for name, command in PEERS.items():
        try:
            if name in missing:
                raise RuntimeError(missing[name])
            place = folder / name.strip("@").replace("/", "-")
            _add(found, name, stack.enter_context(servers.peer(command, place)))
        except (RuntimeError, subprocess.SubprocessError) as error:
            print(f"without {name}: {error}")
    found.tus = found.peers.pop("@tus/server", None)
    port, found.pids["landing"] = stack.enter_context(
        servers.strongroom(folder / "landing-data", FILES_LANDING="true")
    )
    found.landing, _token = clients.sign_in(port, "admin", servers.PASSWORD)
    return found


def _add(found: Contenders, name: str, where: tuple[int, int]) -> None:
    """Add a contender that runs."""
    port, found.pids[name] = where
    found.peers[name] = Server(name, port)
