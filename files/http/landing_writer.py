"""The one writer of an upload whose bytes nginx has received: takes the file instead of pieces."""

import asyncio

from django.conf import settings

from files.errors import DiskFullError, StorageFailedError, UploadTakenOverError
from files.models import Upload
from files.operations.blobs import blob_storage
from files.storage.landing import LandedFile
from files.storage.partial import PartialBlob
from files.storage.system_calls import STRETCH_SIZE, read_pieces

from .bodies import Pieces
from .disk import in_disk_thread
from .handler import SyncCoreHandler
from .small import SMALL
from .writer import Append, Checksum, Writer


class LandedWriter(Writer):
    """Takes one landed file: the first bytes of an upload by a rename, later ones by a copy.

    Digests of what is small, or whose digest was stated, are taken from memory at once; those of
    all other bytes are left to the job that follows the commit.
    """

    async def _copy(self, pieces: Pieces) -> None:  # noqa: ARG002 - there are none
        """Take the file."""
        self._trip = asyncio.ensure_future(in_disk_thread(self._take_file))
        await self._settle()

    def _take_file(self) -> None:
        """Put the bytes where they belong and take them in; in a thread.

        Where that breaks, nothing is taken in, and what was copied is cut off.
        """
        assert self._append.landed is not None  # noqa: S101 - make_writer has looked
        file, partial = self._append.landed.file(), self._partial
        if self._append.checksum is not None:
            _check(file, self._append.checksum)
        try:
            if partial.length:
                partial.append(file, self._require_room)
            else:
                partial.adopt(file)
        except FileNotFoundError as error:
            raise StorageFailedError from error  # the client went, and nginx has removed it
        if partial.sha256 is not None and (self.upload.sha256 or file.size <= SMALL):
            partial.read_on(self._require_going_on)
        else:
            partial.skip_on()

    def _require_going_on(self) -> None:
        """Raise UploadTakenOverError where somebody else goes on."""
        if self.is_stopped:
            raise UploadTakenOverError

    def _require_room(self) -> None:
        """Raise DiskFullError where the disk would be filled, and what _require_going_on raises."""
        self._require_going_on()
        free = blob_storage().free_bytes() - settings.FILES_MIN_FREE_SPACE
        if free < STRETCH_SIZE:
            raise DiskFullError(free=max(0, free))


def _check(file: LandedFile, checksum: Checksum) -> None:
    """Hold the bytes against their checksum. Raises DigestMismatchError."""
    for piece in read_pieces(file.descriptor):
        checksum.update(piece)
    checksum.require_match()


def make_writer(
    partial: PartialBlob, upload: Upload, append: Append, django: SyncCoreHandler
) -> Writer:
    """Make the writer for what a request brings."""
    kind = Writer if append.landed is None else LandedWriter
    return kind(partial, upload, append, django)
