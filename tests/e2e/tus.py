"""A tus client by the byte, for the real stack: it says what it was told, and retries nothing."""

from base64 import b64encode
from dataclasses import dataclass
from hashlib import sha256

from tests.e2e.conftest import Session
from tests.e2e.wire import NONE, Reply

OFFSET = "application/offset+octet-stream"


def base64(value: bytes) -> str:
    return b64encode(value).decode()


@dataclass
class TusClient:
    """Somebody who uploads to one folder; an answer of status 0 is none."""

    session: Session
    folder: int
    port: int | None = None

    def create(self, name: str, length: int | None, body: bytes = b"", **headers: str) -> Reply:
        """Begin an upload, with its first bytes or without."""
        told = {"folder": str(self.folder), "filename": name}
        pairs = [f"{key} {base64(value.encode())}" for key, value in told.items()]
        sent = {"Upload_Metadata": ",".join(pairs), **headers}
        if length is None:
            sent["Upload_Defer_Length"] = "1"
        else:
            sent["Upload_Length"] = str(length)
        if body:
            sent["Content_Type"] = OFFSET
        return self.request("POST", "/uploads/", body, **sent)

    def patch(self, url: str, body: bytes, *, at: int, **headers: str) -> Reply:
        """Append to an upload."""
        sent = {"Content_Type": OFFSET, "Upload_Offset": str(at), **headers}
        return self.request("PATCH", url, body, **sent)

    def head(self, url: str) -> Reply:
        """Ask how far an upload is."""
        return self.request("HEAD", url)

    def request(self, method: str, url: str, body: bytes = b"", **headers: str) -> Reply:
        """Send a request of this version."""
        try:
            return self.session.request(
                method, url, body, port=self.port, Tus_Resumable="1.0.0", **headers
            )
        except OSError:  # nothing listens for a moment
            return NONE


def checksum(body: bytes) -> str:
    """Write an Upload-Checksum."""
    return f"sha256 {base64(sha256(body).digest())}"
