"""tus on the real stack: through nginx and past it, while processes and connections break."""

import os
import random
import signal
import socket
import time
from contextlib import suppress
from hashlib import sha256

import pytest

from tests.e2e.conftest import Session, Stack
from tests.e2e.tus import OFFSET, TusClient
from tests.e2e.wire import chunked, connected, head, read_reply, reset
from tests.processes import LANDING, wait_until

CONTENT = random.Random(7).randbytes(6_000_000)  # noqa: S311 - a test's bytes


@pytest.fixture
def tus(admin: Session, folder: int, port: int) -> TusClient:
    return TusClient(admin, folder, port)


def begin_patch(
    tus: TusClient, url: str, body: bytes, *, length: int, at: int = 0
) -> socket.socket:
    """Send the head of a PATCH and some of its body, and leave the connection open.

    Where nginx would receive it, of which nothing counts before the end, no length is stated.
    """
    framing = {"Content_Length": str(length)}
    if LANDING == "true":
        framing, body = {"Transfer_Encoding": "chunked"}, chunked(body, end=False)
    data = head(
        "PATCH", url, Cookie=tus.session.cookie, Sec_Fetch_Site="same-origin",
        Tus_Resumable="1.0.0", Content_Type=OFFSET, Upload_Offset=str(at), **framing,
    )  # fmt: skip
    connection = socket.create_connection(("127.0.0.1", tus.port or 0), timeout=60)
    connection.sendall(data + body)
    return connection


def received(stack: Stack, url: str) -> int:
    """Give how long the file of an upload is."""
    name = url.rpartition("/")[2]
    path = stack.server.data / "uploads" / "blobs" / name[:2] / name
    return path.stat().st_size if path.exists() else 0


def content_of(tus: TusClient, entry: str) -> bytes:
    """Read a file back."""
    return tus.session.request("GET", f"{entry}content").body


def test_file_goes_up_in_chunks(tus: TusClient) -> None:
    url = tus.create("a", len(CONTENT)).headers["location"]

    for at in range(0, len(CONTENT), 2_500_000):
        answer = tus.patch(url, CONTENT[at : at + 2_500_000], at=at)
        assert answer.status == 204

    assert content_of(tus, answer.headers["upload-entry"]) == CONTENT
    assert tus.head(url).headers["upload-offset"] == str(len(CONTENT))


@pytest.mark.parametrize("size", [0, 1, 100_000])
def test_small_file_goes_up_in_one_request(tus: TusClient, size: int) -> None:
    answer = tus.create("a", size, CONTENT[:size])

    assert answer.status == 201
    assert content_of(tus, answer.headers["upload-entry"]) == CONTENT[:size]
    assert tus.head(answer.headers["location"]).headers["upload-length"] == str(size)


def test_other_methods_reach_the_server(tus: TusClient) -> None:
    url = tus.create("a", 10).headers["location"]

    assert tus.request("OPTIONS", "/uploads/").headers["tus-version"] == "1.0.0"
    assert tus.head(url).headers["cache-control"] == "no-store"
    assert tus.request("DELETE", url).status == 204
    assert tus.head(url).status == 404


def test_refusal_of_a_large_body_is_seen(tus: TusClient) -> None:
    url = tus.create("a", len(CONTENT)).headers["location"]

    answer = tus.patch(url, CONTENT, at=1)

    assert (answer.status, answer.headers["upload-offset"]) == (409, "0")
    assert "offset-conflict" in answer.text


@pytest.mark.parametrize("cut", ["end", "reset"])
def test_cut_connection_keeps_what_had_arrived(stack: Stack, tus: TusClient, cut: str) -> None:
    url = tus.create("a", len(CONTENT)).headers["location"]
    connection = begin_patch(tus, url, CONTENT[:3_333_333], length=len(CONTENT))
    wait_until(lambda: received(stack, url) >= 2_000_000)
    if cut == "reset":
        reset(connection)
    else:
        connection.close()

    def offset() -> int:
        return int(tus.head(url).headers.get("upload-offset", 0))

    # A reset takes along what nginx had not passed on yet.
    wait_until(lambda: offset() >= (3_333_333 if cut == "end" else 2_000_000))
    at = offset()
    assert content_of(tus, tus.patch(url, CONTENT[at:], at=at).headers["upload-entry"]) == CONTENT


def test_newer_connection_takes_over_from_one_that_stands_still(
    stack: Stack, tus: TusClient
) -> None:
    for number in range(4):  # be it in the same process or in another
        url = tus.create(f"a{number}", len(CONTENT)).headers["location"]
        older = begin_patch(tus, url, CONTENT[:1_200_000], length=len(CONTENT))
        wait_until(lambda url=url: received(stack, url) > 0)  # type: ignore[misc]

        start = time.monotonic()
        asked = tus.head(url)

        at = int(asked.headers["upload-offset"])
        assert (asked.status, time.monotonic() - start < 5) == (200, True)
        assert at > 0
        last = tus.patch(url, CONTENT[at:], at=at)
        assert content_of(tus, last.headers["upload-entry"]) == CONTENT
        with suppress(OSError):
            assert read_reply(older).status in {0, 409}
        older.close()


def test_worker_that_is_killed_loses_nothing_that_was_on_the_disk(
    stack: Stack, tus: TusClient
) -> None:
    url = tus.create("a", len(CONTENT)).headers["location"]
    connection = begin_patch(tus, url, CONTENT[:4_000_000], length=len(CONTENT))
    wait_until(lambda: received(stack, url) >= 2_000_000)
    for pid in stack.backends()[1:]:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    connection.close()
    wait_until(lambda: stack.server.status("/healthz") == 200)

    wait_until(lambda: tus.head(url).status == 200)
    at = int(tus.head(url).headers["upload-offset"])

    assert at >= 2_000_000
    last = tus.patch(url, CONTENT[at:], at=at)
    digest = sha256(content_of(tus, last.headers["upload-entry"])).hexdigest()
    assert digest == sha256(CONTENT).hexdigest()


def test_nothing_is_asked_for_before_admission(tus: TusClient) -> None:
    data = head(
        "PATCH", f"/uploads/{'0' * 32}", Cookie=tus.session.cookie, Sec_Fetch_Site="same-origin",
        Tus_Resumable="1.0.0", Content_Type=OFFSET, Upload_Offset="0",
        Content_Length=str(10**9), Connection="close",
    )  # fmt: skip

    with connected(tus.port or 0) as connection:
        connection.sendall(data)
        assert read_reply(connection, "PATCH").status == 404
