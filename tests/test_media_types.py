import time
import zipfile
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from files.media_types import HEAD_BYTES, UNKNOWN, inline_type, is_inline_safe, kind_of, sniff

TEXT = "text/plain; charset=utf-8"
OOXML = "application/vnd.openxmlformats-officedocument."
PDF = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"
PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"
BMP = b"BM\x46\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0"


def ftyp(*brands: str) -> bytes:
    body = b"ftyp" + brands[0].encode() + bytes(4) + "".join(brands[1:]).encode()
    return (len(body) + 4).to_bytes(4) + body + b"\0\0\0\x08free"


def zipped(*names: str, content: bytes = b"") -> bytes:
    file = BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name in names:
            archive.writestr(name, content)
    return file.getvalue()


def tar() -> bytes:
    return b"a.txt".ljust(257, b"\0") + b"ustar\x0000" + bytes(248)


@pytest.mark.parametrize(
    ("head", "name", "media_type"),
    [
        (PNG, "a.png", "image/png"),
        (PNG, "a.html", "image/png"),
        (b"\xff\xd8\xff\xe0\0\x10JFIF", "a", "image/jpeg"),
        (b"GIF89a\1\0\1\0", "a", "image/gif"),
        (b"GIF87a\1\0\1\0", "a.js", "image/gif"),
        (BMP, "a", "image/bmp"),
        (b"\0\0\1\0\1\0\x10\x10", "favicon.ico", "image/vnd.microsoft.icon"),
        (b"RIFF\x24\0\0\0WEBPVP8 ", "a", "image/webp"),
        (b"RIFF\x24\0\0\0WAVEfmt ", "a", "audio/wav"),
        (b"RIFF\x24\0\0\0AVI LIST", "a", "video/x-msvideo"),
        (ftyp("avif", "mif1"), "a", "image/avif"),
        (ftyp("avis"), "a", "image/avif"),
        (ftyp("heic", "mif1"), "IMG_1.HEIC", "image/heic"),
        (ftyp("mif1", "mif1", "heic"), "a", "image/heic"),
        (ftyp("mif1", "miaf", "avif"), "a", "image/avif"),
        (ftyp("mif1", "miaf"), "a", "image/heif"),
        (ftyp("isom", "iso2", "mp41"), "a", "video/mp4"),
        (ftyp("mp42", "isom", "qt  "), "a", "video/mp4"),
        (ftyp("isom"), "a.m4a", "audio/mp4"),
        (ftyp("M4A ", "isom"), "a", "audio/mp4"),
        (ftyp("qt  "), "a.mov", "video/quicktime"),
        (ftyp("3gp5"), "a", "video/3gpp"),
        (b"\xff\xff\xff\xffftypmif1", "a", "image/heif"),
        (b"\x1a\x45\xdf\xa3\x9fB\x86\x81\1B\x82\x84webm", "a", "video/webm"),
        (b"\x1a\x45\xdf\xa3\x9fB\x86\x81\1B\x82\x84webm", "a.weba", "audio/webm"),
        (b"\x1a\x45\xdf\xa3\x9fB\x86\x81\1B\x82\x88matroska", "a", "video/x-matroska"),
        (b"\x1a\x45\xdf\xa3\x9fB\x86\x81\1B\x82\x88matroska", "a.mka", "audio/x-matroska"),
        (b"OggS\0\2" + bytes(22) + b"\1vorbis", "a", "audio/ogg"),
        (b"OggS\0\2" + bytes(22) + b"\x80theora", "a", "video/ogg"),
        (b"fLaC\0\0\0\x22", "a", "audio/flac"),
        (b"ID3\3\0\0\0\0", "a", "audio/mpeg"),
        (b"\xff\xfb\x90\x64\0", "a", "audio/mpeg"),
        (b"\xff\xf1\x50\x80", "a", "audio/aac"),
        (PDF, "a", "application/pdf"),
        (b"\x1f\x8b\x08\0", "a.tar.gz", "application/gzip"),
        (b"7z\xbc\xaf\x27\x1c\0\4", "a", "application/x-7z-compressed"),
        (b"Rar!\x1a\x07\1\0", "a", "application/vnd.rar"),
        (b"\xfd7zXZ\0\0\4", "a", "application/x-xz"),
        (b"\x28\xb5\x2f\xfd\4", "a", "application/zstd"),
        (tar(), "a", "application/x-tar"),
        (b"{\\rtf1\\ansi", "a", "application/rtf"),
        (b"BZh91AY&SY\xff\0", "a", "application/x-bzip2"),
        (b"SQLite format 3\0\x10\0", "a", "application/x-sqlite3"),
        (b"OTTO\0\1\0\0", "a", "application/x-font-otf"),
        (b"MZ" + bytes(99), "a.exe", "application/octet-stream"),
        (b"\0\0\0\0", "a.sndr", "audio/x-sndr"),
        (b"\0\0\0\0", "a", UNKNOWN),
        (b"\0\0\1\0\0\0", "a", UNKNOWN),
        (b"\xff\xfb\xf0\x64\0", "a", UNKNOWN),
        (b"RIFF\x24\0\0\0ACON", "a", UNKNOWN),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(9), "a.doc", "application/msword"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(9), "a.xls", "application/excel"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(9), "a.msi", UNKNOWN),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(9), "a", UNKNOWN),
    ],
    ids=ascii,
)
def test_sniff_tells_binary_files_by_their_marks(head: bytes, name: str, media_type: str) -> None:
    assert sniff(head, name) == media_type


