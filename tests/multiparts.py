"""Multipart forms as clients send them, good and bad, with what must come of each.

One table for the door by itself (tests/http) and for a server, directly and through nginx
(tests/e2e): {token} stands for the token that belongs to the cookie.
"""

import unicodedata
from dataclasses import dataclass, field
from hashlib import sha256

BOUNDARY = "----WebKitFormBoundaryABC123"
TOKEN = "{token}"
MAX_FILES = 60  # FILES_MAX_UPLOAD_FILES where the table is run
TYPE = f"multipart/form-data; boundary={BOUNDARY}"


def part(name: str, value: str | bytes, filename: str | None = None, *headers: str) -> bytes:
    """Write one part as a browser does; headers are added to its own."""
    disposition = f'Content-Disposition: form-data; name="{name}"'
    if filename is not None:
        disposition += f'; filename="{filename}"'
        headers = (*headers, "Content-Type: application/octet-stream")
    lines = "\r\n".join([disposition, *headers])
    content = value.encode() if isinstance(value, str) else value
    return f"--{BOUNDARY}\r\n{lines}\r\n\r\n".encode() + content + b"\r\n"


def token_part(value: str = TOKEN) -> bytes:
    """Write the first field of every form."""
    return part("csrfmiddlewaretoken", value)


END = f"--{BOUNDARY}--\r\n".encode()


def form(*parts: bytes, end: bytes = END) -> bytes:
    """Write a form: the token, parts, the end."""
    return token_part() + b"".join(parts) + end


def file(filename: str, content: bytes = b"content", *headers: str) -> bytes:
    """Write a part that is a file."""
    return part("files", content, filename, *headers)


@dataclass(frozen=True)
class FormCase:
    """A form and what must come of it."""

    name: str
    status: int
    body: bytes
    stored: dict[str, bytes] = field(default_factory=dict)  # paths and contents
    content_type: str = TYPE
    headers: tuple[tuple[str, str], ...] = ()

    def with_token(self, token: str) -> bytes:
        """Give the body for a cookie's token."""
        return self.body.replace(TOKEN.encode(), token.encode())


def _stored(status: int, name: str, body: bytes, **more: str) -> FormCase:
    return FormCase(name, status, body, {"a.txt": b"content"}, **more)  # type: ignore[arg-type]


def _fields(count: int) -> bytes:
    return b"".join(part(f"field{n}", "x") for n in range(count))


def _files(count: int) -> bytes:
    return b"".join(file(f"{n}.txt", b"") for n in range(count))


A = file("a.txt")
NFD, NFC = unicodedata.normalize("NFD", "é.txt"), "é.txt"

TOKENS = [
    FormCase("no parts at all", 403, END),
    FormCase("no token", 403, A + END),
    FormCase("another field first", 403, part("clash", "both") + form(A)),
    FormCase("token after the file", 403, A + token_part() + END),
    FormCase("token in the middle", 403, A + token_part() + A + END),
    FormCase("wrong token", 403, token_part("x" * 32) + A + END),
    FormCase("empty token", 403, token_part("") + A + END),
    FormCase("token that is no text", 400, token_part().replace(b"{token}", b"\xff") + A + END),
    FormCase("huge token", 400, token_part("x" * 5000) + A + END),
    FormCase("token as a file", 403, part("csrfmiddlewaretoken", TOKEN, "evil.txt") + END),
    FormCase(
        "token as a file, then the token",
        403,
        part("csrfmiddlewaretoken", "x", "evil.txt") + form(A),
    ),
    FormCase("token as an empty file input", 403, part("csrfmiddlewaretoken", TOKEN, "") + A + END),
]

FIELDS = [
    _stored(303, "field before the file", form(part("x", "y"), A)),
    _stored(303, "field after the file", form(A, part("x", "y"))),
    _stored(303, "field twice", form(part("x", "1"), part("x", "2"), A)),
    _stored(303, "19 more fields", form(_fields(19), A)),
    FormCase("20 more fields", 400, form(_fields(20), A)),
    FormCase("10,000 fields", 400, form(_fields(10_000))),
    _stored(303, "largest field", form(part("x", "y" * 4096), A)),
    FormCase("huge field", 400, form(A, part("x", "y" * 100_000))),
    FormCase("field that is no text", 400, form(A, part("x", b"\xff"))),
    _stored(303, "field without a name", form(part("x", "y").replace(b'; name="x"', b""), A)),
]

_DIGEST = sha256(b"content").hexdigest()
_WRONG = sha256(b"other").hexdigest()


