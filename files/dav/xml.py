"""XML in and out: bounded, without entities or documents types, and written as text.

A request may come from anybody who signed in, so what it is parsed with expands nothing, loads
nothing, and goes no deeper than real clients do.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple
from xml.etree.ElementTree import (
    Element,
    ParseError,
    TreeBuilder,
    tostring,
)
from xml.sax.saxutils import escape as escape_text

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser

from files.errors import MalformedRequestError, UnsupportedTypeError
from files.http.heads import Head
from files.http.stated import media_type_of

DAV: Final = "DAV:"
OWNCLOUD: Final = "http://owncloud.org/ns"
CONTENT_TYPE: Final = 'application/xml; charset="utf-8"'
DECLARATION: Final = '<?xml version="1.0" encoding="utf-8"?>\n'
NAMESPACES: Final = f'xmlns:D="{DAV}" xmlns:oc="{OWNCLOUD}"'  # for what PropertyName writes
MAX_DEPTH: Final = 64  # elements inside each other; clients of today need about ten

_TYPES: Final = frozenset({"", "application/xml", "text/xml"})
_XML: Final = "http://www.w3.org/XML/1998/namespace"
_LANGUAGE: Final = f"{{{_XML}}}lang"
# What answers declare; xml is declared everywhere, and no other prefix may stand for it.
_PREFIXES: Final = {DAV: "D", OWNCLOUD: "oc", _XML: "xml"}


class PropertyName(NamedTuple):
    """The name of a property: its namespace, which may be empty, and its local name."""

    namespace: str
    name: str

    @property
    def element(self) -> str:
        """Write it as an empty element, which declares a namespace that the answer does not."""
        opening, _closing = self.tags
        return f"{opening[:-1]}/>"

    @property
    def tags(self) -> tuple[str, str]:
        """Write the tags of an element of this name."""
        prefix = _PREFIXES.get(self.namespace)
        if prefix is not None:
            return f"<{prefix}:{self.name}>", f"</{prefix}:{self.name}>"
        if not self.namespace:
            return f"<{self.name}>", f"</{self.name}>"
        quoted = escape(self.namespace)
        return f'<x:{self.name} xmlns:x="{quoted}">', f"</x:{self.name}>"


class _BoundedBuilder(TreeBuilder):
    """Builds a tree that is not too deep to walk."""

    _depth = 0

    def start(self, tag: str, attrs: dict[str, str], /) -> Element:
        """Open an element. Raises MalformedRequestError."""
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise MalformedRequestError(reason="xml-depth")
        return super().start(tag, attrs)

    def end(self, tag: str, /) -> Element:
        """Close an element."""
        self._depth -= 1
        return super().end(tag)


def require_xml(head: Head) -> None:
    """Raise UnsupportedTypeError for a body that is not said to be XML."""
    if media_type_of(head.headers) not in _TYPES:
        raise UnsupportedTypeError(expected="application/xml")


def parse(body: bytes, *roots: str) -> Element | None:
    """Read a document whose root is one of these in DAV:; None for an empty body.

    Raises MalformedRequestError. What the body is said to be does not matter, as many say nothing
    or that it is a form.
    """
    if not body.strip():
        return None
    parser = DefusedXMLParser(target=_BoundedBuilder(), forbid_dtd=True)
    try:
        parser.feed(body)
        root: Element = parser.close()
    except (ParseError, DefusedXmlException, ValueError, LookupError):
        raise MalformedRequestError(reason="xml") from None
    if root.tag not in {dav(name) for name in roots}:
        raise MalformedRequestError(reason="xml-root")
    return root


def dav(name: str) -> str:
    """Give the tag of an element in DAV:."""
    return f"{{{DAV}}}{name}"


def name_of(element: Element) -> PropertyName:
    """Give the name of the property that an element is."""
    tag = str(element.tag)
    if tag.startswith("{"):
        namespace, _, name = tag[1:].partition("}")
        return PropertyName(namespace, name)
    return PropertyName("", tag)


def properties_in(parent: Element) -> Iterator[Element]:
    """Give the properties in each prop of an element, with the language that holds for them."""
    for prop in parent.findall(dav("prop")):
        language = prop.get(_LANGUAGE) or parent.get(_LANGUAGE)
        for element in prop:
            if language and _LANGUAGE not in element.attrib:
                element.set(_LANGUAGE, language)
            yield element


def write(element: Element) -> str:
    """Write an element with all in it, so that it stands alone: it declares its own namespaces."""
    element.tail = None
    return tostring(element, encoding="unicode")


def escape(text: str) -> str:
    """Write a text so that it can stand in an element or in a quoted attribute."""
    return escape_text(text, {'"': "&quot;"})
