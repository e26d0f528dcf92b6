import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from files.errors import InvalidNameError, TooDeepError
from files.names import (
    MAX_NAME_BYTES,
    check_name,
    name_fold,
    name_key,
    numbered_name,
    split_path,
    visible_name,
)
from tests.names_corpus import NAMES

NO_LETTERS = {"Cn", "Co", "Cs"}
LETTERS = ["\ufffe", "\uffff"]
LETTERS += [c for c in map(chr, range(sys.maxunicode)) if unicodedata.category(c) not in NO_LETTERS]


def is_name(text: str) -> bool:
    try:
        return bool(check_name(text))
    except InvalidNameError:
        return False


names = st.text(min_size=1, max_size=MAX_NAME_BYTES).filter(is_name)
long_names = st.builds(
    lambda text, times, end: (text * times).encode()[:240].decode(errors="ignore") + end,
    st.text(st.sampled_from("aß語\u0301\u200d👩🏽.( "), min_size=1),
    st.integers(1, 250),
    st.sampled_from(["", ".pdf", ".tar.gz", ".x" * 7]),
).filter(is_name)


@pytest.mark.parametrize("name", NAMES)
def test_check_name_gives_the_name_back_as_it_is(name: str) -> None:
    assert check_name(name) == name


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("", "empty"),
        (".", "reserved"),
        ("..", "reserved"),
        ("a/b", "slash"),
        ("/", "slash"),
        ("../etc/passwd", "slash"),
        ("a\0.txt", "control"),
        ("a\nb", "control"),
        ("a\r", "control"),
        ("\x7f", "control"),
        ("a\x85b", "control"),
        ("a\u2028b", "control"),
        ("a\u2029b", "control"),
        ("a\ufffe", "control"),
        ("a\uffff", "control"),
        ("\ud800", "encoding"),
        ("a\udcff.txt", "encoding"),
        ("a" * 256, "too-long"),
        ("ß" * 128, "too-long"),
        ("👩" * 64, "too-long"),
    ],
    ids=ascii,
)
def test_check_name_refuses_with_a_reason(name: str, reason: str) -> None:
    with pytest.raises(InvalidNameError) as caught:
        check_name(name)
    assert caught.value.data == {"reason": reason}


def test_check_name_refuses_every_control_character_and_line_break() -> None:
    refused = {letter for letter in LETTERS if not is_name(letter)} - {"/", "."}
    wanted = {c for c in LETTERS if unicodedata.category(c) in {"Cc", "Zl", "Zp"}}
    assert refused == wanted | {"\ufffe", "\uffff"}


def test_no_letter_becomes_another_kind_of_name_in_its_key() -> None:
    assert [c for c in LETTERS if is_name(c) and not is_name(name_key(c))] == []


def test_keys_and_folds_have_at_most_as_many_characters_as_the_name_has_bytes() -> None:
    worst = [c for c in LETTERS if len(name_key(c)) > len(c.encode())]
    worst += [c for c in LETTERS if len(name_fold(c)) > len(c.encode())]
    assert worst == []


def test_name_key_makes_one_of_nfd_and_nfc_twins() -> None:
    assert name_key("u\u0308ber") == name_key("\u00fcber") == "\u00fcber"
    assert name_key("Über") != name_key("über")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("README", "readme"),
        ("Straße", "STRASSE"),
        ("U\u0308BER", "\u00fcber"),
        ("\u1fbc\u0301", "\u1f71\u0345"),
        ("Σίσυφος", "ΣΊΣΥΦΟΣ"),
    ],
    ids=ascii,
)
def test_name_fold_makes_one_of_names_that_differ_in_case(one: str, other: str) -> None:
    assert name_fold(one) == name_fold(other)


@given(names)
def test_key_and_fold_are_stable(name: str) -> None:
    assert name_key(name_key(name)) == name_key(name)
    assert name_fold(name_fold(name)) == name_fold(name)
    assert name_fold(name_key(name)) == name_fold(name)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("photo\u202egpj.exe", "photo\ufffdgpj.exe"),
        ("\u2066a\u2069", "\ufffda\ufffd"),
        ("مرحبا\u200f.txt", "مرحبا\u200f.txt"),
    ],
    ids=ascii,
)
def test_visible_name_shows_what_would_reorder_the_letters(name: str, shown: str) -> None:
    assert visible_name(name) == shown


