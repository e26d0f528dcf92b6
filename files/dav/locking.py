"""LOCK and UNLOCK (RFC 4918, 9.10 and 9.11): take a lock, keep it, give it up."""

import re
from datetime import timedelta
from http import HTTPStatus
from typing import Final
from xml.etree.ElementTree import Element

from files.dav_errors import LockNotFoundError
from files.errors import FilesError, MalformedRequestError, PreconditionFailedError
from files.http.heads import Answer
from files.http.methods import Outcome
from files.http.small import store_empty
from files.models import Entry, Lock
from files.operations.blobs import discard_partial
from files.operations.lock_rules import is_held
from files.operations.locks import (
    WantedLock,
    covering_locks,
    lock_entry,
    lock_new,
    refresh_lock,
    unlock,
)

from .calls import Call, Depth
from .locked import active_lock, roots_of
from .names import require_wanted_name
from .resources import Resource
from .xml import CONTENT_TYPE, DAV, DECLARATION, dav, parse, write

_SECONDS: Final = re.compile(r"Second-([0-9]{1,10})", re.IGNORECASE)
_MOST_SECONDS: Final = 2**32 - 1  # what the grammar knows (RFC 4918, 10.7)


def lock(call: Call) -> Outcome:
    """Take a lock, or keep one's own for longer where there is no body.

    Locking what is not there makes an empty file (RFC 4918, 7.3). Raises LockedError and what
    lock_entry and lock_new raise.
    """
    root = parse(call.body, "lockinfo")
    if root is None:
        return _refresh(call)
    if call.depth is Depth.ONE:
        raise MalformedRequestError(reason="depth")
    wanted = _wanted(root, call)
    if call.resource.is_mapped:
        return _told(call, _lock_there(call.resource.entry, wanted, call), HTTPStatus.OK)
    parent = call.resource.home_of_new
    require_wanted_name(call.path.name)
    if call.path.has_slash:
        raise MalformedRequestError(reason="target")
    return _told(call, _lock_new(parent, wanted, call), HTTPStatus.CREATED)


def _lock_there(entry: Entry, wanted: WantedLock, call: Call) -> Lock:
    """Lock what is there."""
    return lock_entry(
        entry.pk,
        actor=call.actor,
        exclusive=wanted.exclusive,
        deep=wanted.deep,
        owner=wanted.owner,
        timeout=wanted.timeout,
    )


def _lock_new(parent: Entry, wanted: WantedLock, call: Call) -> Lock:
    """Put an empty file under a name that is free, and lock it."""
    blob = store_empty(call.path.name)
    try:
        _entry, taken = lock_new(parent, call.path.name, blob, wanted, actor=call.actor)
    except FilesError:
        discard_partial([blob.id])
        raise
    return taken


def _wanted(root: Element, call: Call) -> WantedLock:
    """Read what lock is wanted. Raises MalformedRequestError."""
    scopes = [child.tag for child in root.iterfind(f"{dav('lockscope')}/*")]
    types = [child.tag for child in root.iterfind(f"{dav('locktype')}/*")]
    if types != [dav("write")] or scopes not in ([dav("exclusive")], [dav("shared")]):
        raise MalformedRequestError(reason="lockinfo")
    owner = root.find(dav("owner"))
    return WantedLock(
        exclusive=scopes == [dav("exclusive")],
        deep=call.depth is Depth.INFINITY,
        owner=write(owner) if owner is not None else "",
        timeout=_timeout(call.head.headers.get("timeout", "")),
    )


def _timeout(text: str) -> timedelta | None:
    """Read for how long a lock is wanted; None where that is left to the server.

    Of several wishes the first that can be read counts; "Infinite" is as long as is allowed.
    """
    for wish in text.split(","):
        if match := _SECONDS.fullmatch(wish.strip()):
            return timedelta(seconds=min(int(match[1]), _MOST_SECONDS))
        if wish.strip().lower() == "infinite":
            return timedelta(seconds=_MOST_SECONDS)
    return None


def _refresh(call: Call) -> Outcome:
    """Keep the one lock that the If header names, which covers the resource (RFC 4918, 9.10.2)."""
    if "if" not in call.head.headers:
        raise MalformedRequestError(reason="if")
    located = call.resource.located
    covering = covering_locks(located) if located is not None else []
    mine = [found for found in covering if is_held(found, call.actor)]
    if not mine:
        raise PreconditionFailedError
    timeout = _timeout(call.head.headers.get("timeout", ""))
    try:
        kept = refresh_lock(mine[0].token, timeout=timeout, actor=call.actor)
    except LockNotFoundError:
        raise PreconditionFailedError from None
    return _told(call, kept, HTTPStatus.OK, is_new=False)


def _told(call: Call, taken: Lock, status: HTTPStatus, *, is_new: bool = True) -> Outcome:
    """Tell of a lock, and of its token where it is new."""
    body = (
        f'{DECLARATION}<D:prop xmlns:D="{DAV}"><D:lockdiscovery>'
        f"{active_lock(taken, _root(taken, call.resource))}</D:lockdiscovery></D:prop>\n"
    )
    headers = [("Content-Type", CONTENT_TYPE)]
    if is_new:
        headers.append(("Lock-Token", f"<{taken.token}>"))
    return Answer(status, headers, body.encode())


def _root(taken: Lock, resource: Resource) -> str:
    """Give the address of what is locked: the resource, there or new, or a collection above it."""
    path, located = resource.path, resource.located
    roots = roots_of(path, located) if located is not None else {}
    return roots.get(taken.entry_id) or path.href(is_collection=resource.is_collection)


def release(call: Call) -> Outcome:
    """Give the lock up that Lock-Token names, which covers the resource (RFC 4918, 9.11).

    Raises MalformedRequestError, and LockNotFoundError for a token of no such lock.
    """
    text = call.head.headers.get("lock-token", "").strip()
    if not (text.startswith("<") and text.endswith(">")):
        raise MalformedRequestError(reason="lock-token")
    token, located = text[1:-1], call.resource.located
    covering = covering_locks(located) if located is not None else []
    if token not in {found.token for found in covering}:
        raise LockNotFoundError
    unlock(token, actor=call.actor)
    return Answer(HTTPStatus.NO_CONTENT)
