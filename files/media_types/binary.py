"""Media types that are told from signatures and containers."""

import re
from typing import Final

from puremagic.main import identify_all, magic_header_array, multi_part_dict

_OOXML = "application/vnd.openxmlformats-officedocument."
_ODF = "application/vnd.oasis.opendocument."
_ZIP = "application/zip"

_SIGNATURES: Final = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"%PDF-", "application/pdf"),
    (b"fLaC\x00", "audio/flac"),
    (b"ID3\x02", "audio/mpeg"),
    (b"ID3\x03", "audio/mpeg"),
    (b"ID3\x04", "audio/mpeg"),
    (b"\xff\xf1", "audio/aac"),
    (b"\xff\xf9", "audio/aac"),
    (b"PK\x05\x06", _ZIP),  # an empty one
    (b"\x1f\x8b\x08", "application/gzip"),
    (b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (b"Rar!\x1a\x07", "application/vnd.rar"),
    (b"\xfd7zXZ\x00", "application/x-xz"),
    (b"\x28\xb5\x2f\xfd", "application/zstd"),
    (b"{\\rtf", "application/rtf"),
    (b"%!PS-", "application/postscript"),
)
# Types that puremagic may not give: a file that is one has been recognised before it is asked.
_OURS: Final = {media_type for _mark, media_type in _SIGNATURES} | {
    "image/bmp",
    "image/webp",
    "image/avif",
    "image/heic",
    "image/vnd.microsoft.icon",
    "image/svg+xml",
    "audio/mp4",
    "audio/ogg",
    "audio/wav",
    "audio/webm",
    "video/mp4",
    "video/ogg",
    "video/quicktime",
    "video/webm",
}
_NAMEABLE = re.compile(r"(?:application|audio|font|image|model|video)/[\w.+-]+", re.ASCII)

_BRANDS: Final = {
    b"avif": "image/avif",
    b"avis": "image/avif",
    b"heic": "image/heic",
    b"heix": "image/heic",
    b"heim": "image/heic",
    b"heis": "image/heic",
    b"hevc": "image/heic",
    b"hevx": "image/heic",
    b"mif1": "image/heif",
    b"msf1": "image/heif",
    b"qt  ": "video/quicktime",
    b"M4A ": "audio/mp4",
    b"M4B ": "audio/mp4",
    b"M4P ": "audio/mp4",
    b"crx ": "image/x-canon-cr3",
}
_RIFF: Final = {b"WEBP": "image/webp", b"WAVE": "audio/wav", b"AVI ": "video/x-msvideo"}
_SOUND_ONLY: Final = {
    ("video/mp4", "m4a"): "audio/mp4",
    ("video/mp4", "m4b"): "audio/mp4",
    ("video/webm", "weba"): "audio/webm",
    ("video/x-matroska", "mka"): "audio/x-matroska",
}
# Header sizes that tell a BMP from a text that begins with "BM".
_BMP_HEADERS: Final = {12, 40, 52, 56, 64, 108, 124}

_OFFICE_MEMBERS: Final = (b"[Content_Types].xml", b"_rels/", b"docProps/", b"customXml/")
_OFFICE_FOLDERS: Final = {b"word/": "docx", b"xl/": "xlsx", b"ppt/": "pptx"}
_OFFICE_TYPES: Final = {
    "docx": _OOXML + "wordprocessingml.document",
    "dotx": _OOXML + "wordprocessingml.template",
    "docm": "application/vnd.ms-word.document.macroEnabled.12",
    "xlsx": _OOXML + "spreadsheetml.sheet",
    "xltx": _OOXML + "spreadsheetml.template",
    "xlsm": "application/vnd.ms-excel.sheet.macroEnabled.12",
    "pptx": _OOXML + "presentationml.presentation",
    "potx": _OOXML + "presentationml.template",
    "ppsx": _OOXML + "presentationml.slideshow",
    "pptm": "application/vnd.ms-powerpoint.presentation.macroEnabled.12",
}


def marked_type(head: bytes, extension: str) -> str | None:
    """Tell the type of a file that begins with a mark that no text begins with."""
    for mark, media_type in _SIGNATURES:
        if head.startswith(mark):
            return media_type
    found = _container_type(head, extension) or _weakly_marked_type(head)
    return _SOUND_ONLY.get((found, extension), found) if found else None


def _container_type(head: bytes, extension: str) -> str | None:
    """Tell the type of what lies in a box: ISO media, RIFF, Matroska, Ogg, ZIP, tar."""
    if head[4:8] == b"ftyp":
        return _iso_media_type(head)
    if head[:4] == b"RIFF":
        return _RIFF.get(head[8:12])
    if head[:4] == b"\x1a\x45\xdf\xa3":
        return "video/webm" if b"webm" in head[:64] else "video/x-matroska"
    if head[:5] == b"OggS\x00":
        return "video/ogg" if b"\x80theora" in head[:4096] else "audio/ogg"
    if head[:4] == b"PK\x03\x04":
        return _zip_type(head, extension)
    return "application/x-tar" if head[257:262] == b"ustar" else None


