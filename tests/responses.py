"""Requests for one file's content, and what must be answered.

One table for the door by itself (tests/http), and for a server, directly and through nginx
(tests/e2e): the answers must be the same. {etag} and {modified} stand for the file's validators.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

NAME = "отчёт 1.txt"
CONTENT = "".join(f"{number:03}\n" for number in range(250)).encode()  # 1,000 bytes
SIZE = len(CONTENT)

PAST, FUTURE = "Sat, 01 Jan 2000 00:00:00 GMT", "Fri, 01 Jan 2100 00:00:00 GMT"

# What every answer of these must say, however it is sent.
REPEATED = {
    "cache-control": "private, no-cache",
    "referrer-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "x-content-type-options": "nosniff",
    "vary": "Cookie",
}


@dataclass(frozen=True)
class Request:
    """A request, and the status and the parts of the content that must come."""

    name: str
    status: int
    ranges: tuple[tuple[int, int], ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    method: str = "GET"
    query: str = ""

    def filled(self, etag: str, modified: str) -> dict[str, str]:
        """Give the headers for a file's validators."""
        return {
            name.lower().replace("-", "_"): value.replace("{etag}", etag).replace(
                "{modified}", modified
            )
            for name, value in self.headers.items()
        }


def _get(name: str, status: int, *ranges: tuple[int, int], **headers: str) -> Request:
    return Request(name, status, ranges, {key.replace("_", "-"): v for key, v in headers.items()})


def _head(name: str, status: int, **headers: str) -> Request:
    return Request(
        f"HEAD {name}", status, (), {key.replace("_", "-"): v for key, v in headers.items()}, "HEAD"
    )


WHOLE = (0, SIZE - 1)
MANY = "bytes=" + ",".join(f"{n}-{n}" for n in range(0, 34, 2))

REQUESTS = [
    _get("whole", 200, WHOLE),
    Request("download", 200, (WHOLE,), query="?download"),
    Request("range of a download", 206, ((0, 9),), {"Range": "bytes=0-9"}, query="?download"),
    _get("first bytes", 206, (0, 9), Range="bytes=0-9"),
    _get("first byte", 206, (0, 0), Range="bytes=0-0"),
    _get("last byte", 206, (SIZE - 1, SIZE - 1), Range=f"bytes={SIZE - 1}-"),
    _get("from the middle", 206, (500, SIZE - 1), Range="bytes=500-"),
    _get("past the end", 206, (990, SIZE - 1), Range="bytes=990-2000"),
    _get("suffix", 206, (SIZE - 10, SIZE - 1), Range="bytes=-10"),
    _get("suffix of more", 206, WHOLE, Range="bytes=-5000"),
    _get("everything as a range", 206, WHOLE, Range="bytes=0-"),
    _get("two ranges", 206, (0, 9), (20, 29), Range="bytes=0-9, 20-29"),
    _get("three ranges", 206, (0, 0), (500, 509), (990, 999), Range="bytes=0-0,500-509,-10"),
    _get("one of two", 206, (0, 9), Range="bytes=0-9,5000-"),
    _get("in capitals", 206, (0, 9), Range="Bytes=0-9"),
    _get("none of one", 416, Range=f"bytes={SIZE}-"),
    _get("none of two", 416, Range="bytes=5000-,6000-"),
    _get("suffix of nothing", 416, Range="bytes=-0"),
    _get("backwards", 200, WHOLE, Range="bytes=9-0"),
    _get("no range", 200, WHOLE, Range="bytes=x"),
    _get("another unit", 200, WHOLE, Range="lines=0-9"),
    _get("too many ranges", 200, WHOLE, Range=MANY),
    _get("ranges of more than all", 200, WHOLE, Range="bytes=0-,0-,0-"),
    _get("huge numbers", 416, Range="bytes=99999999999999999999999-"),
    _get("If-Range, same tag", 206, (0, 9), Range="bytes=0-9", If_Range="{etag}"),
    _get("If-Range, other tag", 200, WHOLE, Range="bytes=0-9", If_Range='"v0"'),
    _get("If-Range, weak tag", 200, WHOLE, Range="bytes=0-9", If_Range="W/{etag}"),
    _get("If-Range, same time", 206, (0, 9), Range="bytes=0-9", If_Range="{modified}"),
    _get("If-Range, other time", 200, WHOLE, Range="bytes=0-9", If_Range=PAST),
    _get("If-Range, later time", 200, WHOLE, Range="bytes=0-9", If_Range=FUTURE),
    _get("If-Range, nonsense", 200, WHOLE, Range="bytes=0-9", If_Range="x"),
    _get("If-Range, two ranges", 206, (0, 9), (20, 29), Range="bytes=0-9,20-29", If_Range="{etag}"),
    _get("If-None-Match, same", 304, If_None_Match="{etag}"),
    _get("If-None-Match, weak", 304, If_None_Match="W/{etag}"),
    _get("If-None-Match, one of two", 304, If_None_Match='"a", {etag}'),
    _get("If-None-Match, any", 304, If_None_Match="*"),
    _get("If-None-Match, other", 200, WHOLE, If_None_Match='"v0"'),
    _get("If-None-Match before Range", 304, If_None_Match="{etag}", Range="bytes=0-9"),
    _get(
        "If-None-Match before time",
        200,
        WHOLE,
        If_None_Match='"v0"',
        If_Modified_Since="{modified}",
    ),
    _get("If-Modified-Since, same", 304, If_Modified_Since="{modified}"),
    _get("If-Modified-Since, before", 200, WHOLE, If_Modified_Since=PAST),
    _get("If-Modified-Since, after", 200, WHOLE, If_Modified_Since=FUTURE),
    _get("If-Modified-Since, nonsense", 200, WHOLE, If_Modified_Since="yesterday"),
    _get("If-Match, same", 200, WHOLE, If_Match="{etag}"),
    _get("If-Match, any", 200, WHOLE, If_Match="*"),
    _get("If-Match, other", 412, If_Match='"v0"'),
    _get("If-Match, weak", 412, If_Match="W/{etag}"),
    _get("If-Match with a range", 206, (0, 9), If_Match="{etag}", Range="bytes=0-9"),
    _get("If-Match with two ranges", 206, (0, 9), (20, 29), If_Match="*", Range="bytes=0-9,20-29"),
    _get("If-Unmodified-Since, same", 200, WHOLE, If_Unmodified_Since="{modified}"),
    _get("If-Unmodified-Since, after", 200, WHOLE, If_Unmodified_Since=FUTURE),
    _get("If-Unmodified-Since, before", 412, If_Unmodified_Since=PAST),
    _head("whole", 200),
    _head("range", 200, Range="bytes=0-9"),
    _head("If-None-Match", 304, If_None_Match="{etag}"),
    _head("If-Match", 412, If_Match='"v0"'),
]