@pytest.mark.parametrize(
    ("name", "numbered"),
    [
        ("report.pdf", "report (2).pdf"),
        ("report", "report (2)"),
        ("archive.tar.gz", "archive (2).tar.gz"),
        ("ARCHIVE.TAR.GZ", "ARCHIVE (2).TAR.GZ"),
        (".bashrc", ".bashrc (2)"),
        (".config.json", ".config (2).json"),
        (".tar.gz", ".tar.gz (2)"),
        ("...txt", "...txt (2)"),
        ("a..txt", "a. (2).txt"),
        ("a.", "a. (2)"),
        ("Meeting of Dr. Smith", "Meeting of Dr. Smith (2)"),
        ("report (2).pdf", "report (2) (2).pdf"),
        ("v1.x (old)", "v1.x (old) (2)"),
        ("отчёт.документ", "отчёт (2).документ"),
        ("a.averyveryverylongending", "a.averyveryverylongending (2)"),
    ],
)
def test_numbered_name_keeps_the_extension(name: str, numbered: str) -> None:
    assert numbered_name(name, 2) == numbered


def test_numbered_name_of_a_folder_has_no_extension() -> None:
    assert numbered_name("v1.2", 3, is_folder=True) == "v1.2 (3)"


def test_numbered_name_takes_a_word() -> None:
    assert numbered_name("a.txt", 1, "copy") == "a (copy).txt"
    assert numbered_name("a.txt", 2, "copy") == "a (copy 2).txt"


@pytest.mark.parametrize(
    "sign",
    ["e\u0301\u0302", "\U0001f469\u200d\U0001f680", "語"],
    ids=["letter with marks", "joined emoji", "three bytes"],
)
def test_numbered_name_shortens_the_stem_at_whole_signs(sign: str) -> None:
    times = MAX_NAME_BYTES // len(sign.encode())

    numbered = numbered_name(sign * times, 2)

    kept = len(numbered.removesuffix(" (2)")) // len(sign)
    assert numbered == sign * kept + " (2)"
    assert times - 2 <= kept < times


def test_numbered_name_cuts_a_stem_that_is_one_sign() -> None:
    assert numbered_name("e" + "\u0301" * 127, 2) == "e" + "\u0301" * 125 + " (2)"


@given(st.one_of(names, long_names), st.integers(2, 10**6), st.booleans())
def test_numbered_name_is_a_name(name: str, n: int, is_folder: bool) -> None:  # noqa: FBT001
    numbered = numbered_name(name, n, is_folder=is_folder)

    assert check_name(numbered) == numbered
    assert f" ({n})" in numbered
    assert name_key(numbered) != name_key(name)


@pytest.mark.parametrize(
    ("path", "split"),
    [
        ("a.txt", ("a.txt",)),
        ("photos/2024/a.jpg", ("photos", "2024", "a.jpg")),
        ("photos/..a/...", ("photos", "..a", "...")),
        ("C:\\fakepath\\a.txt", ("C:\\fakepath\\a.txt",)),
        ("dir\\a.txt", ("dir\\a.txt",)),
        ("%2e%2e/a", ("%2e%2e", "a")),
    ],
)
def test_split_path_gives_the_names(path: str, split: tuple[str, ...]) -> None:
    assert split_path(path, max_depth=3) == split


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("", "empty"),
        ("/etc/passwd", "empty"),
        ("//a", "empty"),
        ("a//b", "empty"),
        ("a/", "empty"),
        ("../a", "reserved"),
        ("a/../../b", "reserved"),
        ("a/./b", "reserved"),
        ("a/b\0", "control"),
        ("a/" + "b" * 256, "too-long"),
    ],
    ids=ascii,
)
def test_split_path_refuses_with_a_reason(path: str, reason: str) -> None:
    with pytest.raises(InvalidNameError) as caught:
        split_path(path, max_depth=64)
    assert caught.value.data == {"reason": reason}


def test_split_path_refuses_more_names_than_allowed() -> None:
    assert split_path("a/b/c", max_depth=3) == ("a", "b", "c")
    with pytest.raises(TooDeepError) as caught:
        split_path("a/b/c/d", max_depth=3)
    assert caught.value.data == {"limit": 3}


def test_split_path_is_quick_on_a_hostile_path() -> None:
    with pytest.raises(TooDeepError):
        split_path("a/" * 1_000_000, max_depth=64)
