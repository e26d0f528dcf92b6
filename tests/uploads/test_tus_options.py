"""What the server can do is told by OPTIONS, to everybody."""

from typing import Any

import pytest
from pytest_django import Settings

from tests.factories import make_user
from tests.http.client import DoorsClient
from tests.uploads.tus import Tus

ORIGIN = "https://app.example.org"


def test_server_tells_what_it_can_do(tus: Tus, settings: Settings) -> None:
    settings.FILES_MAX_UPLOAD_SIZE = 1234

    answer = tus.client.request("OPTIONS", "/uploads/")

    assert (answer.status, answer.body) == (204, b"")
    told = answer.headers
    assert told["tus-resumable"] == told["tus-version"] == "1.0.0"
    assert told["tus-extension"] == (
        "creation,creation-with-upload,creation-defer-length,checksum,expiration,termination"
    )
    assert told["tus-max-size"] == "1234"
    assert told["tus-checksum-algorithm"] == "sha1,sha256,crc32"
    assert told["allow"] == "POST, PUT, OPTIONS"
    assert told["upload-limit"].startswith("max-size=1234")
    assert not [name for name in told if name.startswith("access-control")]
    assert "content-length" not in told


@pytest.mark.parametrize(
    ("method", "headers"),
    [
        ("OPTIONS", {}),
        ("OPTIONS", {"Tus_Resumable": "1.0.0"}),
        ("OPTIONS", {"Tus_Resumable": "0.2.2"}),
        ("POST", {"X_HTTP_Method_Override": "OPTIONS", "Tus_Resumable": "1.0.0"}),
    ],
)
def test_nobody_needs_to_be_signed_in_or_to_know_the_version(
    tus: Tus, method: str, headers: dict[str, Any]
) -> None:
    tus.client.cookies = {}

    answer = tus.client.request(method, f"/uploads/{'0' * 32}", **headers)

    assert (answer.status, answer.headers["tus-version"]) == (204, "1.0.0")
    assert answer.headers["allow"] == "HEAD, PATCH, DELETE, OPTIONS"
    assert answer.headers["accept-patch"].startswith("application/offset+octet-stream")


def test_coming_standard_answers_for_itself(tus: Tus) -> None:
    answer = tus.client.request("OPTIONS", "/uploads/", Upload_Draft_Interop_Version="6")

    assert "tus-version" not in answer.headers


@pytest.mark.parametrize("method", ["OPTIONS", "POST", "HEAD"])
@pytest.mark.parametrize("origin", ["https://evil.example.org", f"{ORIGIN}.evil.org", "null", None])
def test_page_of_an_origin_that_is_not_named_is_told_nothing(
    tus: Tus, settings: Settings, method: str, origin: str | None
) -> None:
    settings.FILES_CORS_ORIGINS = [ORIGIN]

    answer = tus.request(method, "/uploads/", Origin=origin, Access_Control_Request_Method="POST")

    assert not [name for name in answer.headers if name.startswith("access-control")]
    assert method == "POST" or answer.headers["vary"] == "Origin"


def test_page_of_an_origin_that_is_named_may_ask_first(tus: Tus, settings: Settings) -> None:
    settings.FILES_CORS_ORIGINS = [ORIGIN]

    answer = tus.client.request(
        "OPTIONS", "/uploads/", Origin=ORIGIN, Access_Control_Request_Method="PATCH"
    )

    told = answer.headers
    assert (answer.status, told["access-control-allow-origin"]) == (204, ORIGIN)
    assert "PATCH" in told["access-control-allow-methods"].split(", ")
    allowed = told["access-control-allow-headers"].lower().split(", ")
    for name in ("tus-resumable", "upload-offset", "upload-metadata", "authorization"):
        assert name in allowed
    assert "access-control-allow-credentials" not in told


def test_page_of_an_origin_that_is_named_reads_the_answers(
    tus: Tus, anonymous: DoorsClient, settings: Settings
) -> None:
    settings.FILES_CORS_ORIGINS = [ORIGIN]
    nobody = Tus(anonymous, tus.folder)

    answer = nobody.create(length=3, Origin=ORIGIN, Sec_Fetch_Site="cross-site")

    assert (answer.status, answer.headers["access-control-allow-origin"]) == (401, ORIGIN)
    exposed = answer.headers["access-control-expose-headers"].split(", ")
    assert {"Location", "Upload-Offset", "Upload-Expires", "Upload-Entry"} <= set(exposed)
    assert "access-control-allow-credentials" not in answer.headers


def test_cookie_does_not_count_for_a_page_of_another_origin(tus: Tus, settings: Settings) -> None:
    settings.FILES_CORS_ORIGINS = [ORIGIN]
    make_user("bob")

    answer = tus.create(length=3, Origin=ORIGIN, Sec_Fetch_Site="cross-site")

    assert answer.status == 403
