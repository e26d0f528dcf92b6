"""Checking the storage from the command line: damage is named, and mended where it can be."""

import json
import os
import sys
from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone
from pytest_django import Settings

from files.models import Blob, Entry, Event, Space, Version
from files.operations.blobs import sweep_blobs
from files.operations.uploads import cancel_upload
from files.operations.usage import correct_usage
from files.storage.base import blob_name
from files.storage.filesystem import BlobStorage
from tests.factories import (
    SYSTEM,
    actor_of,
    make_blob,
    make_file,
    make_folder,
    make_upload,
    receive,
)


def check(*arguments: str) -> tuple[str, str]:
    """Run the command; give what it prints and the error it ends with."""
    out = StringIO()
    try:
        call_command("check_storage", *arguments, stdout=out)
    except CommandError as error:
        return out.getvalue(), str(error)
    return out.getvalue(), ""


def codes(*arguments: str) -> dict[str, bool]:
    """Give what was found, and whether it was repaired."""
    out, _error = check("--json", *arguments)
    return {
        row["code"]: row["repaired"]
        for line in out.splitlines()
        if "code" in (row := json.loads(line))
    }


@pytest.fixture
def path(root: Entry) -> Path:
    """Put a file into a folder, and give where its bytes are."""
    file = make_file(make_folder(root, "photos"), "a.txt", b"1234567")
    assert file.version is not None
    return Path(file.version.blob.file.path)


def test_a_sound_storage_is_clean(path: Path) -> None:
    assert check() == ("clean: 0 errors, 0 repaired, 0 notes\n", "")
    assert check("--hash")[1] == ""
    assert Blob.objects.get().verified_at is not None


def flip(path: Path) -> None:
    """Change a byte and nothing else."""
    with path.open("r+b") as file:
        file.write(b"X")


def link(path: Path) -> None:
    """Give a file a second name outside."""
    os.link(path, path.parent.parent.parent / "second")


def symlink(path: Path) -> None:
    """Put a link in place of a file."""
    other = path.parent.parent.parent / "elsewhere"
    path.rename(other)
    path.symlink_to(other)


def grow(path: Path) -> None:
    """Append a byte."""
    with path.open("ab") as file:
        file.write(b"8")


DAMAGE: list[tuple[str, Callable[[Path], object], bool]] = [
    ("missing-bytes", lambda path: path.unlink(), False),
    ("wrong-size", grow, False),
    ("wrong-digest", flip, False),
    ("hard-link", link, False),
    ("not-regular", symlink, False),
    ("wrong-mode", lambda path: path.chmod(0o600), True),
    ("wrong-mode", lambda path: path.parent.chmod(0o700), True),
    ("folder-missing", lambda path: (path.parents[1] / _other(path)).rmdir(), True),
    ("foreign-name", lambda path: (path.parent / "note.txt").write_text("x"), False),
    ("foreign-name", lambda path: (path.parents[1] / "\udcff").symlink_to("/etc"), False),
    ("wrong-name", lambda _path: Blob.objects.update(file="blobs/00/else"), False),
    ("usage-drift", lambda _path: Space.objects.update(used_bytes=8), True),
    ("entry-mismatch", lambda _path: Entry.objects.update(size=1), False),
    ("version-mismatch", lambda _path: Version.objects.update(sha256="0" * 64), False),
    ("file-without-version", lambda _path: Entry.objects.update(version=None), False),
    (
        "doomed-in-use",
        lambda _path: Blob.objects.update(state="doomed", doomed_at=timezone.now()),
        True,
    ),
    (
        "doomed-in-use",
        lambda _path: Blob.objects.update(state="going", doomed_at=timezone.now()),
        False,
    ),
    ("unreferenced", lambda _path: orphan(), True),
]


def _other(path: Path) -> str:
    """Name one of the folders that is empty."""
    return "00" if path.parent.name != "00" else "01"


def orphan() -> None:
    """Let a live blob have no version."""
    Blob.objects.create(
        id=(new := make_blob(b"orphan")).id,
        file=f"blobs/{new.id.hex[:2]}/{new.id.hex}",
        size=new.size,
        sha256=new.sha256,
        crc32=new.crc32,
        media_type="text/plain",
    )


@pytest.mark.parametrize(
    ("code", "damage", "mends"),
    DAMAGE,
    ids=[f"{number}-{row[0]}" for number, row in enumerate(DAMAGE)],
)
def test_damage_is_named_and_mended_where_nothing_is_lost_by_it(
    code: str,
    damage: Callable[[Path], object],
    path: Path,
    *,
    mends: bool,
) -> None:
    damage(path)

    found = codes("--hash")
    assert found == {code: False}
    assert "[storage-not-clean]" in check("--hash")[1]

    names = set(path.parents[1].rglob("*"))
    assert codes("--hash", "--repair") == {code: mends}
    assert names <= set(path.parents[1].rglob("*"))
    assert (check("--hash")[1] == "") is mends


def test_without_hash_contents_are_not_read(path: Path) -> None:
    flip(path)

    assert check()[1] == ""


def test_bytes_on_their_way_are_a_note(path: Path) -> None:
    make_blob(b"coming")

    out, error = check()

    assert error == ""
    assert out.startswith("note: in-flight blobs/")


