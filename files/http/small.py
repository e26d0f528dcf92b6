"""Small uploads that come whole in one request: received into memory, and put at once.

What is small is the common case, and its cost is that of its transactions: here it has one, in
which the file becomes visible and the upload is written down as finished. A body that is cut leaves
nothing, as its client was told of no upload that it could go on with.
"""

import hmac
from collections.abc import AsyncIterator
from hashlib import sha256
from typing import Final

from files.access import Actor, locate
from files.errors import DigestMismatchError, FilesError, LengthMismatchError
from files.models import Right, Upload
from files.operations.blobs import NewBlob
from files.operations.placing import NewFile
from files.operations.versions import Member
from files.operations.wanted import Wanted, check_wanted, new_upload

from .handler import SyncCoreHandler
from .small_puts import SmallBody, SmallPut, SmallPuts, store_bodies
from .writer import Append, Checksum

SMALL: Final = 2**20  # bytes


def is_small(wanted: Wanted, append: Append) -> bool:
    """Tell whether a request brings a whole small file."""
    return (
        append.size is not None
        and append.size <= SMALL
        and append.size == wanted.length
        and append.is_last is not False
    )


class SmallUploads:
    """Takes small files, for all protocols; one for each process."""

    def __init__(self, django: SyncCoreHandler, puts: SmallPuts) -> None:
        self._django, self._puts = django, puts

    async def put(
        self,
        folder_id: int,
        wanted: Wanted,
        append: Append,
        actor: Actor,
        pieces: AsyncIterator[bytes],
    ) -> Upload:
        """Receive a file and put it in its place; give its upload, which is finished.

        Raises what check_wanted raises, before a byte is read, LengthMismatchError,
        DigestMismatchError, ClientGoneError, and what put_files raises.
        """
        folder = await self._django.in_thread(
            lambda: check_wanted(locate(actor, folder_id, Right.ADD), wanted)
        )
        content = await _read(pieces, wanted.length or 0)
        check_content(content, wanted.sha256, append.checksum)
        upload = new_upload(folder, wanted, actor=actor)

        def member(blob: NewBlob) -> Member:
            file = NewFile(wanted.path, blob, wanted.modified_at, begun=upload)
            return Member(folder.pk, file, actor, wanted.clash)

        body = SmallBody(content, upload.name, upload.pk)
        await self._puts.put(SmallPut(folder.space_id, body, member))
        return upload


async def _read(pieces: AsyncIterator[bytes], length: int) -> bytes:
    """Read a body that has that length. Raises LengthMismatchError."""
    content = bytearray()
    async for piece in pieces:
        content += piece
        if len(content) > length:
            raise LengthMismatchError(length=length)
    if len(content) < length:
        raise LengthMismatchError(length=length)
    return bytes(content)


def check_content(content: bytes, stated: str, checksum: Checksum | None) -> None:
    """Hold a body against the SHA-256 that was stated of it, and any other checksum.

    Raises DigestMismatchError.
    """
    if checksum is not None:
        checksum.update(content)
        checksum.require_match()
    if stated and not hmac.compare_digest(sha256(content).hexdigest(), stated):
        raise DigestMismatchError(algorithm="sha-256")


def store_empty(name: str) -> NewBlob:
    """Put a file without bytes on stable storage; in a thread.

    Raises StorageFailedError and DiskFullError.
    """
    (outcome,) = store_bodies([SmallBody(b"", name)])
    if isinstance(outcome, FilesError):
        raise outcome
    return outcome
