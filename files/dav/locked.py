"""Locks as XML: what lockdiscovery tells, and what the answer to LOCK is (RFC 4918, 14.1)."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final
from xml.etree.ElementTree import ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring
from django.utils import timezone

from files.access import Located
from files.models import Lock
from files.models.rows import Row

from .paths import DavPath
from .xml import DAV, escape

_WRITE: Final = "<D:locktype><D:write/></D:locktype>"


def roots_of(path: DavPath, located: Located) -> dict[int, str]:
    """Give the addresses at which locks can lie that cover a resource, by entry."""
    above = {
        node.id: DavPath(path.names[:depth]).href(is_collection=True)
        for depth, node in enumerate(located.ancestors, 1)
    }
    return above | {located.entry.pk: path.href(is_collection=located.entry.is_folder)}


def active_locks(
    locks: Mapping[int, Sequence[Lock]], path: DavPath, located: Located, members: Iterable[Row]
) -> dict[int, str]:
    """Write the locks that cover a resource and some members of it, by the ids of those.

    Each is written once, however many it covers, and those that share all locks share a text.
    """
    held = {lock.pk: lock for found in locks.values() for lock in found}
    locked = {lock.entry_id for lock in held.values()}
    roots = roots_of(path, located) if locked else {}
    roots |= {
        row.id: DavPath((*path.names, row.name)).href(is_collection=row.is_folder)
        for row in members
        if row.id in locked
    }
    told = {pk: active_lock(lock, roots[lock.entry_id]) for pk, lock in held.items()}
    sets = {pk: tuple(lock.pk for lock in found) for pk, found in locks.items() if found}
    texts = {some: "".join(told[pk] for pk in some) for some in set(sets.values())}
    return {pk: texts[some] for pk, some in sets.items()}


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
