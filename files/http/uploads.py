"""The upload door: admit by the head alone, receive, act; every face that uploads shares it."""

import logging
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from io import BytesIO
from typing import Final, cast
from uuid import UUID

from django.conf import settings
from django.core.handlers.asgi import ASGIRequest

from files.access import Actor, locate
from files.errors import (
    DiskFullError,
    EntryNotFoundError,
    FilesError,
    FilesRefusedError,
    ForbiddenError,
    MalformedRequestError,
    NoFilesError,
    QuotaExceededError,
    SpaceNotFoundError,
    UnsupportedTypeError,
)
from files.models import Entry, Event, Right, Space
from files.operations.blobs import blob_storage
from files.operations.entries import require_folder
from files.operations.received import keep_received
from files.operations.versions import Clash, Member, NewFile, put_files
from files.storage.filesystem import BlobStorage

from .bodies import Body
from .commits import Commits
from .credentials import Scheme, signed_in
from .disk import in_disk_thread
from .forms import FormLimits, FormReceiver, ReceivedForm, boundary_of
from .guard import has_form_token, header
from .handler import ClientGoneError, Scope, Send, SyncCoreHandler
from .stated import require_time

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class UploadFace:
    """What a face says of its upload form: where it is posted to, and as whom it acts.

    route has the group "folder", the id of the folder to put files into. schemes say how one may
    sign in; actor turns who did into who acts, and raises a FilesError for one who may not use this
    face. The view at the same address renders the outcome, which it finds in
    request.scope["files.outcome"].
    """

    name: str
    route: re.Pattern[str]
    actor: Callable[[Actor], Actor]
    door: Event.Door
    schemes: Scheme = Scheme.ANY


@dataclass(frozen=True, slots=True)
class UploadOutcome:
    """What became of an upload: the new entries with the files they are of, or the refusal."""

    folder: Entry | None = None
    entries: list[Entry] = field(default_factory=list)
    files: list[NewFile] = field(default_factory=list)  # as they came, in the order of entries
    error: FilesError | None = None
    fields: dict[str, str] = field(default_factory=dict)
    is_by_token: bool = False  # by a program, which wants no page

    @property
    def refused(self) -> dict[str, FilesError]:
        """Give the files that were refused, by path."""
        return self.error.refused if isinstance(self.error, FilesRefusedError) else {}


@dataclass(frozen=True, slots=True)
class _Admission:
    """Who may put how much where: advice, since acting decides it all again."""

    actor: Actor
    folder: Entry
    limits: FormLimits

    def require_room(self, length: int | None) -> None:
        """Refuse a body whose stated length cannot fit. Raises what the limits say."""
        if length is not None and length > self.limits.total_size + self.limits.overhead:
            raise self.limits.exceeded_by(length)


class UploadDoor:
    """Takes forms with files before Django sees them."""

    def __init__(self, django: SyncCoreHandler, commits: Commits) -> None:
        self._django, self._commits = django, commits

    async def receive(
        self, face: UploadFace, folder_id: int, scope: Scope, body: Body, send: Send
    ) -> None:
        """Answer one upload; the answer is sent even while the client is still sending."""
        scope["files.exchange"].find_route(scope["path"])
        request = ASGIRequest(scope, BytesIO())
        folder, form, is_by_token = None, ReceivedForm(), False
        try:
            admission = await self._django.in_thread(_admit, request, face, folder_id)
            folder, is_by_token = admission.folder, admission.actor.limit is not None
            admission.require_room(body.length)
            form = await self._take_form(request, admission, scope, body)
            entries = await self._act(admission, form)
            outcome = UploadOutcome(folder, entries, form.files, fields=form.fields)
        except FilesError as error:
            outcome = UploadOutcome(folder, error=error, fields=form.fields)
        outcome = replace(outcome, is_by_token=is_by_token)
        await self._django.respond({**scope, "files.outcome": outcome}, send)

    async def _take_form(
        self, request: ASGIRequest, admission: _Admission, scope: Scope, body: Body
    ) -> ReceivedForm:
        """Take the form of a body; where the client goes away, keep the files that came whole."""
        boundary = _boundary_of(scope)
        receiver = FormReceiver(
            blob_storage(),
            admission.limits,
            # A token of the API is no cookie: no other page could have sent it.
            None if admission.actor.limit else partial(has_form_token, request),
            keeps_whole=_keeps_whole(admission.actor, scope),
        )
        try:
            return await receiver.receive(boundary, body.pieces())
        except ClientGoneError:
            if receiver.form.files:
                await self._django.in_thread(_keep, admission, receiver.form)
            raise

    async def _act(self, admission: _Admission, form: ReceivedForm) -> list[Entry]:
        """Make the files of a form visible, all or none.

        The bytes of a refused form are removed. After any other failure they stay, since the commit
        may have happened: what it did not record is a stray, and the sweeper's.
        """
        try:
            files, clash = _taken(form)
            if len(files) > 1:
                return await self._django.in_thread(_put_all, admission, files, clash)
            return [await self._put_one(admission, files[0], clash)]
        except FilesError:
            await in_disk_thread(form.discard)
            raise

    async def _put_one(self, admission: _Admission, file: NewFile, clash: Clash) -> Entry:
        """Put the only file of a form together with those of other requests."""
        member = Member(admission.folder.pk, file, admission.actor, clash)
        try:
            return await self._commits.put(admission.folder.space_id, member)
        except _OF_FOLDER:
            raise
        except FilesError as error:
            raise FilesRefusedError({file.display_path: error}) from error


