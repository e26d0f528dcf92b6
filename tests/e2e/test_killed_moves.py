"""A move that is killed at any step loses nothing, and is finished by the next."""

import re
import subprocess
import sys
from pathlib import Path

from tests.processes import BASE, environment, manage


def test_a_move_that_is_killed_at_any_step_is_finished_by_the_next(tmp_path: Path) -> None:
    data = tmp_path / "data"
    assert manage("prepare", data=data).returncode == 0
    assert manage("create_space", "Team", data=data).returncode == 0

    done = subprocess.run(
        [sys.executable, "-m", "tests.e2e.killed_moves", "Team"],
        cwd=BASE,
        env=environment(data, SECRET_KEY="of this test", TMPDIR=str(data.parent)),
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    steps = re.fullmatch(r"(\d+) steps\n", done.stdout)
    assert steps, done.stdout
    assert int(steps[1]) > 15
