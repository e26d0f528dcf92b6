"""What background work needs to remember besides its rows: when each job is due, who is at work."""

from django.db import models


class Schedule(models.Model):
    """When a periodic job is due next; the UPDATE that moves next_at on is who may start it."""

    name = models.CharField(max_length=60, primary_key=True)
    next_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name


class JobWorker(models.Model):
    """A worker that has jobs; one not seen for a while is dead, and its jobs are taken back.

    Times are the database's: workers may be on machines whose clocks differ.
    """

    id = models.CharField(max_length=64, primary_key=True)
    seen_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.id
