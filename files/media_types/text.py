"""Media types of text: told apart from other bytes, then by markup and by the name."""

import codecs
import re
from typing import Final

_PLAIN = "text/plain"
_HTML = "text/html"
_SVG = "image/svg+xml"
_XHTML = "application/xhtml+xml"
_XML = "application/xml"
_MARKUP: Final = {_HTML, _SVG, _XHTML, _XML}

_EXTENSIONS: Final = {
    _PLAIN: "txt text log conf cfg ini env asc nfo lst properties",
    _HTML: "html htm xht hta shtml",
    _XHTML: "xhtml",
    _SVG: "svg",
    _XML: "xml xsl xslt xsd rss atom rdf dtd plist mml kml gpx wsdl",
    "application/json": "json geojson webmanifest map ipynb jsonl ndjson har",
    "application/sql": "sql",
    "application/toml": "toml",
    "application/x-subrip": "srt",
    "application/yaml": "yaml yml",
    "message/rfc822": "eml",
    "text/calendar": "ics ifb",
    "text/css": "css scss sass less",
    "text/csv": "csv",
    "text/javascript": "js mjs cjs jsx",
    "text/markdown": "md markdown mkd",
    "text/tab-separated-values": "tsv tab",
    "text/vcard": "vcf",
    "text/vtt": "vtt",
    "text/x-c": "c h cc cpp cxx hh hpp hxx m mm ino",
    "text/x-diff": "diff patch",
    "text/x-java": "java kt kts scala groovy gradle",
    "text/x-makefile": "mk mak cmake",
    "text/x-python": "py pyi pyw",
    "text/x-rst": "rst",
    "text/x-shellscript": "sh bash zsh fish ksh",
    "text/x-source": "asm awk bat clj cmd cs dart el erl ex exs fs go graphql hs jl lisp lua ml "
    "nim php pl pm proto ps1 psm1 r rb rs s sed swift tcl tf v vb vhd vim vue zig",
    "text/x-tex": "bib cls ltx sty tex",
    "text/x-typescript": "cts mts tsx",
}
_TYPE_BY_EXTENSION: Final = {
    extension: media_type
    for media_type, extensions in _EXTENSIONS.items()
    for extension in extensions.split()
}

_BOMS: Final = {codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
# The "binary data bytes" of the WHATWG MIME Sniffing Standard, section 4.1, and DEL.
_BINARY = re.compile(r"[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f\x7f]")
# What may stand before the first element: space, comments, processing instructions.
_BEFORE_ROOT = re.compile(r"[\s\ufeff]+|<!--.*?(?:-->|\Z)|<\?.*?(?:\?>|\Z)", re.DOTALL)
_ROOT = re.compile(r"<(?:!doctype\s+)?(?:[\w.-]+:)?([a-z][\w.-]*)", re.IGNORECASE)
# Elements that make a browser without instructions take a text for a page (the same standard, 7.1),
# and a few that run something.
_HTML_ROOTS = re.compile(
    "html|head|body|title|meta|base|link|script|style|iframe|frame|frameset|object|embed|form|"
    "table|div|span|p|a|b|i|u|br|hr|h[1-6]|font|center|img|image|video|audio|math|marquee|"
    "input|button|select|textarea|details|template|noscript",
)
_ACTIVE = re.compile(r"<(?:!doctype\s+html|html|script|iframe|svg|object|embed)\b", re.IGNORECASE)


def text_type_of_name(extension: str) -> str | None:
    """Give the type of text that an extension stands for; None if it stands for no text."""
    return _TYPE_BY_EXTENSION.get(extension)


def text_type(head: bytes, extension: str) -> str | None:
    """Tell what kind of text it is; None if it is not text.

    Markup is recognised where the name says nothing else: "README.md" may begin with "<h1>" and
    "page.txt" that does is text/html. Where the name says nothing at all, an active element
    anywhere is enough.
    """
    named = text_type_of_name(extension)
    text = _decode(head, has_text_name=named is not None)
    if text is None:
        return None
    if named and named not in _MARKUP and named != _PLAIN:
        return named
    found = _markup_type(text)
    if found is None and named is None and _ACTIVE.search(text):
        found = _HTML
    return found or named or _PLAIN


def _decode(head: bytes, *, has_text_name: bool) -> str | None:
    """Decode UTF-8, UTF-16 with its mark, or what a text's name vouches for; None if not text.

    Without a mark nothing is taken for UTF-16: browsers would not either.
    """
    encoding = _BOMS.get(head[:2], "utf-8")
    try:
        # Incrementally, because the head may end inside a character.
        text = codecs.getincrementaldecoder(encoding)().decode(head)
    except UnicodeDecodeError:
        if not has_text_name or encoding != "utf-8":
            return None
        text = head.decode("cp1252", errors="replace")
    return None if _BINARY.search(text) else text


def _markup_type(text: str) -> str | None:
    """Tell HTML, SVG and XML by what they begin with; None for other text."""
    at = 0
    is_xml = False
    while skipped := _BEFORE_ROOT.match(text, at):
        is_xml = is_xml or skipped[0].startswith("<?xml")
        at = skipped.end()
    found = _ROOT.match(text, at)
    root = found[1].lower() if found else ""
    if root == "svg":
        return _SVG
    if is_xml:
        return _XHTML if root == "html" else _XML
    # A comment that is still open may be followed by anything.
    is_open = at == len(text) and "<!--" in text
    return _HTML if _HTML_ROOTS.fullmatch(root) or is_open else None
