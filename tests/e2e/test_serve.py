"""`manage.py serve` as a whole: starting, stopping, crashing, side by side."""

import os
import signal
import socket
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path

import pytest

from tests.processes import Server, free_port, manage, wait_until


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    server = Server(tmp_path / "data")
    yield server
    if server.process and server.process.poll() is None:
        server.stop()


def test_serve_answers_and_stops(server: Server) -> None:
    server.start()

    assert server.status("/accounts/login/") == 200
    assert f"http://localhost:{server.port}" in server.output
    assert "Password" in server.output
    assert server.pids("nginx")
    assert server.stop() == 0
    assert server.leftovers() == []


def test_ctrl_c_stops_everything(server: Server) -> None:
    server.start()
    server.pids()

    assert server.stop(signal.SIGINT) == 0
    assert server.leftovers() == []


def test_second_start_answers_within_three_seconds(server: Server) -> None:
    server.start()
    server.stop()

    assert server.start() < 3


def test_stop_during_the_start_stops_everything(server: Server) -> None:
    server.start(wait=False)
    wait_until(lambda: bool(server.pids("gunicorn")))

    assert server.stop() == 0
    assert server.leftovers() == []


@pytest.mark.parametrize("part", ["gunicorn", "nginx: master", "run_jobs"])
def test_killed_part_is_restarted(server: Server, part: str) -> None:
    server.start()
    killed = server.pids(part)[0]

    os.kill(killed, signal.SIGKILL)

    wait_until(lambda: killed not in server.pids(part) and bool(server.pids(part)), seconds=5)
    wait_until(lambda: server.status("/healthz") == 200, seconds=5)


def test_nothing_outlives_a_killed_supervisor(server: Server) -> None:
    server.start()
    server.pids()
    assert server.process

    server.process.kill()
    server.process.wait()

    wait_until(lambda: server.leftovers() == [], seconds=20)
    server.start()


def test_part_that_cannot_start_ends_the_whole_with_its_reason(server: Server) -> None:
    server.settings = {"FILES_TRUSTED_PROXIES": "no address"}

    server.start(wait=False)
    assert server.process

    assert server.process.wait(timeout=60) == 1
    assert "the backend ended with exit status" in server.output.splitlines()[-1]
    assert server.output.endswith("[part-failed]\n")


@pytest.mark.parametrize("setting", ["FILES_PORT", "FILES_BACKEND_PORT"])
def test_port_in_use_is_one_line(tmp_path: Path, setting: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        ports = {"FILES_PORT": str(free_port()), "FILES_BACKEND_PORT": str(free_port())}
        ports[setting] = str(taken.getsockname()[1])

        result = manage("serve", data=tmp_path, **ports)

    assert result.returncode == 1
    assert len(result.stderr.splitlines()) == 1
    assert f"set {setting} to another" in result.stderr
    assert result.stderr.endswith("[port-unavailable]\n")


def test_two_installations_run_side_by_side(server: Server, tmp_path: Path) -> None:
    other = Server(tmp_path / "other")
    server.start()
    other.start()

    assert server.stop() == 0
    assert other.status("/healthz") == 200
    assert other.stop() == 0


def test_data_folder_is_served_once(server: Server) -> None:
    server.start()

    result = manage("serve", data=server.data, FILES_PORT=str(free_port()))

    assert result.returncode == 1
    assert "is being served already" in result.stderr
    assert result.stderr.endswith("[already-served]\n")


def test_backend_that_is_down_gives_a_readable_page(server: Server) -> None:
    server.start()
    connection = HTTPConnection("127.0.0.1", server.port, timeout=10)
    for pid in server.pids("gunicorn"):
        os.kill(pid, signal.SIGSTOP)
    try:
        os.kill(server.pids("gunicorn")[0], signal.SIGKILL)
        wait_until(lambda: server.status("/") in {502, 503}, seconds=5)
        connection.request("GET", "/")
        response = connection.getresponse()

        assert response.getheader("Content-Type", "").startswith("text/html")
        assert b"Please try again" in response.read()
    finally:
        connection.close()
        for pid in server.pids("gunicorn"):
            os.kill(pid, signal.SIGCONT)
