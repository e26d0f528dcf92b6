"""Writing a space to this machine as plain files."""

import errno
import json
import os
import shutil
import signal
import subprocess
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from files.management import export_target
from files.management.export_target import STAGING, ExportTarget, WrittenFile
from files.management.tree_export import TreeExport
from files.models import Blob, Entry, Space
from files.operations.entries import trash_entries
from tests.factories import (
    SYSTEM,
    make_file,
    make_files,
    make_folder,
    make_shared_space,
    make_tree,
    root_of,
)

_LINK = os.link

AWKWARD = [
    "back\\slash",
    " leading and trailing ",
    "-rf",
    "*?[a]",
    "\u0430\u0301 NFD e\u0301",
    "quote\"'`$(id)",
    "x" * 255,
]

STOPPED = {
    signal.SIGINT: "Interrupted [interrupted]",
    signal.SIGTERM: "Terminated [terminated]",
}


@pytest.fixture
def team(db: None) -> Space:
    space = make_shared_space("Team")
    make_tree(root_of(space))
    return space


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "out"


def run(*arguments: object) -> tuple[str, str, str]:
    """Run the command; give what it prints, on stdout and stderr, and the error it ends with."""
    out, err = StringIO(), StringIO()
    try:
        call_command("export_tree", *map(str, arguments), stdout=out, stderr=err)
    except CommandError as error:
        return out.getvalue(), err.getvalue(), str(error)
    return out.getvalue(), err.getvalue(), ""


