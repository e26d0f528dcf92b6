"""A client of tus 1.0.0."""

from base64 import b64encode
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import new
from json import loads
from typing import Any

from tests.http.client import Answer, DoorsClient

PART = "application/offset+octet-stream"

type Body = bytes | Iterable[bytes]


def metadata(**values: object) -> str:
    """Write the pairs."""
    pairs = ((key, str(value).encode()) for key, value in values.items())
    return ",".join(f"{key} {b64encode(value).decode()}" for key, value in pairs)


def checksum(content: bytes, algorithm: str = "sha1") -> str:
    """Write the header that states the digest of a body."""
    return f"{algorithm} {b64encode(new(algorithm, content).digest()).decode()}"


def code_of(answer: Answer) -> str:
    """Read the code of a problem."""
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["tus-resumable"] == "1.0.0"
    found: dict[str, Any] = loads(answer.text)
    assert found["status"] == answer.status
    return str(found["code"])


@dataclass
class Tus:
    """Uploads of one client to one folder."""

    client: DoorsClient
    folder: int

    def create(self, body: Body = b"", *, length: int | None = None, **headers: Any) -> Answer:
        """Begin an upload of a file named "a", unless headers say something else."""
        sent: dict[str, Any] = {"Upload_Metadata": metadata(folder=self.folder, filename="a")}
        if length is not None:
            sent["Upload_Length"] = str(length)
        if body:
            sent["Content_Type"] = PART
        return self.request("POST", "/uploads/", body, **{**sent, **headers})

    def begin(self, body: Body = b"", *, length: int | None = None, **headers: Any) -> str:
        """Begin an upload, and give its address."""
        answer = self.create(body, length=length, **headers)
        assert answer.status == 201, answer.text
        return answer.headers["location"]

    def patch(self, url: str, body: Body = b"", *, at: int | str = 0, **headers: Any) -> Answer:
        """Append to an upload."""
        sent = {"Content_Type": PART, "Upload_Offset": str(at), **headers}
        return self.request("PATCH", url, body, **sent)

    def head(self, url: str) -> Answer:
        """Ask how far an upload is."""
        return self.request("HEAD", url)

    def request(self, method: str, url: str, body: Body = b"", **headers: Any) -> Answer:
        """Send a request; what the client of the doors takes may be among the headers."""
        return self.client.request(method, url, body, **{"Tus_Resumable": "1.0.0", **headers})