def digest_part(value: str = _DIGEST) -> bytes:
    """Write the field that states the SHA-256 of the file behind it."""
    return part("sha256", value)


DIGESTS = [
    _stored(303, "digest of the file", form(digest_part(), A)),
    _stored(303, "digest in capitals", form(digest_part(_DIGEST.upper()), A)),
    FormCase(
        "digests of some files",
        303,
        form(file("b"), digest_part(), A, file("c")),
        {"b": b"content", "a.txt": b"content", "c": b"content"},
    ),
    FormCase(
        "digests of the most files, and fields",
        303,
        form(_fields(19), *(digest_part() + file(f"{n}") for n in range(MAX_FILES))),
        {f"{n}": b"content" for n in range(MAX_FILES)},
    ),
    FormCase("wrong digest", 400, form(digest_part(_WRONG), A)),
    FormCase("wrong digest of the second file", 400, form(A, digest_part(_WRONG), file("b"))),
    FormCase("wrong digest of an empty file", 400, form(digest_part(), file("b", b""))),
    FormCase("digest of no kind", 400, form(digest_part("x"), A)),
    FormCase("empty digest", 400, form(digest_part(""), A)),
    FormCase("two digests of one file", 400, form(digest_part(), digest_part(), A)),
    FormCase("digest without a file", 400, form(A, digest_part())),
    FormCase("digest in front of the token", 403, digest_part() + form(A)),
]

COUNTS = [
    _stored(303, "one file", form(A)),
    FormCase("empty file", 303, form(file("a", b"")), {"a": b""}),
    FormCase("most files", 303, form(_files(MAX_FILES)), {f"{n}.txt": b"" for n in range(60)}),
    FormCase("too many files", 413, form(_files(MAX_FILES + 1))),
    FormCase("10,000 files", 413, form(_files(10_000))),
    FormCase("no file", 422, form()),
    FormCase("file input left empty", 422, form(part("files", b"", ""))),
    _stored(303, "one of two inputs left empty", form(part("folder", b"", ""), A)),
    FormCase("content without a name", 422, form(part("files", b"content", ""))),
    FormCase("same name twice", 303, form(A, A), {"a.txt": b"content", "a (2).txt": b"content"}),
]

NAMES = [
    *(
        FormCase(f"name {name!r}", 303, form(file(sent)), {name: b"content"})
        for name, sent in [
            ("%2e%2e%2fa", "%2e%2e%2fa"),
            ("..\\a", "..\\a"),
            ("C:\\a.txt", "C:\\a.txt"),
            ("\\\\host\\a.txt", "\\\\host\\a.txt"),
            ("a\\", "a\\"),
            ("...", "..."),
            ('a"b".txt', "a%22b%22.txt"),
            ("a;b=c.txt", "a;b=c.txt"),
            ("100%.txt", "100%.txt"),
            (
                "\N{PILE OF POO}\N{ZERO WIDTH JOINER}.txt",
                "\N{PILE OF POO}\N{ZERO WIDTH JOINER}.txt",
            ),
            (NFD, NFD),
            ("a" * 255, "a" * 255),
            ("я" * 127, "я" * 127),
            (" a ", " a "),
            ("-rf", "-rf"),
            ("CON", "CON"),
            ("<b>.txt", "<b>.txt"),
            ("d1/d2/a.txt", "d1/d2/a.txt"),
        ]
    ),
    *(
        FormCase(f"name {name!r}", 422, form(A, file(name)))
        for name in [
            ".",
            "..",
            "../a",
            "d/../a",
            "d/./a",
            "../../../../etc/passwd",
            "/etc/passwd",
            "/",
            "d//a",
            "d/",
            "a\0b",
            "a\tb",
            "a%0D%0Ab",
            "a\x7fb",
            "a" * 256,
            "я" * 128,
            "\u2028",
        ]
    ),
    FormCase("path too deep", 409, form(A, file("d/" * 70 + "a"))),
    FormCase("name that is no text", 400, form(A).replace(b"a.txt", b"\xff.txt")),
    FormCase("line break in a name", 400, form(file("a\r\nb"))),
    FormCase(
        "NFD and NFC twins",
        303,
        form(file(NFD), file(NFC)),
        {NFD: b"content", "é (2).txt": b"content"},
    ),
    FormCase(
        "RFC 2231 name only", 422, form(A).replace(b'filename="a.txt"', b"filename*=UTF-8''a")
    ),
    _stored(
        303,
        "RFC 2231 name too",
        form(A).replace(b'; filename="a', b"; filename*=UTF-8''b; filename=\"a"),
    ),
    _stored(303, "name without quotes", form(A).replace(b'"a.txt"', b"a.txt")),
]

