"""Tokens: whose they are, and who acts by one."""

from functools import cache
from typing import Final

from django.contrib.auth.models import User
from django.utils import timezone

from files.errors import TokenNotFoundError
from files.models import Event, Right, Token
from files.models.reading import Reader
from files.models.sql import fetch
from files.models.tokens import TokenQuerySet, digest_of

from .actors import Actor, Limit

_TOKEN: Final = Reader(Token, "t")
_USER: Final = Reader(User, "u")


def get_token(actor: Actor, token_id: int) -> Token:
    """Find a token of the actor's own, or anybody's for who manages all; revoked ones too.

    Who acts by a token finds that one alone. Raises TokenNotFoundError.
    """
    token = tokens_of(actor).filter(pk=token_id).first()
    if token is None:
        raise TokenNotFoundError(token_id=token_id)
    return token


def tokens_of(actor: Actor) -> TokenQuerySet:
    """Give the tokens that get_token would find, newest first."""
    tokens = Token.objects.select_related("user").order_by("-pk")
    if Right.MANAGE not in actor.everywhere:
        tokens = tokens.filter(user=actor.user, user__isnull=False)
    return tokens if actor.limit is None else tokens.filter(pk=actor.limit.token_id or 0)


def token_of(secret: str) -> Token | None:
    """Find the token of a secret with its user, if both may act at this moment, in one query.

    The secret is looked for by its digest, so that no comparison takes longer the more of it is
    right. Nothing is cached: revoking takes effect at once.
    """
    rows = fetch(_by_digest(), [digest_of(secret)])
    if not rows:
        return None
    token = _TOKEN.instance(rows[0])
    token.user = _USER.instance(rows[0], _TOKEN.width)
    return token if token.user.is_active and token.is_living(timezone.now()) else None


@cache
def _by_digest() -> str:
    """Give the query for a token and its user."""
    return (
        f"SELECT {_TOKEN.columns}, {_USER.columns} FROM files_token t "  # noqa: S608 - our schema
        "JOIN auth_user u ON u.id = t.user_id WHERE t.secret_sha256 = %s"
    )


def act_by(token: Token, door: Event.Door) -> Actor:
    """Act as the user of a token, as far as its scopes and its tree go."""
    limit = Limit(token.scope.rights, token.top_id, token.pk, token.name)
    return Actor(token.user, door, limit=limit)
