"""Measure, print ratios: python -m tests.bench [--rounds N] [--size MIB]."""

import argparse
import importlib.util
import os
import shutil
import statistics
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from . import clients, servers, trees
from .clients import Server

SMALL = os.urandom(16 * 1024)
SMALL_FILES = 1000

type Measures = dict[str, Callable[[], float]]


def main() -> int:
    """Run the bench and print its table."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="alternating runs of each (5)")
    parser.add_argument("--size", type=int, default=1024, help="MiB of the large file (1024)")
    parser.add_argument("--folder", type=Path, help="where to work (a folder beside data/)")
    options = parser.parse_args()
    parent = options.folder or servers.ROOT / "data"
    parent.mkdir(exist_ok=True)
    # On the disk that data lies on: a bench in memory would say nothing of fsync.
    folder = Path(tempfile.mkdtemp(prefix="bench-", dir=parent))
    try:
        with ExitStack() as stack:
            Bench(folder, options.size, stack).run(options.rounds)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return 0


class Bench:
    """The contenders, all running at once, and what is asked of each in turn."""

    def __init__(self, folder: Path, mebibytes: int, stack: ExitStack) -> None:
        self.folder, self.mebibytes = folder, mebibytes
        self.large = folder / "large.bin"
        self._write_large()
        port, self.pid = stack.enter_context(servers.strongroom(folder / "data"))
        self.ours, self.token = clients.sign_in(port, "admin", servers.PASSWORD)
        self.counter = iter(range(10**9))
        self.nginx: Server | None = None
        if program := servers.debian_nginx():
            raw = stack.enter_context(servers.raw_nginx(program, folder / "nginx"))
            self.nginx = Server("nginx", raw)
        self.copyparty: Server | None = None
        if importlib.util.find_spec("copyparty"):
            peer = stack.enter_context(servers.copyparty(folder / "copyparty"))
            self.copyparty = Server("copyparty", peer)
        trees.attach(folder / "data")
        self.root = trees.root_id()

    def _write_large(self) -> None:
        """Write the large file, of bytes that no disk or file system can shorten."""
        block = os.urandom(2**20)
        with self.large.open("wb") as file:
            for number in range(self.mebibytes):
                file.write(number.to_bytes(8) + block[8:])

    def run(self, rounds: int) -> None:
        """Measure each group and print it."""
        memory = trees.peak_memory(self.pid)
        self._group("upload, seconds", rounds, self._uploads(), "nginx PUT + fsync")
        grown = trees.peak_memory(self.pid) - memory
        self._group("download, seconds", rounds, self._downloads(), "nginx static")
        print(f"growth of a worker's peak memory by both: {grown / 2**20:.0f} MiB (goal < 32)\n")
        self._group(
            f"{SMALL_FILES} x 16 KiB up, seconds", rounds, self._small_up(), "copyparty PUT"
        )
        self._group(f"{SMALL_FILES} x 16 KiB down, seconds", rounds, self._small_down(), "nginx")
        self._pages(rounds)

    def _group(self, title: str, rounds: int, measures: Measures, unit: str) -> None:
        """Run measures alternating; print medians and their ratio to one of them."""
        seconds = defaultdict(list)
        for _round in range(rounds):
            for name, measure in measures.items():
                os.sync()  # what one contender left to be written is not the next one's burden
                seconds[name].append(measure())
        medians = {name: statistics.median(values) for name, values in seconds.items()}
        print(f"{title} (median of {rounds})")
        for name, value in medians.items():
            ratio = f"{medians[unit] / value:6.2f} of {unit}" if unit in medians else ""
            print(f"  {name:32} {value:9.3f}   {ratio}")
        print(flush=True)

    def _name(self) -> str:
        """Give a name that was not used yet."""
        return f"bench-{next(self.counter)}.bin"

    def _uploads(self) -> Measures:
        """Upload the large file to each."""
        measures: Measures = {}
        nginx, peer = self.nginx, self.copyparty
        if nginx:
            measures["nginx PUT"] = partial(self._put_large, nginx)
            measures["nginx PUT + fsync"] = partial(self._put_large, nginx, is_synced=True)
        if peer:
            measures["copyparty PUT"] = lambda: clients.put_file(
                peer, f"/{self._name()}", self.large
            )
        measures["strongroom form"] = lambda: clients.post_file(
            self.ours, self.token, self.root, "large.bin", self.large
        )
        return measures

    def _put_large(self, server: Server, *, is_synced: bool = False) -> float:
        """PUT the large file under a new name, as the others do, and sync it if asked to."""
        name = self._name()
        seconds = clients.put_file(server, f"/{name}", self.large)
        if is_synced:
            file = self.folder / "nginx" / "files" / name
            seconds += clients.timed(lambda: clients.sync_file(file))
        return seconds

    def _downloads(self) -> Measures:
        """Download the large file from each."""
        entry = trees.entry_id("large.bin")
        measures = {"strongroom": lambda: clients.get_once(self.ours, f"/entries/{entry}/content")}
        nginx = self.nginx
        if nginx:
            clients.put_file(nginx, "/large.bin", self.large)
            measures["nginx static"] = lambda: clients.get_once(nginx, "/large.bin")
        return measures

    def _small_up(self) -> Measures:
        """Upload many small files: in one form, and one by one over eight connections."""

        def one_form() -> float:
            names = [self._name() for _ in range(SMALL_FILES)]
            request = clients.form_request(self.ours, self.token, self.root, names, SMALL)
            return clients.post_many(self.ours, request)

        def single_forms() -> float:
            requests = [
                clients.form_request(self.ours, self.token, self.root, [self._name()], SMALL)
                for _ in range(SMALL_FILES)
            ]
            return clients.at_once(self.ours, requests, 303)

        measures = {"strongroom, one form": one_form, "strongroom, 8 at once": single_forms}
        for server in self._peers():
            measures[f"{server.name} PUT"] = partial(self._put_small, server)
        return measures

    def _peers(self) -> list[Server]:
        """Give the contenders that take a PUT."""
        return [server for server in (self.nginx, self.copyparty) if server]

    def _put_small(self, server: Server) -> float:
        """Put the small files one by one over eight connections."""
        return clients.at_once(server, list(self._puts(server)), 200, 201, 204)

    def _puts(self, server: Server) -> Iterator[bytes]:
        """Write the requests that put small files."""
        for _ in range(SMALL_FILES):
            head = server.head("PUT", f"/{self._name()}", f"Content-Length: {len(SMALL)}")
            yield head + SMALL

    def _small_down(self) -> Measures:
        """Download small files over eight connections, signed in."""
        name = self._name()
        request = clients.form_request(self.ours, self.token, self.root, [name], SMALL)
        clients.post_many(self.ours, request)
        path = f"/entries/{trees.entry_id(name)}/content"
        measures = {
            "strongroom, 8 at once": lambda: clients.at_once(
                self.ours, [self.ours.head("GET", path)] * SMALL_FILES, 200
            )
        }
        for server in self._peers():
            head = server.head("PUT", "/small.bin", f"Content-Length: {len(SMALL)}")
            clients.at_once(server, [head + SMALL], 200, 201, 204)
            requests = [server.head("GET", "/small.bin")] * SMALL_FILES
            measures[server.name] = partial(clients.at_once, server, requests, 200)
        return measures

    def _pages(self, rounds: int) -> None:
        """Measure the first page of a large folder, and moving a large tree."""
        folder = trees.make_flat(10_000)
        seconds = [
            clients.get_once(self.ours, f"/folders/{folder}/") for _ in range(max(5, rounds))
        ]
        print(
            f"first page of 10,000 entries: {statistics.median(seconds) * 1000:.0f} ms (goal < 100)"
        )
        seconds = trees.move_seconds(100_000, rounds)
        print(
            f"move of 100,000 descendants: {statistics.median(seconds) * 1000:.0f} ms (goal < 50)"
        )


if __name__ == "__main__":
    sys.exit(main())
