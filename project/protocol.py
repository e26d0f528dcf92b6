"""uvicorn's fast HTTP/1.1 protocol, with an end to how long a head may be.

httptools gathers a head of any length in memory: one header of 60 MB cost 115 MB and six seconds of
the event loop. nginx has limits of its own; this is for what reaches the backend without it.

And with a way past it for large bodies (project/straight.py).
"""

from typing import Final

from httptools import HttpParserInvalidURLError, HttpRequestParser
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from .straight import EXTENSION, LEAST, StraightBody

HEAD_SIZE: Final = 65_536  # bytes, of a request's first line and headers together

_REFUSAL: Final = b"The head of the request is too large.\n"
_ANSWER: Final = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
    b"content-type: text/plain; charset=utf-8\r\n"
    b"content-length: %d\r\n"
    b"connection: close\r\n\r\n%b" % (len(_REFUSAL), _REFUSAL)
)


class BoundedProtocol(HttpToolsProtocol):
    """Answers 431 and closes (RFC 6585, 5) when a head is not over after HEAD_SIZE bytes.

    Reads are some hundred kilobytes at most, so that much more may have come.
    """

    _is_in_head = False
    _head_size = 0
    _straight: StraightBody | None = None  # the body of the request that is parsed at the moment

    def on_message_begin(self) -> None:
        """Begin to count."""
        self._is_in_head, self._head_size = True, 0
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        """Take in some of the target; a fragment has no place in one (RFC 9112, 3.2).

        Cut off, it would turn "DELETE /dav/ada/a#b" into the end of /dav/ada/a.
        """
        if b"#" in url:
            raise HttpParserInvalidURLError("a fragment")
        super().on_url(url)

    def on_headers_complete(self) -> None:
        """Stop counting: what follows is a body, which the application bounds."""
        self._is_in_head, self._straight = False, None
        if (size := self._stated_size()) >= LEAST:
            self._straight = StraightBody(self, size)
            self.scope["extensions"] = {EXTENSION: {"body": self._straight}}
        super().on_headers_complete()

    def _stated_size(self) -> int:
        """Give the length of the body, in bytes; 0 where the parser alone knows its end."""
        size = 0
        for name, value in self.headers:
            if name in {b"transfer-encoding", b"upgrade"}:
                return 0
            if name == b"content-length" and value.isdigit():
                size = int(value)  # the parser takes one, and no more digits than it can count
        return size

    def on_body(self, body: bytes) -> None:
        """Hand on what came as it is: gathering it copies every byte of an upload twice."""
        cycle, straight = self.cycle, self._straight
        if straight is not None:
            straight.rest -= len(body)
        if not cycle.body:
            cycle.body = b""  # type: ignore[assignment] # adding to it gives what came itself
        super().on_body(body)

    def data_received(self, data: bytes) -> None:
        """Parse what came, and refuse a head that goes on and on."""
        if self._straight is not None and self._straight.is_begun:
            data = self._take_rest(self._straight, data)
            if not data:
                return
        super().data_received(data)
        if not self._is_in_head:
            return
        self._head_size += len(data)
        if self._head_size > HEAD_SIZE and not self.transport.is_closing():
            self.transport.write(_ANSWER)
            self.transport.close()

    def _take_rest(self, straight: StraightBody, data: bytes) -> bytes:
        """Take what belongs to a body of which the parser has not seen all; give what is behind."""
        size = straight.rest
        self.on_body(data[:size])
        if not straight.rest:
            self.end_straight()
        return data[size:]

    def end_straight(self) -> None:
        """End such a body. What follows is the next request, and meets a parser that is new."""
        self._straight = None
        self.on_message_complete()
        self.parser = HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn does
