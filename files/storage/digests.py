"""SHA-256 that can be put aside and gone on with, in another process or after a restart.

hashlib's objects cannot be saved. OpenSSL's own SHA256_CTX is plain memory: it is kept as bytes and
given back to the same functions, at the same speed. Where the library is not at hand, the digest
goes on within one connection only, and is otherwise taken from the finished bytes by a job.
"""

import ctypes
import ctypes.util
from functools import cache
from hashlib import sha256
from typing import Any, Final

_CONTEXT_SIZE: Final = 112  # bytes of SHA256_CTX: eight words, a count, a block, two figures
# The layout is that of this machine and of this major version of OpenSSL; kept before the state.
_FORMAT: Final = b"ossl3le\x00"
_Bytes: Final = ctypes.c_char * 0  # its address is what counts


@cache
def _library() -> Any:
    """Load the functions, and prove on a known value that a saved state goes on; None if not."""
    try:
        library = ctypes.CDLL(ctypes.util.find_library("crypto") or "libcrypto.so.3")
        library.SHA256_Init.argtypes = [ctypes.c_void_p]
        library.SHA256_Update.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t]
        library.SHA256_Final.argtypes = [ctypes.c_char_p, ctypes.c_void_p]
    except (OSError, AttributeError):
        return None
    # Room behind it, in case that another build has a larger one: then the proof fails.
    context = ctypes.create_string_buffer(_CONTEXT_SIZE * 4)
    digest = ctypes.create_string_buffer(32)
    library.SHA256_Init(context)
    library.SHA256_Update(context, b"a" * 100, 100)
    again = ctypes.create_string_buffer(context.raw[:_CONTEXT_SIZE], _CONTEXT_SIZE * 4)
    library.SHA256_Update(again, b"b" * 100, 100)
    library.SHA256_Final(digest, again)
    return library if digest.raw == sha256(b"a" * 100 + b"b" * 100).digest() else None


class ResumableSha256:
    """SHA-256 of bytes that come in parts; state is what goes on with it later.

    Given a state that is of another kind, raises ValueError.
    """

    def __init__(self, state: bytes | None = None) -> None:
        self._library = _library()
        self._plain = sha256() if self._library is None else None
        if self._plain is not None:
            if state is not None:
                raise ValueError("a saved state, and nothing here to go on with it")
            return
        self._context = ctypes.create_string_buffer(_CONTEXT_SIZE)
        if state is None:
            self._library.SHA256_Init(self._context)
            return
        if len(state) != len(_FORMAT) + _CONTEXT_SIZE or not state.startswith(_FORMAT):
            raise ValueError("not a saved state of this kind")
        ctypes.memmove(self._context, state[len(_FORMAT) :], _CONTEXT_SIZE)

    def update(self, piece: bytes | memoryview) -> None:
        """Take in the next bytes, of a buffer that can be written to if not of bytes.

        Lets other threads run meanwhile.
        """
        if self._plain is not None:
            self._plain.update(piece)
            return
        size = len(piece)
        if isinstance(piece, memoryview):
            self._library.SHA256_Update(self._context, _Bytes.from_buffer(piece), size)
        else:
            self._library.SHA256_Update(self._context, piece, size)

    @property
    def state(self) -> bytes | None:
        """Give what to go on from later; None where that cannot be saved here."""
        return None if self._plain is not None else _FORMAT + self._context.raw

    def hexdigest(self) -> str:
        """Give the digest of what was taken in so far, as lower-case hex."""
        if self._plain is not None:
            return self._plain.hexdigest()
        digest = ctypes.create_string_buffer(32)
        copy = ctypes.create_string_buffer(self._context.raw, _CONTEXT_SIZE)
        self._library.SHA256_Final(digest, copy)
        return digest.raw.hex()
