"""Alternating runs, medians, and how they stand to each other and to what is aimed at."""

import os
import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from . import usage


@dataclass(frozen=True)
class Measure:
    """One thing to be timed: what does it, and in which processes."""

    run: Callable[[], float]  # seconds
    pid: int | None = None  # of whose CPU is counted, with all below it


@dataclass(frozen=True)
class Aim:
    """So many times as fast as another one is what a measure should be."""

    unit: str
    ratio: float


@dataclass
class Samples:
    """What was measured of one."""

    seconds: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)


def compare(
    title: str,
    measures: Mapping[str, Measure],
    *,
    rounds: int,
    unit: str,
    per: float = 1.0,
    aims: Mapping[str, Aim] | None = None,
) -> None:
    """Run measures alternating and print a line for each.

    unit is the one that all are compared with; CPU is told per so many times of what one run does.
    """
    samples = {name: Samples() for name in measures}
    for _round in range(rounds):
        for name, measure in measures.items():
            os.sync()  # what one contender left to be written is not the next one's burden
            used = usage.cpu_seconds(measure.pid) if measure.pid else 0.0
            samples[name].seconds.append(measure.run())
            if measure.pid:
                samples[name].cpu.append(usage.cpu_seconds(measure.pid) - used)
    medians = {name: statistics.median(found.seconds) for name, found in samples.items()}
    print(f"{title} (median of {rounds}; load {os.getloadavg()[0]:.1f})")
    print(f"  {'':32} {'seconds':>9} {'CPU':>8}   of {unit}")
    for name, found in samples.items():
        cpu = f"{statistics.median(found.cpu) / per:8.3f}" if found.cpu else " " * 8
        ratio = f"{medians[unit] / medians[name]:6.2f}" if unit in medians else ""
        told = _aim(name, medians, (aims or {}).get(name))
        print(f"  {name:32} {medians[name]:9.3f} {cpu}   {ratio}{told}")
    print(flush=True)


def _aim(name: str, medians: Mapping[str, float], aim: Aim | None) -> str:
    """Say whether a measure is as fast as it should be."""
    if aim is None or aim.unit not in medians:
        return ""
    ratio = medians[aim.unit] / medians[name]
    said = "met" if ratio >= aim.ratio else "MISSED"
    return f"   {ratio:.2f} of {aim.unit}: aim {aim.ratio:g}, {said}"


def judge(what: str, value: float, aim: float, form: str = "{:.2f}") -> None:
    """Print one figure that should stay below another."""
    said = "met" if value < aim else "MISSED"
    print(f"{what}: {form.format(value)} (aim < {form.format(aim)}, {said})", flush=True)
