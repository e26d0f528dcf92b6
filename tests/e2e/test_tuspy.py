"""tuspy, a client that others wrote, uploads and goes on where it was cut."""

from hashlib import sha256
from pathlib import Path
from random import Random

import pytest

from tests.e2e.conftest import Session
from tests.e2e.test_tus import received
from tests.e2e.tus import TusClient

client = pytest.importorskip("tusclient.client")

SIZE = 20_000_000


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "file.bin"
    path.write_bytes(Random(5).randbytes(SIZE))  # noqa: S311 - a test's bytes
    return path


def test_tuspy_uploads_and_goes_on_after_a_cut(
    admin: Session, folder: int, port: int, file: Path
) -> None:
    headers = {"Cookie": admin.cookie, "Sec-Fetch-Site": "same-origin"}
    tus = client.TusClient(f"http://localhost:{port}/uploads/", headers=headers)
    options = {
        "chunk_size": 3_000_000,
        "metadata": {"folder": str(folder), "relativePath": "trip/file.bin", "clash": "refuse"},
        "metadata_encoding": "utf-8",
    }
    first = tus.uploader(str(file), **options)
    first.upload_chunk()
    assert received(admin.stack, first.url) == 3_000_000

    second = tus.uploader(str(file), url=first.url, upload_checksum=True, **options)
    assert second.offset == 3_000_000
    second.upload()

    asked = TusClient(admin, folder, port).head(first.url[first.url.index("/uploads/") :])
    assert asked.headers["upload-offset"] == str(SIZE)
    answer = admin.request("GET", f"{asked.headers['upload-entry']}content", port=port)
    assert sha256(answer.body).digest() == sha256(file.read_bytes()).digest()
