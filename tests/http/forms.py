"""Uploads as the tests of the door send them, and what must be there afterwards."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from files.models import Blob, Entry, Event, Space
from files.storage.filesystem import BlobStorage
from tests.http.client import SECRET, Answer, DoorsClient
from tests.multiparts import TYPE, A, file, form

PIECE = 65_536  # bytes that a server hands on at once


def with_token(body: bytes) -> bytes:
    """Put the token of every client of ours into a form."""
    return body.replace(b"{token}", SECRET.encode())


BODY = with_token(form(A))


def form_of(content: bytes) -> bytes:
    """Write a form with one file, a.txt."""
    return with_token(form(file("a.txt", content)))


def in_pieces(body: bytes) -> list[bytes]:
    """Cut a body as it would come."""
    return [body[at : at + PIECE] for at in range(0, len(body), PIECE)]


def upload(
    browser: DoorsClient, folder: Entry | int, body: bytes | list[bytes] = BODY, **more: Any
) -> Answer:
    """Post a form."""
    number = folder if isinstance(folder, int) else folder.pk
    return browser.request("POST", f"/upload/{number}", body, content_type=TYPE, **more)


def stored_files(storage: BlobStorage) -> list[str]:
    """List what lies on the disk."""
    return [found.name for found in storage.scan()]


def contents(root: Entry, storage: BlobStorage) -> dict[str, bytes]:
    """Read all files below a folder, by path."""
    found = {}
    for entry in Entry.objects.filter(space=root.space_id, kind=Entry.Kind.FILE):
        names, at = [entry.name], entry.parent
        while at is not None and at.pk != root.pk:
            names.insert(0, at.name)
            at = at.parent
        assert entry.version is not None
        blob = entry.version.blob
        content = Path(storage.path(str(blob.file.name))).read_bytes()
        assert entry.size == blob.size == len(content)
        found["/".join(names)] = content
    return found


@dataclass(frozen=True)
class Scene:
    """Ada with her browser, her space and the disk."""

    browser: DoorsClient
    space: Space
    root: Entry
    storage: BlobStorage

    def assert_nothing_came(self) -> None:
        """Check that disk and database are as they were."""
        assert stored_files(self.storage) == []
        assert not Blob.objects.exists()
        assert not Entry.objects.filter(parent__isnull=False).exists()
        assert not Event.objects.filter(kind=Event.Kind.FILE_CREATED).exists()
        self.space.refresh_from_db()
        assert self.space.used_bytes == 0
