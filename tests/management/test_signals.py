"""Signals end a command wherever they meet it."""

import os
import signal
import subprocess
import sys

from tests.processes import BASE

PROGRAM = """
import os, signal, time
import django
django.setup()
from files.management.base import signals_raised

class Dying:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(0.01)

with signals_raised([]):
    Dying()
    time.sleep(20)
"""


def test_signal_that_python_drops_ends_a_command_all_the_same() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=BASE,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "project.settings"},
        capture_output=True,
        text=True,
        timeout=15,
        check=False,
    )

    assert done.returncode != 0
    assert "TerminatedError" in done.stderr
    assert "ignored" not in done.stderr
    assert done.returncode != -signal.SIGALRM
