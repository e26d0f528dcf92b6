"""The documents of the API: what is told, and what may be sent. Import from here."""

from .activity import (
    EventsTold,
    EventTold,
    JobTold,
    MeTold,
    StartTold,
)
from .base import (
    Page,
    Problem,
    Sent,
    Told,
)
from .entries import (
    CopySent,
    DeletionTold,
    EntriesSent,
    EntriesTold,
    EntryLooked,
    EntryTold,
    FolderSent,
    PlaceSent,
    RightName,
    TransferSent,
    TransferTold,
    VersionTold,
    rights_of,
)
from .locks import LockTold
from .spaces import (
    MemberTold,
    RoleName,
    RoleSent,
    SpaceSent,
    SpaceTold,
    UsageTold,
    role_name,
)
from .tokens import ScopeName, TokenMade, TokenSent, TokenTold
from .uploads import (
    KnownSent,
    KnownTold,
    UploadTold,
)

__all__ = [
    "CopySent",
    "DeletionTold",
    "EntriesSent",
    "EntriesTold",
    "EntryLooked",
    "EntryTold",
    "EventTold",
    "EventsTold",
    "FolderSent",
    "JobTold",
    "KnownSent",
    "KnownTold",
    "LockTold",
    "MeTold",
    "MemberTold",
    "Page",
    "PlaceSent",
    "Problem",
    "RightName",
    "RoleName",
    "RoleSent",
    "ScopeName",
    "Sent",
    "SpaceSent",
    "SpaceTold",
    "StartTold",
    "TokenMade",
    "TokenSent",
    "TokenTold",
    "Told",
    "TransferSent",
    "TransferTold",
    "UploadTold",
    "UsageTold",
    "VersionTold",
    "rights_of",
    "role_name",
]
