"""Blobs: immutable bytes at rest."""

import uuid

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _


class Blob(models.Model):
    """Immutable bytes at rest; many versions can point at one.

    live -> doomed -> going -> row deleted. A doomed blob is one that nothing points at; a new
    reference revives it. A grace period later it is going: nothing can point at it any more, its
    bytes are unlinked, and then the row is deleted. While there is a row, its id is taken.
    """

    class State(models.TextChoices):
        """Where a blob is in its life."""

        LIVE = "live", _("live")
        DOOMED = "doomed", _("doomed")
        GOING = "going", _("being removed")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    # blobs/<first two hex digits of id>/<id>: never made of what a user typed.
    file = models.FileField(_("file"), max_length=100)
    size = models.PositiveBigIntegerField(_("size, bytes"))
    sha256 = models.CharField("SHA-256", max_length=64, blank=True)  # lower-case hex; "" unknown
    crc32 = models.PositiveBigIntegerField("CRC-32", null=True)
    media_type = models.CharField(_("type"), max_length=100)  # sniffed from the bytes
    state = models.CharField(_("state"), max_length=6, choices=State, default=State.LIVE)
    doomed_at = models.DateTimeField(_("doomed"), null=True, blank=True)
    # Seconds of trusted up-time (models/clocks.py) when the sweeper first saw it doomed.
    doomed_uptime = models.PositiveBigIntegerField(null=True, blank=True)
    created_at = models.DateTimeField(_("created"), db_default=Now())
    verified_at = models.DateTimeField(_("verified"), null=True, blank=True)

    class Meta:
        verbose_name = _("blob")
        verbose_name_plural = _("blobs")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(state="live", doomed_at__isnull=True)
                | models.Q(state__in=["doomed", "going"], doomed_at__isnull=False),
                name="blob_doomed_at_unless_live",
            ),
        ]
        indexes = [
            models.Index(
                fields=["state", "doomed_at"],
                condition=models.Q(doomed_at__isnull=False),
                name="blob_doomed",
            ),
            # Whether somebody has such content already (access.find_content).
            models.Index(fields=["sha256", "size"], name="blob_by_sha256"),
        ]

    def __str__(self) -> str:
        return str(self.pk)
