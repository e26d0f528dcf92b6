"""Kept answers: what was answered to requests that may come again under the same key."""

from django.conf import settings
from django.db import models
from django.db.models.functions import Now


class KeptAnswer(models.Model):
    """The answer to a request with an Idempotency-Key, made in the transaction of what it tells.

    So there is an answer exactly where the thing was done; operations/answers.py says how long.
    """

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,  # the account is gone; the row goes by its age
        on_delete=models.SET_NULL,
        related_name="+",
    )
    key = models.CharField(max_length=255)
    request_digest = models.CharField(max_length=64)  # SHA-256 of what was asked
    status = models.PositiveSmallIntegerField(default=0)
    headers = models.JSONField(default=dict)
    body = models.TextField(blank=True)
    created_at = models.DateTimeField(db_default=Now(), db_index=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "key"], name="answer_one_per_key"),
        ]

    def __str__(self) -> str:
        return str(self.pk)