SHAPES = [
    _stored(303, "preamble", b"This is a preamble.\r\n" + form(A)),
    _stored(303, "line break in front", b"\r\n" + form(A)),
    _stored(303, "no line break behind", form(A, end=END[:-2])),
    _stored(303, "epilogue", form(A) + b"This is an epilogue, and --a boundary in it."),
    FormCase("endless preamble", 400, b"x" * 2_000_000 + b"\r\n" + form(A)),
    FormCase("endless epilogue", 400, form(A) + b"x" * 2_000_000),
    FormCase("LF only", 400, form(A).replace(b"\r\n", b"\n")),
    FormCase("empty body", 400, b""),
    FormCase("no boundary in the body", 400, b"x" * 1000),
    FormCase("cut in a part", 400, form(A)[:-40]),
    FormCase("cut in the headers of a part", 400, (token_part() + A)[:-40]),
    FormCase("no last boundary", 400, token_part() + A),
    FormCase("bytes behind a boundary", 400, form(A).replace(b"--\r\n", b"xx\r\n")),
    FormCase("long header of a part", 400, form(file("a", b"", "X-Long: " + "x" * 10_000))),
    FormCase(
        "many headers of a part", 400, form(file("a", b"", *(f"X-{n}: y" for n in range(50))))
    ),
    FormCase("header of a part twice", 400, form(file("a", b"", "Content-Type: text/plain"))),
    FormCase(
        "name of a part twice",
        400,
        form(file("a", b"", 'Content-Disposition: form-data; name="x"; filename="b"')),
    ),
    FormCase("header of a part without colon", 400, form(file("a", b"", "what is this"))),
    FormCase("part without disposition", 400, form(A.replace(b"Content-Disp", b"X-Disp"))),
    FormCase("part of another disposition", 400, form(A.replace(b"form-data", b"attachment"))),
    FormCase("base64", 400, form(file("a", b"Y29udGVudA==", "Content-Transfer-Encoding: base64"))),
    _stored(303, "binary", form(file("a.txt", b"content", "Content-Transfer-Encoding: Binary"))),
    FormCase("length of a part too short", 400, form(file("a", b"content", "Content-Length: 3"))),
    FormCase("length of a part too long", 400, form(file("a", b"content", "Content-Length: 9"))),
    FormCase(
        "boundary in the content",
        303,
        form(file("a", b"\r\n--" + BOUNDARY[:-1].encode() + b"\r\n")),
        {"a": b"\r\n--" + BOUNDARY[:-1].encode() + b"\r\n"},
    ),
    FormCase(
        "all byte values",
        303,
        form(file("a", bytes(range(256)) * 999)),
        {"a": bytes(range(256)) * 999},
    ),
]

_LONG = "b" * 70

TYPES = [
    FormCase("no type", 415, form(A), content_type=""),
    FormCase(
        "type of another form", 415, form(A), content_type="application/x-www-form-urlencoded"
    ),
    FormCase("JSON", 415, b"{}", content_type="application/json"),
    FormCase(
        "another multipart", 415, form(A), content_type=f"multipart/mixed; boundary={BOUNDARY}"
    ),
    FormCase("no boundary", 400, form(A), content_type="multipart/form-data"),
    FormCase("empty boundary", 400, form(A), content_type="multipart/form-data; boundary="),
    FormCase(
        "empty boundary in quotes", 400, form(A), content_type='multipart/form-data; boundary=""'
    ),
    FormCase(
        "boundary too long", 400, form(A), content_type=f"multipart/form-data; boundary={_LONG}b"
    ),
    FormCase("other boundary", 400, form(A), content_type="multipart/form-data; boundary=other"),
    _stored(
        303,
        "longest boundary",
        form(A).replace(BOUNDARY.encode(), _LONG.encode()),
        content_type=f"multipart/form-data; boundary={_LONG}",
    ),
    _stored(
        303,
        "boundary in quotes",
        form(A),
        content_type=f'multipart/form-data; boundary="{BOUNDARY}"',
    ),
    _stored(
        303,
        "type in capitals",
        form(A),
        content_type=f"Multipart/Form-Data; charset=utf-8; Boundary={BOUNDARY}",
    ),
    FormCase("packed", 415, form(A), headers=(("Content-Encoding", "gzip"),)),
]

CASES = [*TOKENS, *FIELDS, *DIGESTS, *COUNTS, *NAMES, *SHAPES, *TYPES]
