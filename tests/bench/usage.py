"""What the processes of a contender use: CPU and memory, as the kernel counts them."""

import os
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid: int) -> float:
    """Give the CPU seconds that a process and all below it have used, user and system."""
    return sum(_cpu(one) for one in [pid, *descendants(pid)])


def _cpu(pid: int) -> float:
    """Give the CPU seconds of one process, and of those of its children that have ended."""
    try:
        figures = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:  # it has ended; its parent has counted it
        return 0.0
    return sum(map(int, figures[11:15])) / _TICKS


def peak_memory(pid: int) -> int:
    """Give the largest peak of resident memory among the backend's processes, in bytes."""
    return max((_peak(one) for one in descendants(pid)), default=0)


def _peak(pid: int) -> int:
    """Give the peak memory of a process, if it is one of gunicorn's."""
    process = Path(f"/proc/{pid}")
    try:
        if b"gunicorn" not in (process / "cmdline").read_bytes():
            return 0
        lines = (process / "status").read_text().splitlines()
    except OSError:  # it has ended
        return 0
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


def descendants(pid: int) -> list[int]:
    """Give the processes below one."""
    found, pending = [], [pid]
    while pending:
        parent = pending.pop()
        try:
            children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
        except OSError:
            continue
        found += [int(child) for child in children]
        pending += [int(child) for child in children]
    return found
