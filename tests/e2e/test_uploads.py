"""Bytes in, by the byte, straight at the backend and through nginx."""

import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import Session, Stack
from tests.e2e.wire import chunked, connected, exchange, head, read_reply, reset
from tests.multiparts import CASES, END, TYPE, A, FormCase, file, form
from tests.processes import wait_until


def upload_head(admin: Session, folder: int, length: int | str | None, **more: str | None) -> bytes:
    fields = {
        "Cookie": admin.cookie,
        "Sec_Fetch_Site": "same-origin",
        "Content_Type": TYPE,
        "Content_Length": None if length is None else str(length),
        **more,
    }
    return head("POST", f"/upload/{folder}", **fields)


def body_of(admin: Session, *parts: bytes) -> bytes:
    return form(*parts).replace(b"{token}", admin.token.encode())


def contents(stack: Stack, folder: int) -> dict[str, bytes]:
    """Read the files below a folder from the disk, by path."""
    rows = stack.rows(
        """
        WITH RECURSIVE below(id, path) AS (
            SELECT id, name FROM files_entry WHERE parent_id = ?
            UNION ALL
            SELECT e.id, below.path || '/' || e.name FROM files_entry e JOIN below
            ON e.parent_id = below.id
        )
        SELECT path, b.file FROM below JOIN files_entry e ON e.id = below.id
        JOIN files_version v ON v.id = e.version_id JOIN files_blob b ON b.id = v.blob_id
        """,
        folder,
    )
    uploads = stack.server.data / "uploads"
    return {str(path): (uploads / str(name)).read_bytes() for path, name in rows}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_form_is_answered(
    stack: Stack, admin: Session, folder: int, port: int, case: FormCase
) -> None:
    body = case.with_token(admin.token)
    more = {name.replace("-", "_"): value for name, value in case.headers}
    before = stack.stored()

    answer = exchange(
        port,
        upload_head(
            admin,
            folder,
            len(body),
            Content_Type=case.content_type or None,
            Connection="close",
            **more,
        ),
        body,
    )

    assert answer.status == case.status
    assert contents(stack, folder) == case.stored
    assert len(stack.stored() - before) == len(case.stored)


def test_chunks_of_all_sizes(stack: Stack, admin: Session, folder: int, port: int) -> None:
    body = body_of(admin, file("a", b"x" * 100_000))
    sizes = iter([1, 2, 3, 1000, 70_000] * 1000)
    pieces, at = [], 0
    while at < len(body):
        size = next(sizes)
        pieces.append(body[at : at + size])
        at += size

    answer = exchange(
        port, upload_head(admin, folder, None, Transfer_Encoding="chunked"), chunked(*pieces)
    )

    assert answer.status == 303
    assert contents(stack, folder) == {"a": b"x" * 100_000}


@pytest.mark.usefixtures("nothing_left")
@pytest.mark.parametrize("how", ["end", "reset", "half"])
@pytest.mark.parametrize("framing", ["length", "chunks"])
def test_client_that_goes_in_the_middle_leaves_nothing(
    admin: Session, folder: int, port: int, framing: str, how: str
) -> None:
    body = body_of(admin, file("a", b"x" * 5_000_000), A)[:-2_000_000]
    with connected(port) as connection:
        if framing == "length":
            connection.sendall(upload_head(admin, folder, len(body) + 2_000_000) + body)
        else:
            connection.sendall(upload_head(admin, folder, None, Transfer_Encoding="chunked"))
            connection.sendall(chunked(body, end=False))
        time.sleep(0.05)
        if how == "reset":
            reset(connection)
        elif how == "half":
            connection.shutdown(socket.SHUT_WR)
            assert read_reply(connection).status in {0, 400, 408}


@pytest.mark.usefixtures("nothing_left")
def test_more_than_the_length_is_the_next_request(admin: Session, folder: int, port: int) -> None:
    body = body_of(admin, A)

    answer = exchange(port, upload_head(admin, folder, len(body) - 10), body)

    assert answer.status == 400


def test_next_request_on_the_same_connection(
    stack: Stack, admin: Session, folder: int, port: int
) -> None:
    body = body_of(admin, A)
    one = upload_head(admin, folder, len(body)) + body
    other = head("GET", "/healthz")

    with connected(port) as connection:
        connection.sendall(one + other + other)
        answers = [read_reply(connection).status]
        # What is read ahead belongs to the next answer, so they come by a second connection.
    with connected(port) as connection:
        connection.sendall(one)
        first = connection.recv(65_536)
        connection.sendall(other)
        second = connection.recv(65_536)

    assert answers == [303]
    assert first.startswith(b"HTTP/1.1 303")
    assert b"HTTP/1.1 200" in second
    assert (
        sorted(contents(stack, folder)) == ["a (2).txt", "a.txt"]
        or len(contents(stack, folder)) == 1
    )


def test_old_http(stack: Stack, admin: Session, folder: int, port: int) -> None:
    body = body_of(admin, A)
    data = upload_head(admin, folder, len(body)).replace(b"HTTP/1.1", b"HTTP/1.0", 1)

    assert exchange(port, data, body).status == 303
    assert contents(stack, folder) == {"a.txt": b"content"}


@pytest.mark.usefixtures("nothing_left")
@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"Cookie": None}, 303),
        ({"Sec_Fetch_Site": "cross-site"}, 403),
        ({"Content_Length": str(2**50)}, 507),
        ({"Content_Type": "text/plain"}, 415),
        ({"Host": "evil.example"}, 400),
    ],
    ids=["anonymous", "cross-site", "too large", "type", "host"],
)
def test_refused_before_the_body_is_sent(
    admin: Session, folder: int, stack: Stack, fields: dict[str, str | None], status: int
) -> None:
    more = {"Expect": "100-continue", **fields}

    with connected(stack.backend_port) as connection:
        connection.sendall(upload_head(admin, folder, 10_000, **more))
        answer = read_reply(connection)

    assert answer.status == status


