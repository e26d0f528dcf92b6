"""Many small files: one by one over eight connections, and many in one request."""

import os
from collections.abc import Iterable
from functools import partial

from . import clients, trees
from .clients import Server
from .contenders import Contenders
from .tables import Aim, Measure, compare

SMALL = os.urandom(16 * 1024)
FILES = 1000
UNIT = "copyparty PUT"


def measure_small(them: Contenders, rounds: int) -> None:
    """Upload small files."""
    ours = them.ours

    def one_form() -> float:
        names = [them.new_name() for _ in range(FILES)]
        request = clients.form_request(ours, them.token, them.root, names, SMALL)
        return clients.post_many(ours, request)

    def single_forms() -> float:
        requests = [
            clients.form_request(ours, them.token, them.root, [them.new_name()], SMALL)
            for _ in range(FILES)
        ]
        return clients.at_once(ours, requests, 303)

    measures = {
        f"{name} PUT": Measure(partial(_put_new, them, server), them.pids[name])
        for name, server in them.peers.items()
    }
    measures |= {
        "strongroom PUT": Measure(
            lambda: _put(ours, (them.put_path(them.new_name()) for _ in range(FILES))), them.pid
        ),
        "strongroom forms of one": Measure(single_forms, them.pid),
        "strongroom one form": Measure(one_form, them.pid),
    }
    aims = {"strongroom PUT": Aim(UNIT, 1.0), "strongroom one form": Aim(UNIT, 3.0)}
    title = f"{FILES} x 16 KiB up, 8 at once, CPU in ms a file"
    compare(title, measures, rounds=rounds, unit=UNIT, per=FILES / 1000, aims=aims)


def _put_new(them: Contenders, server: Server) -> float:
    """Put the small files under new names."""
    return _put(server, [f"/{them.new_name()}" for _ in range(FILES)])


def _put(server: Server, paths: Iterable[str]) -> float:
    """Put the small files one by one over eight connections."""
    length = f"Content-Length: {len(SMALL)}"
    requests = [server.head("PUT", path, length) + SMALL for path in paths]
    return clients.at_once(server, requests, 200, 201, 204)


def measure_small_down(them: Contenders, rounds: int) -> None:
    """Download small files over eight connections, signed in."""
    name = them.new_name()
    clients.at_once(
        them.ours,
        [them.ours.head("PUT", them.put_path(name), f"Content-Length: {len(SMALL)}") + SMALL],
        201,
    )
    paths = {"strongroom": (them.ours, f"/entries/{trees.entry_id(name)}/content")}
    for peer, server in them.peers.items():
        _put(server, ["/small.bin"])
        paths[peer] = (server, "/small.bin")
    pids = {"strongroom": them.pid, **them.pids}
    measures = {
        name: Measure(
            partial(clients.at_once, server, [server.head("GET", path)] * FILES, 200), pids[name]
        )
        for name, (server, path) in paths.items()
    }
    title = f"{FILES} x 16 KiB down, 8 at once, CPU in ms a file"
    compare(title, measures, rounds=rounds, unit="nginx", per=FILES / 1000)
