"""Properties: what WebDAV clients keep beside an entry (RFC 4918, 4: dead properties)."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class Property(models.Model):
    """A dead property of an entry: its value means something to clients alone.

    A copy has it too; a version has none.
    """

    entry = models.ForeignKey(
        "files.Entry",
        on_delete=models.CASCADE,
        related_name="properties",
        verbose_name=_("entry"),
        db_index=False,  # served by property_unique
    )
    namespace = models.CharField(_("namespace"), max_length=255, blank=True)  # "" is none
    name = models.CharField(_("name"), max_length=255)
    value = models.TextField(_("value"), blank=True)  # XML, as its face wrote it

    class Meta:
        verbose_name = _("property")
        verbose_name_plural = _("properties")
        constraints = [
            models.UniqueConstraint(fields=["entry", "namespace", "name"], name="property_unique"),
        ]

    def __str__(self) -> str:
        return f"{{{self.namespace}}}{self.name}"
