"""Entries: the files and folders of a space, as an adjacency list."""

from typing import Self

from django.conf import settings
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _


class EntryQuerySet(models.QuerySet["Entry"]):
    """Reads of entries across rows; who may see them is decided in files/access."""

    def live(self) -> Self:
        """Leave out what has itself been trashed (not what lies below a trashed folder)."""
        return self.filter(trashed_at__isnull=True)

    def children_of(self, parent: "Entry") -> Self:
        """Give the live members of a folder, unsorted."""
        return self.live().filter(parent=parent)


class Entry(models.Model):
    """A file or folder in a space (RFC 4918: a resource or a collection).

    The root of a space has no parent. Any other entry without a parent is detached: invisible to
    everybody, either a copy under construction or a tree that is being purged.
    """

    class Kind(models.IntegerChoices):
        """What an entry is; folders sort first."""

        FOLDER = 0, _("folder")
        FILE = 1, _("file")

    space = models.ForeignKey(
        "files.Space", on_delete=models.PROTECT, related_name="entries", verbose_name=_("space")
    )
    parent = models.ForeignKey(
        "self",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="children",
        verbose_name=_("folder"),
        db_index=False,  # served by entry_name_unique and entry_by_name
    )
    kind = models.PositiveSmallIntegerField(_("kind"), choices=Kind)
    name = models.CharField(_("name"), max_length=255)  # one path component, as given
    name_key = models.CharField(max_length=255)  # NFC: the name it is found by
    name_fold = models.CharField(max_length=1024)  # NFC, case-folded: sorting, search, twins
    version = models.ForeignKey(
        "files.Version",
        null=True,  # folders have none
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name=_("current version"),
    )
    size = models.PositiveBigIntegerField(_("size, bytes"), default=0)  # of the current version
    media_type = models.CharField(_("type"), max_length=100, default="", blank=True)
    revision = models.PositiveBigIntegerField(_("revision"), default=1)  # raised by each change
    modified_at = models.DateTimeField(_("modified"), db_default=Now())
    created_at = models.DateTimeField(_("created"), db_default=Now())
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
        verbose_name=_("created by"),
    )
    trashed_at = models.DateTimeField(_("trashed"), null=True, blank=True)
    trashed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
        verbose_name=_("trashed by"),
    )

    objects = EntryQuerySet.as_manager()

    class Meta:
        verbose_name = _("entry")
        verbose_name_plural = _("entries")
        permissions = [
            # For staff; each use of it is an event.
            ("read_content", _("Can read the content of everybody's files")),
        ]
        constraints = [
            # One live member per name, so that a path names one entry (RFC 4918, section 5.2).
            models.UniqueConstraint(
                fields=["parent", "name_key"],
                condition=models.Q(trashed_at__isnull=True),
                name="entry_name_unique",
                violation_error_code="entry-exists",
            ),
        ]
        indexes = [
            # The folder page, one index per sort order; kind first, so that folders come first.
            models.Index(fields=["parent", "kind", "name_fold", "id"], name="entry_by_name"),
            models.Index(fields=["parent", "kind", "size", "id"], name="entry_by_size"),
            models.Index(fields=["parent", "kind", "modified_at", "id"], name="entry_by_date"),
            models.Index(fields=["parent", "kind", "media_type", "id"], name="entry_by_type"),
            # The trash page: newest first.
            models.Index(
                fields=["space", "trashed_at", "id"],
                condition=models.Q(trashed_at__isnull=False),
                name="entry_trash",
            ),
            # What is being purged or copied, among the roots: few rows.
            models.Index(
                fields=["space", "id"],
                condition=models.Q(parent__isnull=True),
                name="entry_without_parent",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_folder(self) -> bool:
        """Tell a folder from a file."""
        return self.kind == self.Kind.FOLDER

    @property
    def placement(self) -> dict[str, object]:
        """Give what an event keeps of an entry before and after a change, JSON-safe."""
        return {
            "parent": self.parent_id,
            "name": self.name,
            "version": self.version_id,
            "trashed": self.trashed_at is not None,
            "revision": self.revision,
        }
