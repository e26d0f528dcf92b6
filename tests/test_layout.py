"""The limits of size in CONTRIBUTING.md, checked."""

import ast
from pathlib import Path

MODULES = [
    path
    for room in ("files", "project")
    for path in sorted(Path(room).rglob("*.py"))
    if "migrations" not in path.parts
]
SYNONYMS = {"utils", "helpers", "common", "misc", "base2"}


def test_modules_are_short() -> None:
    lengths = {str(path): len(path.read_text().splitlines()) for path in MODULES}

    assert {path: length for path, length in lengths.items() if length > 400} == {}


def test_settings_are_short() -> None:
    assert len(Path("project/settings.py").read_text().splitlines()) < 250


def test_functions_are_short() -> None:
    nodes = [(p, n) for p in MODULES for n in ast.walk(ast.parse(p.read_text()))]
    functions = [(p, n) for p, n in nodes if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]

    assert [f"{p}:{n.name}" for p, n in functions if (n.end_lineno or 0) - n.lineno >= 60] == []


def test_modules_are_named_for_what_they_do() -> None:
    assert [str(path) for path in MODULES if path.stem in SYNONYMS] == []


def test_scripts_of_javascript_are_short() -> None:
    scripts = Path("files/static/files/js").rglob("*.js")

    assert [str(path) for path in scripts if len(path.read_text().splitlines()) > 200] == []
