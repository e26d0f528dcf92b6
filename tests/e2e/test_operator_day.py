"""An operator's day, with real processes: import, export, damage, check, sweep, recount."""

import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.processes import BASE, environment, manage, wait_until

FILES = 20_000


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make an installation with a space."""
    folder = tmp_path_factory.mktemp("operator") / "data"
    assert manage("prepare", data=folder).returncode == 0
    assert manage("create_space", "Team", data=folder).returncode == 0
    return folder


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Make a tree of many small files, in folders of some depth."""
    folder = tmp_path_factory.mktemp("source")
    dice = random.Random(1)  # noqa: S311 - the same tree each time
    for number in range(FILES):
        path = folder / f"year {number % 20}" / f"month {number % 12}" / f"file {number}.dat"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(dice.randbytes(dice.choice((0, 100, 4000))))
    yield folder
    shutil.rmtree(folder)


def query(data: Path, sql: str) -> int:
    """Ask the database for a number."""
    with closing(sqlite3.connect(data / "strongroom.sqlite3")) as database:
        (number,) = database.execute(sql).fetchone()
    return int(number)


def entries(data: Path) -> int:
    return query(data, "SELECT count(*) FROM files_entry WHERE kind = 1")


def start(*arguments: str, data: Path) -> subprocess.Popen[str]:
    """Start a command as a shell in the foreground does."""
    return subprocess.Popen(
        [sys.executable, "manage.py", *arguments],
        cwd=BASE,
        env=environment(data),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=_listen,  # noqa: PLW1509 - no threads here
    )


def _listen() -> None:
    """Let Ctrl-C reach it, even where these tests run in the background, which ignores it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def largest_memory(process: subprocess.Popen[str]) -> int:
    """Wait for a process and give the most memory that it had, in bytes."""
    most = 0
    while process.poll() is None:
        try:
            status = Path(f"/proc/{process.pid}/status").read_text()
        except OSError:
            break
        rows = [line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:")]
        most = max([most, *(int(row) * 1024 for row in rows)])
        time.sleep(0.05)
    return most


def test_the_day_of_an_operator(data: Path, source: Path, tmp_path: Path) -> None:
    importing = start("import_tree", str(source), "Team:archive", data=data)
    wait_until(lambda: entries(data) > 2000, seconds=60)
    importing.send_signal(signal.SIGINT)
    _out, err = importing.communicate(timeout=60)
    assert importing.returncode == 130
    assert err == "error: Interrupted [interrupted]\n"
    some = entries(data)
    assert 2000 < some < FILES
    clean = manage("check_storage", "--json", data=data)
    assert json.loads(clean.stdout.splitlines()[-1])["clean"]
    assert clean.stdout.count("\n") == 1, "an interrupted import has left strays"

    importing = start("import_tree", str(source), "Team:archive", data=data)
    memory = largest_memory(importing)
    out, err = importing.communicate(timeout=120)
    assert (importing.returncode, err) == (0, "")
    assert out.startswith(f"imported {FILES - some} files")
    assert f"{some} there already" in out
    assert entries(data) == FILES
    assert memory < 200 * 2**20

    exported = tmp_path / "export"
    done = manage("export_tree", "Team:archive", str(exported), data=data)
    assert (done.returncode, done.stderr) == (0, "")
    sums = subprocess.run(
        [shutil.which("sha256sum") or "", "--quiet", "--strict", "-c", "SHA256SUMS"],
        cwd=exported,
        capture_output=True,
        check=False,
    )
    assert (sums.returncode, sums.stdout) == (0, b"")
    assert (exported / "SHA256SUMS").read_text().count("\n") == FILES

    damaged, deleted, stray = _damage(data)
    checked = manage("check_storage", "--hash", "--json", data=data, FILES_BLOB_GRACE_SECONDS="0")
    found = [json.loads(line) for line in checked.stdout.splitlines()]
    assert checked.returncode == 1
    assert {(row["code"], row["subject"]) for row in found[:-1]} == {
        ("wrong-digest", f"blob {damaged}"),
        ("missing-bytes", f"blob {deleted}"),
        ("stray", stray),
        ("foreign-name", "'blobs/00/what is this'"),
    }

    swept = manage("sweep_blobs", "--grace", "0", data=data)
    assert swept.returncode == 0
    swept = manage("sweep_blobs", "--grace", "0", data=data)
    assert not (data / "uploads" / stray).exists()
    assert (data / "uploads/blobs/00/what is this").exists()
    assert query(data, "SELECT count(*) FROM files_blob") == FILES

    counted = manage("recount_usage", data=data)
    assert counted.returncode == 0, counted.stdout + counted.stderr


def _damage(data: Path) -> tuple[str, str, str]:
    """Change a blob, remove another and add strays; give their ids and the stray's name."""
    blobs = sorted(path for path in (data / "uploads/blobs").rglob("*") if path.is_file())
    blobs = [path for path in blobs if path.stat().st_size == 4000]
    damaged, deleted = blobs[0], blobs[-1]
    with damaged.open("r+b") as file:
        byte = file.read(1)[0]
        file.seek(0)
        file.write(bytes([byte ^ 1]))
    deleted.unlink()
    stray = data / "uploads/blobs/00" / ("00" + os.urandom(15).hex())
    stray.write_bytes(b"of a crash")
    (data / "uploads/blobs/00/what is this").write_bytes(b"not ours")
    return _uuid(damaged.name), _uuid(deleted.name), str(stray.relative_to(data / "uploads"))


def _uuid(name: str) -> str:
    return "-".join((name[:8], name[8:12], name[12:16], name[16:20], name[20:]))
