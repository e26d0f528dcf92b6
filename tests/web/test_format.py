from datetime import UTC, datetime

import pytest
from django.utils import translation

from files.models import Entry
from files.templatetags.files import entry_icon, icon, kind_label, moment, size

NBSP = "\N{NO-BREAK SPACE}"


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 bytes"),
        (1, "1 byte"),
        (1023, "1023 bytes"),
        (1024, f"1{NBSP}KiB"),
        (1536, f"1.5{NBSP}KiB"),
        (1024**2 - 1, f"1{NBSP}MiB"),
        (100 * 1024**2 + 1, f"100{NBSP}MiB"),
        (10 * 1024**3, f"10{NBSP}GiB"),
        (5 * 1024**6, f"5120{NBSP}PiB"),
    ],
)
def test_sizes_are_written_in_iec_units(count: int, text: str) -> None:
    assert size(count) == text


def test_no_size_is_written_as_nothing() -> None:
    assert size(None) == ""


def test_sizes_in_russian_have_a_comma_and_its_plurals() -> None:
    with translation.override("ru"):
        assert size(1536) == f"1,5{NBSP}КиБ"
        assert [size(n) for n in (1, 2, 5, 21)] == ["1 байт", "2 байта", "5 байт", "21 байт"]


def test_moments_follow_the_language() -> None:
    at = datetime(2026, 5, 3, 14, 5, tzinfo=UTC)

    assert moment(at) == "3 May 2026, 14:05"
    with translation.override("ru"):
        assert moment(at) == "3 мая 2026, 14:05"


@pytest.mark.parametrize(
    ("media_type", "label"),
    [
        ("image/png", "Image"),
        ("text/plain", "Text"),
        ("application/pdf", "PDF"),
        ("audio/mpeg", "Audio"),
        ("video/mp4", "Video"),
        ("application/zip", "Archive"),
        ("application/octet-stream", "Other"),
    ],
)
def test_kinds_have_a_word_and_an_icon(media_type: str, label: str) -> None:
    entry = Entry(kind=Entry.Kind.FILE, media_type=media_type)

    assert kind_label(entry) == label
    assert entry_icon(entry).startswith("<svg")


def test_a_folder_has_a_word_and_an_icon() -> None:
    entry = Entry(kind=Entry.Kind.FOLDER)

    assert kind_label(entry) == "Folder"
    assert entry_icon(entry) == icon("folder")