def test_old_strays_are_errors_and_handed_to_the_sweeper(path: Path, settings: Settings) -> None:
    stray = make_blob(b"stray")
    settings.FILES_BLOB_GRACE_SECONDS = 0

    assert codes() == {"stray": False}
    assert codes("--repair") == {"stray": True}
    assert check()[1] == ""
    assert Blob.objects.get(pk=stray.id).state == Blob.State.DOOMED
    sweep_blobs(grace=timedelta(0))
    assert check() == ("clean: 0 errors, 0 repaired, 0 notes\n", "")


def doomed_without_bytes() -> UUID:
    """Record a blob as the sweeper leaves it that is killed behind an unlink."""
    key = uuid4()
    Blob.objects.create(
        id=key,
        file=f"blobs/{key.hex[:2]}/{key.hex}",
        size=1,
        media_type="text/plain",
        state=Blob.State.DOOMED,
        doomed_at=timezone.now(),
    )
    return key


def test_a_doomed_blob_whose_bytes_are_gone_is_a_note(path: Path) -> None:
    doomed_without_bytes()

    assert codes() == {"already-gone": False}
    assert check()[1] == ""


def test_a_link_among_the_folders_is_not_followed(path: Path, storage: BlobStorage) -> None:
    folder = path.parent
    folder.rename(folder.parent.parent / "elsewhere")
    folder.symlink_to(folder.parent.parent / "elsewhere")

    assert set(codes()) == {"not-regular", "unreadable", "foreign-name"}


def test_a_link_under_the_name_of_a_blob_without_a_row_is_named(path: Path) -> None:
    key = uuid4().hex
    (path.parents[1] / key[:2] / key).symlink_to(path)

    assert codes("--repair") == {"not-regular": False}


def test_a_stray_that_is_removed_meanwhile_is_no_finding(
    path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_blob(b"stray")
    settings.FILES_BLOB_GRACE_SECONDS = 0
    monkeypatch.setattr(BlobStorage, "exists", lambda _self, _name: False)

    assert codes() == {}


def test_usage_that_adds_up_by_now_is_not_corrected(space: Space) -> None:
    events = Event.objects.count()

    assert correct_usage(space.pk, actor=SYSTEM) == 0
    assert Event.objects.count() == events


def test_a_correction_of_usage_is_an_event(path: Path, root: Entry) -> None:
    Space.objects.update(used_bytes=8)

    check("--repair")

    event = Event.objects.latest("pk")
    assert (event.kind, event.before, event.after) == ("space-changed", {"used": 8}, {"used": 7})


def test_names_of_files_are_not_printed(path: Path) -> None:
    path.unlink()
    Entry.objects.filter(name="a.txt").update(size=1)

    assert "a.txt" not in "".join(check())


def test_a_blob_that_is_swept_meanwhile_is_no_finding(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    swept = doomed_without_bytes()

    def folder_of(_self: BlobStorage, _name: str) -> None:
        Blob.objects.filter(pk=swept).delete()
        raise FileNotFoundError

    monkeypatch.setattr(BlobStorage, "folder_of", folder_of)

    assert "already-gone" not in codes()


def test_an_interruption_has_its_own_exit_status(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def scan(_self: BlobStorage) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(BlobStorage, "scan", scan)

    with pytest.raises(CommandError) as caught:
        call_command("check_storage", stdout=StringIO())
    assert caught.value.returncode == 130


def test_progress_is_shown_on_a_terminal(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    monkeypatch.setenv("TERM", "xterm")

    assert check()[1] == ""
    assert "Checking" in terminal.getvalue()


def test_an_upload_that_has_lost_bytes_is_named(root: Entry, storage: BlobStorage) -> None:
    assert root.space.owner is not None
    ada = actor_of(root.space.owner)
    make_upload(root, "begun", actor=ada)
    whole, short, gone = [
        receive(make_upload(root, name, actor=ada), b"1234") for name in ("whole", "short", "gone")
    ]
    with Path(storage.path(blob_name(whole.pk))).open("ab") as file:
        file.write(b"tail")
    os.truncate(storage.path(blob_name(short.pk)), 3)
    Path(storage.path(blob_name(gone.pk))).unlink()

    out, _err = check()

    assert codes() == {"upload-bytes-missing": False}
    assert f"error: upload-bytes-missing upload {short.pk} 3 bytes of 4" in out
    assert f"error: upload-bytes-missing upload {gone.pk} 0 bytes of 4" in out


def test_an_upload_that_is_cancelled_meanwhile_is_no_finding(
    root: Entry, storage: BlobStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert root.space.owner is not None
    ada = actor_of(root.space.owner)
    upload = receive(make_upload(root, actor=ada), b"1234")
    stored_size = BlobStorage.stored_size

    def cancelled(storage: BlobStorage, name: str) -> int | None:
        if name == blob_name(upload.pk):
            cancel_upload(upload.pk, actor=ada)
            Path(storage.path(name)).unlink()  # as it goes after the commit
        return stored_size(storage, name)

    monkeypatch.setattr(BlobStorage, "stored_size", cancelled)

    assert codes() == {}
