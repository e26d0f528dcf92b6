"""Bytes out, straight from the backend and through nginx: the same answers to the same table."""

import os
import re
import time
from pathlib import Path

import pytest

from tests.e2e.conftest import Session, Stack
from tests.e2e.test_uploads import body_of, count_content, upload_head
from tests.e2e.wire import Reply, connected, exchange, head, read_reply, reset
from tests.multiparts import file
from tests.processes import wait_until
from tests.responses import CONTENT, NAME, REQUESTS, Expected, Request

BIG = 3 * 2**30


def put(stack: Stack, admin: Session, name: str, content: bytes) -> int:
    """Upload a file into a folder of its own, and give its id."""
    folder = admin.make_folder()
    body = body_of(admin, file(name, content))
    assert exchange(stack.nginx_port, upload_head(admin, folder, len(body)), body).status == 303
    ((number,),) = stack.rows("SELECT id FROM files_entry WHERE parent_id = ?", folder)
    return int(str(number))


def path_of(stack: Stack, entry: int) -> Path:
    """Find the bytes of a file on the disk."""
    ((name,),) = stack.rows(
        "SELECT b.file FROM files_entry e JOIN files_version v ON v.id = e.version_id"
        " JOIN files_blob b ON b.id = v.blob_id WHERE e.id = ?",
        entry,
    )
    return stack.server.data / "uploads" / str(name)


@pytest.fixture(scope="module")
def entry(stack: Stack, admin: Session) -> int:
    """Give the file that the table is about."""
    return put(stack, admin, NAME, CONTENT)


def get(
    admin: Session, port: int, entry: int, method: str = "GET", query: str = "", **headers: str
) -> Reply:
    path = f"/entries/{entry}/content{query}"
    sent = head(method, path, Cookie=admin.cookie, Connection="close", **headers)
    return exchange(port, sent, method=method)


@pytest.mark.parametrize("case", REQUESTS, ids=lambda case: case.name)
def test_request_is_answered(admin: Session, entry: int, port: int, case: Request) -> None:
    plain = get(admin, port, entry, "HEAD").headers
    etag, modified = plain["etag"], plain["last-modified"]

    answer = get(admin, port, entry, case.method, case.query, **case.filled(etag, modified))

    Expected(case, etag, modified).check(answer.status, answer.headers, answer.body)


def test_headers_are_the_same_both_ways(stack: Stack, admin: Session, entry: int) -> None:
    ways = [get(admin, port, entry).headers for port in (stack.backend_port, stack.nginx_port)]

    for headers in ways:
        for name in ("date", "server", "connection", "x-request-id", "keep-alive"):
            headers.pop(name, None)
    direct, through = ways
    # nginx drops it from an answer that it sends itself; pages, which use such things, have it.
    direct.pop("permissions-policy")
    through.pop("permissions-policy", None)
    assert direct == through


@pytest.mark.parametrize("asked", ["", "bytes=0-9", "bytes=0-9,20-29"])
def test_each_header_is_sent_once(admin: Session, entry: int, port: int, asked: str) -> None:
    path, cookie = f"/entries/{entry}/content", admin.cookie
    with connected(port) as connection:
        connection.sendall(head("GET", path, Cookie=cookie, Connection="close", Range=asked))
        start = b""
        while b"\r\n\r\n" not in start:
            start += connection.recv(65_536)
    names = re.findall(rb"(?m)^([\w-]+):", start.partition(b"\r\n\r\n")[0].lower())

    assert sorted(names) == sorted(set(names))


@pytest.mark.parametrize("asked", [None, "bytes=0-0", "bytes=-1", "bytes=0-"])
def test_empty_file(stack: Stack, admin: Session, port: int, asked: str | None) -> None:
    number = put(stack, admin, "empty", b"")
    headers = {"Range": asked} if asked else {}

    answer = get(admin, port, number, **headers)

    assert (answer.status, answer.body, answer.headers["content-length"]) == (200, b"", "0")


def test_three_gigabytes(stack: Stack, admin: Session, port: int) -> None:
    number = put(stack, admin, "big", b"x")
    os.truncate(path_of(stack, number), BIG)
    ((blob,),) = stack.rows(
        "SELECT v.blob_id FROM files_entry e JOIN files_version v ON v.id = e.version_id"
        " WHERE e.id = ?",
        number,
    )
    stack.write("UPDATE files_blob SET size = ? WHERE id = ?", BIG, blob)
    try:
        assert get(admin, port, number, "HEAD").headers["content-length"] == str(BIG)
        last = get(admin, port, number, Range="bytes=-7")
        assert last.headers["content-range"] == f"bytes {BIG - 7}-{BIG - 1}/{BIG}"
        parts = get(admin, port, number, Range=f"bytes=0-0,{2**31}-{2**31 + 9}")
        assert (last.body, parts.status) == (bytes(7), 206)
        assert f"content-range: bytes {2**31}-{2**31 + 9}/{BIG}" in parts.text.lower()
    finally:
        os.truncate(path_of(stack, number), 1)
        stack.write("UPDATE files_blob SET size = 1 WHERE id = ?", blob)


