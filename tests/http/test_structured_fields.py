"""Structured fields are read as RFC 9651 says, and nothing else is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from files.http.structured_fields import (
    Value,
    parse_boolean,
    parse_dictionary,
    parse_item,
    parse_size,
    write_boolean,
    write_dictionary,
)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("?1", True),
        (" ?0 ", False),
        ("?1;a;b=2; c=:AA==:", True),
        ("12", 12),
        ("-7", -7),
        ("007", 7),
        ("999999999999999", 10**15 - 1),
        (":YWI=:", b"ab"),
        ("::", b""),
        ('"text"', None),
        ("token", None),
        ("1000000000000000", None),
        ("", None),
        ("?2", None),
        ("?1 ?1", None),
        ("1, 2", None),
        ("1.5", None),
        ("1;", None),
        ("1;A=1", None),
        (":a:", None),
        ("+1", None),
        ("٣", None),
        ("\t1", None),
    ],
)
def test_item_is_read_strictly(text: str, value: Value | None) -> None:
    assert parse_item(text) == value


@pytest.mark.parametrize(
    ("text", "members"),
    [
        ("", {}),
        ("a=1, b", {"a": 1, "b": True}),
        ("a=1 \t,\t b=:AA==:;x=1", {"a": 1, "b": b"\0"}),
        ("a=1, a=2", {"a": 2}),
        ('*a.b-c="x\\"y"', {"*a.b-c": None}),
        ("a=1,", None),
        ("a=1 b=2", None),
        (",a", None),
        ("A=1", None),
        ("a=", None),
        ("a=(1 2)", None),
    ],
)
def test_dictionary_is_read_strictly(text: str, members: dict[str, Value | None] | None) -> None:
    assert parse_dictionary(text) == members


@pytest.mark.parametrize(
    ("text", "size"),
    [("5", 5), ("0", 0), ("-1", None), ("?1", None), (":AA==:", None), (None, None)],
)
def test_size_is_an_integer_that_is_not_negative(text: str | None, size: int | None) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["1", "0", "true", None])
def test_boolean_is_nothing_else(text: str | None) -> None:
    assert parse_boolean(text) is None


@given(st.booleans())
def test_boolean_that_is_written_can_be_read(value: bool) -> None:  # noqa: FBT001
    assert parse_boolean(write_boolean(value)) is value


@given(
    st.dictionaries(
        st.from_regex(r"\A[a-z*][a-z0-9_.*-]*\Z"),
        st.integers(-(10**15) + 1, 10**15 - 1) | st.binary(),
    )
)
def test_dictionary_that_is_written_can_be_read(members: dict[str, int | bytes]) -> None:
    assert parse_dictionary(write_dictionary(members)) == members


@given(st.text(max_size=200))
def test_any_text_is_read_or_not(text: str) -> None:
    parse_dictionary(text)
    parse_item(text)
