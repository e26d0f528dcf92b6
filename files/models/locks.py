"""Locks: WebDAV write locks, kept where every worker and host sees them (RFC 4918, 6 and 7)."""

from collections.abc import Iterable
from typing import Self

from django.conf import settings
from django.db import connection, models
from django.db.models.expressions import RawSQL
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

# From the entries of a space's living locks upwards: it costs by the locks, whatever the tree is.
_INSIDE = """
    WITH RECURSIVE up(lock_id, id, parent_id) AS (
        SELECT l.id, e.id, e.parent_id FROM files_lock l JOIN files_entry e ON e.id = l.entry_id
        WHERE l.space_id = %s AND l.expires_at > %s
        UNION ALL
        SELECT up.lock_id, e.id, e.parent_id FROM files_entry e JOIN up ON e.id = up.parent_id
        WHERE up.id <> %s
    )
    SELECT lock_id FROM up WHERE id = %s
"""


class LockQuerySet(models.QuerySet["Lock"]):
    """Reads of locks across rows."""

    def living(self) -> Self:
        """Leave out those whose time is over: expiry is a comparison, not a job."""
        return self.filter(expires_at__gt=timezone.now())

    def covering(self, entry_id: int, above: Iterable[int]) -> Self:
        """Give the living locks that cover an entry: its own, and the deep ones above it.

        above are the ids of its ancestors.
        """
        own, deep = models.Q(entry=entry_id), models.Q(entry__in=list(above), deep=True)
        return self.living().filter(own | deep)

    def inside(self, space_id: int, top_id: int) -> Self:
        """Give the living locks on a tree of a space: those of its top, and all below it."""
        now = connection.ops.adapt_datetimefield_value(timezone.now())
        return self.filter(pk__in=RawSQL(_INSIDE, [space_id, now, top_id, top_id]))  # noqa: S611 - constant


class Lock(models.Model):
    """A write lock on an entry and, if it is deep, on all below it.

    It goes with its entry, and does not go along when that is moved.
    """

    class Scope(models.TextChoices):
        """Whether others may hold one on the same at the same time (RFC 4918, 6.2)."""

        EXCLUSIVE = "exclusive", pgettext_lazy("lock", "exclusive")
        SHARED = "shared", pgettext_lazy("lock", "shared")

    # That of the entry: what is locked in a space is found without looking at its tree.
    space = models.ForeignKey(
        "files.Space",
        on_delete=models.PROTECT,
        related_name="locks",
        verbose_name=_("space"),
        db_index=False,  # served by lock_by_space
    )
    entry = models.ForeignKey(
        "files.Entry", on_delete=models.CASCADE, related_name="locks", verbose_name=_("entry")
    )
    token = models.CharField(_("lock token"), max_length=64, unique=True)
    scope = models.CharField(pgettext_lazy("lock", "scope"), max_length=9, choices=Scope)
    deep = models.BooleanField(_("with all below"))  # Depth: infinity
    # XML as the client gave it (RFC 4918, 14.17); "" where it gave none. Not to be trusted.
    owner = models.TextField(_("what its client says of who holds it"), blank=True)
    # Who took it, and alone can use its token; nobody, if the account is gone.
    principal = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="locks",
        verbose_name=_("held by"),
    )
    expires_at = models.DateTimeField(_("until"))
    created_at = models.DateTimeField(_("since"), db_default=Now())

    objects = LockQuerySet.as_manager()

    class Meta:
        verbose_name = _("lock")
        verbose_name_plural = _("locks")
        indexes = [
            models.Index(fields=["space", "expires_at"], name="lock_by_space"),
        ]

    def __str__(self) -> str:
        return self.token

    @property
    def is_exclusive(self) -> bool:
        """Tell whether nobody else may hold a lock on the same."""
        return self.scope == self.Scope.EXCLUSIVE

    @property
    def holder_name(self) -> str:
        """Give the name of who took it; empty where that is nobody."""
        return self.principal.get_username() if self.principal else ""

    @property
    def is_living(self) -> bool:
        """Tell whether its time is not over."""
        return self.expires_at > timezone.now()
