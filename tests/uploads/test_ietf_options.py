"""What can be done is told by OPTIONS, to anybody."""

import pytest
from pytest_django import Settings

from tests.uploads.ietf import Ietf


@pytest.mark.parametrize(
    ("version", "limits"),
    [
        ("3", None),
        ("5", None),
        ("6", "max-size=1000, expires=60"),
        ("7", "max-size=1000, max-age=60"),
        ("8", "max-size=1000, max-age=60"),
        (None, "max-size=1000, max-age=60"),
    ],
)
@pytest.mark.parametrize(
    ("path", "allow"),
    [
        ("/uploads/", "POST, PUT, OPTIONS"),
        ("/uploads/" + "0" * 32, "HEAD, PATCH, DELETE, OPTIONS"),
    ],
)
def test_methods_type_and_limits_are_told(
    ietf: Ietf, settings: Settings, version: str | None, limits: str | None, path: str, allow: str
) -> None:
    settings.FILES_MAX_UPLOAD_SIZE, settings.FILES_UPLOAD_EXPIRY_SECONDS = 1000, 60
    ietf.client.cookies.clear()

    answer = ietf.client.request("OPTIONS", path, Upload_Draft_Interop_Version=version)

    assert (answer.status, answer.body) == (204, b"")
    assert answer.headers["allow"] == allow
    assert answer.headers["accept-patch"] == "application/partial-upload"
    assert answer.headers.get("upload-limit") == limits


def test_version_that_is_not_spoken_is_told_those_that_are(ietf: Ietf) -> None:
    answer = ietf.client.request("OPTIONS", "/uploads/", Upload_Draft_Interop_Version="2")

    assert answer.status == 400
    assert '"spoken": [3, 4, 5, 6, 7, 8]' in answer.text
