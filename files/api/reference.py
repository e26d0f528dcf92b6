"""The schema as a page has it: groups of operations, and the fields of documents.

Pure functions of the schema, so that what the page says is what is checked.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

_REF: Final = "#/components/schemas/"


@dataclass(frozen=True, slots=True)
class Field:
    """A parameter, or a field of a document; kind is a type in words, place where it is sent."""

    name: str
    kind: str
    is_required: bool
    text: str = ""
    place: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """A status that an operation may answer with, and the document that comes with it."""

    status: str
    text: str
    document: str


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one address."""

    name: str
    method: str
    path: str
    summary: str
    text: str
    parameters: tuple[Field, ...]
    body: str
    outcomes: tuple[Outcome, ...]


@dataclass(frozen=True, slots=True)
class Document:
    """What is sent or told, by its name."""

    name: str
    text: str
    fields: tuple[Field, ...]


def operations_of(schema: Mapping[str, Any]) -> dict[str, list[Operation]]:
    """Give all operations by their group, in the order of the schema."""
    groups: dict[str, list[Operation]] = {}
    for path, methods in schema["paths"].items():
        for method, told in methods.items():
            groups.setdefault(told["tags"][0], []).append(_operation(path, method, told))
    return groups


def _operation(path: str, method: str, told: Mapping[str, Any]) -> Operation:
    """Read one operation."""
    return Operation(
        name=told["operationId"],
        method=method.upper(),
        path=path,
        summary=told["summary"],
        text=told.get("description", ""),
        parameters=tuple(
            Field(
                one["name"], kind_of(one["schema"]), one["required"],
                one.get("description", ""), one["in"],
            )
            for one in told["parameters"]
        ),
        body=_document_in(told.get("requestBody", {})),
        outcomes=tuple(_outcome(str(status), one) for status, one in told["responses"].items()),
    )  # fmt: skip


def _outcome(status: str, told: Mapping[str, Any]) -> Outcome:
    """Read one answer; a framework's own words are those of HTTP."""
    text = "" if status.isdecimal() and told["description"] == HTTPStatus(int(status)).phrase else (
        told["description"]
    )  # fmt: skip
    return Outcome(status, text, _document_in(told))


def _document_in(told: Mapping[str, Any]) -> str:
    """Give what a body is: the name of a document, or its type."""
    for media_type, content in told.get("content", {}).items():
        is_json = media_type.endswith("json")
        return kind_of(content["schema"]) if is_json else str(media_type)
    return ""


def documents_of(schema: Mapping[str, Any]) -> list[Document]:
    """Give all documents by name; what is a mere choice of words is told where it is used."""
    return [
        Document(name, told.get("description", ""), _fields(told))
        for name, told in sorted(schema["components"]["schemas"].items())
        if "properties" in told
    ]


def _fields(told: Mapping[str, Any]) -> tuple[Field, ...]:
    """Read the fields of a document."""
    required = told.get("required", [])
    return tuple(
        Field(name, kind_of(one), name in required, one.get("description", ""))
        for name, one in told["properties"].items()
    )


def kind_of(told: Mapping[str, Any]) -> str:
    """Say in words what a value is."""
    if "$ref" in told:
        return str(told["$ref"]).removeprefix(_REF)
    if "anyOf" in told:
        return " or ".join(kind_of(one) for one in told["anyOf"])
    if "enum" in told:
        return " | ".join(map(str, told["enum"]))
    if "const" in told:
        return str(told["const"])
    kind = str(told.get("type", "any"))
    if kind == "array":
        return f"list of {kind_of(told.get('items', {}))}"
    form = told.get("format")
    return f"{kind}, {form}" if form else kind
