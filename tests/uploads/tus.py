"""A client of tus 1.0.0."""

from base64 import b64encode
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha1, sha256
from json import loads
from typing import Any
from zlib import crc32

from tests.http.client import Answer, DoorsClient

OFFSET = "application/offset+octet-stream"
VERSION = {"Tus_Resumable": "1.0.0"}

type Body = bytes | Iterable[bytes]


def base64(value: str | bytes) -> str:
    """Encode as tus does."""
    return b64encode(value.encode() if isinstance(value, str) else value).decode()


def metadata(**values: str) -> str:
    """Write an Upload-Metadata."""
    return ",".join(f"{key} {base64(value)}" for key, value in values.items())


def checksum(content: bytes, algorithm: str = "sha1") -> str:
    """Write an Upload-Checksum."""
    digests = {
        "sha1": lambda: sha1(content).digest(),  # noqa: S324 - what tus asks for
        "sha256": lambda: sha256(content).digest(),
        "crc32": lambda: crc32(content).to_bytes(4, "big"),
    }
    return f"{algorithm} {base64(digests[algorithm]())}"


def problem(answer: Answer) -> dict[str, Any]:
    """Read a problem."""
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["tus-resumable"] == "1.0.0"
    found: dict[str, Any] = loads(answer.text)
    assert found["status"] == answer.status
    assert found["title"]
    return found


@dataclass
class Tus:
    """Uploads of one client to one folder."""

    client: DoorsClient
    folder: int

    def create(
        self,
        body: Body = b"",
        *,
        length: int | str | None = None,
        url: str = "/uploads/",
        meta: dict[str, str] | None = None,
        **headers: str | None,
    ) -> Answer:
        """Begin an upload of a file "a"; with meta, of what that says."""
        told = {"folder": str(self.folder), "filename": "a", **(meta or {})}
        sent: dict[str, str | None] = {
            "Upload_Length": None if length is None else str(length),
            "Upload_Metadata": metadata(**told),
        }
        if body:
            sent["Content_Type"] = OFFSET
        return self.request("POST", url, body, **(sent | headers))

    def begin(self, body: Body = b"", **more: Any) -> str:
        """Begin an upload, and give its address."""
        answer = self.create(body, **more)
        assert answer.status == 201, answer.text
        return answer.headers["location"]

    def patch(self, url: str, body: Body = b"", *, at: int = 0, **headers: str | None) -> Answer:
        """Append to an upload."""
        sent = {"Content_Type": OFFSET, "Upload_Offset": str(at), **headers}
        return self.request("PATCH", url, body, **sent)

    def head(self, url: str) -> Answer:
        """Ask how far an upload is."""
        return self.request("HEAD", url)

    def request(self, method: str, url: str, body: Body = b"", **headers: Any) -> Answer:
        """Send a request of this version."""
        return self.client.request(method, url, body, **(VERSION | headers))
