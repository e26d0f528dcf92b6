"""Errors of what WebDAV keeps beside entries: locks and properties."""

from http import HTTPStatus

from django.utils.translation import gettext_lazy as _

from .errors import FilesError


class LockedError(FilesError):
    """A lock covers what would be changed, or conflicts with the one wanted.

    data's conflicts are the ids of the entries that are locked.
    """

    code = "locked"
    status = HTTPStatus.LOCKED
    message = _("This is locked by somebody who is working on it.")


class LockNotFoundError(FilesError):
    """No such lock: unknown, given up, broken or expired, or the actor may not know of it."""

    code = "lock-not-found"
    status = HTTPStatus.NOT_FOUND
    message = _("There is no such lock. It may have expired.")


class TooManyLocksError(FilesError):
    """Somebody holds as many locks as are allowed; data holds limit."""

    code = "too-many-locks"
    status = HTTPStatus.TOO_MANY_REQUESTS
    message = _("You hold too many locks at once.")


class PropertiesTooLargeError(FilesError):
    """The properties of an entry are too many or too large; data's reason says which, and limit."""

    code = "properties-too-large"
    status = HTTPStatus.INSUFFICIENT_STORAGE
    message = _("There is no room for these properties.")
