"""The documents of the API: what is told, and what may be sent."""

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from files.access import Located
from files.models import Entry, Event, Grant, Right, Space, Upload, Version
from files.operations.pending import Pending

from .values import Entries, Id, Name, Number, Path, Sha256

type RightName = Literal["read", "add", "edit", "manage"]
type RoleName = Literal["viewer", "uploader", "editor", "manager"]

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


def rights_of(rights: Right) -> list[RightName]:
    """Name what may be done."""
    names: dict[Right, RightName] = {
        Right.READ: "read",
        Right.ADD: "add",
        Right.EDIT: "edit",
        Right.MANAGE: "manage",
    }
    return [name for right, name in names.items() if right in rights]


class Told(BaseModel):
    """What is told."""

    model_config = ConfigDict(extra="forbid")


class Sent(BaseModel):
    """What may be sent: exactly its fields, each of exactly its type."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Problem(Told):
    """What went wrong (RFC 9457); code is stable, and data depends on it."""

    type: str = Field(examples=["about:blank"])
    title: str = Field(examples=["Not Found"])
    status: int = Field(examples=[404])
    code: str = Field(examples=["entry-not-found"])
    detail: str = Field(examples=["There is no such file or folder."])
    data: dict[str, Any]


class Page[T](Told):
    """Some items of a list; next is the cursor of those behind them, null at the end."""

    items: list[T]
    next: str | None


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


class SpaceTold(Told):
    """A space, and what one may do with the whole of it."""

    id: int
    kind: Literal["personal", "shared"]
    name: str = Field(examples=["Team"])
    root: int = Field(description="Its top folder.")
    quota_bytes: int | None = Field(description="Null: no limit.")
    used_bytes: int
    refuses_case_twins: bool
    seq: int = Field(description="The number of its newest event.")
    rights: list[RightName]

    @classmethod
    def of(cls, space: Space, rights: Right) -> Self:
        """Tell of a space."""
        return cls(
            id=space.pk,
            kind="personal" if space.kind == Space.Kind.PERSONAL else "shared",
            name=space.name,
            root=space.root_id or 0,
            quota_bytes=space.quota_bytes,
            used_bytes=space.used_bytes,
            refuses_case_twins=space.refuses_case_twins,
            seq=space.last_seq,
            rights=rights_of(rights),
        )


class SpaceSent(Sent):
    """What is to change of a space; what is left out stays."""

    name: Annotated[str, Field(max_length=100)] | None = None
    refuses_case_twins: bool | None = None


class UsageTold(Told):
    """How full a space is, in bytes; null where there is no quota."""

    quota_bytes: int | None
    used_bytes: int = Field(description="Every version, the trash and what uploads reserve.")
    reserved_bytes: int = Field(description="What unfinished uploads reserve.")
    free_bytes: int | None


class MemberTold(Told):
    """A user or a group with a role in a space."""

    kind: Literal["user", "group"]
    name: str
    role: RoleName

    @classmethod
    def of(cls, grant: Grant) -> Self:
        """Tell of a member; user and group are loaded."""
        name = grant.user.get_username() if grant.user else grant.group.name if grant.group else ""
        kind: Literal["user", "group"] = "user" if grant.user else "group"
        return cls(kind=kind, name=name, role=role_name(grant.role))


_ROLES: dict[RoleName, Grant.Role] = {
    "viewer": Grant.Role.VIEWER,
    "uploader": Grant.Role.UPLOADER,
    "editor": Grant.Role.EDITOR,
    "manager": Grant.Role.MANAGER,
}


def role_name(role: int) -> RoleName:
    """Name a role."""
    return next(name for name, value in _ROLES.items() if value == role)


class RoleSent(Sent):
    """The role that a member is to have."""

    role: RoleName

    @property
    def value(self) -> Grant.Role:
        """Give the role."""
        return _ROLES[self.role]


class FolderSent(Sent):
    """A folder that is to be made."""

    name: Name


class PlaceSent(Sent):
    """What is to change of an entry: its name, its folder, or both; what is left out stays."""

    name: Name | None = None
    parent: Id | None = None


class CopySent(Sent):
    """The folder that a copy goes to."""

    parent: Id


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


class KnownSent(Sent):
    """A file that the server may have already: its place, its size and its digest."""

    path: Path
    size: Number
    sha256: Sha256
    modified_at: Annotated[AwareDatetime | None, Field(strict=False)] = None
    clash: Literal["version", "both", "refuse"] = "version"


class KnownTold(Told):
    """Whether the server had the file, and what it became, for who may read there."""

    known: bool
    entry: EntryTold | None


class UploadTold(Told):
    """An unfinished upload, and how far it is."""

    id: str
    address: str = Field(description="Where it goes on, by tus or Resumable Uploads for HTTP.")
    folder: int | None
    path: str
    length: int | None = Field(description="In bytes; null where it is not said yet.")
    offset: int = Field(description="Bytes that are safe.")
    received: int = Field(description="Bytes that have come.")
    is_running: bool
    is_received: bool = Field(description="All is there; it waits to be confirmed.")
    created_at: datetime
    expires_at: datetime

    @classmethod
    def of(cls, pending: Pending) -> Self:
        """Tell of an upload as it was looked at."""
        upload: Upload = pending.upload
        return cls(
            id=upload.pk.hex,
            address=f"/uploads/{upload.pk.hex}",
            folder=upload.folder_id,
            path=upload.path,
            length=upload.length,
            offset=upload.offset,
            received=pending.size,
            is_running=pending.is_running,
            is_received=pending.is_received,
            created_at=upload.created_at,
            expires_at=upload.expires_at,
        )


class EventTold(Told):
    """One change: what, when, by whom, and how things stood before and after."""

    seq: int
    kind: str = Field(examples=["entry-moved"])
    entry: int | None
    actor: str = Field(description="The name at that time; empty for the system itself.")
    door: str = Field(examples=["web"])
    at: datetime
    before: dict[str, Any] | None
    after: dict[str, Any] | None

    @classmethod
    def of(cls, event: Event) -> Self:
        """Tell of an event."""
        return cls(
            seq=event.seq,
            kind=event.kind,
            entry=event.entry_id,
            actor=event.actor_name,
            door=event.door,
            at=event.at,
            before=event.before,
            after=event.after,
        )


class EventsTold(Told):
    """Changes of a space in their order; go on with next as after, whether there is more or not."""

    items: list[EventTold]
    next: int
    has_more: bool


class JobTold(Told):
    """What became of something large that was asked for."""

    id: int
    state: Literal["waiting", "running", "done", "failed"]
    code: str | None = Field(description="Why it failed, where it did.")
    asked_at: datetime


class MeTold(Told):
    """Who is signed in."""

    id: int
    username: str
    is_staff: bool
    personal_space: int | None


class StartTold(Told):
    """The addresses around the API, and the limits that hold."""

    schema_address: str = Field(description="The schema of all this, in OpenAPI 3.1.")
    resumable_uploads: str = Field(description="Of tus 1.0.0 and Resumable Uploads for HTTP.")
    batch_uploads: str = Field(description="Of forms with many files in one request.")
    max_upload_size: int = Field(description="Bytes of one file.")
    max_upload_files: int = Field(description="Files of one form.")