def files_in(folder: Path) -> dict[str, bytes]:
    """Give the files below a folder, by path."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def verify(folder: Path, manifest: str = "SHA256SUMS") -> int:
    """Let sha256sum check a manifest; give how many files it found to be right."""
    done = subprocess.run(
        [shutil.which("sha256sum") or "", "--strict", "-c", manifest],
        cwd=folder,
        env={**os.environ, "LC_ALL": "C"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=True,
    )
    return done.stdout.count(b": OK\n")


def test_a_space_is_exported_with_a_manifest(team: Space, target: Path) -> None:
    out, err, error = run("Team", target)

    assert (err, error) == ("", "")
    assert out == (
        "exported 2 files (5 bytes), 0 there already, 2 folders, 0 refused, manifest SHA256SUMS\n"
    )
    found = files_in(target)
    del found["SHA256SUMS"]
    assert found == {"tree/a": b"new", "tree/inner/b": b"bb"}
    assert verify(target) == 2


def test_times_are_kept(team: Space, target: Path) -> None:
    run("Team", target)

    for name in ("a", "inner"):
        entry = Entry.objects.get(name=name)
        kept = (target / "tree" / name).stat().st_mtime_ns
        assert kept // 1000 == round(entry.modified_at.timestamp() * 1_000_000)


def test_a_folder_of_a_space_is_exported(team: Space, target: Path) -> None:
    run("Team:tree/inner", target)

    assert sorted(files_in(target)) == ["SHA256SUMS", "b"]


def test_awkward_names_come_out_as_they_are(team: Space, target: Path) -> None:
    folder = make_folder(root_of(team), AWKWARD[0])
    for name in AWKWARD:
        make_file(folder, name, name.encode())

    assert run("Team", target)[2] == ""

    assert {path.name for path in (target / AWKWARD[0]).iterdir()} == set(AWKWARD)
    assert verify(target) == 2 + len(AWKWARD)


def test_a_file_named_as_standard_input_is_verified(team: Space, target: Path) -> None:
    make_file(root_of(team), "-")

    assert run("Team", target)[2] == ""
    assert verify(target) == 3


def test_the_trash_is_left_out(team: Space, target: Path) -> None:
    trash_entries([Entry.objects.get(name="inner")], actor=SYSTEM)

    run("Team", target)

    assert sorted(files_in(target)) == ["SHA256SUMS", "tree/a"]


def test_it_can_be_repeated(team: Space, target: Path) -> None:
    run("Team", target)
    make_file(root_of(team), "new one")

    out, err, error = run("Team", target)

    assert (err, error) == ("", "")
    assert out.startswith("exported 1 files (7 bytes), 2 there already, 0 folders, 0 refused")
    assert verify(target) == 3


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_export_leaves_no_half_file_and_goes_on(
    team: Space, target: Path, monkeypatch: pytest.MonkeyPatch, signum: signal.Signals
) -> None:
    make_file(root_of(team), "zz")
    real, calls = ExportTarget.write, 0

    def interrupted(self: ExportTarget, *args: Any) -> WrittenFile:
        nonlocal calls
        calls += 1
        if calls == 2:
            signal.raise_signal(signum)
        return real(self, *args)

    with monkeypatch.context() as patch:
        patch.setattr(ExportTarget, "write", interrupted)
        out, _err, error = run("Team", target)
    assert (error, out.startswith("exported 0 files")) == (STOPPED[signum], True)
    assert files_in(target) == {}
    assert not (target / STAGING).exists()

    assert run("Team", target)[2] == ""
    assert sorted(files_in(target)) == ["SHA256SUMS", "tree/a", "tree/inner/b", "zz"]


def test_what_a_killed_export_left_is_removed(team: Space, target: Path) -> None:
    (target / STAGING).mkdir(parents=True)
    (target / STAGING / "1").write_bytes(b"half")

    assert run("Team", target)[2] == ""
    assert sorted(files_in(target)) == ["SHA256SUMS", "tree/a", "tree/inner/b"]


def test_two_exports_do_not_write_to_one_folder(team: Space, target: Path) -> None:
    with ExportTarget.opened(target):
        assert run("Team", target)[2].endswith("[export-busy]")


@pytest.mark.parametrize("content", [b"other", b"xxx", b""])
def test_a_file_that_differs_is_never_overwritten(
    team: Space, target: Path, content: bytes
) -> None:
    (target / "tree").mkdir(parents=True)
    (target / "tree" / "a").write_bytes(content)

    _out, err, error = run("Team", target)

    assert err == "refused: tree/a: exists [unsuitable-file]\n"
    assert error == "1 files were not exported [files-refused]"
    assert (target / "tree" / "a").read_bytes() == content
    assert verify(target) == 1


def test_links_in_the_target_are_not_followed(team: Space, target: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    target.mkdir()
    (target / "tree").symlink_to(outside)

    _out, err, error = run("Team", target)

    assert err.startswith("refused: tree")
    assert error.endswith("[files-refused]")
    assert list(outside.iterdir()) == []


@pytest.mark.parametrize("damage", ["change", "remove"])
def test_damaged_bytes_are_told_and_not_exported(team: Space, target: Path, damage: str) -> None:
    file = Entry.objects.select_related("version__blob").get(name="a")
    assert file.version is not None
    path = Path(file.version.blob.file.path)
    if damage == "change":
        path.write_bytes(b"neW")
    else:
        path.unlink()

    _out, err, error = run("Team", target)

    assert err.startswith("refused: tree/a: ")
    assert err.endswith("[storage-failed]\n")
    assert error.endswith("[files-refused]")
    assert sorted(files_in(target)) == ["SHA256SUMS", "tree/inner/b"]


def test_the_manifest_gives_way_to_a_file_of_its_name(team: Space, target: Path) -> None:
    make_file(root_of(team), "SHA256SUMS", b"mine")

    out, _err, _error = run("Team", target)

    assert out.endswith("manifest SHA256SUMS.2\n")
    assert (target / "SHA256SUMS").read_bytes() == b"mine"
    assert verify(target, "SHA256SUMS.2") == 3


def _link_as_usual(*args: Any, **more: Any) -> None:
    _LINK(*args, **more)


def _without_links(*_args: Any, **_more: Any) -> None:
    raise PermissionError(errno.EPERM, "Operation not permitted")


@pytest.mark.parametrize("link", [_link_as_usual, _without_links])
def test_a_file_that_comes_meanwhile_is_not_replaced(
    team: Space, target: Path, monkeypatch: pytest.MonkeyPatch, link: Callable[..., None]
) -> None:
    def sync(_descriptor: int) -> None:
        (target / "tree" / "a").write_bytes(b"somebody's")

    monkeypatch.setattr(export_target, "sync_file_system", sync)
    monkeypatch.setattr(os, "link", link)

    _out, err, error = run("Team", target)

    assert err == "refused: tree/a: exists [unsuitable-file]\n"
    assert error == "1 files were not exported [files-refused]"
    assert (target / "tree" / "a").read_bytes() == b"somebody's"
    assert sorted(files_in(target)) == ["SHA256SUMS", "tree/a", "tree/inner/b"]
    assert verify(target) == 1


def test_a_disk_that_fails_to_sync_ends_the_export(
    team: Space, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def sync(_descriptor: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(export_target, "sync_file_system", sync)

    assert run("Team", target)[2].endswith("Input/output error [storage-failed]")
    assert files_in(target) == {}


def test_a_full_disk_ends_the_export_with_one_line(
    team: Space, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def copy(_source: int, target: int, _check: object) -> None:
        os.write(target, b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(export_target, "copy_file", copy)

    _out, err, error = run("Team", target)

    assert (err, error.endswith("[disk-full]")) == ("", True)
    assert files_in(target) == {}


def test_the_data_of_the_installation_is_no_target(
    team: Space, settings: Settings, tmp_path: Path
) -> None:
    for folder in (settings.FILES_DATA_DIR / "uploads" / "new", settings.FILES_DATA_DIR.parent):
        assert run("Team", folder)[2].endswith("[own-data]")


def test_the_folder_where_files_are_staged_is_no_name(team: Space, target: Path) -> None:
    make_files(root_of(team), f"{STAGING}/a")

    _out, err, _error = run("Team", target)

    assert err == f"refused: {STAGING}: reserved [unsuitable-file]\n"
    assert verify(target) == 2


def test_a_file_whose_digest_is_still_being_taken_is_exported(team: Space, target: Path) -> None:
    Blob.objects.update(sha256="")

    assert run("Team", target)[2] == ""
    assert verify(target) == 2


def test_totals_are_printed_as_json(team: Space, target: Path) -> None:
    assert json.loads(run("Team", target, "--json")[0]) == {
        "exported": 2,
        "exported_bytes": 5,
        "same": 0,
        "refused": 0,
        "folders": 2,
        "manifest": "SHA256SUMS",
    }


def test_queries_go_with_the_folders_and_not_with_the_files(
    team: Space, target: Path, django_assert_max_num_queries: Any
) -> None:
    make_files(root_of(team), *(f"many/{number}" for number in range(600)))

    with django_assert_max_num_queries(12):
        assert TreeExport(root_of(team), target, SYSTEM).run().exported == 602


def test_what_is_not_there_is_an_error(team: Space, target: Path) -> None:
    assert run("Team:nothing", target)[2].endswith("[entry-not-found]")
    assert run("Team:tree/a", target)[2].endswith("[not-a-folder]")
    assert run("nobody", target)[2].endswith("[space-not-found]")
    target.write_bytes(b"")
    assert run("Team", target)[2].endswith("[storage-failed]")
