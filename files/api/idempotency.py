"""Idempotency-Key: what makes something is done once, however often its request is sent."""

from collections.abc import Callable
from hashlib import sha256
from typing import Final

from django.http import HttpResponse

from files.errors import SignInRequiredError
from files.operations.answers import Answer, answer_once

from .replies import JSON, no_content
from .requests import ApiRequest

_KEPT: Final = ("ETag", "Location")


def once(request: ApiRequest, key: str | None, make: Callable[[], HttpResponse]) -> HttpResponse:
    """Answer by make, or where the key was seen before, by what make answered then.

    make finds what the request is about, so that a repetition is answered also where that is gone
    since. Raises KeyReusedError, and what make raises: then nothing was done.
    """
    if key is None:
        return make()
    user = request.auth.user
    if user is None:
        raise SignInRequiredError
    answer = answer_once(user, key, _digest(request), lambda: _answer_of(make()))
    if not answer.body:
        return no_content(answer.headers)
    headers = dict(answer.headers)
    return HttpResponse(answer.body, status=answer.status, content_type=JSON, headers=headers)


def _digest(request: ApiRequest) -> str:
    """Give what tells a request from another one, or from the same under another token."""
    limit = request.auth.limit
    token_id = limit.token_id if limit else None
    asked = f"{request.method} {request.get_full_path()} {token_id}\n".encode()
    return sha256(asked + request.body).hexdigest()


def _answer_of(response: HttpResponse) -> Answer:
    """Give what is kept of an answer."""
    headers = {name: response[name] for name in _KEPT if name in response}
    return Answer(response.status_code, headers, response.content.decode())
