"""What is told of entries and versions, and what may be sent of them."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Literal, Self

from pydantic import ConfigDict, Field

from files.access import Located
from files.api.values import Entries, Id, Name
from files.models import Entry, Right, Version

from .base import Sent, Told

_EXAMPLE: dict[str, Any] = {
    "id": 42,
    "space": 7,
    "parent": 41,
    "kind": "file",
    "name": "report.pdf",
    "size": 18_211,
    "media_type": "application/pdf",
    "version": 99,
    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "revision": 3,
    "modified_at": "2026-01-02T03:04:05Z",
    "created_at": "2026-01-01T00:00:00Z",
    "trashed_at": None,
}


type RightName = Literal["read", "add", "edit", "share", "manage"]


def rights_of(rights: Right) -> list[RightName]:
    """Name what may be done."""
    names: dict[Right, RightName] = {
        Right.READ: "read",
        Right.ADD: "add",
        Right.EDIT: "edit",
        Right.SHARE: "share",
        Right.MANAGE: "manage",
    }
    return [name for right, name in names.items() if right in rights]


class EntryTold(Told):
    """A file or folder; version, sha256 and size are those of a file's newest content."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [_EXAMPLE]})

    id: int
    space: int
    parent: int | None = Field(description="The folder it is in; null for the top of a space.")
    kind: Literal["folder", "file"]
    name: str
    size: int = Field(description="In bytes; 0 for a folder.")
    media_type: str
    version: int | None
    sha256: str | None = Field(description="Of the content; null for a short while, or a folder.")
    revision: int = Field(description="Raised by each change; the `ETag` is made of it.")
    modified_at: datetime
    created_at: datetime
    trashed_at: datetime | None

    @classmethod
    def of(cls, entry: Entry) -> Self:
        """Tell of an entry, whose version is loaded."""
        return cls(**_told(entry))


class EntryLooked(EntryTold):
    """A file or folder, and what one may do with it."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{**_EXAMPLE, "rights": ["read"]}]}
    )

    rights: list[RightName]

    @classmethod
    def at(cls, located: Located) -> Self:
        """Tell of an entry where it was found."""
        return cls(**_told(located.entry), rights=rights_of(located.rights))


def _told(entry: Entry) -> dict[str, Any]:
    """Give what is told of an entry."""
    version = entry.version
    return {
        "id": entry.pk,
        "space": entry.space_id,
        "parent": entry.parent_id,
        "kind": "folder" if entry.is_folder else "file",
        "name": entry.name,
        "size": entry.size,
        "media_type": entry.media_type,
        "version": entry.version_id,
        "sha256": (version.sha256 or None) if version else None,
        "revision": entry.revision,
        "modified_at": entry.modified_at,
        "created_at": entry.created_at,
        "trashed_at": entry.trashed_at,
    }


class FolderSent(Sent):
    """A folder that is to be made."""

    name: Name


class PlaceSent(Sent):
    """What is to change of an entry: its name, its folder, or both; what is left out stays."""

    name: Name | None = None
    parent: Id | None = None


class CopySent(Sent):
    """The folder that a copy goes to, and its name there; without one, a free name like it."""

    parent: Id
    name: Name | None = None


class EntriesSent(Sent):
    """Entries that something is to be done with: all of them, or none."""

    entries: Entries


class TransferSent(EntriesSent):
    """Entries, and the folder that they go to."""

    parent: Id


class EntriesTold(Told):
    """What became of some entries."""

    entries: list[EntryTold]

    @classmethod
    def of(cls, entries: Iterable[Entry]) -> Self:
        """Tell of some entries."""
        return cls(entries=[EntryTold.of(entry) for entry in entries])


class TransferTold(EntriesTold):
    """What was moved or copied; job is the address of what a job still has to do."""

    job: str | None = Field(examples=["/api/v1/spaces/7/jobs/120"])


class DeletionTold(Told):
    """What was deleted for good, or would be."""

    entries: int = Field(description="Files and folders, with what is in them.")
    bytes: int = Field(description="Of all their versions.")
    dry_run: bool


class VersionTold(Told):
    """A content that a file has had."""

    id: int
    size: int
    sha256: str | None
    created_at: datetime
    created_by: str | None
    content: str = Field(description="The address of its bytes.")

    @classmethod
    def of(cls, version: Version, address: str) -> Self:
        """Tell of a version; who made it is loaded."""
        return cls(
            id=version.pk,
            size=version.size,
            sha256=version.sha256 or None,
            created_at=version.created_at,
            created_by=version.created_by.get_username() if version.created_by else None,
            content=f"{address}?version={version.pk}",
        )
