"""`manage.py prepare` and `manage.py serve`'s checks, as an operator runs them."""

import re
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import CommandError

from files.management import data_folder
from files.management.data_folder import exclusive, file_system_of, make_folder, refuse_remote
from tests.processes import BASE, environment, manage

PASSWORD = re.compile(r"Password +(\S{20})")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_prepare_makes_what_serving_needs(tmp_path: Path) -> None:
    data = tmp_path / "data"

    result = manage("prepare", data=data)

    assert (result.returncode, result.stderr) == (0, "")
    assert len(list((data / "uploads" / "blobs").iterdir())) == 256
    assert {mode(data / name) for name in (".", "uploads", "logs")} == {0o750}
    assert mode(data / "secret_key") == 0o600
    assert len((data / "secret_key").read_text()) > 50
    assert mode(data / "strongroom.sqlite3") == 0o640
    with sqlite3.connect(data / "strongroom.sqlite3") as database:
        assert database.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert database.execute("SELECT count(*) FROM cache").fetchone() == (0,)


def test_prepare_prints_the_first_password_once(tmp_path: Path) -> None:
    first = manage("prepare", data=tmp_path)
    second = manage("prepare", data=tmp_path)

    assert "admin" in first.stdout
    assert PASSWORD.search(first.stdout)
    assert (second.returncode, second.stdout, second.stderr) == (0, "", "")


def test_prepare_takes_the_administrator_from_the_environment(tmp_path: Path) -> None:
    more = {"FILES_ADMIN_USER": "root", "FILES_ADMIN_PASSWORD": "correct horse"}

    result = manage("prepare", data=tmp_path, **more)

    assert (result.returncode, result.stdout) == (0, "")
    with sqlite3.connect(tmp_path / "strongroom.sqlite3") as database:
        users = database.execute("SELECT username, is_superuser, password FROM auth_user")
        [(name, is_superuser, password)] = users.fetchall()
    assert (name, is_superuser) == ("root", 1)
    assert password.startswith("argon2")


def test_prepare_keeps_an_existing_key(tmp_path: Path) -> None:
    manage("prepare", data=tmp_path)
    key = (tmp_path / "secret_key").read_text()

    manage("prepare", data=tmp_path)

    assert (tmp_path / "secret_key").read_text() == key


def test_prepare_makes_no_key_where_the_environment_has_one(tmp_path: Path) -> None:
    result = manage("prepare", data=tmp_path, SECRET_KEY="of the environment")

    assert result.returncode == 0
    assert not (tmp_path / "secret_key").exists()


def test_prepare_puts_database_and_key_apart(tmp_path: Path) -> None:
    apart = tmp_path / "apart"

    result = manage("prepare", data=tmp_path / "data", FILES_DB_DIR=str(apart))

    assert result.returncode == 0
    assert {"secret_key", "strongroom.sqlite3"} <= {path.name for path in apart.iterdir()}
    assert {path.name for path in (tmp_path / "data").iterdir()} == {"uploads", "logs"}


def test_several_prepares_at_once_make_one_installation(tmp_path: Path) -> None:
    starts = [
        subprocess.Popen(
            [sys.executable, "manage.py", "prepare"],
            cwd=BASE,
            env=environment(tmp_path),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]

    results = [start.communicate(timeout=120) for start in starts]

    assert [start.returncode for start in starts] == [0, 0, 0], results
    assert len([out for out, _ in results if PASSWORD.search(out)]) == 1


def test_prepare_ends_with_one_line_where_it_cannot_write(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")

    result = manage("prepare", data=tmp_path / "file" / "data")

    assert result.returncode == 1
    assert result.stderr.startswith("error: The folder ")
    assert result.stderr.endswith("[folder-unusable]\n")
    assert len(result.stderr.splitlines()) == 1


def test_prepare_names_the_remedy_for_a_folder_of_another_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(folder: Path) -> None:
        raise PermissionError(13, "Permission denied")

    # The superuser, whom the tests may run as, is refused nowhere.
    monkeypatch.setattr(data_folder, "try_folder", refuse)

    with pytest.raises(CommandError, match=r"Permission denied\. .*chown -R \d+:\d+"):
        make_folder(tmp_path)


def test_prepare_refuses_the_database_of_a_later_release(tmp_path: Path) -> None:
    manage("prepare", data=tmp_path)
    with sqlite3.connect(tmp_path / "strongroom.sqlite3") as database:
        database.execute(
            "INSERT INTO django_migrations (app, name, applied) VALUES"
            " ('files', '9999_later', '2030-01-01')"
        )

    result = manage("prepare", data=tmp_path)

    assert result.returncode == 1
    assert "later release of Strongroom: 9999_later" in result.stderr
    assert result.stderr.endswith("[database-newer]\n")


def test_prepare_ends_with_one_line_on_a_broken_database(tmp_path: Path) -> None:
    (tmp_path / "strongroom.sqlite3").write_text("not a database" * 100)

    result = manage("prepare", data=tmp_path)

    assert result.returncode == 1
    assert result.stderr == (
        "error: The database is damaged; restore it from a backup (file is not a database)"
        " [database-damaged]\n"
    )


def test_make_folder_leaves_nothing_behind(tmp_path: Path) -> None:
    make_folder(tmp_path / "new")

    assert list((tmp_path / "new").iterdir()) == []


MOUNTS = """\
22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
30 22 0:26 / /mnt rw - tmpfs tmpfs rw
31 30 0:27 / /mnt/my\\040share rw shared:7 - nfs4 server:/x rw
32 30 0:28 / /mnt/drive rw - fuse.sshfs x rw
"""


@pytest.mark.parametrize(
    ("folder", "kind"),
    [
        ("/srv/data", "ext4"),
        ("/mnt/data", "tmpfs"),
        ("/mnt/my share/data", "nfs4"),
        ("/mnt/my share2", "tmpfs"),
        ("/mnt/drive", "fuse.sshfs"),
    ],
)
def test_file_system_is_that_of_the_nearest_mount(tmp_path: Path, folder: str, kind: str) -> None:
    mounts = tmp_path / "mountinfo"
    mounts.write_text(MOUNTS)

    assert file_system_of(Path(folder), mounts) == kind


@pytest.mark.parametrize("kind", ["nfs", "cifs", "smb3", "fuse.sshfs", "fuseblk"])
def test_sqlite_on_a_remote_file_system_is_refused(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(data_folder, "file_system_of", lambda _folder: kind)

    with pytest.raises(CommandError, match=rf"{kind}.*\[remote-file-system\]$"):
        refuse_remote(tmp_path)


def test_exclusive_excludes(tmp_path: Path) -> None:
    with (
        exclusive(tmp_path / "lock"),
        pytest.raises(BlockingIOError),
        exclusive(tmp_path / "lock", wait=False),
    ):
        pass