def _iso_media_type(head: bytes) -> str:
    """Tell the type of an ISO base media file by its brands (ISO/IEC 14496-12, 4.3)."""
    brand = head[8:12]
    found = _BRANDS.get(brand, "video/3gpp" if brand[:3] == b"3gp" else "video/mp4")
    if found == "image/heif":
        # A picture whose main brand leaves the codec open: the compatible brands name it.
        end = min(int.from_bytes(head[:4]), 256)
        others = (_BRANDS.get(head[at : at + 4], found) for at in range(16, end, 4))
        return next((other for other in others if other != found), found)
    return found


def _weakly_marked_type(head: bytes) -> str | None:
    """Tell the type by marks of two or three bytes, with what else must hold around them."""
    if head[:2] == b"BM" and int.from_bytes(head[14:18], "little") in _BMP_HEADERS:
        return "image/bmp"
    # A reserved word, the kind, then how many pictures: from 1 to 255.
    if head[:4] == b"\x00\x00\x01\x00" and head[4:5] != b"\x00" == head[5:6]:
        return "image/vnd.microsoft.icon"
    if head[:3] == b"BZh" and head[4:10] == b"1AY&SY":
        return "application/x-bzip2"
    # An MPEG frame: eleven set bits, layer III, and a bit rate and a sampling rate that exist.
    is_frame = len(head) > 3 and head[0] == 0xFF and head[1] & 0xE6 == 0xE2  # noqa: PLR2004
    if is_frame and 0x10 <= head[2] < 0xF0 and head[2] & 0x0C != 0x0C:  # noqa: PLR2004
        return "audio/mpeg"
    return None


def _zip_type(head: bytes, extension: str) -> str:
    """Tell office documents and books from plain ZIP archives, by their first members."""
    size = int.from_bytes(head[18:22], "little")
    name_size = int.from_bytes(head[26:28], "little")
    start = 30 + name_size + int.from_bytes(head[28:30], "little")
    first = head[30 : 30 + name_size]
    if first == b"mimetype":
        # OpenDocument and EPUB begin with their type, not compressed.
        stated = head[start : start + min(size, 100)].decode("ascii", errors="replace")
        is_known = stated == "application/epub+zip" or stated.startswith(_ODF)
        return stated if is_known and _NAMEABLE.fullmatch(stated) else _ZIP
    if first.startswith((*_OFFICE_MEMBERS, *_OFFICE_FOLDERS)):
        return _office_type(head, extension)
    return "application/java-archive" if first.startswith(b"META-INF/") else _ZIP


def _office_type(head: bytes, extension: str) -> str:
    """Tell which office document it is (ECMA-376, part 2) by its folders, then by its name."""
    if extension in _OFFICE_TYPES:
        return _OFFICE_TYPES[extension]
    found = (kind for folder, kind in _OFFICE_FOLDERS.items() if folder in head)
    return _OFFICE_TYPES.get(next(found, ""), _ZIP)


def _starts_by_offset() -> dict[int, frozenset[bytes]]:
    """Sort the table of puremagic by where its marks stand; of each the first two bytes."""
    starts: dict[int, set[bytes]] = {}
    for row in magic_header_array:
        # A mark of one byte is chance, unless it leads to a second one.
        if len(row.byte_match) > 1 or row.byte_match in multi_part_dict:
            starts.setdefault(row.offset, set()).add(row.byte_match[:2])
    return {offset: frozenset(marks) for offset, marks in starts.items()}


_STARTS: Final = _starts_by_offset()


def _is_listed(head: bytes) -> bool:
    """Tell whether a mark of puremagic's table may match; going through it takes 250 us."""
    return any(
        head[offset : offset + 2] in marks or head[offset : offset + 1] in marks
        for offset, marks in _STARTS.items()
    )


def guessed_type(head: bytes, extension: str) -> str | None:
    """Ask puremagic about a file that is neither text nor marked; None if it is not sure.

    Only its table is used. Its functions that take a file name open a file of that name.
    """
    if not _is_listed(head):
        return None
    matches = [m for m in identify_all(head, b"", f".{extension}") if len(m.byte_match) > 1]
    named = [m for m in matches if m.extension == f".{extension}"]
    typed = [m for m in matches if m.mime_type]
    longest = max((len(m.byte_match) for m in typed), default=0)
    # Two bytes are chance unless the name agrees; equals that disagree are no answer.
    best = named or [m for m in typed if len(m.byte_match) == longest > 3]  # noqa: PLR2004
    types = {m.mime_type for m in best}
    media_type = types.pop() if len(types) == 1 else ""
    return media_type if _NAMEABLE.fullmatch(media_type) and media_type not in _OURS else None