@dataclass(frozen=True)
class Expected:
    """What a request of the table must be answered with, for a file's validators."""

    request: Request
    etag: str
    modified: str

    def check(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        """Compare with an answer; headers are in lower case."""
        assert status == self.request.status
        for name, value in REPEATED.items():
            assert headers.get(name) == value, name
        assert headers["etag"] == self.etag
        assert headers["last-modified"] == self.modified
        assert "default-src 'none'" in headers["content-security-policy"]
        if status in {200, 206}:
            self._check_description(headers)
            self._check_body(headers, body)
        else:
            assert body == b""
            assert ("content-range" in headers) == (status == 416)
            assert headers.get("content-range", "bytes */1000") == "bytes */1000"

    def _check_description(self, headers: Mapping[str, str]) -> None:
        kind = "attachment" if self.request.query else "inline"
        coded = "filename*=UTF-8''%D0%BE%D1%82%D1%87%D1%91%D1%82%201.txt"
        disposition = headers["content-disposition"]
        assert disposition.startswith(f"{kind}; filename=")
        assert disposition.endswith(coded)
        assert headers["accept-ranges"] == "bytes"
        assert headers["repr-digest"].startswith("sha-256=:")
        if len(self.request.ranges) < 2:
            shown = (
                "application/octet-stream" if self.request.query else "text/plain; charset=utf-8"
            )
            assert headers["content-type"] == shown

    def _check_body(self, headers: Mapping[str, str], body: bytes) -> None:
        if self.request.method == "HEAD":
            assert (headers["content-length"], body) == (str(SIZE), b"")
            return
        assert headers["content-length"] == str(len(body))
        ranges = self.request.ranges
        if len(ranges) == 1:
            first, last = ranges[0]
            assert body == CONTENT[first : last + 1]
            if self.request.status == 206:
                assert headers["content-range"] == f"bytes {first}-{last}/{SIZE}"
            return
        assert "content-range" not in headers
        match = re.fullmatch(r"multipart/byteranges; boundary=(\S+)", headers["content-type"])
        assert match is not None
        start, *parts, end = re.split(rb"\r?\n?--" + match[1].encode(), body)
        assert (start, end) == (b"", b"--\r\n")
        for part, (first, last) in zip(parts, ranges, strict=True):
            head, _, content = part.partition(b"\r\n\r\n")
            assert content == CONTENT[first : last + 1]
            said = head.decode().strip().lower().split("\r\n")
            assert sorted(said) == [
                f"content-range: bytes {first}-{last}/{SIZE}",
                "content-type: text/plain; charset=utf-8",
            ]