@pytest.mark.parametrize(
    ("head", "name", "media_type"),
    [
        (zipped("a.txt"), "a.zip", "application/zip"),
        (zipped("a.txt"), "a.docx", "application/zip"),
        (zipped("a.txt", content=b"word/ [Content_Types].xml"), "a", "application/zip"),
        (zipped(), "a.docx", "application/zip"),
        (zipped("[Content_Types].xml"), "a", "application/zip"),
        (
            zipped("[Content_Types].xml", "word/document.xml"),
            "a",
            OOXML + "wordprocessingml.document",
        ),
        (zipped("_rels/.rels", "xl/workbook.xml"), "a.zip", OOXML + "spreadsheetml.sheet"),
        (zipped("ppt/presentation.xml"), "a", OOXML + "presentationml.presentation"),
        (
            zipped("[Content_Types].xml"),
            "a.docm",
            "application/vnd.ms-word.document.macroEnabled.12",
        ),
        (zipped("mimetype", content=b"application/epub+zip"), "a", "application/epub+zip"),
        (
            zipped("mimetype", content=b"application/vnd.oasis.opendocument.text"),
            "a.zip",
            "application/vnd.oasis.opendocument.text",
        ),
        (zipped("mimetype", content=b"text/html"), "a.odt", "application/zip"),
        (
            zipped("mimetype", content=b"application/vnd.oasis.opendocument.\r\nX: y"),
            "a",
            "application/zip",
        ),
        (zipped("META-INF/MANIFEST.MF"), "a", "application/java-archive"),
    ],
)
def test_sniff_tells_documents_from_archives(head: bytes, name: str, media_type: str) -> None:
    assert sniff(head, name) == media_type


