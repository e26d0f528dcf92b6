"""The request type that the API's views see."""

from files.access import Actor
from files.http.requests import FilesRequest


class ApiRequest(FilesRequest):
    """A request of somebody who is signed in: auth is who, with what limits them."""

    auth: Actor