def test_body_that_is_asked_for_first(stack: Stack, admin: Session, folder: int, port: int) -> None:
    body = body_of(admin, A)

    with connected(port) as connection:
        connection.sendall(upload_head(admin, folder, len(body), Expect="100-continue"))
        assert connection.recv(100).startswith(b"HTTP/1.1 100")
        connection.sendall(body)
        assert read_reply(connection).status == 303


LARGE = 120_000_000
REFUSED: dict[str, tuple[dict[str, str | None], int]] = {
    "anonymous": ({"Cookie": None}, 303),
    "cross-site": ({"Origin": "http://evil.example"}, 403),
    "type": ({"Content_Type": "text/plain"}, 415),
    "too large": ({"Content_Length": str(2**50)}, 507),
}


@pytest.mark.usefixtures("nothing_left")
@pytest.mark.parametrize("refused", REFUSED)
def test_client_that_sends_everything_first_sees_why_not(
    admin: Session, folder: int, port: int, refused: str
) -> None:
    fields, status = REFUSED[refused]
    piece = b"x" * 1_000_000
    statuses = []

    for _ in range(5):
        data = upload_head(admin, folder, LARGE, **fields)
        statuses.append(exchange(port, data, *[piece] * (LARGE // len(piece))).status)

    assert statuses == [status] * 5


@pytest.mark.usefixtures("nothing_left")
def test_wrong_token_is_seen_after_everything(admin: Session, folder: int, port: int) -> None:
    body = form(file("a", b"x" * LARGE)).replace(b"{token}", b"t" * 32)

    statuses = [
        exchange(port, upload_head(admin, folder, len(body)), body).status for _ in range(3)
    ]

    assert statuses == [403] * 3


# Memory.


def peak_memory(pid: int) -> int:
    """Read how much memory a process has had at most, in bytes."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


def forget_peaks(pids: list[int]) -> None:
    """Begin anew with the most that a process has had."""
    for pid in pids:
        Path(f"/proc/{pid}/clear_refs").write_text("5")


def large_form(admin: Session, size: int) -> tuple[int, Iterator[bytes]]:
    """Give the length of a form with one large file, and its pieces."""
    start, end = body_of(admin, file("large", b"|")).split(b"|")
    piece = os.urandom(2**20)

    def pieces() -> Iterator[bytes]:
        yield start
        for _ in range(size // len(piece)):
            yield piece
        yield end

    return len(start) + size + len(end), pieces()


def test_memory_is_flat_while_a_file_comes_and_goes(
    stack: Stack, admin: Session, folder: int, port: int
) -> None:
    size = int(os.environ.get("TEST_LARGE_BYTES", "268435456"))
    exchange(port, upload_head(admin, folder, len(body_of(admin, A))), body_of(admin, A))
    workers = stack.backends()[1:]
    forget_peaks(workers)
    before = {pid: peak_memory(pid) for pid in workers}
    length, pieces = large_form(admin, size)

    answer = exchange(port, upload_head(admin, folder, length), *pieces)

    assert answer.status == 303
    grown_in = max(peak_memory(pid) - before[pid] for pid in workers)
    ((number,),) = stack.rows(
        "SELECT id FROM files_entry WHERE parent_id = ? AND name = 'large'", folder
    )
    forget_peaks(workers)
    assert count_content(admin, port, f"/entries/{number}/content") == size
    grown_out = max(peak_memory(pid) - before[pid] for pid in workers)
    assert grown_in < 32 * 2**20
    assert grown_out < 32 * 2**20


def count_content(admin: Session, port: int, path: str) -> int:
    """Count the bytes of a content without keeping them."""
    with connected(port) as connection:
        connection.sendall(head("GET", path, Cookie=admin.cookie, Connection="close"))
        count, start = 0, b""
        while piece := connection.recv(2**20):
            if b"\r\n\r\n" not in start:
                start += piece
                count = len(start.partition(b"\r\n\r\n")[2])
            else:
                count += len(piece)
        return count


def test_many_at_once_are_all_answered(stack: Stack, admin: Session, folder: int) -> None:
    body = body_of(admin, file("a", b"x" * 300_000))
    connections = [socket.create_connection(("127.0.0.1", stack.nginx_port)) for _ in range(20)]
    for connection in connections:
        connection.settimeout(60)
        connection.sendall(
            upload_head(admin, folder, len(body), Connection="close") + body[:150_000]
        )
    for connection in connections:
        connection.sendall(body[150_000:])

    assert [read_reply(connection).status for connection in connections] == [303] * 20
    for connection in connections:
        connection.close()
    ((used,),) = stack.rows(
        "SELECT count(*) FROM files_version v JOIN files_entry e ON e.id = v.entry_id"
        " WHERE e.parent_id = ?",
        folder,
    )
    assert used == 20


def test_workers_are_still_the_same(stack: Stack, admin: Session, folder: int) -> None:
    before = stack.backends()
    body = body_of(admin, A)[: -len(END)]

    for _ in range(20):
        exchange(stack.backend_port, upload_head(admin, folder, len(body)), body)

    assert stack.backends() == before
    wait_until(lambda: all(_descriptors(pid) < 60 for pid in before))


def _descriptors(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/fd"))  # noqa: PTH208 - names only
