"""WebDAV as other people's programs speak it, to an installation as it runs."""

import os
import shutil
import subprocess
import sys
from base64 import b64encode
from dataclasses import dataclass
from hashlib import sha1
from pathlib import Path

import pytest

from tests.e2e.conftest import Stack
from tests.e2e.wire import Reply, exchange, head
from tests.processes import manage

RCLONE = Path(sys.executable).parent / "rclone"
LITMUS = shutil.which("litmus")

AWKWARD = [
    *("plain", "a b", "%#&+?", "u\u0308 decomposed", "\u00fc composed", "\U0001f600"),
    *(" leading", "trailing ", ".dot", "dot.", "..dots", "x" * 251),
    *("quotes'\"", "<tag>", "back\\slash", ";:,@=", "100% & 2?.txt"),
]


@dataclass
class Account:
    """The administrator, with a token for programs."""

    stack: Stack
    token: str

    @property
    def url(self) -> str:
        """Give the address of the personal space."""
        return f"{self.stack.nginx_url}/dav/admin"

    @property
    def authorization(self) -> str:
        """Write the header."""
        return "Basic " + b64encode(f"admin:{self.token}".encode()).decode()


@pytest.fixture(scope="module")
def account(stack: Stack) -> Account:
    """Make a token, as an operator does."""
    scopes = ("--scope", "read", "--scope", "write")
    made = manage("create_token", "admin", *scopes, data=stack.server.data)
    assert made.returncode == 0, made.stderr
    return Account(stack, made.stdout.strip())


@pytest.mark.skipif(LITMUS is None, reason="litmus is not installed")
def test_litmus_finds_no_fault(account: Account, tmp_path: Path) -> None:
    ran = subprocess.run(
        [str(LITMUS), f"{account.url}/", "admin", account.token],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )

    summaries = [line for line in ran.stdout.splitlines() if line.startswith("<- summary")]
    assert ran.returncode == 0, ran.stdout
    assert len(summaries) == 5
    assert all(" 0 failed" in line for line in summaries), ran.stdout
    assert "WARNING" not in ran.stdout


@dataclass
class Rclone:
    """rclone with our server as the remote `dav:`."""

    config: Path

    def run(self, *arguments: str) -> str:
        """Run a command to its end, and give what it says."""
        env = {**os.environ, "RCLONE_CONFIG": str(self.config), "HOME": str(self.config.parent)}
        command = [str(RCLONE), *arguments]
        ran = subprocess.run(
            command, env=env, capture_output=True, text=True, timeout=200, check=False
        )
        assert ran.returncode == 0, ran.stderr
        return ran.stdout + ran.stderr


@pytest.fixture
def rclone(account: Account, tmp_path: Path) -> Rclone:
    """Give rclone, set up as docs/clients.md says."""
    config = tmp_path / "rclone.conf"
    client = Rclone(config)
    client.run(
        "config", "create", "dav", "webdav", f"url={account.url}", "vendor=owncloud", "user=admin",
        f"pass={account.token}", "--obscure",
    )  # fmt: skip
    return client


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Make a tree with awkward names, each file with a time of its own."""
    top = tmp_path / "source"
    deep = top.joinpath(*(f"level {number}" for number in range(40)))
    deep.mkdir(parents=True)
    (top / "empty folder").mkdir()
    (top / "empty").touch()
    (top / "large").write_bytes(os.urandom(3_000_000))
    (deep / "deep").write_text("deep")
    for number, name in enumerate(AWKWARD):
        (top / name).write_bytes(os.urandom(100 + number))
        os.utime(top / name, (1_500_000_000.25 + number,) * 2)
    return top


def contents(top: Path) -> dict[str, tuple[int, bytes] | None]:
    """Give what lies below a folder: files with their times, in seconds as WebDAV tells them."""
    return {
        str(path.relative_to(top)): (int(path.stat().st_mtime), path.read_bytes())
        if path.is_file()
        else None
        for path in top.rglob("*")
    }


def test_rclone_brings_everything_there_and_back(
    rclone: Rclone, source: Path, tmp_path: Path
) -> None:
    rclone.run("copy", "--create-empty-src-dirs", str(source), "dav:rc/copied")
    assert "0 differences" in rclone.run("check", "--download", str(source), "dav:rc/copied")
    assert "nothing to transfer" in rclone.run("copy", str(source), "dav:rc/copied", "-v")

    rclone.run("move", "--create-empty-src-dirs", "dav:rc/copied", "dav:rc/moved")
    rclone.run("sync", "--create-empty-src-dirs", "dav:rc/moved", str(tmp_path / "back"))

    assert contents(tmp_path / "back") == contents(source)
    assert rclone.run("lsf", "dav:rc") == "moved/\n"


def test_rclone_keeps_two_sides_the_same(rclone: Rclone, source: Path) -> None:
    shutil.rmtree(source / "level 0")
    rclone.run("mkdir", "dav:both")
    rclone.run("bisync", "--resync", "--create-empty-src-dirs", str(source), "dav:both")

    (source / "plain").unlink()
    (source / "made here").write_text("here")
    rclone.run("copyto", str(source / "empty"), "dav:both/made there")
    rclone.run("bisync", "--create-empty-src-dirs", str(source), "dav:both")

    assert (source / "made there").exists()
    there = rclone.run("lsf", "dav:both").splitlines()
    assert "made here" in there
    assert "plain" not in there


def test_large_file_comes_whole_or_not_at_all(account: Account) -> None:
    content, path = os.urandom(5_000_000), "/dav/admin/large"

    def request(method: str, body: bytes = b"", **more: str) -> Reply:
        headers = {"Authorization": account.authorization, "Connection": "close", **more}
        if body:
            headers["Content-Length"] = str(len(body))
        return exchange(
            account.stack.nginx_port, head(method, path, **headers), body, method=method
        )

    right = f"SHA1:{sha1(content, usedforsecurity=False).hexdigest()}"
    assert request("PUT", content, OC_Checksum=right).status == 201
    assert request("PUT", b"x" * 5_000_000, OC_Checksum=right).status == 400
    assert request("GET").body == content


@pytest.mark.parametrize("way", ["nginx", "backend"])
@pytest.mark.parametrize("name", ["If", "Destination", "Depth", "Lock-Token"])
def test_endless_headers_are_refused_at_once(account: Account, way: str, name: str) -> None:
    headers = {"Authorization": account.authorization, name: "x" * 2**20, "Connection": "close"}

    reply = exchange(account.stack.port(way), head("PROPFIND", "/dav/admin/", **headers))

    assert reply.status in {400, 414, 431}
