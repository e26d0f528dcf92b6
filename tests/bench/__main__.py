"""Measure, print ratios: python -m tests.bench [--only NAME,…] [--rounds N] [--size MIB]."""

import argparse
import shutil
import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from . import contenders, dav, ends, large, servers, small
from .contenders import Contenders


def main() -> int:
    """Run the bench and print its tables."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--only", default="", help=f"of: {', '.join(MEASURES)}; commas between")
    parser.add_argument("--rounds", type=int, default=5, help="alternating runs of each (5)")
    parser.add_argument("--size", type=int, default=1024, help="MiB of the large file (1024)")
    parser.add_argument("--folder", type=Path, help="where to work (a folder beside data/)")
    options = parser.parse_args()
    names = options.only.split(",") if options.only else list(MEASURES)
    if unknown := set(names) - MEASURES.keys():
        parser.error(f"no such measure: {', '.join(sorted(unknown))}")
    parent = options.folder or servers.ROOT / "data"
    parent.mkdir(exist_ok=True)
    # On the disk that data lies on: a bench in memory would say nothing of fsync.
    folder = Path(tempfile.mkdtemp(prefix="bench-", dir=parent))
    try:
        with ExitStack() as stack:
            them = contenders.start(folder, stack)
            for name in names:
                MEASURES[name](them, options)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return 0


def _file(them: Contenders, options: argparse.Namespace) -> Path:
    """Give the large file, written when it is first needed."""
    path = them.folder / "large.bin"
    if not path.exists():
        large.write_large(path, options.size)
    return path


type _Run = Callable[[Contenders, argparse.Namespace], None]

MEASURES: dict[str, _Run] = {
    "large": lambda them, how: large.measure_large(them, how.rounds, _file(them, how)),
    "down": lambda them, how: large.measure_down(them, how.rounds, _file(them, how)),
    "small": lambda them, how: small.measure_small(them, how.rounds),
    "small-down": lambda them, how: small.measure_small_down(them, how.rounds),
    "dav-list": lambda them, how: dav.measure_dav_list(them, how.rounds),
    "dav-large": lambda them, how: dav.measure_dav_large(them, how.rounds, _file(them, how)),
    "dav-small": lambda them, how: dav.measure_dav_small(them, how.rounds),
    "slow": lambda them, _how: ends.measure_slow(them),
    "finish": lambda them, how: ends.measure_finish(them, how.rounds),
    "pages": lambda them, how: ends.measure_pages(them, how.rounds),
}


if __name__ == "__main__":
    sys.exit(main())
