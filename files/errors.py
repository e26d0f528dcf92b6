"""Every failure a caller can act on, with its stable code and its default HTTP status."""

from http import HTTPStatus
from typing import Any, ClassVar

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


class FilesError(Exception):
    """Base of what operations raise; data holds JSON-safe details for the client."""

    code: ClassVar[str]
    status: ClassVar[HTTPStatus]
    message: ClassVar[Promise]

    def __init__(self, **data: Any) -> None:
        super().__init__(data)
        self.data = data

    def __str__(self) -> str:
        return str(self.message)


class EntryNotFoundError(FilesError):
    """No such entry, or the actor may not know that it exists."""

    code = "entry-not-found"
    status = HTTPStatus.NOT_FOUND
    message = _("There is no such file or folder.")


class SpaceNotFoundError(FilesError):
    """No such space, or the actor may not know that it exists."""

    code = "space-not-found"
    status = HTTPStatus.NOT_FOUND
    message = _("There is no such space.")


class SignInRequiredError(FilesError):
    """Nobody is signed in, and this needs somebody."""

    code = "sign-in-required"
    status = HTTPStatus.UNAUTHORIZED
    message = _("Please sign in first.")


class InvalidCredentialsError(FilesError):
    """A token or password is wrong, revoked or expired, or its account is closed."""

    code = "invalid-credentials"
    status = HTTPStatus.UNAUTHORIZED
    message = _("This token or password is not valid.")


class TooManyAttemptsError(FilesError):
    """Too many failed to sign in from an address or for an account; data holds retry_after."""

    code = "too-many-attempts"
    status = HTTPStatus.TOO_MANY_REQUESTS
    message = _("There were too many failed attempts to sign in. Please try again later.")


class InsecureTransportError(FilesError):
    """A token or password is not taken over a connection that others can read."""

    code = "https-required"
    status = HTTPStatus.FORBIDDEN
    message = _("Tokens and passwords are only taken over https here.")


class TokenNotFoundError(FilesError):
    """No such token, or it is somebody else's."""

    code = "token-not-found"
    status = HTTPStatus.NOT_FOUND
    message = _("There is no such token.")


class TooManyTokensError(FilesError):
    """An account has as many living tokens as are allowed; data holds limit."""

    code = "too-many-tokens"
    status = HTTPStatus.CONFLICT
    message = _("There are too many tokens for this account. Revoke some first.")


class ForbiddenError(FilesError):
    """The actor may know of the thing but not do this to it; data names the right that lacks."""

    code = "forbidden"
    status = HTTPStatus.FORBIDDEN
    message = _("You are not allowed to do this here.")


class CrossSiteRequestError(FilesError):
    """An unsafe request with a cookie came from another origin, or without its form token."""

    code = "cross-site-request"
    status = HTTPStatus.FORBIDDEN
    message = _("This request did not come from one of our pages. Reload the page and try again.")


class EntryExistsError(FilesError):
    """The parent already has a live member of that name."""

    code = "entry-exists"
    status = HTTPStatus.CONFLICT
    message = _("There is already something with that name here.")


class CaseTwinError(FilesError):
    """The space refuses names that differ from another only in case."""

    code = "case-twin"
    status = HTTPStatus.CONFLICT
    message = _("There is already a name here that differs only in upper and lower case.")


class InvalidNameError(FilesError):
    """A name breaks a rule; data's reason says which (files/names.py)."""

    code = "invalid-name"
    status = HTTPStatus.UNPROCESSABLE_ENTITY
    message = _("This is not a name that a file or folder may have.")


class TooDeepError(FilesError):
    """The folder would lie deeper than the limit; data holds the limit."""

    code = "too-deep"
    status = HTTPStatus.CONFLICT
    message = _("Folders cannot be nested any deeper here.")


class MoveIntoSelfError(FilesError):
    """The destination is the entry itself or lies inside it."""

    code = "move-into-self"
    status = HTTPStatus.CONFLICT
    message = _("A folder cannot be moved or copied into itself.")


class NotAFolderError(FilesError):
    """A folder is needed, and this is a file."""

    code = "not-a-folder"
    status = HTTPStatus.CONFLICT
    message = _("This is not a folder.")


class NotAFileError(FilesError):
    """A file is needed, and this is a folder."""

    code = "not-a-file"
    status = HTTPStatus.CONFLICT
    message = _("This is not a file.")


class RootFolderError(FilesError):
    """The root of a space cannot be renamed, moved, trashed or deleted."""

    code = "root-folder"
    status = HTTPStatus.CONFLICT
    message = _("The top folder of a space stays as it is.")


class NotTrashedError(FilesError):
    """Only what lies in the trash can be restored or deleted for good."""

    code = "not-trashed"
    status = HTTPStatus.CONFLICT
    message = _("This is not in the trash.")


class QuotaExceededError(FilesError):
    """The space has no room for this; data holds quota, used and needed, in bytes."""

    code = "quota-exceeded"
    status = HTTPStatus.INSUFFICIENT_STORAGE
    message = _("The space has not enough room left for this.")


class DiskFullError(FilesError):
    """The disk has no room for this; data holds free and needed, in bytes, where known."""

    code = "disk-full"
    status = HTTPStatus.INSUFFICIENT_STORAGE
    message = _("The server has not enough disk space left for this.")


class FileTooLargeError(FilesError):
    """A file is larger than the limit; data holds limit, in bytes."""

    code = "file-too-large"
    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    message = _("This file is larger than this server accepts.")


class BodyTooLargeError(FilesError):
    """A request body is larger than its route allows; data holds limit, in bytes."""

    code = "body-too-large"
    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    message = _("The request is larger than this address accepts.")