# What speaks against the folder of a form or against all of its files, whichever they are.
_OF_FOLDER: Final = (DiskFullError, EntryNotFoundError, ForbiddenError, SpaceNotFoundError)


def _keeps_whole(actor: Actor, scope: Scope) -> bool:
    """Tell whether files that came whole over a form that breaks off are kept for their sender.

    Not those of a script, which sends them again by itself, nor those of staff, who have no page
    on which to confirm them.
    """
    return not actor.everywhere and "text/html" in (header(scope, b"accept") or "")


def _keep(admission: _Admission, form: ReceivedForm) -> None:
    """Keep the whole files of a form that broke off, to be confirmed; in a thread."""
    clash = Clash.NEW_VERSION if form.fields.get("clash") == "version" else Clash.KEEP_BOTH
    kept: set[UUID] = set()
    try:
        kept = keep_received(admission.folder, form.files, actor=admission.actor, clash=clash)
    except FilesError as error:
        logger.info("files of a broken form were not kept: %s", error.code)
    form.discard(kept)


def _boundary_of(scope: Scope) -> str:
    """Give the boundary of the form in a body. Raises UnsupportedTypeError for a packed one too."""
    if (header(scope, b"content-encoding") or "identity").lower() != "identity":
        raise UnsupportedTypeError(expected="identity")
    return boundary_of(header(scope, b"content-type") or "")


def _admit(request: ASGIRequest, face: UploadFace, folder_id: int) -> _Admission:
    """Decide by the head of a request whether its body may come; in a thread."""
    actor = face.actor(signed_in(request, schemes=face.schemes, door=face.door))
    located = locate(actor, folder_id, Right.ADD)
    folder = require_folder(located)
    depth = settings.FILES_MAX_DEPTH - len(located.ancestors) - 1
    limits = _limits(folder.space, blob_storage(), depth)
    return _Admission(actor, folder, limits)


def _limits(space: Space, storage: BlobStorage, depth: int) -> FormLimits:
    """Work out what a form may bring now: the smaller of what the quota and the disk leave."""
    disk = max(0, storage.free_bytes() - settings.FILES_MIN_FREE_SPACE)
    quota = space.free_bytes
    total, over_total = disk, cast("FilesError", DiskFullError(free=disk))
    if quota is not None and quota < disk:
        total = quota
        over_total = QuotaExceededError(quota=space.quota_bytes, used=space.used_bytes, free=quota)
    return FormLimits(
        file_size=settings.FILES_MAX_UPLOAD_SIZE,
        total_size=total,
        files=settings.FILES_MAX_UPLOAD_FILES,
        depth=depth,
        keep_free=settings.FILES_MIN_FREE_SPACE,
        over_total=over_total,
    )


def _taken(form: ReceivedForm) -> tuple[list[NewFile], Clash]:
    """Give the files of a form, and what is to happen where a name is taken.

    Raises FilesRefusedError, NoFilesError and MalformedRequestError.
    """
    if form.refused:
        raise FilesRefusedError(form.refused)
    if not form.files:
        raise NoFilesError
    clash = Clash.KEEP_BOTH if form.fields.get("clash") == "both" else Clash.NEW_VERSION
    return _dated(form.files, form.fields.get("lastModified", "")), clash


def _put_all(admission: _Admission, files: list[NewFile], clash: Clash) -> list[Entry]:
    """Put the files of a form in one transaction of its own; in a thread."""
    entries = put_files(admission.folder, files, actor=admission.actor, clash=clash)
    return [entry for entry in entries if isinstance(entry, Entry)]


_MILLISECONDS: Final = re.compile(r"-?[0-9]{1,15}", re.ASCII)  # since 1970; File.lastModified
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def _dated(files: list[NewFile], stated: str) -> list[NewFile]:
    """Give files the times at which they were changed, as a script states them: one for each.

    A form that a browser sends by itself states none. Raises MalformedRequestError.
    """
    if not stated:
        return files
    times = stated.split(",")
    if len(times) != len(files) or not all(map(_MILLISECONDS.fullmatch, times)):
        raise MalformedRequestError(reason="last-modified")
    try:
        moments = [_EPOCH + timedelta(milliseconds=int(time)) for time in times]
    except OverflowError:
        raise MalformedRequestError(reason="last-modified") from None
    return [
        replace(file, modified_at=require_time(at, "last-modified"))
        for file, at in zip(files, moments, strict=True)
    ]
