"""A head has an end, also straight at the backend."""

import socket

import pytest

from project.protocol import HEAD_SIZE


@pytest.mark.parametrize(
    "head",
    [
        b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * HEAD_SIZE,
        b"GET /" + b"a" * HEAD_SIZE,
        b"GET /healthz HTTP/1.1\r\n" + b"X-Some: a\r\n" * HEAD_SIZE,
    ],
    ids=["one header", "address", "many headers"],
)
def test_head_without_an_end_is_refused(protocol_port: int, head: bytes) -> None:
    with socket.create_connection(("127.0.0.1", protocol_port), timeout=10) as connection:
        # One byte too many and no more: what lies unread when a server closes can cost the answer.
        connection.sendall(head[: HEAD_SIZE + 1])
        answer = connection.recv(200)

    assert answer.startswith(b"HTTP/1.1 431 ")


def test_body_is_not_counted_as_a_head(protocol_port: int) -> None:
    size = 4 * HEAD_SIZE
    head = f"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: {size}\r\n\r\n".encode()

    with socket.create_connection(("127.0.0.1", protocol_port), timeout=10) as connection:
        for _request in range(2):
            connection.sendall(head)
            for _piece in range(4):
                connection.sendall(b"a" * HEAD_SIZE)
            assert f"{size}".encode() in connection.recv(1000)


def test_target_with_a_fragment_is_refused(protocol_port: int) -> None:
    with socket.create_connection(("127.0.0.1", protocol_port), timeout=10) as connection:
        connection.sendall(b"DELETE /a#b HTTP/1.1\r\nHost: localhost\r\n\r\n")

        assert connection.recv(200).startswith(b"HTTP/1.1 400 ")