@pytest.mark.parametrize(
    ("head", "name", "media_type"),
    [
        (b"hello", "a.txt", "text/plain"),
        (b"hello", "a", "text/plain"),
        (b"hello", "a.pdf", "text/plain"),
        (b"hello", "a.exe", "text/plain"),
        (b"BMW and RIFFRAFF", "a", "text/plain"),
        (b"RIFFRAFF and more", "a", "text/plain"),
        (b"ID3 tags", "a", "text/plain"),
        (b"# Title", "README.MD", "text/markdown"),
        (b"<h1>Title</h1>", "README.md", "text/markdown"),
        (b"a,b\n1,2\n", "a.csv", "text/csv"),
        (b"{}", "a.json", "application/json"),
        (b"import os", "a.py", "text/x-python"),
        (b"alert(1)", "a.js", "text/javascript"),
        ("Füße".encode(), "a", "text/plain"),
        ("Füße".encode()[:2], "a", "text/plain"),
        ("\ufeffFüße".encode(), "a", "text/plain"),
        ("Füße".encode("utf-16"), "a", "text/plain"),
        (b"\xfe\xff" + "Füße".encode("utf-16-be"), "a.csv", "text/csv"),
        ("Füße".encode("cp1252"), "a.txt", "text/plain"),
        ("Füße".encode("cp1252"), "a", UNKNOWN),
        ("Füße".encode("utf-16-le"), "a.txt", UNKNOWN),
        (b"\xff\xfe\0\xdc", "a.txt", UNKNOWN),
        (b"\x1b[31mred\x1b[0m\f", "a.log", "text/plain"),
        (b"a\0b", "a.txt", UNKNOWN),
        (b"a\x08b", "a.txt", UNKNOWN),
    ],
    ids=ascii,
)
def test_sniff_tells_text_from_other_bytes(head: bytes, name: str, media_type: str) -> None:
    assert sniff(head, name) == media_type


@pytest.mark.parametrize(
    ("head", "name", "media_type"),
    [
        (b"<!DOCTYPE html><title>x</title>", "a.txt", "text/html"),
        (b"<!doctype HTML PUBLIC ''>", "a", "text/html"),
        (b"  \r\n<!-- x --><!-- y -->\n<HTML>", "a.txt", "text/html"),
        (b"\xef\xbb\xbf<script>alert(1)</script>", "a.log", "text/html"),
        ("<script>alert(1)</script>".encode("utf-16"), "a.txt", "text/html"),
        ("<script>ü".encode("cp1252"), "a.txt", "text/html"),
        (b"<img src=x onerror=alert(1)>", "a", "text/html"),
        (b"<!-- never closed", "a.txt", "text/html"),
        (b"hello <script>alert(1)</script>", "a", "text/html"),
        (b"hello <script>alert(1)</script>", "a.unknown", "text/html"),
        (b"hello <script>alert(1)</script>", "a.txt", "text/plain"),
        (b"hello", "a.html", "text/html"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "a.txt", "image/svg+xml"),
        (b"<?xml version='1.0'?><!DOCTYPE svg><svg/>", "a.xml", "image/svg+xml"),
        (b"<?xml version='1.0'?><s:svg xmlns:s='x'/>", "a", "image/svg+xml"),
        (b"<?xml version='1.0'?>\n<html xmlns='x'/>", "a.txt", "application/xhtml+xml"),
        (b"<?xml version='1.0'?>\n<note/>", "a.txt", "application/xml"),
        (b"<?xml version='1.0'", "a", "application/xml"),
        (b"<note/>", "a.xml", "application/xml"),
        (b"<?php echo 1;", "a.php", "text/x-source"),
        (b"<note>for you</note>", "a.txt", "text/plain"),
        (b"", "a.svg", "image/svg+xml"),
    ],
    ids=ascii,
)
def test_sniff_never_calls_scriptable_markup_plain(head: bytes, name: str, media_type: str) -> None:
    assert sniff(head, name) == media_type


@pytest.mark.parametrize(
    ("name", "media_type"),
    [("a.txt", "text/plain"), ("a.PY", "text/x-python"), ("a.png", UNKNOWN), ("a", UNKNOWN)],
)
def test_sniff_of_an_empty_file_believes_only_names_of_text(name: str, media_type: str) -> None:
    assert sniff(b"", name) == media_type


def test_sniff_never_opens_a_file_of_that_name(tmp_path: Path) -> None:
    trap = tmp_path / "trap.zip"
    trap.write_bytes(zipped("[Content_Types].xml", "word/document.xml"))

    assert sniff(zipped("a"), str(trap)) == "application/zip"
    assert sniff(b"\0\1\2\3", str(trap)) == UNKNOWN


def test_sniff_looks_at_the_head_only() -> None:
    assert sniff(b"a" * HEAD_BYTES + b"\0", "a") == "text/plain"


