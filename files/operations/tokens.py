"""Tokens: make one, whose secret is told once, and take one back."""

import secrets
import string
from datetime import datetime, timedelta
from typing import Any, Final

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from files.access import Actor, get_token, locate
from files.errors import ForbiddenError, InvalidValueError, TooManyTokensError
from files.models import Entry, Event, Right, Scope, Token
from files.models.tokens import SECRET_BEGIN, digest_of

from .journal import draft, lock_system_space, record

SECRET_LETTERS: Final = string.ascii_letters + string.digits
SECRET_RANDOM: Final = 32  # letters, of 5.95 bits each
PREFIX_LENGTH: Final = len(SECRET_BEGIN) + 4
NAME_LENGTH: Final = 100  # characters, as the column has it
MAX_LIVING: Final = 100  # tokens of one account
KEPT: Final = timedelta(days=90)  # from the end of a token, for who wonders what became of it
_STEP: Final = 1000  # rows forgotten in one transaction
USE_NOTED_EVERY: Final = timedelta(minutes=1)


@transaction.atomic
def create_token(
    user: User,
    *,
    name: str,
    scopes: Scope,
    top: Entry | None = None,
    expires_at: datetime | None = None,
    actor: Actor,
) -> tuple[Token, str]:
    """Make a token of a user, and give it with its secret, which nothing can tell again.

    top limits it to an entry and all below, which the user must be able to see: the root of a space
    for all of it. Only for the user, and for an actor with rights everywhere; never by a token,
    whose revocation would then not be the end of it. Locks the system space. Raises ForbiddenError,
    InvalidValueError, TooManyTokensError, and EntryNotFoundError for top.
    """
    _require_owner(user, actor)
    now = timezone.now()
    if not scopes:
        raise InvalidValueError(field="scopes")
    if expires_at is not None and expires_at <= now:
        raise InvalidValueError(field="expires_at")
    if top is not None:
        locate(Actor(user, actor.door), top.pk, Right.NONE)
    space = lock_system_space()
    if Token.objects.living(now).filter(user=user).count() >= MAX_LIVING:
        raise TooManyTokensError(limit=MAX_LIVING)
    secret = SECRET_BEGIN + "".join(secrets.choice(SECRET_LETTERS) for _ in range(SECRET_RANDOM))
    token = Token.objects.create(
        user=user,
        name=_checked_name(name),
        prefix=secret[:PREFIX_LENGTH],
        secret_sha256=digest_of(secret),
        scopes=scopes,
        top_id=top.pk if top is not None else None,
        expires_at=expires_at,
    )
    event = draft(Event.Kind.TOKEN_CREATED, after=_described(token))
    record(space, [event], actor=actor)
    return token, secret


@transaction.atomic
def revoke_token(token: Token, *, actor: Actor) -> Token:
    """Refuse a token from now on; one that is revoked stays as it is.

    For its user, for an actor with rights everywhere, and for the token itself. Locks the system
    space. Raises TokenNotFoundError.
    """
    space = lock_system_space()
    token = get_token(actor, token.pk)
    if token.revoked_at is None:
        token.revoked_at = timezone.now()
        token.save(update_fields=["revoked_at"])
        event = draft(Event.Kind.TOKEN_REVOKED, before=_described(token))
        record(space, [event], actor=actor)
    return token


def note_use(token_id: int, ip: str | None) -> None:
    """Note that a token was used just now, unless that was noted a short while ago.

    No change that anybody has made, so it leaves no event.
    """
    now = timezone.now()
    stale = Q(last_used_at__isnull=True) | Q(last_used_at__lte=now - USE_NOTED_EVERY)
    Token.objects.filter(stale, pk=token_id).update(last_used_at=now, last_ip=ip)


def forget_tokens() -> int:
    """Forget the tokens that were revoked, or have expired, long ago; give how many.

    What was done by them is told by events, which keep their names. No change that anybody has
    made, so it leaves no event.
    """
    limit = timezone.now() - KEPT
    old = Token.objects.filter(Q(revoked_at__lt=limit) | Q(expires_at__lt=limit)).order_by("pk")
    count = 0
    while ids := list(old.values_list("pk", flat=True)[:_STEP]):
        count += Token.objects.filter(pk__in=ids).delete()[0]
    return count


def _require_owner(user: User, actor: Actor) -> None:
    """Raise ForbiddenError unless an actor may make tokens of a user."""
    is_owner = actor.user is not None and actor.user.pk == user.pk
    if actor.limit is not None or not (is_owner or Right.MANAGE in actor.everywhere):
        raise ForbiddenError(right=Right.MANAGE.name)


def _checked_name(name: str) -> str:
    """Give the name of a token without blanks around it; raises InvalidValueError."""
    name = name.strip()
    if not name or len(name) > NAME_LENGTH or not name.isprintable():
        raise InvalidValueError(field="name", limit=NAME_LENGTH)
    return name


def _described(token: Token) -> dict[str, Any]:
    """Describe a token to its event; nothing of its secret but what people recognise it by."""
    return {
        "token": token.pk,
        "user": token.user_id,
        "name": token.name,
        "prefix": token.prefix,
        "scopes": token.scope.words,
        "top": token.top_id,
        "expires_at": token.expires_at.isoformat() if token.expires_at else None,
    }
