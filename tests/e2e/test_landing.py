"""Landing on the real stack: what nginx receives becomes the file, or nothing is left of it."""

import os
import signal
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import Session, Stack, make_stack
from tests.e2e.tus import TusClient
from tests.e2e.wire import NONE, Reply, connected, exchange, head, read_reply
from tests.processes import manage, wait_until

CONTENT = bytes(range(256)) * 10_000  # lands: it is larger than 1 MB

RELEASE = """
from files.models import Upload
from files.operations.upload_expiry import release_landings
Upload.objects.filter(landing_until__isnull=False).update(landing_until="2000-01-01T00:00Z")
print(release_landings())
"""


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Run an installation of this module's own, which lands."""
    stack = make_stack(tmp_path_factory.mktemp("landing") / "data", FILES_LANDING="true")
    stack.server.start()
    yield stack
    log = stack.log()
    assert stack.server.stop() == 0
    assert "Traceback" not in log


@pytest.fixture(scope="module")
def admin(stack: Stack) -> Session:
    return stack.login()


@pytest.fixture
def folder(admin: Session) -> int:
    return admin.make_folder()


def starts(stack: Stack) -> list[Path]:
    """List the folders that starts of nginx have."""
    return list((stack.server.data / "uploads" / "landing").iterdir())


def bodies(stack: Stack) -> list[str]:
    """List what lies in them."""
    return [path.name for start in starts(stack) for path in start.iterdir() if path.name != "key"]


def put(
    admin: Session, folder: int, name: str, body: bytes, port: int | None = None, **headers: Any
) -> Reply:
    """Put a file."""
    return admin.request("PUT", f"/folders/{folder}/files/{name}", body, port=port, **headers)


def put_head(admin: Session, folder: int, name: str) -> bytes:
    """Write the head of a request that puts CONTENT."""
    return head(
        "PUT", f"/folders/{folder}/files/{name}", Cookie=admin.cookie,
        Sec_Fetch_Site="same-origin", Content_Length=str(len(CONTENT)),
    )  # fmt: skip


def names_in(stack: Stack, folder: int) -> list[str]:
    """List what is visible in a folder."""
    rows = stack.rows("SELECT name FROM files_entry WHERE parent_id = ?", folder)
    return [str(name) for (name,) in rows]


def landing(stack: Stack) -> int:
    """Count the uploads that have their room for a body that has not come."""
    ((count,),) = stack.rows("SELECT COUNT(*) FROM files_upload WHERE landing_until IS NOT NULL")
    return int(str(count))


def release(stack: Stack) -> None:
    """Let the time of those uploads be over."""
    result = manage("shell", "-c", RELEASE, data=stack.server.data)
    assert result.returncode == 0, result.stderr
    assert landing(stack) == 0


def test_file_lands_and_gets_its_digest(stack: Stack, admin: Session, folder: int) -> None:
    answer = put(admin, folder, "a%25%2D", CONTENT)

    assert answer.status == 201
    assert "repr-digest" not in answer.headers  # so it did land
    assert admin.request("GET", answer.headers["location"]).body == CONTENT
    assert names_in(stack, folder) == ["a%-"]
    digest = sha256(CONTENT).hexdigest()
    wait_until(lambda: bool(stack.rows("SELECT id FROM files_blob WHERE sha256 = ?", digest)))
    assert bodies(stack) == []


def test_chunks_land(stack: Stack, admin: Session, folder: int) -> None:
    tus = TusClient(admin, folder)
    url = tus.create("a", 3 * len(CONTENT)).headers["location"]

    answers = [tus.patch(url, CONTENT, at=at * len(CONTENT)) for at in range(3)]

    assert [answer.status for answer in answers] == [204] * 3
    content = admin.request("GET", f"{answers[-1].headers['upload-entry']}content").body
    assert content == CONTENT * 3
    ((state,),) = stack.rows("SELECT crc32 FROM files_upload WHERE id = ?", url.rpartition("/")[2])
    assert state is None  # so they did land
    assert bodies(stack) == []


def test_file_of_a_program_lands(stack: Stack, admin: Session, folder: int) -> None:
    made = manage(
        "create_token", "admin", "--scope", "read", "--scope", "write", data=stack.server.data
    )
    assert made.returncode == 0, made.stderr
    sent = head(
        "PUT", f"/api/v1/folders/{folder}/content/a", Content_Length=str(len(CONTENT)),
        Authorization=f"Bearer {made.stdout.strip()}",
    )  # fmt: skip

    answer = exchange(stack.nginx_port, sent, CONTENT, method="PUT")

    assert (answer.status, "repr-digest" in answer.headers) == (201, False)
    assert names_in(stack, folder) == ["a"]


REFUSALS = [
    ("a%2Fb", 422, "invalid-name", {}),
    ("a", 412, "precondition-failed", {"If_Match": '"v0"'}),
    ("a", 400, "malformed-request", {"Content_Range": "bytes 0-1/2"}),
]


@pytest.mark.parametrize(("name", "status", "code", "headers"), REFUSALS)
def test_refusal_comes_in_the_protocols_form(
    stack: Stack, admin: Session, folder: int, name: str, status: int, code: str,
    headers: dict[str, Any],
) -> None:  # fmt: skip
    answer = put(admin, folder, name, CONTENT, **headers)

    assert (answer.status, code in answer.text) == (status, True)
    assert answer.headers["content-type"] == "application/problem+json"
    assert (bodies(stack), landing(stack)) == ([], 0)


