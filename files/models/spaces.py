"""Spaces: a tree, a quota, a trash and members."""

from django.conf import settings
from django.db import models
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class Space(models.Model):
    """A drive: one tree of entries, one quota, one trash, its members.

    used_bytes counts each version at its full size, live or trashed, shared blob or not; it is
    changed only in the transaction that changes a version. last_seq is the seq of the newest
    event; the UPDATE that raises it is the lock of the space.
    """

    class Kind(models.TextChoices):
        """Whose it is."""

        PERSONAL = "personal", _("personal")
        SHARED = "shared", _("shared")
        SYSTEM = "system", _("system")  # holds the events that belong to no space

    kind = models.CharField(_("kind"), max_length=8, choices=Kind)
    name = models.CharField(_("name"), max_length=100)
    # Its name in addresses (/dav/<slug>/), which stays when the space is renamed. One segment of a
    # path that entries may have too (files/names.py), in NFC. The system space has none.
    slug = models.CharField(
        _("name in addresses"), max_length=160, unique=True, null=True, blank=True, editable=False
    )
    # Who a personal space belongs to; such a user can be deactivated but not deleted.
    owner = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="personal_space",
        verbose_name=_("owner"),
    )
    root = models.OneToOneField(
        "files.Entry",
        null=True,  # a system space has no tree
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name=_("root folder"),
    )
    quota_bytes = models.PositiveBigIntegerField(_("quota, bytes"), null=True, blank=True)
    used_bytes = models.PositiveBigIntegerField(_("used, bytes"), default=0)
    refuses_case_twins = models.BooleanField(
        _("refuses names that differ only in case"), default=False
    )
    # Globs of media types, a line each (operations/type_rules.py); empty: the server's rules alone.
    allowed_types = models.TextField(_("allowed types"), blank=True)
    forbidden_types = models.TextField(_("forbidden types"), blank=True)
    last_seq = models.PositiveBigIntegerField(default=0)
    # The seq up to which jobs/ has looked at the events (the outbox cursor).
    dispatched_seq = models.PositiveBigIntegerField(default=0)
    # When the last of its locks is over, or later; most spaces have none, and pay nothing for them.
    locked_until = models.DateTimeField(null=True, editable=False)
    created_at = models.DateTimeField(_("created"), db_default=Now())

    class Meta:
        verbose_name = _("space")
        verbose_name_plural = _("spaces")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(kind="personal", owner__isnull=False)
                | (~models.Q(kind="personal") & models.Q(owner__isnull=True)),
                name="space_personal_has_owner",
            ),
            models.UniqueConstraint(
                fields=["kind"], condition=models.Q(kind="system"), name="space_one_system"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def may_have_locks(self) -> bool:
        """Tell whether anything in the space may be locked, without asking the database."""
        return self.locked_until is not None and self.locked_until > timezone.now()

    @property
    def free_bytes(self) -> int | None:
        """Give what the quota leaves, in bytes and at least 0; None where there is no quota."""
        if self.quota_bytes is None:
            return None
        return max(0, self.quota_bytes - self.used_bytes)
