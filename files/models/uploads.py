"""Uploads: bytes on their way in."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import models
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class Upload(models.Model):
    """Bytes on their way in: who, where to, how many of how many, until when.

    Its id is that of the blob it becomes, and its bytes lie at that blob's path from the first one
    on. offset counts bytes that are on stable storage; the file may be longer (tail_boot_id). What
    it reserves is part of the space's used_bytes until it is finished.
    """

    class State(models.TextChoices):
        """Where an upload is in its life; one that is cancelled or expires is deleted."""

        OPEN = "open", _("open")
        FINISHED = "finished", _("finished")

    id = models.UUIDField(primary_key=True, editable=False)
    space = models.ForeignKey(
        "files.Space", on_delete=models.PROTECT, related_name="uploads", verbose_name=_("space")
    )
    folder = models.ForeignKey(
        "files.Entry",
        null=True,  # it was deleted for good meanwhile: the upload can only be discarded
        on_delete=models.SET_NULL,
        related_name="+",
        verbose_name=_("folder"),
    )
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,  # the account is gone, or it is the system's
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
        verbose_name=_("who"),
    )
    door = models.CharField(_("door"), max_length=10)  # an Event.Door, through which it came
    path = models.TextField(_("path"))  # below folder: names with "/" between, the file's own last
    # What the client says of the file; what it is, is sniffed.
    media_type = models.CharField(_("type"), max_length=255, blank=True)
    modified_at = models.DateTimeField(_("modified"), null=True, blank=True)
    metadata = models.TextField(default="", blank=True)  # of tus, as it came, to be given back
    # What it must be, checked before the file is visible; of a finished one, what it is.
    sha256 = models.CharField("SHA-256", max_length=64, blank=True)
    clash = models.CharField(max_length=10)  # an operations.placing.Clash
    length = models.PositiveBigIntegerField(_("size, bytes"), null=True)  # None: not said yet
    offset = models.PositiveBigIntegerField(_("received, bytes"), default=0)
    # The last connection said that its end is not that of the file, whatever the length says.
    is_held = models.BooleanField(default=False)
    reserved_bytes = models.PositiveBigIntegerField(default=0)
    # The digests of the first offset bytes, to go on from. hash_state is SHA-256's own. None where
    # they were lost; then a job reads the bytes again.
    crc32 = models.PositiveBigIntegerField(default=0, null=True)
    hash_state = models.BinaryField(null=True)
    # Raised by each connection that takes the upload over; a writer of an older one must stop.
    generation = models.PositiveBigIntegerField(default=0)
    # The boot of the host under which bytes beyond offset were written and may be kept: after
    # another one they may be holes. Empty: they do not count, their checksum was not checked yet.
    tail_boot_id = models.CharField(max_length=36, blank=True)
    active_since = models.DateTimeField(_("active since"), null=True, blank=True)
    active_offset = models.PositiveBigIntegerField(default=0)  # where that connection began
    state = models.CharField(_("state"), max_length=8, choices=State, default=State.OPEN)
    # Until when nginx may take to receive the whole body that it was begun for; None for all whose
    # bytes come to us. Nobody tells when that client goes: past it, what is reserved is given back.
    landing_until = models.DateTimeField(null=True, blank=True)
    # What a finished one became. No foreign keys: those may be gone before the upload is forgotten.
    entry_id = models.BigIntegerField(null=True, blank=True)
    version_id = models.BigIntegerField(null=True, blank=True)
    created_at = models.DateTimeField(_("created"), db_default=Now())
    expires_at = models.DateTimeField(_("expires"), db_index=True)
    # Seconds of trusted up-time (models/clocks.py) when it was first seen to be expired.
    expired_uptime = models.PositiveBigIntegerField(null=True, blank=True)

    class Meta:
        verbose_name = _("upload")
        verbose_name_plural = _("uploads")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(length__isnull=True) | models.Q(offset__lte=models.F("length")),
                name="upload_offset_within_length",
            ),
            models.CheckConstraint(
                condition=models.Q(state="open") | models.Q(reserved_bytes=0),
                name="upload_reserves_while_open",
            ),
        ]
        indexes = [
            # One's pending uploads, newest first, and how many there are.
            models.Index(
                fields=["owner", "-created_at"],
                condition=models.Q(state="open"),
                name="upload_open_by_owner",
            ),
            models.Index(
                fields=["space"],
                condition=models.Q(state="open"),
                name="upload_open_by_space",
            ),
            # Those whose bodies have not come in time.
            models.Index(
                fields=["landing_until"],
                condition=models.Q(landing_until__isnull=False),
                name="upload_landing",
            ),
            # All that is on its way in, newest first, for staff and commands.
            models.Index(
                fields=["-created_at", "-id"],
                condition=models.Q(state="open"),
                name="upload_open_by_time",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @staticmethod
    def next_expiry() -> datetime:
        """Give when an upload expires that somebody has just touched, or that was just finished."""
        return timezone.now() + timedelta(seconds=settings.FILES_UPLOAD_EXPIRY_SECONDS)

    @property
    def name(self) -> str:
        """Give the name that the file will have."""
        return self.path.rpartition("/")[2]

    @property
    def names(self) -> tuple[str, ...]:
        """Give the path: folders below the destination, then the file's name."""
        return tuple(self.path.split("/"))

    @property
    def is_finished(self) -> bool:
        """Tell whether the file is in its place."""
        return self.state == self.State.FINISHED

    @property
    def is_complete(self) -> bool:
        """Tell whether all bytes are there, so that it is finished or can be at once."""
        return self.length is not None and self.offset == self.length
