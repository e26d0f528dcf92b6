"""Writing a space to this machine as plain files."""

import os
import shutil
import subprocess
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from files.management import tree_export
from files.models import Entry, Space
from files.operations.entries import trash_entries
from tests.factories import SYSTEM, make_file, make_folder, make_shared_space, make_tree, root_of

AWKWARD = [
    "back\\slash",
    " leading and trailing ",
    "-rf",
    "*?[a]",
    "\u0430\u0301 NFD e\u0301",
    "quote\"'`$(id)",
    "x" * 255,
]


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


def test_an_interrupted_export_leaves_no_half_file_and_goes_on(
    team: Space, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_file(root_of(team), "zz")
    real, calls = tree_export._write, 0

    def interrupted(folder: int, entry: Entry) -> tuple[str, str]:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise KeyboardInterrupt
        return real(folder, entry)

    with monkeypatch.context() as patch:
        patch.setattr(tree_export, "_write", interrupted)
        assert run("Team", target)[2] == "Interrupted [interrupted]"
    assert [name for name in files_in(target) if name.startswith(".")] == []
    (target / "tree").mkdir(exist_ok=True)
    (target / "tree" / ".strongroom-0123456789abcdef.part").write_bytes(b"of a kill")

    assert run("Team", target)[2] == ""
    assert sorted(files_in(target)) == ["SHA256SUMS", "tree/a", "tree/inner/b", "zz"]


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


def test_a_file_that_comes_meanwhile_is_not_replaced(
    team: Space, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def sync(_descriptor: int) -> None:
        (target / "tree").mkdir(exist_ok=True)
        (target / "tree" / "a").write_bytes(b"somebody's")

    monkeypatch.setattr(tree_export, "sync_file_system", sync)

    _out, err, _error = run("Team", target)

    assert "refused: tree" in err
    assert (target / "tree" / "a").read_bytes() == b"somebody's"
    assert [name for name in files_in(target) if "strongroom" in name] == []


def test_what_is_not_there_is_an_error(team: Space, target: Path) -> None:
    assert run("Team:nothing", target)[2].endswith("[entry-not-found]")
    assert run("Team:tree/a", target)[2].endswith("[not-a-folder]")
    assert run("nobody", target)[2].endswith("[space-not-found]")
    target.write_bytes(b"")
    assert run("Team", target)[2].endswith("[storage-failed]")


def test_a_large_file_is_copied_in_pieces_without_clones(
    team: Space, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tree_export, "clone_file", lambda _source, _target: False)
    content = os.urandom(3 * 2**20 + 1)
    make_file(root_of(team), "large", content)

    assert run("Team", target)[2] == ""
    assert (target / "large").read_bytes() == content
