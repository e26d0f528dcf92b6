"""The archive door: a folder, or a selection of it, as one ZIP that is made while it is sent."""

import os
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from itertools import batched
from typing import Final

from django.core.handlers.asgi import ASGIRequest
from django.http import QueryDict
from django.utils.translation import gettext as _

from files.access import locate
from files.errors import EntryNotFoundError, FilesError, NotAFolderError
from files.ids import is_id
from files.models import Entry, Event
from files.operations.blobs import blob_storage
from files.storage.base import blob_name

from .archive import Member, archive_length, stream_archive
from .bodies import as_refusal
from .content import CONTENT_POLICY
from .credentials import signed_in
from .disk import in_disk_thread
from .disposition import content_disposition
from .downloads import read_stretch, send_pieces
from .handler import Receive, Scope, Send, SyncCoreHandler
from .ranges import ByteRange

FOLDERS_AT_ONCE: Final = 500  # folders whose members one query reads


@dataclass(frozen=True, slots=True)
class _Archive:
    """What to send: a name for it, its members in order, and its exact length in bytes."""

    name: str
    members: list[Member]
    length: int


class ArchiveDoor:
    """Sends folders as ZIP archives: no temporary file, no limit of size, the length stated."""

    def __init__(self, django: SyncCoreHandler) -> None:
        self._django = django

    async def send_archive(
        self, folder_id: int, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Answer GET or HEAD for a folder; "entry" in the query, repeated, selects members."""
        try:
            archive = await self._django.in_thread(_gather, folder_id, scope)
        except FilesError as error:
            await self._django.respond(as_refusal(scope, error), send)
            return
        await send({"type": "http.response.start", "status": 200, "headers": _headers(archive)})
        if scope["method"] == "HEAD":
            await send({"type": "http.response.body", "body": b""})
            return
        await send_pieces(stream_archive(archive.members), receive, send)


def _headers(archive: _Archive) -> list[tuple[bytes, bytes]]:
    """Give the headers of an archive; it is made anew each time, so it has no validator."""
    return [
        (b"content-type", b"application/zip"),
        (b"content-length", str(archive.length).encode()),
        (b"content-disposition", content_disposition("attachment", archive.name).encode()),
        (b"content-security-policy", CONTENT_POLICY.encode()),
        (b"accept-ranges", b"none"),
        (b"x-accel-buffering", b"no"),
    ]


def _gather(folder_id: int, scope: Scope) -> _Archive:
    """Find the folder, check the right to read it, and list what is below; in a thread."""
    request = ASGIRequest(scope, BytesIO())
    located = locate(signed_in(request, door=Event.Door.WEB), folder_id)
    folder = located.entry
    if not folder.is_folder:
        raise NotAFolderError(entry_id=folder_id)
    name = folder.name or folder.space.name
    chosen = _chosen(request.GET, folder)
    if chosen is None:
        top = f"{folder.name}/" if folder.name else ""
        members = [_folder_member(folder, top)] if top else []
        members += _members_below({folder.pk: top})
    else:
        name = (
            chosen[0].name if len(chosen) == 1 else _("%(folder)s (selection)") % {"folder": name}
        )
        members = list(_selection(chosen))
    return _Archive(f"{name}.zip", members, archive_length(members))


def _chosen(query: QueryDict, folder: Entry) -> list[Entry] | None:
    """Give the members of a folder that a query selects; None where it selects nothing.

    Raises EntryNotFoundError unless all of them are there.
    """
    asked = set(query.getlist("entry"))
    if not asked:
        return None
    wanted = {int(text) for text in asked if is_id(text)}
    some = Entry.objects.children_of(folder).select_related("version__blob")
    chosen = list(some.filter(pk__in=wanted).order_by("kind", "name_fold", "pk"))
    if len(chosen) != len(asked):
        raise EntryNotFoundError
    return chosen


def _selection(chosen: list[Entry]) -> Iterator[Member]:
    """List the chosen entries and what is below them."""
    folders = {}
    for entry in chosen:
        if entry.is_folder:
            folders[entry.pk] = f"{entry.name}/"
            yield _folder_member(entry, folders[entry.pk])
        else:
            yield _file_member(entry, entry.name)
    yield from _members_below(folders)


def _members_below(folders: Mapping[int, str]) -> Iterator[Member]:
    """List all that is live below some folders, whose paths end in "/", a level at a time."""
    level = dict(folders)
    while level:
        below: dict[int, str] = {}
        for some in batched(level, FOLDERS_AT_ONCE):
            rows = Entry.objects.live().filter(parent__in=some).select_related("version__blob")
            for entry in rows.order_by("kind", "name_fold", "pk").iterator(chunk_size=2000):
                path = f"{level[entry.parent_id or 0]}{entry.name}"
                if entry.is_folder:
                    below[entry.pk] = f"{path}/"
                    yield _folder_member(entry, below[entry.pk])
                else:
                    yield _file_member(entry, path)
        level = below


def _folder_member(entry: Entry, path: str) -> Member:
    """Describe a folder to the archive."""
    return Member(path, 0, 0, entry.modified_at, is_folder=True)


def _file_member(entry: Entry, path: str) -> Member:
    """Describe a file to the archive; its bytes are opened when it is its turn."""
    assert entry.version is not None  # noqa: S101 - a file has one, by put_files
    blob = entry.version.blob
    read = partial(_read_whole, blob_name(blob.pk), blob.size)
    return Member(path, blob.size, blob.crc32, entry.modified_at, open=read)


async def _read_whole(name: str, size: int) -> AsyncIterator[bytes]:
    """Read a stored file from its beginning to the size that was recorded."""
    descriptor = await in_disk_thread(blob_storage().open_blob, name)
    try:
        async for piece in read_stretch(descriptor, ByteRange(0, size - 1)):
            yield piece
    finally:
        os.close(descriptor)
