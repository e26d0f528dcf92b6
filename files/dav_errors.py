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


class ParentNotFoundError(FilesError):
    """The folder in which something should be made is not there, or may not be known."""

    code = "parent-not-found"
    status = HTTPStatus.CONFLICT
    message = _("The folder that this should go to does not exist.")


class ForeignDestinationError(FilesError):
    """A copy or move names a destination that is not of this server's files."""

    code = "foreign-destination"
    status = HTTPStatus.BAD_GATEWAY
    message = _("The destination is not on this server.")


class DepthRefusedError(FilesError):
    """A request asks for a whole tree at once, where it may only ask for one folder."""

    code = "depth-refused"
    status = HTTPStatus.FORBIDDEN
    message = _("Ask for one folder at a time.")


class NameRefusedError(FilesError):
    """A name is one that the server is set to keep out; data's pattern says by which rule."""

    code = "name-refused"
    status = HTTPStatus.FORBIDDEN
    message = _("Files of this name are not accepted here.")


class ReportRefusedError(FilesError):
    """A report that is not made here, or not from there; data's condition says why (RFC 6578)."""

    code = "report-refused"
    status = HTTPStatus.FORBIDDEN
    message = _("This report cannot be made. Ask for everything anew.")
