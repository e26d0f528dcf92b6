"""REPORT sync-collection: what changed in a collection since a client asked last (RFC 6578).

A token names a seq of the space. Seqs are gapless and in the order of commits, so that no change is
ever missed; one that came meanwhile may be told twice.
"""

import re
from collections.abc import Container, Iterable
from dataclasses import replace
from http import HTTPStatus
from itertools import batched, chain
from typing import Final
from urllib.parse import quote
from xml.etree.ElementTree import Element

from django.db.models import QuerySet

from files.access import Located
from files.dav_errors import ReportRefusedError
from files.errors import EntryNotFoundError, MalformedRequestError, NotAFolderError
from files.http.methods import Outcome
from files.models import Entry, Right, Space
from files.models.changes import FolderChanges, changes_in
from files.models.rows import WINDOW, members_among, windows_of
from files.names import name_key

from .asked import Asked
from .calls import Call, Depth
from .listing import SYNC, sync_token, windows_over
from .multistatus import answer_multistatus, response, status_line
from .responses import responses
from .xml import dav, parse

_TOKEN: Final = re.compile(rf"{SYNC}([0-9]{{1,18}}):([0-9]{{1,18}})", re.ASCII)
_ONE: Final = "1"  # the level of members alone
_NUMBER: Final = re.compile(r"[0-9]{1,9}", re.ASCII)
# What is told of the collection itself where there is more to come (RFC 6578, 3.6).
_CUT: Final = (
    f"{status_line(HTTPStatus.INSUFFICIENT_STORAGE)}"
    "<D:error><D:number-of-matches-within-limits/></D:error>"
)


def report(call: Call) -> Outcome:
    """Answer a sync-collection report.

    Who asks for all levels is told of the first one, and at each folder that what is in it has to
    be asked for there (RFC 6578, 3.3).

    Raises MalformedRequestError, ReportRefusedError for what is not done or a token that says
    nothing any more, EntryNotFoundError and NotAFolderError.
    """
    root = parse(call.body, "sync-collection", "expand-property")
    if root is None or root.tag != dav("sync-collection"):
        raise ReportRefusedError(condition="supported-report")
    if call.head.headers.get("depth", "0").strip() != Depth.ZERO.value:
        raise MalformedRequestError(reason="depth")
    level = (root.findtext(dav("sync-level")) or _ONE).strip()
    if level not in {_ONE, "infinite"}:
        raise MalformedRequestError(reason="sync-level")
    located = call.resource.located
    if located is None or Right.READ not in located.rights:
        raise EntryNotFoundError
    if not located.entry.is_folder:
        raise NotAFolderError
    asked = replace(Asked.named_in(root), refuses_below=level != _ONE)
    since, most = _since(root, located.entry.space), _limit(root)
    if since is None:
        return _answer_first(call, located, asked, most)
    return _answer_changes(call, located, asked, _changes(located, since, most))


def _since(root: Element, space: Space) -> int | None:
    """Read the token that a client has; None where it has none. Raises ReportRefusedError."""
    text = (root.findtext(dav("sync-token")) or "").strip()
    if not text:
        return None
    match = _TOKEN.fullmatch(text)
    if match is None or int(match[1]) != space.pk or int(match[2]) > space.last_seq:
        raise ReportRefusedError(condition="valid-sync-token")
    return int(match[2])


def _limit(root: Element) -> int | None:
    """Read how many members may be told of at most. Raises MalformedRequestError."""
    text = root.findtext(f"{dav('limit')}/{dav('nresults')}")
    if text is None:
        return None
    if not _NUMBER.fullmatch(text.strip()) or not int(text):
        raise MalformedRequestError(reason="limit")
    return int(text)


def _changes(located: Located, since: int, most: int | None) -> FolderChanges:
    """Look at the events after a seq. Raises ReportRefusedError where they were pruned."""
    changes = changes_in(located.entry, since=since, most=most)
    if changes is None:
        raise ReportRefusedError(condition="valid-sync-token")
    return changes


def _answer_first(call: Call, located: Located, asked: Asked, most: int | None) -> Outcome:
    """Tell of all members, for a client that knows nothing yet."""
    folder = located.entry
    if most is not None and Entry.objects.children_of(folder)[: most + 1].count() > most:
        raise ReportRefusedError(condition="number-of-matches-within-limits")
    # The token is older than what is read: a change that comes meanwhile is told again.
    found = windows_over(call, located, asked, windows_of(folder, with_digests=asked.wants_digests))
    return _answer(responses(call, asked, found), sync_token(folder.space))


def _answer_changes(call: Call, located: Located, asked: Asked, changes: FolderChanges) -> Outcome:
    """Tell of the members that changed, and of the names that are gone."""
    folder = located.entry
    members = Entry.objects.children_of(folder)
    chunks = [
        members_among(folder, some, with_digests=asked.wants_digests)
        for some in batched(changes.touched, WINDOW)
    ]
    gone = _gone(changes.old_names, {row.name for rows in chunks for row in rows}, members)
    found = windows_over(call, located, asked, chunks)
    base = call.path.href(is_collection=True)
    told = [
        response(f"{base}{quote(name, safe='')}", status_line(HTTPStatus.NOT_FOUND))
        for name in gone
    ]
    if not changes.is_whole:
        told.append(response(base, _CUT))
    token = f"{SYNC}{folder.space_id}:{changes.until}"
    return _answer(chain(responses(call, asked, found), told), token)


def _gone(old: Iterable[str], there: Container[str], members: QuerySet[Entry]) -> list[str]:
    """Leave of some names those that no member has, in whatever spelling."""
    names = [name for name in sorted(old) if name not in there]
    keys: set[str] = set()
    for some in batched({name_key(name) for name in names}, WINDOW):
        keys.update(members.filter(name_key__in=some).values_list("name_key", flat=True))
    return [name for name in names if name_key(name) not in keys]


def _answer(texts: Iterable[str], token: str) -> Outcome:
    """Answer with responses and the token for the next time."""
    return answer_multistatus(chain(texts, [f"<D:sync-token>{token}</D:sync-token>\n"]))
