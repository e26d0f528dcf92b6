"""What must not grow: finishing with the size, a listing with the slow uploads beside it."""

import socket
import statistics
import threading
import time
from contextlib import ExitStack
from pathlib import Path

from . import clients, protocols, trees
from .contenders import Contenders
from .tables import judge

HUGE = 50 * 2**30  # bytes
REST = 2**20  # bytes, of its last chunk
SLOW = 200  # uploads
SLOW_SECONDS = 60
SLOW_RATE = 10_000  # bytes a second, each
PAUSE = 0.05  # seconds between two listings


def measure_finish(them: Contenders, rounds: int) -> None:
    """Finish uploads of 50 GB, of which all but the last chunk is there, and small ones."""
    rest = them.folder / "rest.bin"
    rest.write_bytes(b"\1" * REST)
    for size in (REST, HUGE):
        seconds = [_finish(them, size, rest) for _ in range(rounds)]
        judge(f"last chunk of {size / 2**30:.3f} GiB, seconds", statistics.median(seconds), 1)


def _finish(them: Contenders, size: int, rest: Path) -> float:
    """Send the last chunk of an upload; give the seconds until it is told to be finished."""
    name = them.new_name()
    metadata = {"folder": str(them.root), "filename": name}
    url = protocols.begin_tus(them.ours, "/uploads/", REST, **metadata)
    if size > REST:
        trees.nearly_whole(url.rpartition("/")[2], size, REST)
    seconds = protocols.patch_rest(them.ours, url, size - REST, rest)
    if size > REST:
        trees.discard(name)
    return seconds


def measure_slow(them: Contenders, seconds: int = SLOW_SECONDS) -> None:
    """Compare what a listing takes beside many slow uploads with what it takes alone."""
    idle = _percentile(_listings(them, seconds / 3))
    stopping = threading.Event()
    with ExitStack() as stack:
        uploads = [stack.enter_context(_begin_slow(them)) for _ in range(SLOW)]
        feeding = threading.Thread(target=_feed, args=[uploads, stopping])
        feeding.start()
        busy = _percentile(_listings(them, seconds))
        stopping.set()
        feeding.join()
    print(f"listing alone: p95 {idle * 1000:.0f} ms")
    judge(f"listing beside {SLOW} slow uploads: p95, of that alone", busy / idle, 2)


def _begin_slow(them: Contenders) -> socket.socket:
    """Begin an upload whose body will take longer than the bench."""
    length = SLOW_RATE * 3600
    metadata = {"folder": str(them.root), "filename": them.new_name()}
    url = protocols.begin_tus(them.ours, "/uploads/", length, **metadata)
    headers = [*protocols.TUS, protocols.OFFSET_TYPE, "Upload-Offset: 0"]
    connection = them.ours.connect()
    connection.sendall(them.ours.head("PATCH", url, *headers, f"Content-Length: {length}"))
    return connection


def _feed(uploads: list[socket.socket], stopping: threading.Event) -> None:
    """Send to each of the uploads what its rate allows, ten times a second."""
    piece = b"\2" * (SLOW_RATE // 10)
    due = time.monotonic()
    while not stopping.is_set():
        for connection in uploads:
            connection.sendall(piece)
        due += 0.1
        time.sleep(max(0.0, due - time.monotonic()))


def _listings(them: Contenders, seconds: float) -> list[float]:
    """List a folder again and again for some time; give the seconds that each took."""
    taken: list[float] = []
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        taken.append(clients.get_once(them.ours, f"/folders/{them.root}/"))
        time.sleep(PAUSE)
    return taken


def _percentile(values: list[float]) -> float:
    """Give what 95 of 100 stay below."""
    return statistics.quantiles(values, n=20)[-1]


def measure_pages(them: Contenders, rounds: int) -> None:
    """Measure the first page of a large folder, and moving a large tree."""
    folder = trees.make_flat(10_000)
    pages = [clients.get_once(them.ours, f"/folders/{folder}/") for _ in range(max(5, rounds))]
    judge("first page of 10,000 entries, ms", statistics.median(pages) * 1000, 100, "{:.0f}")
    moves = trees.move_seconds(100_000, rounds)
    judge("move of 100,000 descendants, ms", statistics.median(moves) * 1000, 50, "{:.0f}")
