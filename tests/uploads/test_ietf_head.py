"""How far an upload is, asked by HEAD."""

import asyncio
from collections.abc import Coroutine
from dataclasses import replace
from typing import Any, cast

import pytest
from pytest_django import Settings

from files.models import Entry, Upload
from tests.factories import make_user, paths_in
from tests.http.client import CallerExecutor
from tests.uploads.ietf import PARTIAL, VERSIONS, Ietf, digest, state_of

pytestmark = pytest.mark.usefixtures("consistent")


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("length", ["10", None])
def test_open_upload_tells_its_state(ietf: Ietf, version: str | None, length: str | None) -> None:
    ietf.version = version
    url = ietf.begin(b"first", Upload_Length=length)

    answer = ietf.head(url)

    assert (answer.status, state_of(answer), answer.body) == (204, ("5", False), b"")
    assert answer.headers.get("upload-length") == length
    assert answer.headers["cache-control"] == "no-store"
    assert "content-length" not in answer.headers


@pytest.mark.parametrize("version", VERSIONS)
def test_finished_upload_tells_what_it_has_become(ietf: Ietf, version: str | None) -> None:
    ietf.version = version
    url = ietf.begin()
    ietf.patch(url, b"whole", last=True)

    answer = ietf.head(url)

    assert (answer.status, state_of(answer)) == (204, ("5", True))
    assert answer.headers["upload-length"] == "5"
    assert answer.headers["upload-entry"] == f"/entries/{Upload.objects.get().entry_id}/"
    assert answer.headers["repr-digest"] == digest(b"whole")


def test_digest_that_is_not_known_is_not_told(ietf: Ietf) -> None:
    url = ietf.begin()
    ietf.patch(url, b"whole", last=True)
    Upload.objects.update(sha256="")

    answer = ietf.head(url)

    assert (state_of(answer), "repr-digest" in answer.headers) == (("5", True), False)


def test_lifetime_is_what_is_left(ietf: Ietf, settings: Settings) -> None:
    settings.FILES_MAX_UPLOAD_SIZE, settings.FILES_UPLOAD_EXPIRY_SECONDS = 1000, 50

    limits = ietf.head(ietf.begin()).headers["upload-limit"]

    assert limits in {"max-size=1000, max-age=49", "max-size=1000, max-age=50"}


def test_length_that_is_reached_does_not_complete_the_upload(ietf: Ietf, root: Entry) -> None:
    url = ietf.begin(Upload_Length="5")
    ietf.patch(url, b"whole")

    assert state_of(ietf.head(url)) == ("5", False)
    assert paths_in(root) == {}


class _Later:
    """Keeps requests, to be made at the same time."""

    def __init__(self) -> None:
        self.requests: list[Coroutine[Any, Any, None]] = []

    def run(self, request: Coroutine[Any, Any, None]) -> None:
        self.requests.append(request)


def test_asking_stops_who_is_still_sending(ietf: Ietf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("files.http.bodies.DRAIN_SECONDS", 0.1)
    url, later = ietf.begin(), _Later()
    client = replace(ietf.client, executor=cast("CallerExecutor", later))
    old = client.request(
        "PATCH", url, [b"so far"], stalls=True,
        Upload_Complete="?1", Upload_Offset="0", Content_Type=PARTIAL,
    )  # fmt: skip
    new = client.request("HEAD", url)

    async def both() -> None:
        sending = asyncio.ensure_future(later.requests[0])
        await asyncio.sleep(0.3)
        await later.requests[1]
        assert new.status == 204
        await sending

    ietf.client.executor.run(both())

    assert (state_of(new), old.status) == (("6", False), 409)
    assert ietf.patch(url, b" good", at=6, last=True).status == 201


@pytest.mark.parametrize("name", ["0" * 32, "A" * 32])
def test_unknown_upload_is_not_found(ietf: Ietf, name: str) -> None:
    assert ietf.head(f"/uploads/{name}").status == 404


def test_upload_of_somebody_else_is_not_found(ietf: Ietf) -> None:
    url = ietf.begin(b"first")
    eve = Ietf(ietf.client.sign_in(make_user("eve")), ietf.folder)

    mine, other = eve.head(url), eve.head("/uploads/" + "0" * 32)

    assert mine.status == other.status == 404
    assert state_of(ietf.head(url)) == ("5", False)


def test_without_the_header_of_a_draft_an_upload_answers_as_well(ietf: Ietf) -> None:
    url = ietf.begin()

    assert ietf.client.request("HEAD", url).status == 204


@pytest.mark.parametrize("method", ["POST", "PUT", "GET"])
def test_upload_has_no_other_methods(ietf: Ietf, method: str) -> None:
    answer = ietf.request(method, ietf.begin())

    assert (answer.status, answer.headers["allow"]) == (405, "HEAD, PATCH, DELETE, OPTIONS")
