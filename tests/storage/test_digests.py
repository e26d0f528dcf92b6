"""SHA-256 that is put aside and gone on with is the same as that of the whole."""

import ctypes
from collections.abc import Iterator
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from files.storage import digests
from files.storage.digests import ResumableSha256


@pytest.fixture
def fresh() -> Iterator[None]:
    """Look for the library anew, and again after the test."""
    digests._library.cache_clear()
    yield
    digests._library.cache_clear()


@given(st.lists(st.tuples(st.binary(max_size=300), st.booleans()), max_size=12))
def test_digest_is_that_of_the_whole_wherever_it_was_put_aside(
    pieces: list[tuple[bytes, bool]],
) -> None:
    digest = ResumableSha256()

    for piece, is_put_aside in pieces:
        digest.update(piece)
        if is_put_aside:
            digest = ResumableSha256(digest.state)

    whole = b"".join(piece for piece, _is_put_aside in pieces)
    assert digest.hexdigest() == sha256(whole).hexdigest()


@given(st.binary(max_size=300), st.integers(0, 300))
def test_bytes_in_a_buffer_are_taken_from_where_they_lie(content: bytes, start: int) -> None:
    digest = ResumableSha256()

    digest.update(memoryview(bytearray(content))[start:])

    assert digest.hexdigest() == sha256(content[start:]).hexdigest()


@given(st.binary(max_size=200), st.binary(max_size=200))
def test_reading_the_digest_does_not_end_it(first: bytes, second: bytes) -> None:
    digest = ResumableSha256()
    digest.update(first)
    assert digest.hexdigest() == sha256(first).hexdigest()
    state = digest.state

    digest.update(second)

    assert digest.hexdigest() == sha256(first + second).hexdigest()
    assert state != digest.state or not second
    assert ResumableSha256(state).hexdigest() == sha256(first).hexdigest()


def test_state_counts_more_bytes_than_32_bits_hold() -> None:
    digest = ResumableSha256()
    zeros = bytes(2**20)
    for _ in range(520):  # more than 2**32 bits
        digest.update(zeros)

    again = ResumableSha256(digest.state)
    again.update(b"end")

    whole = sha256()
    for _ in range(520):
        whole.update(zeros)
    whole.update(b"end")
    assert again.hexdigest() == whole.hexdigest()


@pytest.mark.parametrize(
    "state", [b"", b"x", b"ossl3le\x00", b"ossl3le\x00" + b"x" * 111, b"ossl4le\x00" + b"x" * 112]
)
def test_state_of_another_kind_is_refused(state: bytes) -> None:
    with pytest.raises(ValueError, match="not a saved state"):
        ResumableSha256(state)


class OtherLayout:
    """A library whose state is larger than what is kept of it."""

    def __init__(self) -> None:
        self._real = ctypes.CDLL("libcrypto.so.3")
        self.SHA256_Init, self.SHA256_Final = self._real.SHA256_Init, self._real.SHA256_Final
        self.SHA256_Update = SimpleUpdate(self._real)


class SimpleUpdate:
    """Takes in bytes, and forgets at the second call what was not kept."""

    def __init__(self, real: Any) -> None:
        self._real, self._calls = real, 0

    def __call__(self, context: Any, piece: bytes, size: int) -> None:
        self._calls += 1
        if self._calls == 2:
            ctypes.memset(context, 0, 8)
        self._real.SHA256_Update(context, piece, size)


@pytest.mark.usefixtures("fresh")
@pytest.mark.parametrize("fault", ["missing", "other layout"])
def test_without_the_library_the_digest_goes_on_within_one_connection_only(
    fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    layout = OtherLayout()

    def load(_name: str) -> OtherLayout:
        if fault == "missing":
            raise OSError("no such library")
        return layout

    monkeypatch.setattr(ctypes, "CDLL", load)

    digest = ResumableSha256()
    digest.update(b"one ")
    digest.update(b"two")

    assert digest.hexdigest() == sha256(b"one two").hexdigest()
    assert digest.state is None
    with pytest.raises(ValueError, match="nothing here"):
        ResumableSha256(b"ossl3le\x00" + b"x" * 112)
