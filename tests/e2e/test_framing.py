"""Requests that no browser sends, straight at the backend and through nginx: refused, no more."""

import socket

import pytest

from tests.e2e.conftest import Session, Stack
from tests.e2e.test_uploads import body_of, upload_head
from tests.e2e.wire import chunked, connected, exchange, head
from tests.multiparts import A

FRAMES = [
    # What is in the head beside a whole chunked or plain body, and which answers are right.
    ("length twice the same", {"Content_Length": "{n}\r\nContent-Length: {n}"}, {400, 303}),
    ("two lengths", {"Content_Length": "{n}\r\nContent-Length: 5"}, {400}),
    ("list of lengths", {"Content_Length": "{n}, {n}"}, {400}),
    ("negative length", {"Content_Length": "-1"}, {400}),
    ("length with a sign", {"Content_Length": "+{n}"}, {400}),
    ("length in hex", {"Content_Length": "0x10"}, {400}),
    ("length of 30 digits", {"Content_Length": "9" * 30}, {400, 413}),
    ("length of 2**63", {"Content_Length": str(2**63)}, {400, 413, 507}),
    ("length of 2**62", {"Content_Length": str(2**62)}, {400, 413, 507}),
    ("empty length", {"Content_Length": ""}, {400}),
    ("length in words", {"Content_Length": "many"}, {400}),
    ("length and chunks", {"Content_Length": "{n}", "Transfer_Encoding": "chunked"}, {400}),
    ("unknown coding", {"Content_Length": None, "Transfer_Encoding": "xchunked"}, {400, 501}),
    (
        "two codings",
        {"Content_Length": None, "Transfer_Encoding": "gzip, chunked"},
        {400, 501, 303, 415},
    ),
    (
        "chunked twice",
        {"Content_Length": None, "Transfer_Encoding": "chunked, chunked"},
        {400, 501},
    ),
    ("coding with a space", {"Content_Length": None, "Transfer_Encoding ": "chunked"}, {400}),
]


@pytest.mark.usefixtures("nothing_left")
@pytest.mark.parametrize(("name", "fields", "statuses"), FRAMES, ids=[case[0] for case in FRAMES])
def test_malformed_framing_is_refused(
    admin: Session,
    folder: int,
    port: int,
    name: str,
    fields: dict[str, str | None],
    statuses: set[int],
) -> None:
    body = body_of(admin, A)[:-4]  # cut, so that whatever is understood, nothing is stored
    filled = {key: value and value.replace("{n}", str(len(body))) for key, value in fields.items()}

    answer = exchange(port, upload_head(admin, folder, len(body), **filled), body)

    assert answer.status in statuses


@pytest.mark.usefixtures("nothing_left")
@pytest.mark.parametrize(
    "chunks",
    [
        b"zz\r\nx\r\n0\r\n\r\n",
        b"-5\r\nx\r\n",
        b"5\r\nabc\r\n0\r\n\r\n",
        b"f" * 40 + b"\r\n",
        b"0\r\n\r\n",
    ],
    ids=["no number", "negative", "too short", "too long", "zero at once"],
)
def test_malformed_chunks_are_refused(
    admin: Session, folder: int, port: int, chunks: bytes
) -> None:
    answer = exchange(port, upload_head(admin, folder, None, Transfer_Encoding="chunked"), chunks)

    assert answer.status in {0, 400, 413}


@pytest.mark.usefixtures("nothing_left")
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "GET"])
@pytest.mark.parametrize("path", ["/", "/accounts/login/", "/entries/1/content", "/healthz"])
def test_large_bodies_elsewhere_are_refused(
    admin: Session, port: int, method: str, path: str
) -> None:
    data = head(
        method, path, Cookie=admin.cookie, Sec_Fetch_Site="same-origin", Transfer_Encoding="chunked"
    )

    answer = exchange(port, data, chunked(*[b"x" * 65_536] * 100))

    assert answer.status == 413


@pytest.mark.parametrize(
    "fields",
    [
        {"Host": ""},
        {"Host": None},
        {"Host": "localhost\r\nHost: evil.example"},
        {"Host": "localhost/../"},
        {"Cookie": "a=b; " * 100},
        {"Cookie": "x" * 7000},
        {"X_Forwarded_Host": "evil.example"},
        {"X_Request_Id": '"}\\n{"forged'},
    ],
)
@pytest.mark.parametrize("path", ["/accounts/login/", "/upload/1", "/entries/1/content"])
def test_strange_heads_break_nothing(port: int, path: str, fields: dict[str, str | None]) -> None:
    answer = exchange(port, head("GET", path, Connection="close", **fields))

    assert answer.status in {200, 303, 400}
    assert "evil.example" not in answer.text + str(answer.headers)


def test_underscores_are_no_hyphens(stack: Stack, admin: Session, folder: int, port: int) -> None:
    data = head("GET", f"/folders/{folder}/", Connection="close").replace(
        b"Connection",
        f"Coo_kie: {admin.cookie}\r\nX_Sendfile_Type: X-Accel-Redirect\r\nConnection".encode(),
    )

    assert exchange(port, data).status == 303


@pytest.mark.parametrize(
    "line",
    [
        b"GET /\xff HTTP/1.1",
        b"GET /%ff%fe HTTP/1.1",
        b"GET //evil.example/ HTTP/1.1",
        b"GET http://evil.example/ HTTP/1.1",
        b"OPTIONS * HTTP/1.1",
        b"CONNECT localhost:80 HTTP/1.1",
        b"GET / HTTP/3.7",
        b"GET /",
        b"BREW / HTTP/1.1",
        b"\x16\x03\x01\x02\x00",
        b"G" * 9000 + b" / HTTP/1.1",
    ],
)
def test_strange_first_lines_break_nothing(stack: Stack, port: int, line: bytes) -> None:
    with connected(port) as connection:
        connection.sendall(line + b"\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        connection.shutdown(socket.SHUT_WR)
        answer = connection.recv(100_000)

    assert not answer.startswith(b"HTTP/1.1 5") or answer.startswith(
        (b"HTTP/1.1 501", b"HTTP/1.1 505")
    )
    assert stack.server.status("/healthz") == 200
