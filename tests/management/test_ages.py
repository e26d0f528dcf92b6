"""Ages as operators type them."""

from datetime import timedelta

import pytest

from files.errors import InvalidValueError
from files.management.ages import parse_age


@pytest.mark.parametrize(
    ("text", "age"),
    [
        ("90s", timedelta(seconds=90)),
        ("15m", timedelta(minutes=15)),
        ("12h", timedelta(hours=12)),
        ("30d", timedelta(days=30)),
        (" 2 W ", timedelta(weeks=2)),
        ("0d", timedelta(0)),
        ("36500d", timedelta(days=36500)),
    ],
)
def test_an_age_is_a_number_and_a_unit(text: str, age: timedelta) -> None:
    assert parse_age(text) == age


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "form"),
        ("30", "form"),
        ("d", "form"),
        ("-1d", "form"),
        ("1.5d", "form"),
        ("1d12h", "form"),
        ("٣d", "form"),
        ("9999999999d", "form"),
        ("36501d", "limit"),
        ("999999999w", "limit"),
    ],
)
def test_anything_else_is_refused(text: str, reason: str) -> None:
    with pytest.raises(InvalidValueError) as caught:
        parse_age(text)
    assert caught.value.data == {"field": "age", "reason": reason}
