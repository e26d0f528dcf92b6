"""Digest fields (RFC 9530): what a client says of its bytes, and what is said to it.

A file is checked by SHA-256, which is what is known of every file; one body also by SHA-512. Other
algorithms are read over, as the RFC lets a recipient do: the answer states the SHA-256 either way.
"""

import hashlib
import hmac
from collections.abc import Mapping
from typing import Final

from files.errors import DigestMismatchError, MalformedRequestError

from .structured_fields import parse_dictionary, write_dictionary

_ALGORITHMS: Final = {"sha-256": "sha256", "sha-512": "sha512"}


def stated_digests(headers: Mapping[str, str], field: str) -> dict[str, bytes]:
    """Give the digests of a field that can be checked, by algorithm; none where it is missing.

    Raises MalformedRequestError: a digest that cannot be read would not be checked.
    """
    text = headers.get(field)
    if text is None:
        return {}
    members = parse_dictionary(text)
    if members is None:
        raise MalformedRequestError(reason=field)
    digests: dict[str, bytes] = {}
    for algorithm, value in members.items():
        if algorithm not in _ALGORITHMS:
            continue
        if not isinstance(value, bytes) or len(value) != _new(algorithm).digest_size:
            raise MalformedRequestError(reason=field)
        digests[algorithm] = value
    return digests


def stated_sha256(headers: Mapping[str, str]) -> str:
    """Give the SHA-256 of the whole file, in hex, if Repr-Digest states it, or else an empty text.

    Raises MalformedRequestError.
    """
    return stated_digests(headers, "repr-digest").get("sha-256", b"").hex()


def content_check(headers: Mapping[str, str]) -> "ContentCheck | None":
    """Give what checks a body against its Content-Digest, if it has one that can be checked.

    Raises MalformedRequestError.
    """
    digests = stated_digests(headers, "content-digest")
    return ContentCheck(digests) if digests else None


def repr_digest(sha256: str) -> str:
    """Write the digest of a whole file as the value of a Repr-Digest."""
    return write_dictionary({"sha-256": bytes.fromhex(sha256)})


class ContentCheck:
    """The digests of one body: those that were stated against those of what came."""

    def __init__(self, stated: Mapping[str, bytes]) -> None:
        self._stated = stated
        self._hashes = {algorithm: _new(algorithm) for algorithm in stated}

    def update(self, piece: bytes | memoryview, /) -> None:
        """Take in the next bytes."""
        for digest in self._hashes.values():
            digest.update(piece)

    def require_match(self) -> None:
        """Raise DigestMismatchError, whose data says that it is of the content, not the file."""
        for algorithm, digest in self._hashes.items():
            if not hmac.compare_digest(digest.digest(), self._stated[algorithm]):
                raise DigestMismatchError(algorithm=algorithm, of="content")


def _new(algorithm: str) -> "hashlib._Hash":
    """Begin a digest."""
    return hashlib.new(_ALGORITHMS[algorithm])
