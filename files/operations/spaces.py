"""Spaces: create them, name them, say who belongs to them and how much they may hold."""

import itertools
import unicodedata
from typing import Final

from django.conf import settings
from django.contrib.auth.models import Group, User
from django.db import transaction
from django.utils.text import slugify

from files.access import Actor, get_space
from files.errors import ForbiddenError, InvalidValueError
from files.models import Entry, Event, Grant, Right, Space

from .journal import draft, lock_spaces, lock_system_space, record
from .type_rules import parse_globs

NAME_LENGTH = 100  # characters, as the column has it
ADD_SPACE: Final = "files.add_space"  # the permission
SLUG_LENGTH = 150  # characters, which leaves room for a number in the column


def _new_space(kind: Space.Kind, name: str, *, owner: User | None, actor: Actor) -> Space:
    """Insert a space with its root folder and first event."""
    name = _checked_name(name)
    space = Space.objects.create(
        kind=kind,
        name=name,
        slug=_free_slug(_slug_of_user(owner) if owner else slugify(name, allow_unicode=True)),
        owner=owner,
        quota_bytes=settings.FILES_DEFAULT_QUOTA or None,
    )
    root = Entry.objects.create(space=space, kind=Entry.Kind.FOLDER, created_by=actor.user)
    space.root = root
    space.save(update_fields=["root"])
    after = {"name": space.name, "kind": kind.value, "quota_bytes": space.quota_bytes}
    record(space, [draft(Event.Kind.SPACE_CREATED, root, after=after)], actor=actor)
    return space


def _slug_of_user(user: User) -> str:
    """Give the name of somebody as a segment of a path: as it is, but for "." and ".."."""
    name = unicodedata.normalize("NFC", user.get_username())
    return "" if name.strip(".") == "" or not name.isprintable() or "/" in name else name


def _free_slug(wanted: str) -> str:
    """Give a slug that no space has: the wanted one, or with the lowest number that makes it so.

    Locks the system space, so that of two spaces made at once one sees the slug of the other.
    """
    lock_system_space()
    slug = wanted[:SLUG_LENGTH] or "space"
    taken = set(Space.objects.filter(slug__startswith=slug).values_list("slug", flat=True))
    numbers = (f"{slug}-{number}" for number in itertools.count(2))
    return slug if slug not in taken else next(name for name in numbers if name not in taken)


def _checked_name(name: str) -> str:
    """Give the name of a space without blanks around it; raises InvalidValueError."""
    name = name.strip()
    if not name or len(name) > NAME_LENGTH or not name.isprintable():
        raise InvalidValueError(field="name", limit=NAME_LENGTH)
    return name


def ensure_personal_space(user: User, *, actor: Actor) -> Space:
    """Give the personal space of a user, made on the first sign-in.

    Writes and locks nothing where there is one already.
    """
    return Space.objects.filter(owner=user).first() or _make_personal_space(user, actor)


@transaction.atomic
def _make_personal_space(user: User, actor: Actor) -> Space:
    """Make the personal space of a user, whose row is locked: two first sign-ins make one."""
    User.objects.select_for_update(no_key=True).get(pk=user.pk)
    space = Space.objects.filter(owner=user).first()
    if space is not None:
        return space
    name = "".join(filter(str.isprintable, user.get_username()[:NAME_LENGTH])).strip()
    return _new_space(Space.Kind.PERSONAL, name or f"user {user.pk}", owner=user, actor=actor)


@transaction.atomic
def create_space(name: str, *, manager: User | None, actor: Actor) -> Space:
    """Make a shared space, with its first manager if one is given.

    Only for an actor with rights everywhere. Raises ForbiddenError and InvalidValueError.
    """
    _require_everywhere(actor)
    space = _new_space(Space.Kind.SHARED, name, owner=None, actor=actor)
    if manager is not None:
        set_member(space, user=manager, role=Grant.Role.MANAGER, actor=actor)
    return space


@transaction.atomic
def found_space(name: str, *, manager: User | None, quota_bytes: int | None, actor: Actor) -> Space:
    """Make a shared space as a member of staff who may add some, whatever they may do besides.

    Without a quota of its own it gets the server's. A token must leave the right to manage, in no
    tree alone; to name a manager, all that a manager may do. Raises ForbiddenError and
    InvalidValueError.
    """
    user = actor.user
    may_add = user is not None and user.is_staff and user.has_perm(ADD_SPACE)
    if not may_add or actor.top_id is not None or not actor.limited(Right.MANAGE):
        raise ForbiddenError(right=Right.MANAGE.name)
    founder = actor.but(everywhere=Right.ALL)
    space = create_space(name, manager=manager, actor=founder)
    if quota_bytes is not None:
        set_quota(space, quota_bytes=quota_bytes, actor=founder)
    return lock_spaces(space.pk)[space.pk]  # as its member and its quota have left it


