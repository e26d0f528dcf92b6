"""Tokens: passwords of programs, for the API, WebDAV and uploads."""

import enum
from datetime import datetime
from hashlib import sha256
from typing import Final, Self

from django.conf import settings
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from .grants import Right

SECRET_BEGIN: Final = "sr_"  # noqa: S105 - so that people and scanners know a secret for one


def digest_of(secret: str) -> str:
    """Give what is kept of a secret; no salt, since a secret has 190 random bits."""
    return sha256(secret.encode()).hexdigest()


class Scope(enum.IntFlag):
    """What a token is for; it never gives more than its user has."""

    NONE = 0
    READ = 1  # list, open, download, search
    WRITE = 2  # put in and, together with READ, change and trash
    SHARE = 4  # say who else may
    ADMIN = 8  # name and limit spaces, delete for good
    ALL = 15

    @property
    def rights(self) -> Right:
        """Give the rights that are left to who acts by such a token.

        Who may write but not read only adds, as an uploader does: what cannot be seen is not
        changed.
        """
        rights = Right.NONE
        for scope, granted in _RIGHTS.items():
            if scope in self:
                rights |= granted
        return rights if Scope.READ in self else rights & ~Right.EDIT

    @property
    def words(self) -> list[str]:
        """Give the names of the scopes, as commands and the API spell them."""
        return [scope.name.lower() for scope in self if scope.name]

    @classmethod
    def of_words(cls, words: list[str]) -> Self:
        """Unite scopes by their names. Raises KeyError for one that there is not."""
        scopes = cls(0)
        for word in words:
            scopes |= _BY_WORD[word]
        return scopes


_RIGHTS = {
    Scope.READ: Right.READ,
    Scope.WRITE: Right.ADD | Right.EDIT,
    Scope.SHARE: Right.SHARE,
    Scope.ADMIN: Right.MANAGE,
}
_BY_WORD = {"read": Scope.READ, "write": Scope.WRITE, "share": Scope.SHARE, "admin": Scope.ADMIN}


class TokenQuerySet(models.QuerySet["Token"]):
    """Named reads of tokens."""

    def living(self, now: datetime) -> Self:
        """Give those that are neither revoked nor expired."""
        unexpired = models.Q(expires_at__isnull=True) | models.Q(expires_at__gt=now)
        return self.filter(unexpired, revoked_at__isnull=True)


class Token(models.Model):
    """A password of one program, which acts by it as its user within some limits.

    Of the secret only the digest is kept: it has so many bits that nobody finds it by trying.
    """

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        # No key to a user cascades by itself.
        on_delete=models.PROTECT,
        related_name="tokens",
        verbose_name=_("user"),
    )
    name = models.CharField(_("name"), max_length=100)  # what its user calls it
    prefix = models.CharField(_("begins with"), max_length=12)  # to recognise the secret by
    secret_sha256 = models.CharField(max_length=64, unique=True, editable=False)
    scopes = models.PositiveSmallIntegerField(_("scopes"))  # a Scope
    # The entry that it is limited to, with all below; the root of a space for all of it. No
    # foreign key: a token whose tree is gone reaches nothing, and must not come to reach all.
    top_id = models.BigIntegerField(_("only in"), null=True, blank=True)
    expires_at = models.DateTimeField(_("expires"), null=True, blank=True)
    last_used_at = models.DateTimeField(_("last used"), null=True, blank=True)
    last_ip = models.GenericIPAddressField(_("last used from"), null=True, blank=True)
    created_at = models.DateTimeField(_("created"), db_default=Now())
    revoked_at = models.DateTimeField(_("revoked"), null=True, blank=True)

    objects = TokenQuerySet.as_manager()

    class Meta:
        verbose_name = _("token")
        verbose_name_plural = _("tokens")
        indexes = [models.Index(fields=["user", "-id"], name="token_by_user")]

    def __str__(self) -> str:
        return self.name

    @property
    def scope(self) -> Scope:
        """Give what it is for."""
        return Scope(self.scopes)

    def is_living(self, now: datetime) -> bool:
        """Tell whether it is neither revoked nor expired."""
        return self.revoked_at is None and (self.expires_at is None or self.expires_at > now)
