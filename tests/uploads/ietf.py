"""A client of Resumable Uploads for HTTP, which speaks each of its interop versions."""

from base64 import b64encode
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import new
from json import loads
from typing import Any

from tests.http.client import Answer, DoorsClient

PARTIAL = "application/partial-upload"
PROBLEMS = "https://iana.org/assignments/http-problem-types#"
VERSIONS = ["3", "4", "5", "6", "7", "8", None]

type Body = bytes | Iterable[bytes]


def complete(version: str | None, *, last: bool) -> dict[str, str | None]:
    """Give the headers by which a version says whether a request is the last."""
    if version == "3":
        return {"Upload_Draft_Interop_Version": "3", "Upload_Incomplete": f"?{int(not last)}"}
    return {"Upload_Draft_Interop_Version": version, "Upload_Complete": f"?{int(last)}"}


def digest(content: bytes, algorithm: str = "sha-256") -> str:
    """Give the field value of a digest."""
    raw = new(algorithm.replace("-", ""), content).digest()
    return f"{algorithm}=:{b64encode(raw).decode()}:"


def state_of(answer: Answer) -> tuple[str | None, bool | None]:
    """Give the offset that an answer tells, and whether it says that the upload is complete."""
    headers = answer.headers
    if "upload-incomplete" in headers:
        return headers.get("upload-offset"), headers["upload-incomplete"] == "?0"
    return headers.get("upload-offset"), {"?1": True, "?0": False}.get(
        headers.get("upload-complete", "")
    )


def problem(answer: Answer) -> dict[str, Any]:
    """Read a problem."""
    assert answer.headers["content-type"] == "application/problem+json"
    found: dict[str, Any] = loads(answer.text)
    assert found["status"] == answer.status
    return found


@dataclass
class Ietf:
    """Uploads of one client to one folder, in one version."""

    client: DoorsClient
    folder: int
    version: str | None = None

    def create(
        self, body: Body = b"", *, last: bool = False, query: str = "&path=a", **headers: str | None
    ) -> Answer:
        """Begin an upload."""
        url = f"/uploads/?folder={self.folder}{query}"
        return self.request("POST", url, body, last=last, **headers)

    def begin(self, body: Body = b"", **headers: Any) -> str:
        """Begin an upload, and give its address."""
        answer = self.create(body, **headers)
        assert answer.status == 201
        return answer.headers["location"]

    def patch(
        self, url: str, body: Body = b"", *, at: int = 0, last: bool = False, **headers: str | None
    ) -> Answer:
        """Append to an upload."""
        sent = {"Content_Type": PARTIAL, "Upload_Offset": str(at), **headers}
        return self.request("PATCH", url, body, last=last, **sent)

    def head(self, url: str) -> Answer:
        """Ask how far an upload is."""
        return self.client.request("HEAD", url, Upload_Draft_Interop_Version=self.version)

    def request(
        self, method: str, url: str, body: Body = b"", *, last: bool = False, **headers: Any
    ) -> Answer:
        """Send a request that may bring bytes."""
        return self.client.request(
            method, url, body, **{**complete(self.version, last=last), **headers}
        )
