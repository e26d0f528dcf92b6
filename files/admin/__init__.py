"""The Django admin for staff, one module a model: reads, and changes that operations make."""

from . import blobs, entries, events, locks, spaces, tokens, uploads_pending, users, versions

__all__ = [
    "blobs",
    "entries",
    "events",
    "locks",
    "spaces",
    "tokens",
    "uploads_pending",
    "users",
    "versions",
]
