"""Imports and exports take the same memory for a small tree and for one ten times as large."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.processes import BASE, environment, manage

SMALL, LARGE = 600, 6_000
ALLOWED_GROWTH = 12 * 1024  # KiB: caches that fill up to a limit of their own

# Runs a command and says the most memory that this process had. Its parent's is not counted, which
# the figure of wait4 would do.
PROGRAM = """
import os, re, sys
os.environ["DJANGO_SETTINGS_MODULE"] = "project.settings"
from pathlib import Path
from django.core.management import execute_from_command_line
execute_from_command_line(["manage.py", *sys.argv[1:]])
print(re.search(r"VmHWM:.*", Path("/proc/self/status").read_text())[0])
"""


def largest_memory(*arguments: str, data: Path) -> int:
    """Run a command and give the most memory that it had, in KiB."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments],
        cwd=BASE,
        env=environment(data),
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    found = re.search(r"VmHWM:\s+(\d+) kB", done.stdout)
    assert found, done.stderr
    return int(found[1])


def make_tree(folder: Path, size: int) -> Path:
    """Make a tree of that many entries: many in one folder, and as many in folders of their own."""
    (folder / "flat").mkdir(parents=True)
    for number in range(size // 2):
        (folder / "flat" / f"file {number}").touch()
    for number in range(size // 4):
        (folder / f"folder {number}").mkdir()
        (folder / f"folder {number}" / "file").touch()
    return folder


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("memory") / "data"
    assert manage("prepare", data=folder).returncode == 0
    assert manage("create_space", "Team", data=folder).returncode == 0
    return folder


def test_memory_does_not_grow_with_the_tree(data: Path, tmp_path: Path) -> None:
    peaks: dict[int, list[int]] = {}
    for size in (SMALL, LARGE):
        source, place, target = make_tree(tmp_path / f"in {size}", size), f"Team:{size}", tmp_path
        peaks[size] = [
            largest_memory("import_tree", str(source), place, data=data),
            largest_memory("import_tree", str(source), place, data=data),
            largest_memory("import_tree", "--dry-run", str(source), f"{place}/new", data=data),
            largest_memory("export_tree", place, str(target / f"out {size}"), data=data),
            largest_memory("export_tree", place, str(target / f"out {size}"), data=data),
        ]

    growth = [large - small for small, large in zip(peaks[SMALL], peaks[LARGE], strict=True)]
    assert max(growth) < ALLOWED_GROWTH, peaks
