"""What the reference pages must mention, and that their links lead somewhere."""

import re
from pathlib import Path

import pytest
from django.conf import settings

from files import dav_errors, errors, protocol_errors  # noqa: F401 - whose errors are known by it

ROOT = Path(__file__).resolve().parent.parent
SETTINGS = [name for name in dir(settings) if name.startswith("FILES_")]
CODES = {error.code: int(error.status) for error in errors.FilesError.__subclasses__()}
COMMANDS = [path.stem for path in (ROOT / "files/management/commands").glob("[a-z]*.py")]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")]


@pytest.mark.parametrize(
    ("page", "names"),
    [("settings", SETTINGS), ("errors", sorted(CODES)), ("commands", COMMANDS)],
)
def test_reference_pages_are_complete(page: str, names: list[str]) -> None:
    text = (ROOT / f"docs/{page}.md").read_text()
    assert [name for name in names if f"`{name}`" not in text] == []


def test_documented_errors_are_those_of_the_code() -> None:
    text = (ROOT / "docs/errors.md").read_text()
    documented = {code: int(status) for code, status in re.findall(r"\| `(.+?)` \| (\d+) \|", text)}
    assert documented == CODES


def test_documented_settings_exist() -> None:
    text = (ROOT / "docs/settings.md").read_text()
    documented = set(re.findall(r"^\| `(FILES_[A-Z_]+)`", text, re.MULTILINE))
    source = (ROOT / "project/settings.py").read_text()
    assert {name for name in documented if f'"{name}"' not in source} == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text())
    assert [link for link in links if not (page.parent / link).exists()] == []
