"""Errors of requests themselves, whatever they are about: addresses, cursors, keys, rates."""

from http import HTTPStatus

from django.utils.translation import gettext_lazy as _

from .errors import FilesError


class AddressNotFoundError(FilesError):
    """There is nothing at this address of the API, whoever asks."""

    code = "address-not-found"
    status = HTTPStatus.NOT_FOUND
    message = _("There is nothing at this address.")


class InternalFaultError(FilesError):
    """Something broke that should not; the log of the server says what, under the request's id."""

    code = "internal-fault"
    status = HTTPStatus.INTERNAL_SERVER_ERROR
    message = _("Something went wrong on the server. Please try again later.")


class JobNotFoundError(FilesError):
    """No such job, or somebody else asked for it."""

    code = "job-not-found"
    status = HTTPStatus.NOT_FOUND
    message = _("There is no such job.")


class StaleCursorError(FilesError):
    """The place at which a list was left is gone; it can only be read again from its start."""

    code = "stale-cursor"
    status = HTTPStatus.GONE
    message = _("This list has changed where you left it. Please begin it again.")


class KeyReusedError(FilesError):
    """An Idempotency-Key came a second time, with another request than the first time."""

    code = "key-reused"
    status = HTTPStatus.UNPROCESSABLE_ENTITY
    message = _("This key was used for another request already.")


class TooManyRequestsError(FilesError):
    """Somebody asks more often than is allowed; data holds retry_after, in seconds."""

    code = "too-many-requests"
    status = HTTPStatus.TOO_MANY_REQUESTS
    message = _("That is too many requests. Please wait a moment.")