@pytest.mark.parametrize(
    "path",
    [
        "/_blobs/",
        "/_blobs/{name}",
        "/%5fblobs/{name}",
        "/x/../_blobs/{name}",
        "/_nginx/too-large",
        "//_blobs/{name}",
    ],
)
def test_places_inside_of_nginx_are_not_there(
    stack: Stack, admin: Session, entry: int, port: int, path: str
) -> None:
    name = "/".join(path_of(stack, entry).parts[-2:])

    answer = exchange(port, head("GET", path.replace("{name}", name), Cookie=admin.cookie))

    assert answer.status == 404
    assert CONTENT not in answer.body


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "PROPFIND"])
def test_other_methods(admin: Session, entry: int, port: int, method: str) -> None:
    answer = admin.request(method, f"/entries/{entry}/content", port=port)

    assert (answer.status, answer.headers.get("allow")) == (405, "GET, HEAD")


def test_anonymous_reads_nothing(entry: int, port: int) -> None:
    answer = exchange(
        port, head("GET", f"/entries/{entry}/content", X_Sendfile_Type="X-Accel-Redirect")
    )

    assert answer.status == 303
    assert CONTENT not in answer.body


def test_signing_out_takes_effect_at_once(stack: Stack, entry: int, port: int) -> None:
    session = stack.login()
    assert get(session, port, entry).status == 200

    assert session.post_form("/accounts/logout/").status in {302, 303}

    assert get(session, port, entry).status == 303


def test_damaged_file_fails(stack: Stack, admin: Session, port: int) -> None:
    number = put(stack, admin, "damaged", b"content")
    path = path_of(stack, number)
    path.write_bytes(b"conten")

    answer = get(admin, port, number)

    assert answer.status == 500
    assert "<h1" in answer.text
    path.write_bytes(b"content")
    assert get(admin, port, number).status == 200


def descriptors(stack: Stack) -> int:
    """Count what the backend and nginx hold open of the blobs."""
    count = 0
    for pid in [*stack.backends(), *stack.server.pids("nginx")]:
        for link in Path(f"/proc/{pid}/fd").iterdir():
            try:
                count += "/blobs/" in str(link.readlink())
            except OSError:  # it has been closed meanwhile
                continue
    return count


@pytest.mark.parametrize("how", ["end", "reset"])
def test_client_that_goes_in_the_middle_leaves_nothing_open(
    stack: Stack, admin: Session, port: int, how: str
) -> None:
    number = put(stack, admin, "large", bytes(60_000_000))
    wait_until(lambda: descriptors(stack) == 0)

    for _ in range(5):
        with connected(port) as connection:
            connection.sendall(head("GET", f"/entries/{number}/content", Cookie=admin.cookie))
            connection.recv(100_000)
            if how == "reset":
                reset(connection)

    wait_until(lambda: descriptors(stack) == 0, seconds=30)


def test_client_that_reads_slowly_gets_everything(stack: Stack, admin: Session, port: int) -> None:
    number = put(stack, admin, "large", bytes(20_000_000))
    with connected(port) as connection:
        connection.sendall(
            head("GET", f"/entries/{number}/content", Cookie=admin.cookie, Connection="close")
        )
        received = 0
        for at in range(10**6):
            piece = connection.recv(300_000)
            if not piece:
                break
            received += len(piece)
            if at % 20 == 0:
                time.sleep(0.02)

    assert received > 20_000_000


def test_many_at_once(stack: Stack, admin: Session, port: int) -> None:
    number = put(stack, admin, "some", os.urandom(1_000_000))
    assert count_content(admin, port, f"/entries/{number}/content") == 1_000_000
    connections = []
    for _ in range(20):
        opened = connected(port)
        connection = opened.__enter__()
        connections.append((opened, connection))
        connection.sendall(
            head("GET", f"/entries/{number}/content", Cookie=admin.cookie, Connection="close")
        )

    bodies = [read_reply(connection).body for _opened, connection in connections]

    assert len({len(body) for body in bodies}) == 1
    for opened, _connection in connections:
        opened.__exit__(None, None, None)


# Connections to the database.


def database_handles(pid: int) -> int:
    """Count the database files that a process holds open, the log beside it left out."""
    count = 0
    for link in Path(f"/proc/{pid}/fd").iterdir():
        try:
            count += link.readlink().name == "strongroom.sqlite3"
        except OSError:
            continue
    return count


def test_workers_hold_a_connection_for_each_thread_and_no_more(
    stack: Stack, admin: Session, folder: int
) -> None:
    for _ in range(15):
        opened = [connected(stack.backend_port) for _ in range(20)]
        connections = [each.__enter__() for each in opened]
        for connection in connections:
            connection.sendall(
                head("GET", f"/folders/{folder}/", Cookie=admin.cookie, Connection="close")
            )
        assert {read_reply(connection).status for connection in connections} == {200}
        for each in opened:
            each.__exit__(None, None, None)

    for pid in stack.backends()[1:]:
        assert database_handles(pid) <= 5  # and one of the event loop, which only reads
