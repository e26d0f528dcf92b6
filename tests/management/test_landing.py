"""Where landing cannot work, the checks and `serve` say so."""

from pathlib import Path

import pytest
from django.core.files.storage import InMemoryStorage
from django.core.management import call_command
from django.core.management.base import CommandError, SystemCheckError
from pytest_django import Settings

from files.management import landing
from files.management.commands.serve import Command
from files.management.landing import check_landing


@pytest.fixture(autouse=True)
def lands(settings: Settings) -> None:
    settings.FILES_LANDING = True


def test_local_disk_of_this_host_will_do() -> None:
    assert check_landing() == []


def test_landing_wants_files_on_a_disk(settings: Settings) -> None:
    settings.STORAGES = {
        **settings.STORAGES,
        "default": {"BACKEND": f"{InMemoryStorage.__module__}.{InMemoryStorage.__name__}"},
    }

    assert [problem.id for problem in check_landing()] == ["files.E002"]
    settings.FILES_LANDING = False
    assert check_landing() == []


@pytest.mark.django_db
def test_landing_is_for_one_host(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(landing, "file_system_of", lambda _folder: "nfs4")

    with pytest.raises(SystemCheckError, match=r"files\.E003"):
        call_command("check")
    with pytest.raises(CommandError, match=r"one host.*\[invalid-setting\]"):
        Command().serve(tmp_path)
