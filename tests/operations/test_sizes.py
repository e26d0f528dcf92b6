"""Sizes as people type them."""

import pytest

from files.errors import InvalidValueError
from files.operations.sizes import approximate_size, format_size, parse_size


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0", 0),
        ("512", 512),
        ("10G", 10 * 2**30),
        ("512MiB", 512 * 2**20),
        ("1.5 gb", 3 * 2**29),
        ("1,5 TiB", 3 * 2**39),
        (" 7 k ", 7 * 2**10),
        ("1b", 1),
    ],
)
def test_parse_size_reads_what_people_type(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize(
    "text", ["", "-1", "ten", "10 G 5", "1e3", "10X", "8192P", "9" * 30, "\u0661G", "G", "10GiBB"]
)
def test_parse_size_refuses_anything_else(text: str) -> None:
    with pytest.raises(InvalidValueError):
        parse_size(text)


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (1024 * 1024 - 1, "1.0 MiB"),
        (3565158, "3.4 MiB"),
        (2**63 - 1, "8192.0 PiB"),
    ],
)
def test_approximate_size_is_rounded(size: int, text: str) -> None:
    assert approximate_size(size) == text


@pytest.mark.parametrize("size", [0, 1, 1023, 1024, 1025, 10 * 2**30, 3 * 2**39, 2**60])
def test_format_size_is_read_back_as_the_same(size: int) -> None:
    assert parse_size(format_size(size)) == size