class TooManyFilesError(FilesError):
    """One request holds more files or fields than the limit; data holds limit."""

    code = "too-many-files"
    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    message = _("That is too many files at once.")


class NoFilesError(FilesError):
    """An upload form came without any file."""

    code = "no-files"
    status = HTTPStatus.UNPROCESSABLE_ENTITY
    message = _("Please choose at least one file.")


class MalformedRequestError(FilesError):
    """The body or a header is not what its protocol says; data's reason tells what."""

    code = "malformed-request"
    status = HTTPStatus.BAD_REQUEST
    message = _("The request could not be understood.")


class UnsupportedTypeError(FilesError):
    """The body has a content type that this address does not take."""

    code = "unsupported-type"
    status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE
    message = _("This address does not accept this type of content.")


class TypeRefusedError(FilesError):
    """The bytes are of a type that the server or the space does not take; data holds it."""

    code = "type-refused"
    status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE
    message = _("Files of this type are not accepted here.")


class UnsupportedVersionError(FilesError):
    """The request speaks another version of its protocol; data's spoken lists those known here."""

    code = "unsupported-version"
    status = HTTPStatus.PRECONDITION_FAILED
    message = _("This version of the protocol is not spoken here.")


class MethodNotAllowedError(FilesError):
    """The address does not know this method; data's allow lists those it does."""

    code = "method-not-allowed"
    status = HTTPStatus.METHOD_NOT_ALLOWED
    message = _("This address does not accept this kind of request.")


class BlobConflictError(FilesError):
    """The bytes were claimed by the sweeper or another request before they were recorded."""

    code = "blob-conflict"
    status = HTTPStatus.CONFLICT
    message = _("The file took too long to arrive and was set aside. Please upload it again.")


class StorageFailedError(FilesError):
    """The storage could not take or give the bytes; nothing was changed."""

    code = "storage-failed"
    status = HTTPStatus.INTERNAL_SERVER_ERROR
    message = _("The server could not store this. Nothing was changed.")


class UploadNotFoundError(FilesError):
    """No such upload: unknown, somebody else's, cancelled or expired."""

    code = "upload-not-found"
    status = HTTPStatus.NOT_FOUND
    message = _("There is no such upload.")


class OffsetConflictError(FilesError):
    """The bytes do not go on where the upload stands; data holds offset, where it does."""

    code = "offset-conflict"
    status = HTTPStatus.CONFLICT
    message = _("The upload stands at another place. Ask where, and go on from there.")


class UploadCompleteError(FilesError):
    """The upload has all its bytes already; data holds its length."""

    code = "upload-complete"
    status = HTTPStatus.CONFLICT
    message = _("This upload is complete already.")


class LengthMismatchError(FilesError):
    """The bytes are more, or the length is another, than was said; data holds length."""

    code = "length-mismatch"
    status = HTTPStatus.BAD_REQUEST
    message = _("This does not fit the length that was given before.")


class UploadTakenOverError(FilesError):
    """Another connection has taken the upload over; what came through this one is kept."""

    code = "upload-taken-over"
    status = HTTPStatus.CONFLICT
    message = _("This upload is being continued over another connection.")


class UploadBusyError(FilesError):
    """The connection that is writing the upload does not let go of it; try again."""

    code = "upload-busy"
    status = HTTPStatus.LOCKED
    message = _("This upload is still being written to. Please try again.")


class TooManyUploadsError(FilesError):
    """Somebody has as many unfinished uploads as are allowed; data holds limit."""

    code = "too-many-uploads"
    status = HTTPStatus.TOO_MANY_REQUESTS
    message = _("You have too many unfinished uploads. Finish or discard some first.")


class DigestMismatchError(FilesError):
    """The bytes are not those whose digest was stated; they are thrown away."""

    code = "digest-mismatch"
    status = HTTPStatus.BAD_REQUEST
    message = _("The file arrived damaged: it is not what its checksum says. Please send it again.")


class UnsuitableFileError(FilesError):
    """A file of this machine cannot be taken over as it is; data's reason says why.

    hard-link: it has another name, through which it could be changed later. changed: somebody
    wrote to it meanwhile. source-stays: it was imported, but its source could not be removed.
    own-data: it holds this installation itself. exists: another stands where it should be written.
    """

    code = "unsuitable-file"
    status = HTTPStatus.CONFLICT
    message = _("This file cannot be taken as it is.")


class PreconditionFailedError(FilesError):
    """A condition that the request states does not hold for what is there (RFC 9110, 13)."""

    code = "precondition-failed"
    status = HTTPStatus.PRECONDITION_FAILED
    message = _("Somebody has changed this meanwhile. Nothing was replaced.")


class ChangedMeanwhileError(FilesError):
    """What a long job was working on kept changing under it; nothing was changed by the job."""

    code = "changed-meanwhile"
    status = HTTPStatus.CONFLICT
    message = _("This was changed while it was being moved. Please try again.")


class InvalidValueError(FilesError):
    """A value is out of its range or of the wrong kind; data names the field and the reason."""

    code = "invalid-value"
    status = HTTPStatus.UNPROCESSABLE_ENTITY
    message = _("This value is not possible here.")


class FilesRefusedError(FilesError):
    """Files of one request were refused, so none was taken; refused says which and why."""

    code = "files-refused"
    status = HTTPStatus.CONFLICT
    message = _("Not every file could be taken, so none was.")

    def __init__(self, refused: dict[str, FilesError]) -> None:
        super().__init__(files={path: error.code for path, error in refused.items()})
        self.refused = refused
        if len({error.status for error in refused.values()}) == 1:
            self.status = next(iter(refused.values())).status  # type: ignore[misc]