def _require_everywhere(actor: Actor) -> None:
    """Raise ForbiddenError unless the actor may manage what no grant gave."""
    if Right.MANAGE not in actor.everywhere:
        raise ForbiddenError(right=Right.MANAGE.name)


@transaction.atomic
def rename_space(space: Space, *, name: str, actor: Actor) -> Space:
    """Give a space another name. Locks the space; raises InvalidValueError."""
    space = _managed(space, actor)
    return _change(space, "name", _checked_name(name), actor)


@transaction.atomic
def set_quota(space: Space, *, quota_bytes: int | None, actor: Actor) -> Space:
    """Limit what a space may hold, in bytes; None lifts the limit.

    A quota below what is used refuses what comes, and deletes nothing. Only for an actor with
    rights everywhere: a manager cannot widen the own space. Locks the space; raises
    ForbiddenError and InvalidValueError.
    """
    space = _managed(space, actor)
    _require_everywhere(actor)
    if quota_bytes is not None and not 0 <= quota_bytes < 2**63:
        raise InvalidValueError(field="quota")
    return _change(space, "quota_bytes", quota_bytes, actor)


@transaction.atomic
def set_case_twins(space: Space, *, refused: bool, actor: Actor) -> Space:
    """Say whether names that differ only in case are refused from now on. Locks the space."""
    return _change(_managed(space, actor), "refuses_case_twins", refused, actor)


@transaction.atomic
def set_type_rules(space: Space, *, allowed: str, forbidden: str, actor: Actor) -> Space:
    """Say which types of content may come in from now on, by globs as type_rules reads them.

    Empty leaves it to the server's rules, which hold in any case. Locks the space; raises
    InvalidValueError.
    """
    space = _managed(space, actor)
    space = _change(space, "allowed_types", "\n".join(parse_globs(allowed)), actor)
    return _change(space, "forbidden_types", "\n".join(parse_globs(forbidden)), actor)


@transaction.atomic
def set_member(
    space: Space,
    *,
    user: User | None = None,
    group: Group | None = None,
    role: Grant.Role | None,
    actor: Actor,
) -> Grant | None:
    """Give a user or a group a role in a space, change it, or take it away (None).

    Needs the right to share. By a token only roles within its scopes are given or taken away: what
    was not handed to it, it does not hand on. Locks the space. Raises InvalidValueError unless
    exactly one of user and group is given, and ForbiddenError.
    """
    space = _managed(space, actor, Right.SHARE)
    if (user is None) == (group is None):
        raise InvalidValueError(field="member")
    who = {"user": user.pk if user else None, "group": group.pk if group else None}
    members = Grant.objects.filter(entry=space.root_id, user=user, group=group)
    grant = members.first()
    before = {**who, "role": grant.role} if grant else None
    _require_within_limit(actor, Right(role or 0) | Right(grant.role if grant else 0))
    if role == (grant.role if grant else None):
        return grant
    if role is None:
        members.delete()
        record(space, [draft(Event.Kind.MEMBER_REMOVED, before=before)], actor=actor)
        return None
    grant = grant or Grant(entry_id=space.root_id or 0, user=user, group=group)
    grant.role = role
    grant.save()
    after = {**who, "role": int(role)}
    record(space, [draft(Event.Kind.MEMBER_SET, before=before, after=after)], actor=actor)
    return grant


def _require_within_limit(actor: Actor, rights: Right) -> None:
    """Raise ForbiddenError for rights that the token of an actor leaves out."""
    if missing := rights & ~actor.limited(rights):
        raise ForbiddenError(right=missing.name)


def _managed(space: Space, actor: Actor, need: Right = Right.MANAGE) -> Space:
    """Lock a space that the actor may manage, or has another right on, and read it afresh."""
    locked = lock_spaces(space.pk)[space.pk]
    get_space(actor, space.pk, need)
    return locked


def _change(space: Space, column: str, value: object, actor: Actor) -> Space:
    """Change one column of a locked space and record it, unless it is so already."""
    before = getattr(space, column)
    if value != before:
        setattr(space, column, value)
        space.save(update_fields=[column])
        event = draft(Event.Kind.SPACE_CHANGED, before={column: before}, after={column: value})
        record(space, [event], actor=actor)
    return space
