"""docs/commands.md, held to the commands."""

import re
from pathlib import Path

import pytest
from django.core.management import load_command_class

from files.operations.storage_check import Code

PAGE = Path("docs/commands.md").read_text()
COMMANDS = sorted(path.stem for path in Path("files/management/commands").glob("[a-z]*.py"))


def section(command: str) -> str:
    """Give what the page says of a command."""
    return PAGE.split(f"## `{command}`\n")[1].split("\n## ")[0]


def test_page_has_the_commands_that_there_are() -> None:
    assert sorted(re.findall(r"^## `(\w+)`$", PAGE, re.MULTILINE)) == COMMANDS


@pytest.mark.parametrize("command", COMMANDS)
def test_section_has_an_example_and_the_options(command: str) -> None:
    text = section(command)
    parser = load_command_class("files", command).create_parser("manage.py", command)
    base = load_command_class("django.core", "check").create_parser("manage.py", "check")
    common = {option for action in base._actions for option in action.option_strings}
    common.add("--skip-checks")
    own = {option for action in parser._actions for option in action.option_strings} - common

    assert f"    .venv/bin/python manage.py {command}" in text
    assert own <= set(re.findall(r"--[a-z-]+", text))
    assert parser.description


def test_section_of_check_storage_explains_each_finding() -> None:
    explained = re.findall(r"^\| `([a-z-]+)` \|", section("check_storage"), re.MULTILINE)

    assert sorted(explained) == sorted(Code)
