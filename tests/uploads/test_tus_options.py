"""OPTIONS tells what the server can do."""

import pytest
from pytest_django import Settings

from tests.uploads.tus import Tus, code_of

UNKNOWN = "/uploads/" + "0" * 32


@pytest.mark.parametrize("path", ["/uploads/", UNKNOWN])
@pytest.mark.parametrize("version", ["1.0.0", None])
def test_options_describes_the_server(
    tus: Tus, settings: Settings, path: str, version: str | None
) -> None:
    settings.FILES_MAX_UPLOAD_SIZE = 12345

    answer = tus.request("OPTIONS", path, Tus_Resumable=version)

    assert answer.status == 204
    assert answer.body == b""
    assert answer.headers["tus-resumable"] == "1.0.0"
    assert answer.headers["tus-version"] == "1.0.0"
    assert answer.headers["tus-max-size"] == "12345"
    assert answer.headers["tus-extension"].split(",") == [
        "creation",
        "creation-with-upload",
        "creation-defer-length",
        "checksum",
        "expiration",
        "termination",
    ]
    assert answer.headers["tus-checksum-algorithm"] == "sha1,sha256,crc32"
    # What the standard to come says goes with it.
    types = "application/offset+octet-stream, application/partial-upload"
    assert answer.headers["accept-patch"] == types
    assert answer.headers["upload-limit"].startswith("max-size=12345,")


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("PATCH", "/uploads/", "POST, OPTIONS"),
        ("DELETE", "/uploads/", "POST, OPTIONS"),
        ("PUT", "/uploads/", "POST, OPTIONS"),
        ("POST", UNKNOWN, "HEAD, PATCH, DELETE, OPTIONS"),
        ("GET", UNKNOWN, "HEAD, PATCH, DELETE, OPTIONS"),
    ],
)
def test_other_methods_are_refused(tus: Tus, method: str, path: str, allow: str) -> None:
    answer = tus.request(method, path)

    assert (answer.status, code_of(answer)) == (405, "method-not-allowed")
    assert answer.headers["allow"] == allow


@pytest.mark.parametrize("version", ["0.2.2", "1.0.1", ""])
@pytest.mark.parametrize("method", ["HEAD", "PATCH", "DELETE"])
def test_another_version_is_refused(tus: Tus, method: str, version: str) -> None:
    answer = tus.request(method, UNKNOWN, Tus_Resumable=version)

    assert answer.status == 412
    assert answer.headers["tus-version"] == "1.0.0"
