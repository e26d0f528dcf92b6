from email import message_from_bytes
from email.message import Message

import pytest
from hypothesis import given
from hypothesis import strategies as st

from files.http.ranges import (
    MAX_RANGES,
    ByteRange,
    content_range,
    parse_range,
    plan_multipart,
    unsatisfied_range,
)

SIZE = 10_000


@pytest.mark.parametrize(
    ("value", "ranges"),
    [
        # The examples of RFC 9110, 14.1.2
        ("bytes=0-499", [(0, 499)]),
        ("bytes=500-999", [(500, 999)]),
        ("bytes=-500", [(9500, 9999)]),
        ("bytes=9500-", [(9500, 9999)]),
        ("bytes=0-0,-1", [(0, 0), (9999, 9999)]),
        ("bytes= 0-999, 4500-5499, -1000", [(0, 999), (4500, 5499), (9000, 9999)]),
        ("bytes=500-600,601-999", [(500, 600), (601, 999)]),
        ("bytes=500-700,601-999", [(500, 700), (601, 999)]),
        # One
        ("bytes=0-", [(0, 9999)]),
        ("bytes=0-9999", [(0, 9999)]),
        ("bytes=0-10000", [(0, 9999)]),
        ("bytes=9999-", [(9999, 9999)]),
        ("bytes=-1", [(9999, 9999)]),
        ("bytes=-10000", [(0, 9999)]),
        ("bytes=-10001", [(0, 9999)]),
        ("bytes=5-" + "9" * 5000, [(5, 9999)]),
        ("bytes=" + "0" * 5000 + "5-7", [(5, 7)]),
        ("BYTES=0-1", [(0, 1)]),
        (" bytes = 0-1 ", [(0, 1)]),
        ("bytes=,, 0-1 ,", [(0, 1)]),
        # Several
        ("bytes=5-6,1-2", [(5, 6), (1, 2)]),
        ("bytes=0-1,0-1", [(0, 1), (0, 1)]),
        ("bytes=0-1,20000-", [(0, 1)]),
        ("bytes=20000-,0-1", [(0, 1)]),
        ("bytes=" + ",".join(f"{n}-{n}" for n in range(MAX_RANGES)), [(n, n) for n in range(16)]),
        # None that can be satisfied
        ("bytes=10000-", []),
        ("bytes=10000-10001", []),
        ("bytes=-0", []),
        ("bytes=" + "9" * 5000 + "-", []),
        ("bytes=10000-,20000-,-0", []),
    ],
    ids=lambda value: str(value)[:40],
)
def test_parse_range(value: str, ranges: list[tuple[int, int]]) -> None:
    assert parse_range(value, SIZE) == tuple(ByteRange(*pair) for pair in ranges)


@pytest.mark.parametrize(
    "value",
    [
        None,
        "",
        "bytes",
        "bytes=",
        "bytes=,",
        "bytes=-",
        "bytes=a-b",
        "bytes=1",
        "bytes=1-2-3",
        "bytes=--1",
        "bytes=-1-",
        "bytes=+1-2",
        "bytes=1 - 2",
        "bytes=\u0661-\u0662",
        "bytes=1-2;3-4",
        "bytes=1-2\n",
        "bytes=5-2",
        "bytes=0-1,5-2",
        "bytes=0-1,x",
        "bytes:0-1",
        "items=0-1",
        "xbytes=0-1",
        "0-1",
        "bytes=" + ",".join(f"{n}-{n}" for n in range(MAX_RANGES + 1)),
        "bytes=" + ",".join(["20000-"] * 100_000),
        "bytes=0-,0-",
        "bytes=0-9000,500-9500",
        "bytes=0-,-1",
    ],
    ids=lambda value: ascii(value)[:40],
)
def test_parse_range_ignores_what_it_cannot_or_need_not_keep_to(value: str | None) -> None:
    assert parse_range(value, SIZE) is None


@pytest.mark.parametrize("value", ["bytes=0-", "bytes=-5", "bytes=5-", "bytes=0-0"])
def test_parse_range_of_an_empty_content_is_everything(value: str) -> None:
    assert parse_range(value, 0) is None


@given(st.text(st.sampled_from("bytes=0123-, 9"), max_size=30), st.integers(0, 50))
def test_parse_range_stays_in_the_content(text: str, size: int) -> None:
    for byte_range in parse_range("bytes=" + text, size) or ():
        assert 0 <= byte_range.first <= byte_range.last < size


def test_content_range() -> None:
    assert content_range(ByteRange(0, 4), 10) == "bytes 0-4/10"
    assert unsatisfied_range(10) == "bytes */10"


def test_plan_multipart_writes_a_body_that_parsers_read() -> None:
    content = bytes(range(256))
    ranges = parse_range("bytes=0-9,100-100,-5", len(content))
    assert ranges is not None

    plan = plan_multipart(ranges, len(content), "image/png")

    body = b"".join(
        part.prefix + content[part.byte_range.first : part.byte_range.last + 1]
        for part in plan.parts
    )
    body += plan.suffix
    assert len(body) == plan.content_length
    message = message_from_bytes(f"Content-Type: {plan.content_type}\r\n\r\n".encode() + body)
    parts = [part for part in message.get_payload() if isinstance(part, Message)]
    assert [part["Content-Range"] for part in parts] == [
        "bytes 0-9/256",
        "bytes 100-100/256",
        "bytes 251-255/256",
    ]
    assert {part.get_content_type() for part in parts} == {"image/png"}
    assert parts[1].get_payload(decode=True) == content[100:101]


def test_plan_multipart_has_the_bytes_of_the_standard() -> None:
    plan = plan_multipart((ByteRange(0, 1), ByteRange(3, 3)), 4, "text/plain", "THIS")

    assert plan.content_type == "multipart/byteranges; boundary=THIS"
    assert [part.prefix for part in plan.parts] == [
        b"--THIS\r\nContent-Type: text/plain\r\nContent-Range: bytes 0-1/4\r\n\r\n",
        b"\r\n--THIS\r\nContent-Type: text/plain\r\nContent-Range: bytes 3-3/4\r\n\r\n",
    ]
    assert plan.suffix == b"\r\n--THIS--\r\n"


def test_plan_multipart_has_a_boundary_that_cannot_be_foreseen() -> None:
    one, other = (plan_multipart((ByteRange(0, 0),), 1, "a/b") for _ in range(2))
    assert one.suffix != other.suffix
