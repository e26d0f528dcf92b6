"""One large file: up in every way there is, and down."""

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

from . import clients, protocols, trees, usage
from .clients import Server
from .contenders import Contenders
from .protocols import CHUNK
from .tables import Aim, Measure, compare, judge

UNIT = "nginx PUT + fsync"


def write_large(path: Path, mebibytes: int) -> None:
    """Write a file of bytes that no disk or file system can shorten."""
    block = os.urandom(2**20)
    with path.open("wb") as file:
        for number in range(mebibytes):
            file.write(number.to_bytes(8) + block[8:])


def measure_large(them: Contenders, rounds: int, file: Path) -> None:
    """Upload the file to each, in each way, and see how the memory of a worker grows."""
    memory = usage.peak_memory(them.pid)
    measures = {
        name: Measure(partial(_and_clear, measure.run, file), measure.pid)
        for name, measure in {
            **_peers(them, file),
            **_ours(them, file),
            **_landed(them, file),
        }.items()
    }
    aims = {
        "strongroom tus, 64 MiB chunks": Aim(UNIT, 0.7),
        "strongroom tus, one PATCH": Aim(UNIT, 0.7),
        "strongroom form": Aim(UNIT, 0.6),
        "landed PUT": Aim(UNIT, 0.9),
        "landed tus, 64 MiB chunks": Aim(UNIT, 0.7),
    }
    size = file.stat().st_size
    title = f"{size / 2**20:.0f} MiB up, CPU in seconds per GiB"
    compare(title, measures, rounds=rounds, unit=UNIT, per=size / 2**30, aims=aims)
    grown = (usage.peak_memory(them.pid) - memory) / 2**20
    judge("growth of a worker's peak memory, MiB", grown, 32, "{:.0f}")


def _and_clear(run: Callable[[], float], file: Path) -> float:
    """Upload, then remove what was stored: no disk holds all that is uploaded here."""
    seconds = run()
    for path in file.parent.rglob("*"):
        if path != file and path.is_file() and path.stat().st_size == file.stat().st_size:
            path.unlink()
    return seconds


def _peers(them: Contenders, file: Path) -> dict[str, Measure]:
    """Upload to the others."""
    measures: dict[str, Measure] = {}
    for name, server in them.peers.items():
        pid = them.pids[name]
        measures[f"{name} PUT"] = Measure(partial(_put_peer, them, server, file), pid)
        if name == "nginx":
            measures[UNIT] = Measure(partial(_put_and_sync, them, server, file), pid)
    if (tus := them.tus) is not None:
        pid = them.pids["@tus/server"]
        for words, chunk in (("64 MiB chunks", CHUNK), ("one PATCH", None)):
            run = partial(_tus, tus, "/files", file, chunk, {"filename": "large.bin"})
            measures[f"@tus/server, {words}"] = Measure(run, pid)
    return measures


def _ours(them: Contenders, file: Path) -> dict[str, Measure]:
    """Upload to our stack; its CPU includes the job that hashes what came too fast for it."""
    ours, folder = them.ours, {"folder": str(them.root)}

    def tus(chunk: int | None) -> float:
        metadata = {**folder, "filename": them.new_name()}
        return _tus(ours, "/uploads/", file, chunk, metadata)

    ways: dict[str, Callable[[], float]] = {
        "PUT": lambda: protocols.put_file(ours, them.put_path(them.new_name()), file),
        "tus, 64 MiB chunks": partial(tus, CHUNK),
        "tus, one PATCH": partial(tus, None),
        "resumable POST": lambda: protocols.post_resumable(ours, them.root, them.new_name(), file),
        "form": lambda: clients.post_file(ours, them.token, them.root, them.new_name(), file),
    }
    hashed = partial(_and_hashed, them.folder / "data" / "strongroom.sqlite3")
    return {
        f"strongroom {name}": Measure(partial(hashed, run), them.pid) for name, run in ways.items()
    }


def _landed(them: Contenders, file: Path) -> dict[str, Measure]:
    """Upload to our stack whose nginx receives bodies; its CPU includes the job that hashes."""
    server, pid = them.landing, them.pids["landing"]
    assert server is not None
    database = them.folder / "landing-data" / "strongroom.sqlite3"

    def put() -> float:
        return protocols.put_file(server, them.put_path(them.new_name()), file)

    def tus() -> float:
        metadata = {"folder": str(them.root), "filename": them.new_name()}
        return _tus(server, "/uploads/", file, CHUNK, metadata)

    hashed = partial(_and_hashed, database)
    ways = {"PUT": put, "tus, 64 MiB chunks": tus}
    return {f"landed {name}": Measure(partial(hashed, run), pid) for name, run in ways.items()}


def _and_hashed(database: Path, run: Callable[[], float]) -> float:
    """Upload, and wait outside the measured time for the job that takes the digest."""
    seconds = run()
    trees.wait_for_digests(database)
    return seconds


def _tus(
    server: Server, path: str, file: Path, chunk: int | None, metadata: dict[str, str]
) -> float:
    """Upload a file by tus; give the seconds, the creation included."""
    urls: list[str] = []
    begin = partial(protocols.begin_tus, server, path, file.stat().st_size, **metadata)
    seconds = clients.timed(lambda: urls.append(begin()))
    return seconds + protocols.patch_tus(server, urls[0], file, chunk)


def _put_peer(them: Contenders, server: Server, file: Path) -> float:
    """PUT the file under a new name."""
    return protocols.put_file(server, f"/{them.new_name()}", file)


def _put_and_sync(them: Contenders, server: Server, file: Path) -> float:
    """PUT the file to nginx, and do what a durable upload must have done before it answers."""
    name = them.new_name()
    stored = them.folder / "nginx" / "files" / name
    seconds = protocols.put_file(server, f"/{name}", file)
    return seconds + clients.timed(lambda: clients.sync_file(stored))


def measure_down(them: Contenders, rounds: int, file: Path) -> None:
    """Download the file."""
    name = them.new_name()
    protocols.put_file(them.ours, them.put_path(name), file)
    path = f"/entries/{trees.entry_id(name)}/content"
    measures = {"strongroom": Measure(lambda: clients.get_once(them.ours, path), them.pid)}
    if (nginx := them.nginx) is not None:
        protocols.put_file(nginx, "/large.bin", file)
        run = partial(clients.get_once, nginx, "/large.bin")
        measures["nginx static"] = Measure(run, them.pids["nginx"])
    title = f"{file.stat().st_size / 2**20:.0f} MiB down"
    compare(title, measures, rounds=rounds, unit="nginx static")
