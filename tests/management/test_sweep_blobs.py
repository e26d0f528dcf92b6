"""Sweeping from the command line."""

import json
from datetime import timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from files.models import Blob, Entry
from files.operations.blobs import sweep_blobs
from files.operations.entries import trash_entries
from files.operations.trash import delete_entries
from files.storage.filesystem import BlobStorage
from tests.factories import SYSTEM, make_blob, make_file


def sweep(*arguments: str) -> str:
    """Run the command and give what it prints."""
    out = StringIO()
    call_command("sweep_blobs", *arguments, stdout=out)
    return out.getvalue().strip()


@pytest.fixture
def deleted(root: Entry) -> Path:
    """Put a file, delete it for good, and give where its bytes are."""
    file = make_file(root, "a.txt", b"1234567")
    assert file.version is not None
    path = Path(file.version.blob.file.path)
    trash_entries([file], actor=SYSTEM)
    delete_entries([file], actor=SYSTEM)
    return path


def test_bytes_wait_for_the_grace_period(deleted: Path) -> None:
    assert sweep() == "0 blobs removed (0 bytes), 0 strays taken note of, 1 waiting"
    assert deleted.exists()


def test_bytes_go_when_it_is_over(deleted: Path) -> None:
    assert sweep("--grace", "0").startswith("1 blobs removed (7 bytes)")
    assert not deleted.exists()
    assert not Blob.objects.exists()


def test_a_dry_run_changes_nothing(deleted: Path, storage: BlobStorage) -> None:
    stray = Path(storage.path(f"blobs/{make_blob().id.hex[:2]}")).parent
    assert sweep("--dry-run", "--grace", "0").endswith(
        "would be removed (0 bytes), 1 strays would be taken note of, 1 waiting"
    )
    assert deleted.exists()
    assert stray.exists()
    assert Blob.objects.count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize("grace", ["-1", "inf", "nan"])
def test_a_grace_period_is_a_number_of_seconds(grace: str) -> None:
    with pytest.raises(CommandError, match=r"\[invalid-value\]$"):
        sweep("--grace", grace)


def test_bytes_that_cannot_be_removed_are_told(
    deleted: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unlink(_self: BlobStorage, _name: str) -> bool:
        raise PermissionError

    monkeypatch.setattr(BlobStorage, "unlink", unlink)

    with pytest.raises(CommandError, match=r"^1 blobs .* \[storage-failed\]$"):
        sweep("--grace", "0")


def test_json_is_one_line_of_figures(deleted: Path) -> None:
    figures = {"claimed": 0, "unlinked": 1, "unlinked_bytes": 7, "waiting": 0, "failed": 0}

    assert json.loads(sweep("--json", "--grace", "0")) == figures | {"dry_run": False}


def test_progress_counts_what_was_looked_at_and_removed(deleted: Path) -> None:
    make_blob()
    counts: list[int] = []

    sweep_blobs(grace=timedelta(0), on_progress=counts.append)

    assert counts == [2, 2]  # two files seen, one of them a stray; both removed
