"""Events: the append-only record of who did what, and the outbox of background work."""

from django.conf import settings
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _


class Event(models.Model):
    """One change: who, what, when, through which door, and how things stood before and after.

    seq is gapless within a space and in commit order. Never changed, only pruned by age.
    """

    class Kind(models.TextChoices):
        """What happened."""

        SPACE_CREATED = "space-created", _("space created")
        SPACE_CHANGED = "space-changed", _("space changed")
        MEMBER_SET = "member-set", _("member set")
        MEMBER_REMOVED = "member-removed", _("member removed")
        FOLDER_CREATED = "folder-created", _("folder created")
        FILE_CREATED = "file-created", _("file created")
        VERSION_ADDED = "version-added", _("new version")
        ENTRY_RENAMED = "entry-renamed", _("renamed")
        ENTRY_MOVED = "entry-moved", _("moved")
        ENTRY_COPIED = "entry-copied", _("copied")
        ENTRY_TRASHED = "entry-trashed", _("trashed")
        ENTRY_RESTORED = "entry-restored", _("restored")
        ENTRY_PURGED = "entry-purged", _("deleted for good")
        TRASH_EMPTIED = "trash-emptied", _("trash emptied")
        PROPERTIES_CHANGED = "properties-changed", _("properties changed")
        LOCK_BROKEN = "lock-broken", _("lock broken")
        UPLOAD_CANCELLED = "upload-cancelled", _("upload cancelled for somebody")
        JOB_REQUESTED = "job-requested", _("background work requested")
        JOB_FAILED = "job-failed", _("background work failed")
        CONTENT_READ_BY_STAFF = "content-read-by-staff", _("content read by staff")
        TOKEN_CREATED = "token-created", _("token created")
        TOKEN_REVOKED = "token-revoked", _("token revoked")

    class Door(models.TextChoices):
        """Through which face a change came."""

        WEB = "web", _("web")
        UPLOAD = "upload", _("resumable upload")
        API = "api", _("API")
        WEBDAV = "webdav", _("WebDAV")
        ADMIN = "admin", _("admin")
        COMMAND = "command", _("command")
        JOB = "job", _("job")

    space = models.ForeignKey(
        "files.Space", on_delete=models.PROTECT, related_name="events", verbose_name=_("space")
    )
    seq = models.PositiveBigIntegerField()
    kind = models.CharField(_("what"), max_length=40, choices=Kind)
    # No foreign key: events outlive entries.
    entry_id = models.BigIntegerField(_("entry"), null=True, blank=True)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
        verbose_name=_("who"),
    )
    # The name at that time, kept when the account is deleted; "" is the system itself.
    actor_name = models.CharField(_("name of who"), max_length=150, blank=True)
    # By which token it was done, and its name at that time; no foreign key, as with the entry.
    token_id = models.BigIntegerField(_("token"), null=True, blank=True)
    token_name = models.CharField(
        _("name of the token"), max_length=100, blank=True, default="", db_default=""
    )
    door = models.CharField(_("door"), max_length=10, choices=Door)
    at = models.DateTimeField(_("when"), db_default=Now())
    before = models.JSONField(_("before"), null=True, blank=True)
    after = models.JSONField(_("after"), null=True, blank=True)

    class Meta:
        verbose_name = _("event")
        verbose_name_plural = _("events")
        constraints = [
            models.UniqueConstraint(fields=["space", "seq"], name="event_seq_unique"),
        ]
        indexes = [
            models.Index(fields=["entry_id", "id"], name="event_by_entry"),
            models.Index(fields=["at", "id"], name="event_by_time"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.entry_id or ''}".strip()
