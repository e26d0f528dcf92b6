import re
from typing import Literal
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from files.http.disposition import content_disposition
from tests.names_corpus import NAMES

# The grammar of RFC 6266 and RFC 8187, as far as ours goes.
FIELD = re.compile(
    r"(inline|attachment); filename=\"([ !#-\[\]-~]+)\""
    r"(?:; filename\*=UTF-8''((?:[A-Za-z0-9!#$&+.^_`|~-]|%[0-9A-F]{2})+))?"
)


def name_of(value: str) -> str:
    """Give the name that a client reads."""
    found = FIELD.fullmatch(value)
    assert found is not None, value
    return unquote(found[3], errors="strict") if found[3] else found[2]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("report.pdf", 'attachment; filename="report.pdf"'),
        ("my report (2).pdf", 'attachment; filename="my report (2).pdf"'),
        ("it's.txt", 'attachment; filename="it\'s.txt"'),
        (
            "Café.txt",
            "attachment; filename=\"Cafe.txt\"; filename*=UTF-8''Caf%C3%A9.txt",
        ),
        (
            "€ rates",
            "attachment; filename=\"_ rates\"; filename*=UTF-8''%E2%82%AC%20rates",
        ),
        (
            'a".exe',
            "attachment; filename=\"a_.exe\"; filename*=UTF-8''a%22.exe",
        ),
        (
            "a\\b;c%20",
            "attachment; filename=\"a_b_c_20\"; filename*=UTF-8''a%5Cb%3Bc%2520",
        ),
        (
            "a\r\nCookie: x",
            "attachment; filename=\"a__Cookie_ x\"; filename*=UTF-8''a%0D%0ACookie%3A%20x",
        ),
        (
            "\u202egpj.exe",
            "attachment; filename=\"_gpj.exe\"; filename*=UTF-8''%E2%80%AEgpj.exe",
        ),
        (
            "../etc",
            "attachment; filename=\".._etc\"; filename*=UTF-8''..%2Fetc",
        ),
        ("\u0301", "attachment; filename=\"_\"; filename*=UTF-8''%CC%81"),
        ("\ud800", "attachment; filename=\"_\"; filename*=UTF-8''%3F"),
    ],
    ids=ascii,
)
def test_content_disposition(name: str, value: str) -> None:
    assert content_disposition("attachment", name) == value


def test_content_disposition_of_what_is_shown_has_a_name_too() -> None:
    assert content_disposition("inline", "a.png") == 'inline; filename="a.png"'


@pytest.mark.parametrize("kind", ["inline", "attachment"])
@pytest.mark.parametrize("name", NAMES)
def test_names_round_trip(kind: Literal["inline", "attachment"], name: str) -> None:
    value = content_disposition(kind, name)

    assert name_of(value) == name
    assert value.startswith(kind)


@given(st.text(min_size=1, max_size=50).filter(lambda text: not re.search("[\ud800-\udfff]", text)))
def test_any_text_round_trips(name: str) -> None:
    assert name_of(content_disposition("attachment", name)) == name