def test_refusal_comes_before_the_body(admin: Session, folder: int, stack: Stack) -> None:
    data = put_head(admin, 10**9, "a")

    with connected(stack.nginx_port) as connection:
        connection.sendall(data)
        assert read_reply(connection, "PUT").status == 404


def key_of(stack: Stack, kind: str) -> str:
    """Give what a spoofer may come with."""
    (start,) = starts(stack)
    key = (start / "key").read_text()
    return {"none": "", "wrong": f"{start.name}.{'0' * 64}", "elsewhere": "0" * 97, "true": key}[
        kind
    ]


@pytest.mark.parametrize("kind", ["none", "wrong", "elsewhere"])
def test_backend_believes_nobody_without_the_key(
    stack: Stack, admin: Session, folder: int, kind: str
) -> None:
    planted = starts(stack)[0] / "0000099999"
    planted.write_bytes(CONTENT)
    told: dict[str, Any] = {
        "X_Landing_File": str(planted),
        "X_Landing_Length": str(len(CONTENT)),
        "X_Landing_Ticket": "0" * 32 + ".0",
        "X_Landing_Key": key_of(stack, kind),
    }

    answer = put(admin, folder, "a", b"", stack.backend_port, **told)
    asked = admin.request("GET", "/_landing/admit", port=stack.backend_port, **told)

    assert (answer.status, asked.status) == (400, 404)
    assert planted.read_bytes() == CONTENT
    planted.unlink()
    assert names_in(stack, folder) == []


@pytest.mark.parametrize("size", [10, len(CONTENT)], ids=["streams", "lands"])
def test_nginx_passes_no_word_of_a_client_on(
    stack: Stack, admin: Session, folder: int, size: int
) -> None:
    planted = starts(stack)[0] / "0000099999"
    planted.write_bytes(b"planted")
    told: dict[str, Any] = {
        "X_Landing_File": str(planted),
        "X_Landing_Length": "7",
        "X_Landing_Ticket": "0" * 32 + ".0",
        "X_Landing_Key": key_of(stack, "true"),
    }

    answer = put(admin, folder, "a", CONTENT[:size], **told)

    assert answer.status == 201
    assert admin.request("GET", answer.headers["location"]).body == CONTENT[:size]
    assert planted.read_bytes() == b"planted"
    planted.unlink()


def test_client_that_goes_leaves_nothing(stack: Stack, admin: Session, folder: int) -> None:
    with connected(stack.nginx_port) as connection:
        connection.sendall(put_head(admin, folder, "a") + CONTENT[:1_500_000])
        wait_until(lambda: bool(bodies(stack)))
        assert landing(stack) == 1

    wait_until(lambda: bodies(stack) == [])
    release(stack)
    assert names_in(stack, folder) == []


def test_workers_that_die_between_landing_and_claim_leave_nothing(
    stack: Stack, admin: Session, folder: int
) -> None:
    with connected(stack.nginx_port) as connection:
        connection.sendall(put_head(admin, folder, "a") + CONTENT[:-1])
        wait_until(lambda: landing(stack) == 1)
        workers = stack.backends()[1:]
        for pid in workers:
            os.kill(pid, signal.SIGSTOP)
        connection.sendall(CONTENT[-1:])
        wait_until(lambda: bool(bodies(stack)))
        time.sleep(0.3)  # nginx tells the backend, which hears nothing
        for pid in workers:
            os.kill(pid, signal.SIGKILL)
        answer = read_reply(connection, "PUT")

    wait_until(lambda: stack.server.status("/healthz") == 200)
    assert answer.status in {502, 503}
    wait_until(lambda: bodies(stack) == [])
    release(stack)
    assert names_in(stack, folder) == []
    assert put(admin, folder, "a", CONTENT).status == 201


def test_nginx_that_dies_leaves_a_folder_that_its_next_start_removes(
    stack: Stack, admin: Session, folder: int
) -> None:
    (before,) = starts(stack)
    with connected(stack.nginx_port) as connection:
        connection.sendall(put_head(admin, folder, "a") + CONTENT[:1_500_000])
        wait_until(lambda: bool(bodies(stack)))
        for pid in stack.server.pids("nginx"):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        assert read_reply(connection, "PUT") == NONE

    wait_until(lambda: not before.exists() and stack.server.status("/healthz") == 200)
    assert (len(starts(stack)), bodies(stack)) == (1, [])
    release(stack)
    assert names_in(stack, folder) == []
    assert put(admin, folder, "a", CONTENT).status == 201


def test_file_of_a_webdav_client_lands(stack: Stack, admin: Session) -> None:
    made = manage(
        "create_token", "admin", "--scope", "read", "--scope", "write", data=stack.server.data
    )
    secret = b64encode(f"admin:{made.stdout.strip()}".encode()).decode()
    sent = {"Authorization": f"Basic {secret}", "Content_Length": str(len(CONTENT))}

    with connected(stack.nginx_port) as line:
        line.sendall(head("PUT", "/dav/admin/by-dav.bin", **sent) + CONTENT)
        answer = read_reply(line, method="PUT")

    assert answer.status == 201, answer.text
    size = "SELECT size FROM files_entry WHERE name = ?"
    assert stack.rows(size, "by-dav.bin") == [(len(CONTENT),)]
    assert stack.rows("SELECT count(*) FROM files_upload WHERE state = 'open'") == [(0,)]
