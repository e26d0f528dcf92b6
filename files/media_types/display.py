"""What a browser may be given of each media type, and the few kinds that people know."""

from typing import Final

TEXT: Final = "text/plain; charset=utf-8"

# Pictures, sound and film that browsers show without running anything in them. SVG runs scripts.
_INLINE: Final = {
    "application/pdf",
    "audio/aac",
    "audio/flac",
    "audio/mp4",
    "audio/mpeg",
    "audio/ogg",
    "audio/wav",
    "audio/webm",
    "image/avif",
    "image/bmp",
    "image/gif",
    "image/jpeg",
    "image/png",
    "image/vnd.microsoft.icon",
    "image/webp",
    "image/x-icon",
    "video/mp4",
    "video/ogg",
    "video/quicktime",
    "video/webm",
}
_TEXT_OUTSIDE_TEXT: Final = {
    "application/ecmascript",
    "application/javascript",
    "application/json",
    "application/sql",
    "application/toml",
    "application/x-sh",
    "application/x-subrip",
    "application/x-yaml",
    "application/yaml",
}
_ARCHIVES: Final = {
    "application/gzip",
    "application/java-archive",
    "application/vnd.debian.binary-package",
    "application/vnd.ms-cab-compressed",
    "application/vnd.rar",
    "application/x-7z-compressed",
    "application/x-archive",
    "application/x-bzip2",
    "application/x-compress",
    "application/x-cpio",
    "application/x-lha",
    "application/x-lz4",
    "application/x-lzip",
    "application/x-rpm",
    "application/x-tar",
    "application/x-xz",
    "application/zip",
    "application/zstd",
}
_DOCUMENTS: Final = (
    "application/epub+zip",
    "application/excel",
    "application/mspowerpoint",
    "application/msword",
    "application/postscript",
    "application/rtf",
    "application/vnd.ms-excel",
    "application/vnd.ms-outlook",
    "application/vnd.ms-powerpoint",
    "application/vnd.ms-word",
    "application/vnd.ms-works",
    "application/vnd.oasis.opendocument.",
    "application/vnd.openxmlformats-officedocument.",
    "image/vnd.djvu",
    "message/rfc822",
)


def inline_type(media_type: str) -> str | None:
    """Give the Content-Type to show a file with; None if it may only be downloaded.

    All text that is not markup is shown as plain text, whatever language it is written in. A text
    in UTF-16 has a byte order mark, which browsers put above the charset stated here.
    """
    essence = _essence(media_type)
    if essence in _INLINE:
        return essence
    return TEXT if _is_text(essence) and not _is_markup(essence) else None


def is_inline_safe(media_type: str) -> bool:
    """Tell whether a file of this type may be shown in the browser."""
    return inline_type(media_type) is not None


def kind_of(media_type: str) -> str:
    """Give the kind for icons, filters and the choice of a preview.

    One of image, text, pdf, audio, video, archive, document and other. It says nothing about
    safety: SVG is an image, and HTML is text.
    """
    essence = _essence(media_type)
    if essence == "application/pdf":
        return "pdf"
    if essence.startswith(_DOCUMENTS):
        return "document"
    if essence in _ARCHIVES:
        return "archive"
    family = essence.partition("/")[0]
    if family in {"image", "audio", "video"}:
        return family
    return "text" if _is_text(essence) or _is_markup(essence) else "other"


def _essence(media_type: str) -> str:
    """Give a media type without its parameters, in lower case (RFC 9110, 8.3.1)."""
    return media_type.partition(";")[0].strip().lower()


def _is_text(essence: str) -> bool:
    """Tell whether the bytes of a type are for people to read."""
    return essence.startswith("text/") or essence in _TEXT_OUTSIDE_TEXT or essence.endswith("+json")


def _is_markup(essence: str) -> bool:
    """Tell whether a browser would make a page of it: HTML, XML and what is written in them."""
    return essence.endswith(("html", "/xml", "+xml", "/xsl", "-dtd", "-entity", "/x-component"))
