"""Bringing a folder of this machine into a space."""

import json
import os
import signal
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError
from pytest_django import Settings

from files.errors import ChangedMeanwhileError
from files.management.local_tree import FoundFile, identity_of
from files.management.tree_import import TreeImport
from files.models import Entry, Space, Upload, Version
from files.operations import local_moves
from files.operations.blobs import blob_storage, sweep_blobs
from files.operations.local_moves import finish_moves, moving
from files.operations.local_plans import Plan
from files.storage.base import blob_name
from files.storage.filesystem import BlobStorage, BlobWriter
from files.storage.partial import PartialBlob
from tests.factories import (
    SYSTEM,
    make_file,
    make_folder,
    make_lock,
    make_shared_space,
    paths_in,
    root_of,
)
from tests.invariants import check_disk_is_swept, check_everything
from tests.processes import wait_until

MODIFIED = 1_600_000_000_123_456_000  # nanoseconds, as a file system keeps them

STOPPED = {
    signal.SIGINT: "Interrupted [interrupted]",
    signal.SIGTERM: "Terminated [terminated]",
}


@pytest.fixture
def team(db: None) -> Space:
    return make_shared_space("Team")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Make a folder with files, a folder in it and an empty one."""
    folder = tmp_path / "source"
    (folder / "photos").mkdir(parents=True)
    (folder / "empty" / "inner").mkdir(parents=True)
    for name, content in (("a.txt", b"aaa"), ("photos/beach.jpg", b"\xff\xd8\xff"), ("zero", b"")):
        (folder / name).write_bytes(content)
        (folder / name).chmod(0o640)
        os.utime(folder / name, ns=(MODIFIED, MODIFIED))
    os.utime(folder / "photos", ns=(MODIFIED, MODIFIED))
    return folder


CONTENT = {
    "a.txt": b"aaa",
    "photos": None,
    "photos/beach.jpg": b"\xff\xd8\xff",
    "zero": b"",
    "empty": None,
    "empty/inner": None,
}


def run(*arguments: object) -> tuple[str, str, str]:
    """Run the command; give what it prints, on stdout and stderr, and the error it ends with."""
    out, err = StringIO(), StringIO()
    try:
        call_command("import_tree", *map(str, arguments), stdout=out, stderr=err)
    except CommandError as error:
        return out.getvalue(), err.getvalue(), str(error)
    return out.getvalue(), err.getvalue(), ""


def test_a_tree_is_imported_with_its_times(source: Path, team: Space) -> None:
    out, err, error = run(source, "Team")

    assert (err, error) == ("", "")
    assert out == (
        "imported 3 files (6 bytes), 0 there already, 0 skipped, 0 refused, 3 folders made\n"
    )
    assert paths_in(root_of(team)) == CONTENT
    file = Entry.objects.get(name="a.txt")
    assert file.modified_at == datetime.fromtimestamp(1_600_000_000, UTC).replace(
        microsecond=123_456
    )
    assert Entry.objects.get(name="photos").modified_at == file.modified_at
    assert (source / "a.txt").read_bytes() == b"aaa"


def test_a_repeated_import_does_nothing(source: Path, team: Space) -> None:
    run(source, "Team")

    out, _err, error = run(source, "Team")

    assert error == ""
    assert out.startswith("imported 0 files (0 bytes), 3 there already")
    assert Version.objects.count() == 3


def test_a_changed_file_becomes_a_new_version(source: Path, team: Space) -> None:
    run(source, "Team")
    (source / "a.txt").write_bytes(b"bbb")

    out, _err, _error = run(source, "Team")

    assert out.startswith("imported 1 files (3 bytes), 2 there already")
    assert paths_in(root_of(team))["a.txt"] == b"bbb"
    assert Entry.objects.get(name="a.txt").versions.count() == 2


@pytest.mark.parametrize("place", ["Team:in/here", "Team:/in/here/"])
def test_a_path_in_the_space_is_made(source: Path, team: Space, place: str) -> None:
    make_folder(root_of(team), "in")

    run(source, place)

    assert paths_in(root_of(team)) == {"in": None, "in/here": None} | {
        f"in/here/{path}": content for path, content in CONTENT.items()
    }


def test_a_space_may_have_a_colon_in_its_name(source: Path, db: None) -> None:
    space = make_shared_space("Team: old")

    run(source, "Team: old")

    assert paths_in(root_of(space)) == CONTENT


@pytest.mark.parametrize("place", ["Team", "Team:new/one"])
@pytest.mark.parametrize("options", [(), ("--move",)])
def test_a_dry_run_tells_all_and_changes_nothing(
    source: Path, team: Space, storage: BlobStorage, place: str, options: tuple[str, ...]
) -> None:
    events = team.events.count()

    out, err, error = run(source, place, "--dry-run", *options)

    assert (err, error) == ("", "")
    *lines, totals = out.splitlines()
    assert sorted(lines) == [
        "folder: empty",
        "folder: empty/inner",
        "folder: photos",
        "new: a.txt",
        "new: photos/beach.jpg",
        "new: zero",
    ]
    assert totals.startswith("would import 3 files (6 bytes), 0 there already")
    assert paths_in(root_of(team)) == {}
    assert team.events.count() == events
    assert not list(storage.scan())
    assert (source / "a.txt").exists()


def test_a_dry_run_foresees_what_an_import_does(source: Path, team: Space) -> None:
    make_folder(root_of(team), "zero")
    make_file(root_of(team), "a.txt", b"before")
    call_command("set_quota", "Team", "13", stdout=StringIO())
    (source / "photos" / "large").write_bytes(b"more than that")

    out, err, _error = run(source, "Team", "--dry-run")
    _out, same_err, _error = run(source, "Team")

    assert "new version: a.txt\n" in out
    assert sorted(err.splitlines()) == [
        "refused: photos/large [quota-exceeded]",
        "refused: zero [not-a-file]",
    ]
    assert sorted(err.splitlines()) == sorted(same_err.splitlines())


def test_what_is_sure_to_be_refused_is_not_read(
    source: Path, team: Space, monkeypatch: pytest.MonkeyPatch
) -> None:
    call_command("set_quota", "Team", "1", stdout=StringIO())
    monkeypatch.setattr(BlobWriter, "copy", _raise_killed)  # not that of the empty file
    (source / "zero").unlink()

    assert run(source, "Team")[1].count("[quota-exceeded]") == 2


def test_two_spellings_of_a_name_are_not_imported_over_each_other(
    source: Path, team: Space
) -> None:
    for name, content in (("caf\u00e9", b"one"), ("cafe\u0301", b"other")):
        (source / name).mkdir()
        (source / name / name[3:]).write_bytes(content)

    for _ in range(2):
        _out, err, _error = run(source, "Team")
        assert err == "refused: cafe\u0301: same-name [entry-exists]\n"
    assert paths_in(root_of(team))["caf\u00e9/\u00e9"] == b"one"
    assert Version.objects.count() == 4


def test_a_name_in_another_spelling_is_the_same_file(source: Path, team: Space) -> None:
    (source / "caf\u00e9").write_bytes(b"one")
    run(source, "Team")
    (source / "caf\u00e9").rename(source / "cafe\u0301")

    assert run(source, "Team")[0].startswith("imported 0 files (0 bytes), 4 there already")


def test_times_that_no_database_holds_are_kept_near_them(source: Path, team: Space) -> None:
    os.utime(source / "a.txt", ns=(0, 2**33 * 10**9))  # where ext4 ends, 2242

    for imported in (3, 0):
        assert run(source, "Team")[0].startswith(f"imported {imported} files")


def test_links_and_special_files_are_skipped_and_told(source: Path, team: Space) -> None:
    (source / "link").symlink_to("/etc/passwd")
    (source / "folder-link").symlink_to("/etc")
    os.mkfifo(source / "pipe")

    out, err, error = run(source, "Team")

    assert sorted(err.splitlines()) == [
        "skipped: folder-link [link]",
        "skipped: link [link]",
        "skipped: pipe [special]",
    ]
    assert "3 skipped" in out
    assert error == ""
    assert paths_in(root_of(team)) == CONTENT


def _hard_link(source: Path) -> None:
    os.link(source / "a.txt", source / "second")


def _bad_name(source: Path) -> None:
    os.close(os.open(os.fsencode(source) + b"/bad\xff", os.O_CREAT))


def _control_name(source: Path) -> None:
    (source / "two\nlines").touch()


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (
            _hard_link,
            [
                "refused: a.txt: hard-link [unsuitable-file]",
                "refused: second: hard-link [unsuitable-file]",
            ],
        ),
        (_bad_name, ["refused: bad\\xff: encoding [invalid-name]"]),
        (_control_name, ["refused: two\\nlines: control [invalid-name]"]),
    ],
)
@pytest.mark.parametrize("options", [(), ("--move",)])
def test_what_cannot_be_taken_is_refused_and_the_rest_imported(
    source: Path,
    team: Space,
    spoil: Callable[[Path], None],
    told: list[str],
    options: tuple[str, ...],
) -> None:
    spoil(source)

    _out, err, error = run(source, "Team", *options)

    assert sorted(err.splitlines()) == told
    assert error == f"{len(told)} files or folders were refused [files-refused]"
    assert paths_in(root_of(team))["photos/beach.jpg"] == b"\xff\xd8\xff"


def test_what_the_quota_does_not_hold_is_refused(source: Path, team: Space) -> None:
    call_command("set_quota", "Team", "4", stdout=StringIO())

    out, err, error = run(source, "Team")

    assert err.count("[quota-exceeded]") == 1
    assert "1 refused" in out
    assert error.endswith("[files-refused]")
    check_disk_is_swept()


@pytest.mark.parametrize("options", [(), ("--move",)])
def test_what_somebody_has_locked_is_refused_and_the_rest_imported(
    source: Path, team: Space, options: tuple[str, ...]
) -> None:
    make_lock(make_file(root_of(team), "a.txt", b"being edited"))

    _out, err, error = run(*options, source, "Team")

    assert err.splitlines() == ["refused: a.txt [locked]"]
    assert error.endswith("[files-refused]")
    assert (source / "a.txt").read_bytes() == b"aaa"
    assert paths_in(root_of(team)) == {**CONTENT, "a.txt": b"being edited"}


def test_a_folder_where_a_file_is_in_the_way_is_refused(source: Path, team: Space) -> None:
    make_file(root_of(team), "photos")
    make_file(root_of(team), "empty")

    _out, err, _error = run(source, "Team")

    assert sorted(err.splitlines()) == [
        "refused: empty [not-a-folder]",
        "refused: empty/inner [not-a-folder]",
        "refused: photos [not-a-folder]",
        "refused: photos/beach.jpg [not-a-folder]",
    ]


def test_too_deep_a_folder_is_refused_once(source: Path, team: Space, settings: Settings) -> None:
    settings.FILES_MAX_DEPTH = 2

    _out, err, _error = run(source, "Team")

    assert sorted(err.splitlines()) == [
        "refused: empty/inner [too-deep]",
        "refused: photos/beach.jpg [too-deep]",
    ]


@pytest.mark.parametrize("options", [(), ("--move",)])
def test_a_full_disk_stops_it_and_leaves_nothing(
    source: Path, team: Space, settings: Settings, options: tuple[str, ...]
) -> None:
    settings.FILES_MIN_FREE_SPACE = 2**60
    (source / "a.txt").chmod(0o660)  # not ours alone: copied, also by a move

    _out, _err, error = run(source, "Team", *options)

    assert error.endswith("[disk-full]")
    assert (source / "a.txt").exists()
    check_disk_is_swept()


@pytest.mark.parametrize("place", ["nowhere", "Team:a.txt/in"])
def test_a_place_that_cannot_be_is_an_error(source: Path, team: Space, place: str) -> None:
    make_file(root_of(team), "a.txt")

    error = run(source, place)[2]

    assert error.endswith(("[space-not-found]", "[not-a-folder]"))


def test_a_source_that_is_no_folder_or_our_own_is_an_error(
    source: Path, team: Space, settings: Settings
) -> None:
    assert run(source / "missing", "Team")[2].endswith("[unreadable]")
    assert run(source / "a.txt", "Team")[2].endswith("[not-a-folder]")
    assert run(settings.FILES_DATA_DIR / "uploads", "Team")[2].endswith("[own-data]")
    assert run(settings.FILES_DATA_DIR.parent, "Team")[2].endswith("[own-data]")


def _write_another(path: Path) -> None:
    path.write_bytes(b"another")


def _write_and_date_back(path: Path) -> None:
    path.write_bytes(b"bbb")
    os.utime(path, ns=(MODIFIED, MODIFIED))


def _give_a_second_name(path: Path) -> None:
    os.link(path, path.parent.parent / "second")


@pytest.mark.parametrize("change", [_write_another, _write_and_date_back, _give_a_second_name])
def test_a_file_that_changes_while_it_is_copied_is_refused(
    source: Path, team: Space, monkeypatch: pytest.MonkeyPatch, change: Callable[[Path], None]
) -> None:
    real = BlobWriter.copy

    def copy(self: BlobWriter, descriptor: int, check: Callable[[], None]) -> None:
        real(self, descriptor, check)
        if self.head == b"aaa":
            change(source / "a.txt")

    monkeypatch.setattr(BlobWriter, "copy", copy)

    _out, err, _error = run(source, "Team")

    assert err == "refused: a.txt: changed [unsuitable-file]\n"
    assert "a.txt" not in paths_in(root_of(team))
    check_disk_is_swept()


def test_a_file_that_changes_while_it_is_moved_is_put_back(
    source: Path, team: Space, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = PartialBlob.sync_bytes

    def sync(self: PartialBlob) -> None:
        if self.read_head(3) == b"aaa":
            self.write(b"bbb")
        real(self)

    monkeypatch.setattr(PartialBlob, "sync_bytes", sync)

    _out, err, _error = run(source, "Team", "--move")

    assert err == "refused: a.txt: changed [unsuitable-file]\n"
    assert (source / "a.txt").read_bytes() == b"aaabbb"
    assert not Upload.objects.exists()


def test_a_move_takes_the_files_and_removes_their_folders(source: Path, team: Space) -> None:
    inode = (source / "a.txt").stat().st_ino

    out, err, error = run(source, "Team", "--move")

    assert (err, error) == ("", "")
    assert out.startswith("imported 3 files (6 bytes)")
    assert paths_in(root_of(team)) == CONTENT
    assert list(source.iterdir()) == []
    file = Entry.objects.select_related("version__blob").get(name="a.txt")
    assert file.version is not None
    stored = Path(file.version.blob.file.path).stat()
    assert (stored.st_ino, stored.st_mode & 0o777) == (inode, 0o640)
    assert file.version.sha256 == file.version.blob.sha256 != ""
    assert not Upload.objects.exists()


def test_a_move_copies_what_others_may_write_to(source: Path, team: Space) -> None:
    (source / "a.txt").chmod(0o666)
    inode = (source / "a.txt").stat().st_ino

    run(source, "Team", "--move")

    assert not (source / "a.txt").exists()
    file = Entry.objects.select_related("version__blob").get(name="a.txt")
    assert file.version is not None
    assert Path(file.version.blob.file.path).stat().st_ino != inode


def test_a_move_that_is_refused_puts_the_file_back(source: Path, team: Space) -> None:
    make_folder(root_of(team), "a.txt")

    _out, err, _error = run(source, "Team", "--move")

    assert err == "refused: a.txt [not-a-file]\n"
    assert (source / "a.txt").read_bytes() == b"aaa"
    assert not Upload.objects.exists()
    check_everything()


def test_a_move_over_the_quota_leaves_the_file(source: Path, team: Space) -> None:
    call_command("set_quota", "Team", "4", stdout=StringIO())

    _out, err, _error = run(source, "Team", "--move")

    assert err.count("[quota-exceeded]") == 1
    left = [path.name for path in source.rglob("*") if path.is_file()]
    assert len(left) == 1
    check_everything()


class Killed(BaseException):
    """What happens to a process that is killed: nothing behind it runs."""


@pytest.mark.parametrize("step", ["_rename", "put_taken"])
def test_a_move_that_was_killed_is_finished_by_the_next_run(
    source: Path, team: Space, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    def killed(*_args: object, **_more: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(local_moves, step, killed)
        with pytest.raises(Killed):
            call_command("import_tree", str(source), "Team", "--move", stdout=StringIO())
    sweep_blobs(grace=timedelta(0))  # however old: what is being moved is nobody's stray
    assert Upload.objects.filter(state=Upload.State.OPEN).count() == 3

    out, err, error = run(source, "Team", "--move")

    assert (err, error) == ("", "")
    moved = 0 if step == "_rename" else 3
    assert (f"finished {moved} moves that were interrupted\n" in out) == bool(moved)
    assert paths_in(root_of(team)) == CONTENT
    assert not Upload.objects.exists()


def test_a_move_that_cannot_be_finished_keeps_its_bytes(
    source: Path, team: Space, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(local_moves, "put_taken", _raise_killed)
        with pytest.raises(Killed):
            call_command("import_tree", str(source), "Team", "--move", stdout=StringIO())
    make_folder(root_of(team), "a.txt")

    done, refused = finish_moves(actor=SYSTEM)

    assert done == 2
    assert [error.code for error in refused] == ["not-a-file"]
    assert Upload.objects.get(state=Upload.State.OPEN).path == "a.txt"


def _raise_killed(*_args: object, **_more: object) -> None:
    raise Killed


def test_only_one_moves_at_a_time(source: Path, team: Space) -> None:
    with moving():
        assert run(source, "Team", "--move")[2].endswith("[upload-busy]")
    assert run(source, "Team", "--move")[2] == ""


def test_a_folder_of_many_files_takes_few_queries(
    team: Space, tmp_path: Path, django_assert_max_num_queries: Any
) -> None:
    for number in range(600):
        (tmp_path / f"f{number}").touch()

    with django_assert_max_num_queries(100):
        TreeImport(tmp_path, root_of(team), SYSTEM).run()
    with django_assert_max_num_queries(20):
        totals = TreeImport(tmp_path, root_of(team), SYSTEM).run()

    assert totals.same == 600


def test_many_folders_take_few_queries(
    team: Space, tmp_path: Path, django_assert_max_num_queries: Any
) -> None:
    for number in range(200):
        (tmp_path / "in" / f"f{number}" / "deeper").mkdir(parents=True)
        (tmp_path / "in" / f"f{number}" / "deeper" / "file").touch()

    with django_assert_max_num_queries(130):
        assert TreeImport(tmp_path, root_of(team), SYSTEM).run().imported == 200
    with django_assert_max_num_queries(60):
        assert TreeImport(tmp_path, root_of(team), SYSTEM).run().same == 200


def test_what_a_refused_transaction_brought_is_removed(
    source: Path, team: Space, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_args: object, **_more: object) -> None:
        raise ChangedMeanwhileError

    monkeypatch.setattr("files.operations.local_files.put_files", refuse)

    error = run(source, "Team")[2]

    assert error.endswith("[changed-meanwhile]")
    check_disk_is_swept()


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("options", [(), ("--move",)])
def test_an_interrupt_in_a_file_leaves_nothing_of_its_batch(
    source: Path,
    team: Space,
    monkeypatch: pytest.MonkeyPatch,
    signum: signal.Signals,
    options: tuple[str, ...],
) -> None:
    def interrupted(*arguments: Any) -> Any:
        os.kill(os.getpid(), signum)
        wait_until(lambda: signal.getsignal(signum) == signal.SIG_DFL)
        return real(*arguments)

    owner: Any = PartialBlob if options else BlobWriter
    name = "read_on" if options else "copy"
    real = getattr(owner, name)
    with monkeypatch.context() as patch:
        patch.setattr("files.operations.local_files.THREADS", 1)
        patch.setattr(owner, name, interrupted)
        out, err, error = run(source, "Team", *options)

    assert (err, error) == ("", STOPPED[signum])
    assert out.startswith("imported 0 files")
    assert sorted(path.name for path in source.rglob("*")) == sorted(
        ["a.txt", "beach.jpg", "empty", "inner", "photos", "zero"]
    )
    assert {path.stat().st_mode & 0o777 for path in source.rglob("*") if path.is_file()} == {0o640}
    check_disk_is_swept()
    check_everything()
    assert run(source, "Team", *options)[0].startswith("imported 3 files")


def test_a_move_that_is_refused_gives_the_mode_back(source: Path, team: Space) -> None:
    make_folder(root_of(team), "zero")
    (source / "a.txt").chmod(0o600)
    call_command("set_quota", "Team", "4", stdout=StringIO())

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TreeImport, "_sort", _as_new)
        run(source, "Team", "--move")

    left = source / "a.txt"
    assert not left.exists() or left.stat().st_mode & 0o777 == 0o600
    assert (source / "zero").stat().st_mode & 0o777 == 0o640


def _as_new(_self: TreeImport, found: list[FoundFile]) -> tuple[list[Any], list[Any]]:
    """Foresee nothing, as if all had changed between the plan and the commit."""
    return [(file, Plan()) for file in found], []


def test_a_move_removes_what_is_there_already_once_it_has_read_it(
    source: Path, team: Space
) -> None:
    run(source, "Team")
    (source / "a.txt").write_bytes(b"bbb")
    os.utime(source / "a.txt", ns=(MODIFIED, MODIFIED))  # looks the same, and is not

    out, err, error = run(source, "Team", "--move")

    assert (err, error) == ("", "")
    assert out.startswith("imported 1 files (3 bytes), 2 there already")
    assert paths_in(root_of(team))["a.txt"] == b"bbb"
    assert list(source.iterdir()) == []


def test_a_move_keeps_the_source_of_a_blob_that_is_damaged(source: Path, team: Space) -> None:
    run(source, "Team")
    file = Entry.objects.select_related("version__blob").get(name="a.txt")
    assert file.version is not None
    Path(file.version.blob.file.path).unlink()

    _out, err, error = run(source, "Team", "--move")

    assert err == "refused: a.txt: damaged [storage-failed]\n"
    assert error.endswith("[files-refused]")
    assert [path.name for path in source.iterdir()] == ["a.txt"]


@pytest.mark.parametrize("is_there", [False, True])
def test_a_source_that_cannot_be_removed_is_told(
    source: Path, team: Space, monkeypatch: pytest.MonkeyPatch, *, is_there: bool
) -> None:
    if is_there:
        run(source, "Team")
    (source / "a.txt").chmod(0o666)
    real = os.unlink

    def unlink(path: Any, **more: Any) -> None:
        if path == "a.txt":
            raise PermissionError(1, "Operation not permitted")
        real(path, **more)

    monkeypatch.setattr(os, "unlink", unlink)

    _out, err, error = run(source, "Team", "--move")

    assert err == "refused: a.txt: source-stays [unsuitable-file]\n"
    assert error.endswith("[files-refused]")
    assert paths_in(root_of(team)) == CONTENT


def test_a_move_copies_what_somebody_writes_to(source: Path, team: Space) -> None:
    inode = (source / "a.txt").stat().st_ino

    with (source / "a.txt").open("ab"):
        run(source, "Team", "--move")

    file = Entry.objects.select_related("version__blob").get(name="a.txt")
    assert file.version is not None
    assert Path(file.version.blob.file.path).stat().st_ino != inode
    assert not (source / "a.txt").exists()


def test_a_move_that_was_being_put_back_is_put_back(
    source: Path, team: Space, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(local_moves, "put_taken", _raise_killed)
        with pytest.raises(Killed):
            call_command("import_tree", str(source), "Team", "--move", stdout=StringIO())
    upload = Upload.objects.get(path="a.txt")
    os.link(blob_storage().path(blob_name(upload.pk)), source / "a.txt")

    out, err, error = run(source, "Team", "--move")

    assert (err, error) == ("", "")
    assert "finished 2 moves" in out
    assert paths_in(root_of(team)) == CONTENT
    assert not Upload.objects.exists()


def test_our_own_data_is_not_entered_by_another_way(
    source: Path, team: Space, tmp_path: Path
) -> None:
    job = TreeImport(source, root_of(team), SYSTEM)
    job.forbidden = {identity_of((source / "photos").stat())}
    told: list[str] = []
    job.tell = lambda what: told.append(str(what))

    job.run()

    assert told == ["refused: photos: own-data [unsuitable-file]"]
    assert "photos" not in paths_in(root_of(team))


def test_a_database_that_fails_is_told_in_one_line(
    source: Path, team: Space, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_args: object, **_more: object) -> None:
        raise OperationalError("database or disk is full")

    monkeypatch.setattr("files.operations.local_files.put_files", fail)

    error = run(source, "Team")[2]

    assert error == "The database cannot be used (database or disk is full) [database-unavailable]"
    check_disk_is_swept()


def test_totals_are_printed_as_json(source: Path, team: Space) -> None:
    assert json.loads(run(source, "Team", "--json")[0]) == {
        "imported": 3,
        "imported_bytes": 6,
        "same": 0,
        "skipped": 0,
        "refused": 0,
        "folders": 3,
    }
