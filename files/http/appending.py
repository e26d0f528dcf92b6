"""The upload engine: bytes to the end of an upload, by one connection at a time.

Knows no protocol. The row of the upload says how many bytes are safe, the lock on its file says who
is the one writer, and the generation in the row says who should be: a new connection raises it and
the old one stops at its next piece, wherever it runs. What a cut connection had brought is kept.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from typing import Final
from uuid import UUID

from django.db import Error

from files.access import Actor, get_upload
from files.errors import (
    DigestMismatchError,
    DiskFullError,
    FilesError,
    LengthMismatchError,
    OffsetConflictError,
    StorageFailedError,
    UploadBusyError,
    UploadCompleteError,
    UploadNotFoundError,
    UploadTakenOverError,
)
from files.models import Entry, Upload
from files.operations import uploads as operations
from files.operations.blobs import NewBlob, blob_storage, discard_partial
from files.operations.placing import Clash, Condition
from files.operations.versions import Member
from files.storage.partial import PartialBlob, boot_id

from .commits import Commits
from .disk import in_disk_thread, translated
from .handler import SyncCoreHandler
from .landing_writer import make_writer
from .writer import POLL_SECONDS, Append, Writer, go_back, progress_of

logger = logging.getLogger(__name__)

PATIENCE_SECONDS: Final = 10.0  # how long a new connection waits for the old one to stop


class Engine:
    """Appends to uploads and finishes them, for all protocols; one for each process."""

    def __init__(self, django: SyncCoreHandler, commits: Commits) -> None:
        self._django, self._commits = django, commits
        self._writers: dict[UUID, Writer] = {}
        self._watch: asyncio.Task[None] | None = None

    async def query(self, upload_id: UUID, actor: Actor, *, length_tells: bool = True) -> Upload:
        """Give an upload, with the offset that is safe now; whoever was writing it is stopped.

        One that is complete and not in its place, because its end was cut off, is put there; one
        that is held only if length_tells. Raises UploadNotFoundError, UploadBusyError,
        StorageFailedError and what put_files raises.
        """
        upload = await self._django.in_thread(get_upload, actor, upload_id)
        if upload.is_finished:
            return upload
        partial = await self._seize(upload)
        try:
            upload = await self._django.in_thread(bring_into_line, partial, upload)
            is_due = upload.is_complete and not upload.is_finished
            is_due = is_due and (length_tells or not upload.is_held)
            return await self._finish(partial, upload, actor) if is_due else upload
        finally:
            partial.close()

    async def append(
        self, upload_id: UUID, actor: Actor, append: Append, pieces: AsyncIterator[bytes]
    ) -> Upload:
        """Append a body to an upload, and finish it if that was the last of it.

        Raises OffsetConflictError, UploadCompleteError, LengthMismatchError, DigestMismatchError,
        UploadTakenOverError and UploadBusyError, what admission and put_files raise, and
        ClientGoneError; what came until then is kept, unless a checksum says it is wrong. A body
        that goes on behind the length of the file takes the upload with it.
        """
        upload = await self._django.in_thread(get_upload, actor, upload_id)
        if _is_repeated(upload, append):
            return upload
        partial = await self._seize(upload)
        try:
            upload = await self._django.in_thread(_admit, partial, upload, append)
            if upload.is_finished:
                return upload
            writer = make_writer(partial, upload, append, self._django)
            try:
                await self._write(writer, pieces)
            except LengthMismatchError:
                # More than was announced: what there is would pass for a file that it is not.
                with suppress(UploadNotFoundError):
                    await self.cancel(upload_id, actor)
                raise
            if not writer.is_whole:
                await writer.save()
            if not writer.is_whole:
                return writer.upload
            try:
                return await self._finish(partial, writer.upload, actor)
            except FilesError:
                with suppress(UploadNotFoundError):  # a wrong file is gone, and so is its upload
                    await writer.save()
                raise
        finally:
            partial.close()

    async def take(
        self,
        upload: Upload,
        actor: Actor,
        append: Append,
        pieces: AsyncIterator[bytes],
        condition: Condition | None = None,
    ) -> tuple[Entry, NewBlob]:
        """Take a whole file over the one connection that an upload was begun for.

        Whatever breaks it takes the upload with it, unless another connection goes on with it.
        Raises what append raises, and what condition raises.
        """
        try:
            return await self._take(upload, actor, append, pieces, condition)
        except UploadTakenOverError:
            raise
        except BaseException:
            await asyncio.shield(self._give_up(upload, actor))
            raise

    async def _give_up(self, upload: Upload, actor: Actor) -> None:
        """Cancel the upload of a body that broke off.

        What cannot be forgotten, on a disk that is full to the last byte, is left to the jobs:
        nobody is told of it instead of the cause.
        """
        try:
            with suppress(UploadNotFoundError):
                await self.cancel(upload.pk, actor)
        except DiskFullError:
            logger.warning("upload %s is left to the jobs by a full disk", upload.pk)

    async def _take(
        self,
        upload: Upload,
        actor: Actor,
        append: Append,
        pieces: AsyncIterator[bytes],
        condition: Condition | None,
    ) -> tuple[Entry, NewBlob]:
        """Take a whole file."""
        partial = await self._seize(upload)
        try:
            begun = await self._django.in_thread(_admit, partial, upload, append)
            writer = make_writer(partial, begun, append, self._django)
            await self._write(writer, pieces)
            if begun.length not in {None, partial.size}:
                raise LengthMismatchError(length=begun.length)
            return await self._commit(partial, begun, actor, condition)
        except DiskFullError:
            await self._django.in_thread(_make_room, partial, upload.pk)
            raise
        finally:
            partial.close()

    async def cancel(self, upload_id: UUID, actor: Actor) -> None:
        """Give an upload up, and stop who writes it. Raises UploadNotFoundError."""
        await self._django.in_thread(lambda: operations.cancel_upload(upload_id, actor=actor))
        if (writer := self._writers.get(upload_id)) is not None:
            writer.stop()

    async def _seize(self, upload: Upload) -> PartialBlob:
        """Open the file of an upload as its one writer; whoever is that now is told to stop."""
        partial = await in_disk_thread(opened, upload.pk)
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                while not (is_mine := partial.try_lock()) or not partial.is_there:
                    if is_mine:  # the one before has put a landed file in its place
                        partial.close()
                        partial = await in_disk_thread(opened, upload.pk)
                        continue
                    await self._django.in_thread(operations.take_over, upload)
                    if (writer := self._writers.get(upload.pk)) is not None:
                        writer.stop()
                    await asyncio.sleep(POLL_SECONDS / 5)
        except TimeoutError:
            partial.close()
            raise UploadBusyError from None
        except BaseException:
            partial.close()
            raise
        return partial

    async def _write(self, writer: "Writer", pieces: AsyncIterator[bytes]) -> None:
        """Let a writer take a body, and see meanwhile whether it must stop."""
        self._writers[writer.upload.pk] = writer
        if self._watch is None or self._watch.done():
            self._watch = asyncio.ensure_future(self._watch_generations())
        try:
            await writer.run(pieces)
        finally:
            del self._writers[writer.upload.pk]  # before the lock goes: there is no other yet

    async def _watch_generations(self) -> None:
        """Stop the writers whose uploads were taken over by another process, or cancelled."""
        while self._writers:
            await asyncio.sleep(POLL_SECONDS)
            writers = [writer for writer in self._writers.values() if not writer.is_stopped]
            ids = [writer.upload.pk for writer in writers]
            try:
                newest = await self._django.in_thread(operations.generations, ids)
            except (Error, DiskFullError):
                logger.exception("the generations of uploads could not be read")
                continue
            for writer in writers:
                if newest.get(writer.upload.pk) != writer.upload.generation:
                    writer.stop()

    async def _finish(self, partial: PartialBlob, upload: Upload, actor: Actor) -> Upload:
        """Put a complete upload in its place, and give it as it is then."""
        await self._commit(partial, upload, actor)
        return await self._django.in_thread(get_upload, actor, upload.pk)

    async def _commit(
        self,
        partial: PartialBlob,
        upload: Upload,
        actor: Actor,
        condition: Condition | None = None,
    ) -> tuple[Entry, NewBlob]:
        """Put a complete upload in its place. A wrong file is thrown away, with the upload."""
        blob = await in_disk_thread(blob_of, partial, upload)
        try:
            file = operations.finished_file(upload, blob)
        except DigestMismatchError:
            await self.cancel(upload.pk, actor)
            raise
        file = replace(file, condition=condition)
        member = Member(upload.folder_id or 0, file, actor, Clash(upload.clash))
        return await self._commits.put(upload.space_id, member), blob


def opened(upload_id: UUID) -> PartialBlob:
    """Open the file of an upload; in a thread."""
    try:
        return PartialBlob(blob_storage(), upload_id)
    except OSError as error:
        raise translated(error) from error


def _is_repeated(upload: Upload, append: Append) -> bool:
    """Tell whether an append only repeats the end of what is finished.

    Raises UploadCompleteError for bytes that a finished upload has no place for, and for the last
    word of who says one: that is said once.
    """
    if not upload.is_finished:
        return False
    if append.is_last is None and append.offset == upload.length and append.size == 0:
        return True
    raise UploadCompleteError(length=upload.length)


def _make_room(partial: PartialBlob, upload_id: UUID) -> None:
    """Cut off what does not count of a file that will not be whole, as its one writer; in a thread.

    The database needs room, too, to forget the upload.
    """
    offset = Upload.objects.filter(pk=upload_id).values_list("offset", flat=True).first()
    partial.start_at(offset or 0, None, None)
    with suppress(OSError):
        partial.cut()


def bring_into_line(partial: PartialBlob, upload: Upload) -> Upload:
    """Make the row of an upload and its file agree, as its one writer; in a thread.

    Bytes behind the offset are taken in if this boot of the host wrote them, or else cut off.
    Raises UploadNotFoundError and StorageFailedError.
    """
    try:
        fresh = Upload.objects.select_related("space", "folder", "owner").get(pk=upload.pk)
    except Upload.DoesNotExist:
        discard_partial([upload.pk])
        raise UploadNotFoundError from None
    if fresh.is_finished:
        return fresh
    if not partial.is_there:
        raise UploadNotFoundError
    saved = operations.progress_saved(fresh)
    partial.start_at(saved.offset, saved.crc32, saved.hash_state)
    if partial.length < fresh.offset:
        logger.critical("upload %s has lost bytes that were safe", fresh.pk)
        raise StorageFailedError
    if partial.length > fresh.offset:
        try:
            if fresh.tail_boot_id == boot_id():
                partial.read_on()
                partial.sync()
            else:
                partial.cut()
        except OSError as error:
            go_back(partial, fresh, saved)
            raise translated(error) from error
        operations.end_append(fresh, progress_of(partial))
    return fresh


def _admit(partial: PartialBlob, upload: Upload, append: Append) -> Upload:
    """Decide by the head of a request whether its bytes may be appended; in a thread."""
    fresh = bring_into_line(partial, upload)
    if _is_repeated(fresh, append):
        return fresh
    if append.offset != fresh.offset:
        raise OffsetConflictError(offset=fresh.offset)
    return operations.begin_append(
        fresh,
        until=append.until,
        length=append.whole_length,
        checked=append.checksum is not None,
        sha256=append.sha256,
        is_held=append.is_last is False,
        landed=append.landed.size if append.landed is not None else 0,
    )


def blob_of(partial: PartialBlob, upload: Upload) -> NewBlob:
    """Say what a complete upload is; in a thread.

    Where the digest was lost on the way and one was stated, the bytes are read again.
    """
    if partial.sha256 is None and upload.sha256:
        partial.start_at(0, 0, None)
        partial.read_on()
    return operations.received_blob(partial, upload.pk, upload.name)
