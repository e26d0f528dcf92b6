import re
from pathlib import Path

import polib
import pytest
from django.conf import settings

CATALOGUES = sorted(Path(settings.LOCALE_PATHS[0]).glob("*/LC_MESSAGES/django.po"))
PLACEHOLDER = re.compile(r"%\(\w+\)[sd]")


def test_there_is_a_catalogue_for_each_language_but_the_source() -> None:
    languages = {code for code, _name in settings.LANGUAGES}

    assert {path.parent.parent.name for path in CATALOGUES} == languages - {"en"}


@pytest.mark.parametrize("path", CATALOGUES, ids=lambda path: path.parent.parent.name)
def test_everything_is_translated_and_nothing_is_fuzzy(path: Path) -> None:
    catalogue = polib.pofile(str(path))

    assert [entry.msgid for entry in catalogue.untranslated_entries()] == []
    assert [entry.msgid for entry in catalogue.fuzzy_entries()] == []
    assert [entry.msgid for entry in catalogue.obsolete_entries()] == []


@pytest.mark.parametrize("path", CATALOGUES, ids=lambda path: path.parent.parent.name)
def test_the_compiled_catalogue_agrees_with_its_source(path: Path) -> None:
    source, compiled = polib.pofile(str(path)), polib.mofile(str(path.with_suffix(".mo")))

    def content(catalogue: list[polib.POEntry] | list[polib.MOEntry]) -> dict[object, object]:
        return {(e.msgctxt, e.msgid): e.msgstr_plural or e.msgstr for e in catalogue}

    assert content(compiled) == content(source)


@pytest.mark.parametrize("path", CATALOGUES, ids=lambda path: path.parent.parent.name)
def test_translations_keep_the_placeholders(path: Path) -> None:
    for entry in polib.pofile(str(path)):
        wanted = set(PLACEHOLDER.findall(entry.msgid_plural or entry.msgid))
        for text in entry.msgstr_plural.values() if entry.msgid_plural else [entry.msgstr]:
            assert set(PLACEHOLDER.findall(text)) == wanted, entry.msgid


@pytest.mark.parametrize("path", CATALOGUES, ids=lambda path: path.parent.parent.name)
def test_the_catalogue_has_what_the_templates_say(path: Path) -> None:
    known = {entry.msgid for entry in polib.pofile(str(path))}
    templates = Path(settings.BASE_DIR, "files", "templates")
    said = re.compile(r'\{%-?\s*translate\s+"((?:[^"\\]|\\.)*)"')

    missing = {
        text
        for template in templates.rglob("*.html")
        for text in said.findall(template.read_text())
        if text not in known
    }

    assert missing == set()
