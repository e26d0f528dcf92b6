"""Locks as XML: what lockdiscovery tells, and what the answer to LOCK is (RFC 4918, 14.1)."""

from collections.abc import Mapping, Sequence
from typing import Final
from xml.etree.ElementTree import ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring
from django.utils import timezone

from files.access import Located
from files.models import Lock

from .paths import DavPath
from .xml import DAV, escape

_WRITE: Final = "<D:locktype><D:write/></D:locktype>"


def roots_of(path: DavPath, located: Located, members: Mapping[int, str]) -> dict[int, str]:
    """Give the addresses at which locks can lie that cover a resource or its members, by entry.

    members are the names of those, by their ids.
    """
    above = {
        node.id: DavPath(path.names[:depth]).href(is_collection=True)
        for depth, node in enumerate(located.ancestors, 1)
    }
    own = {located.entry.pk: path.href(is_collection=located.entry.is_folder)}
    inside = {
        pk: DavPath((*path.names, name)).href(is_collection=False) for pk, name in members.items()
    }
    return above | own | inside


def active_locks(locks: Mapping[int, Sequence[Lock]], roots: Mapping[int, str]) -> dict[int, str]:
    """Write the locks that cover some entries, by the ids of those; roots are from roots_of."""
    return {
        pk: "".join(active_lock(lock, roots.get(lock.entry_id, "")) for lock in found)
        for pk, found in locks.items()
        if found
    }


def active_lock(lock: Lock, root: str) -> str:
    """Write one lock, whose root has this address."""
    scope = "exclusive" if lock.is_exclusive else "shared"
    seconds = max(0, int((lock.expires_at - timezone.now()).total_seconds()))
    return (
        f"<D:activelock>{_WRITE}<D:lockscope><D:{scope}/></D:lockscope>"
        f"<D:depth>{'infinity' if lock.deep else '0'}</D:depth>{_owner(lock.owner)}"
        f"<D:timeout>Second-{seconds}</D:timeout>"
        f"<D:locktoken><D:href>{escape(lock.token)}</D:href></D:locktoken>"
        f"<D:lockroot><D:href>{root}</D:href></D:lockroot></D:activelock>"
    )


def _owner(text: str) -> str:
    """Write what a client said of itself: its own element, or a text of whatever came elsewhere."""
    if not text:
        return ""
    try:
        if fromstring(text, forbid_dtd=True).tag == f"{{{DAV}}}owner":
            return text
    except (ParseError, DefusedXmlException, ValueError):
        pass
    return f"<D:owner>{escape(text)}</D:owner>"
