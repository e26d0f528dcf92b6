"""The checksum of one body, as tus states it (tus 1.0, Checksum)."""

import binascii
import hashlib
import hmac
import zlib
from base64 import b64decode
from collections.abc import Callable
from typing import Final, Protocol

from files.errors import DigestMismatchError, MalformedRequestError


class _Hash(Protocol):
    """What hashlib's objects are, and _Crc32."""

    def update(self, piece: bytes | memoryview, /) -> object: ...

    def digest(self) -> bytes: ...


class _Crc32:
    """CRC-32, in the form of hashlib's objects: four bytes, the highest first."""

    def __init__(self) -> None:
        self._value = 0

    def update(self, piece: bytes | memoryview, /) -> None:
        """Take in the next bytes."""
        self._value = zlib.crc32(piece, self._value)

    def digest(self) -> bytes:
        """Give the checksum of what was taken in."""
        return self._value.to_bytes(4)


ALGORITHMS: Final[dict[str, Callable[[], _Hash]]] = {
    # Against damage on the way, not against anybody: SHA-1 is what tus asks every server for.
    "sha1": lambda: hashlib.sha1(usedforsecurity=False),
    "sha256": hashlib.sha256,
    "crc32": _Crc32,
}


class StatedChecksum:
    """The checksum of a body, to be held against the body as it comes."""

    def __init__(self, algorithm: str, stated: bytes) -> None:
        self._algorithm, self._stated = algorithm, stated
        self._hash = ALGORITHMS[algorithm]()

    def update(self, piece: bytes | memoryview, /) -> None:
        """Take in the next bytes."""
        self._hash.update(piece)

    def require_match(self) -> None:
        """Raise DigestMismatchError, whose data says that it is of the content, not the file."""
        if not hmac.compare_digest(self._hash.digest(), self._stated):
            raise DigestMismatchError(algorithm=self._algorithm, of="content")


def parse_checksum(text: str) -> StatedChecksum:
    """Read an Upload-Checksum: an algorithm, a space, and the checksum in Base64.

    Raises MalformedRequestError, also for an algorithm that is not announced.
    """
    algorithm, _, encoded = text.partition(" ")
    if algorithm not in ALGORITHMS:
        raise MalformedRequestError(reason="upload-checksum", spoken=list(ALGORITHMS))
    try:
        stated = b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        raise MalformedRequestError(reason="upload-checksum") from None
    if len(stated) != len(ALGORITHMS[algorithm]().digest()):
        raise MalformedRequestError(reason="upload-checksum")
    return StatedChecksum(algorithm, stated)
