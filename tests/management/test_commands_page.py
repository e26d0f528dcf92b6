"""docs/commands.md and the examples of all pages, held to the commands."""

import ast
import re
import shlex
from argparse import Action
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.management import load_command_class
from django.core.management.base import CommandParser

from files import errors
from files.management import failures
from files.management.base import FilesCommand
from files.operations.storage_check import Code

PAGE = Path("docs/commands.md").read_text()
PAGES = [Path("README.md"), *sorted(Path("docs").rglob("*.md")), Path("docker-compose.yml")]
COMMANDS = sorted(path.stem for path in Path("files/management/commands").glob("[a-z]*.py"))
# What a shell takes for itself, and a reader for a remark.
SHELL = re.compile(r"\s+(?:[>|&;#]|2>).*")


def section(command: str) -> str:
    """Give what the page says of a command."""
    return PAGE.split(f"## `{command}`\n")[1].split("\n## ")[0]


def load(command: str) -> FilesCommand:
    """Load a command."""
    loaded = load_command_class("files", command)
    assert isinstance(loaded, FilesCommand)
    return loaded


def parser_of(command: str) -> CommandParser:
    """Make the parser of a command."""
    return load(command).create_parser("manage.py", command)


def own_actions(command: str) -> list[Action]:
    """Give the arguments that a command has beside those of all commands."""
    base = load_command_class("django.core", "check").create_parser("manage.py", "check")
    common = {option for action in base._actions for option in action.option_strings}
    common |= {"--skip-checks"}
    return [
        action for action in parser_of(command)._actions if not common & set(action.option_strings)
    ]


def options(command: str) -> set[str]:
    """Give the options of a command."""
    return {option for action in own_actions(command) for option in action.option_strings}


def calls(text: str) -> Iterator[list[str]]:
    """Find the calls of our commands in a page: the name and its arguments."""
    for name, rest in re.findall(r"^ +\S.*?manage\.py (\w+)\b(.*)$", text, re.MULTILINE):
        if name in COMMANDS:
            yield [name, *shlex.split(SHELL.sub("", rest))]


CALLS = {shlex.join(call): call for path in PAGES for call in calls(path.read_text())}


def test_page_has_the_commands_that_there_are() -> None:
    assert sorted(re.findall(r"^## `(\w+)`$", PAGE, re.MULTILINE)) == COMMANDS
    table = PAGE.split("| command | does |")[1].split("\n\n")[0]
    assert sorted(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)) == COMMANDS


@pytest.mark.parametrize("command", COMMANDS)
def test_section_explains_every_option_and_argument_and_no_other(command: str) -> None:
    text = section(command)
    actions = own_actions(command)
    names = {str(action.metavar) for action in actions if action.metavar}

    assert set(re.findall(r"--[a-z][a-z-]*", text)) == options(command)
    assert {
        name for name in names if not re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text)
    } == set()
    assert all(action.help and (action.metavar or action.nargs == 0) for action in actions)


@pytest.mark.parametrize("command", COMMANDS)
def test_section_has_an_example(command: str) -> None:
    assert f"    .venv/bin/python manage.py {command}" in section(command)


@pytest.mark.parametrize("call", CALLS)
def test_example_is_understood_by_its_command(call: str) -> None:
    command, *arguments = CALLS[call]

    parser_of(command).parse_args(arguments)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_teaches_with_examples_that_work(command: str) -> None:
    loaded = load(command)
    text = parser_of(command).format_help()

    for example in loaded.examples:
        assert f"\n    manage.py {command} {example}".rstrip() in text
        parser_of(command).parse_args(shlex.split(example))
    assert len(loaded.help) > 200
    assert "Exit status: 0 if it did what it says" in text


def test_section_of_check_storage_explains_each_finding() -> None:
    explained = re.findall(r"^\| `([a-z-]+)` \|", section("check_storage"), re.MULTILINE)

    assert sorted(explained) == sorted(Code)


def told_codes() -> set[str]:
    """Collect the codes that commands end with, beside those of errors that all faces share."""
    constants = [value for name, value in vars(failures).items() if name.isupper()]
    found = {value for value in constants if isinstance(value, str)}
    for path in Path("files/management").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "refusal":
                code = node.args[1]
                found |= {str(code.value)} if isinstance(code, ast.Constant) else set()
    return found


def test_codes_of_commands_are_explained_and_no_other() -> None:
    shared = {error.code for error in errors.FilesError.__subclasses__()}
    table = PAGE.split("Commands have these, too:")[1].split("\n\n|")[1].split("\n\n")[0]
    rows = re.findall(r"^\|?((?: `[a-z-]+`,?)+) \|", table, re.MULTILINE)
    explained = {code for row in rows for code in re.findall(r"`([a-z-]+)`", row)}

    assert told_codes() - shared <= explained
    assert explained <= told_codes()


def test_exit_statuses_are_explained() -> None:
    table = PAGE.split("| exit status | means |")[1].split("\n\n")[0]

    statuses = [int(status) for status in re.findall(r"^\| (\d+) \|", table, re.MULTILINE)]
    assert statuses == [0, 1, 2, 130, 141, 143]
