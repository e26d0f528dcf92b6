"""Versions: the contents a file has had."""

from django.conf import settings
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _


class Version(models.Model):
    """One content that a file has had; the newest is the entry's current one."""

    entry = models.ForeignKey(
        "files.Entry",
        on_delete=models.PROTECT,
        related_name="versions",
        verbose_name=_("entry"),
    )
    blob = models.ForeignKey(
        "files.Blob", on_delete=models.PROTECT, related_name="versions", verbose_name=_("blob")
    )
    size = models.PositiveBigIntegerField(_("size, bytes"))
    sha256 = models.CharField("SHA-256", max_length=64, blank=True)  # lower-case hex; "" unknown
    created_at = models.DateTimeField(_("created"), db_default=Now())
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
        verbose_name=_("created by"),
    )

    class Meta:
        verbose_name = _("version")
        verbose_name_plural = _("versions")

    def __str__(self) -> str:
        return f"v{self.pk}"