MARKS = [PNG, PDF, BMP, b"RIFF", b"OggS\0", b"PK\3\4", b"\x1a\x45\xdf\xa3", b"\0\0\0\x20ftyp", b""]
MARKS += [
    b"\xff\xfe",
    b"\xff\xfb",
    b"<!--",
    b"<?xml",
    b"\0\0\1\0",
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
]


@given(st.sampled_from(MARKS), st.binary(max_size=600), st.text(max_size=20))
def test_sniff_gives_a_type_for_any_bytes_and_name(mark: bytes, rest: bytes, name: str) -> None:
    media_type = sniff(mark + rest, name)

    assert media_type.count("/") == 1
    assert media_type.isascii()
    assert media_type.isprintable()


@pytest.mark.parametrize(
    "head",
    [
        b"<" * HEAD_BYTES,
        b"<!--" * (HEAD_BYTES // 4),
        b"<!---->" * (HEAD_BYTES // 7),
        b"<?x?>" * (HEAD_BYTES // 5),
        b"<!doctype" + b" " * HEAD_BYTES,
        b"<" + b"a" * HEAD_BYTES,
        b"<" + b"a:" * (HEAD_BYTES // 2),
        b" " * HEAD_BYTES,
        bytes(HEAD_BYTES),
        b"\xff\xff\xff\xffftypmif1" * (HEAD_BYTES // 12),
        b"PK\3\4" + b"\xff" * HEAD_BYTES,
    ],
    ids=lambda head: ascii(head[:12]),
)
def test_sniff_is_quick_on_hostile_bytes(head: bytes) -> None:
    start = time.process_time()
    sniff(head, "a")
    assert time.process_time() - start < 0.2


@pytest.mark.parametrize(
    ("media_type", "content_type"),
    [
        ("image/png", "image/png"),
        ("IMAGE/PNG; q=1", "image/png"),
        ("image/avif", "image/avif"),
        ("application/pdf", "application/pdf"),
        ("audio/mpeg", "audio/mpeg"),
        ("video/mp4", "video/mp4"),
        ("text/plain", TEXT),
        ("text/csv", TEXT),
        ("text/markdown", TEXT),
        ("text/javascript", TEXT),
        ("text/x-python", TEXT),
        ("application/json", TEXT),
        ("application/geo+json", TEXT),
        ("application/yaml", TEXT),
        ("text/html", None),
        ("Text/HTML ; charset=utf-7", None),
        ("text/xml", None),
        ("text/xsl", None),
        ("application/xml", None),
        ("application/xhtml+xml", None),
        ("application/atom+xml", None),
        ("image/svg+xml", None),
        ("image/tiff", None),
        ("image/heic", None),
        ("video/x-matroska", None),
        ("message/rfc822", None),
        ("application/zip", None),
        ("application/octet-stream", None),
        ("", None),
        ("image/png\r\nX: y", None),
    ],
    ids=ascii,
)
def test_inline_type_is_that_of_safe_types_only(media_type: str, content_type: str | None) -> None:
    assert inline_type(media_type) == content_type
    assert is_inline_safe(media_type) is (content_type is not None)


@pytest.mark.parametrize(
    ("media_type", "kind"),
    [
        ("image/png", "image"),
        ("image/svg+xml", "image"),
        ("text/x-python", "text"),
        ("text/html", "text"),
        ("application/xml", "text"),
        ("application/json", "text"),
        ("application/pdf", "pdf"),
        ("audio/flac", "audio"),
        ("video/x-matroska", "video"),
        ("application/zip", "archive"),
        ("application/gzip", "archive"),
        ("application/msword", "document"),
        (OOXML + "spreadsheetml.sheet", "document"),
        ("application/vnd.oasis.opendocument.text", "document"),
        ("application/epub+zip", "document"),
        ("application/octet-stream", "other"),
        ("font/woff2", "other"),
        ("", "other"),
    ],
)
def test_kind_of_sorts_types_for_people(media_type: str, kind: str) -> None:
    assert kind_of(media_type) == kind
