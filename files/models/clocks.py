"""The clock of destructive jobs: up-time that no change of the wall clock can stretch."""

from django.db import models


class UptimeClock(models.Model):
    """The one row that adds up how long machines have really run (operations/blobs.py).

    seconds grows by what CLOCK_BOOTTIME advanced since the last look on the same boot. After a
    reboot, or a look from another host, it grows by the smaller of that boot's up-time and of what
    the wall clock advanced. So a wall clock set forward makes nothing old.
    """

    seconds = models.PositiveBigIntegerField(default=0)
    boot_id = models.CharField(max_length=36, blank=True)
    boottime_seconds = models.PositiveBigIntegerField(default=0)
    read_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.seconds} s"
