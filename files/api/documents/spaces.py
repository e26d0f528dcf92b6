"""What is told of spaces and their members, and what may be sent of them."""

from typing import Annotated, Literal, Self

from pydantic import Field

from files.api.values import MemberName, Number
from files.models import Grant, Right, Space

from .base import Sent, Told
from .entries import RightName, rights_of

type SpaceName = Annotated[str, Field(max_length=100, examples=["Team"])]
type RoleName = Literal["viewer", "uploader", "editor", "manager"]


class SpaceTold(Told):
    """A space, and what one may do with the whole of it."""

    id: int
    kind: Literal["personal", "shared"]
    name: str = Field(examples=["Team"])
    slug: str = Field(description="Its name in addresses: `/dav/<slug>/`; it never changes.")
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
            slug=space.slug or "",
            root=space.root_id or 0,
            quota_bytes=space.quota_bytes,
            used_bytes=space.used_bytes,
            refuses_case_twins=space.refuses_case_twins,
            seq=space.last_seq,
            rights=rights_of(rights),
        )


class SpaceMade(Sent):
    """A shared space that is to be made."""

    name: SpaceName
    manager: MemberName | None = Field(
        None, description="The account that manages it; null: who asks."
    )
    quota_bytes: Number | None = Field(None, description="Null: as the server gives new spaces.")


class SpaceSent(Sent):
    """What is to change of a space; what is left out stays."""

    name: SpaceName | None = None
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
