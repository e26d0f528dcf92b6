"""The schema of the API (OpenAPI 3.1), made of the views: docs/api.md says the same in words."""

import re
from collections.abc import Mapping
from functools import cache
from typing import Any, Final

from ninja import NinjaAPI
from ninja.operation import Operation

from .documents import Problem
from .errors import PROBLEM

PREFIX: Final = "/api/v1/"
_REF: Final = "#/components/schemas/{model}"
_LOCKABLE: Final = frozenset({"entries", "content", "batches", "trash", "uploads"})  # tags
_LOCK_TOKEN: Final = {
    "in": "header",
    "name": "Lock-Token",
    "required": False,
    "schema": {"type": "string", "maxLength": 5000},
    "description": "Tokens of one's own locks, each as `<opaquelocktoken:…>`, commas between.",
}


class RestApi(NinjaAPI):
    """The framework's API object, with operations named for their views."""

    def get_openapi_operation_id(self, operation: Operation) -> str:
        """Name an operation."""
        return operation.view_func.__name__


@cache
def schema_of(api: NinjaAPI) -> dict[str, Any]:
    """Give the schema of an API; whatever goes wrong is a problem document."""
    schema: dict[str, Any] = dict(api.get_openapi_schema(path_prefix=PREFIX))
    schema["components"]["schemas"]["Problem"] = Problem.model_json_schema(ref_template=_REF)
    wrong = {
        "description": "What went wrong (RFC 9457).",
        "content": {PROBLEM: {"schema": {"$ref": _REF.format(model="Problem")}}},
    }
    for path in schema["paths"].values():
        for method, operation in path.items():
            operation["responses"]["default"] = wrong
            if method != "get" and _LOCKABLE.intersection(operation["tags"]):
                operation["parameters"].append(_LOCK_TOKEN)
            for parameter in operation["parameters"]:
                # There OpenAPI has a map; the schema of the parameter has them as a list.
                parameter.pop("examples", None)
    names = {name: _public(name) for name in schema["components"]["schemas"]}
    renamed: dict[str, Any] = _renamed(schema, names)
    return renamed


def _public(name: str) -> str:
    """Name a document for those who make clients of the schema: Entry, EntryPage, FolderInput."""
    name = re.sub(r"Page_(\w+?)Told_", r"\1Page", name)
    return name.removesuffix("Told").replace("Sent", "Input").replace("Looked", "Details")


def _renamed(told: Any, names: Mapping[str, str]) -> Any:
    """Give a part of the schema with the documents under other names, wherever they are named."""
    match told:
        case {"$ref": str(reference)}:
            name = reference.rpartition("/")[2]
            return {**told, "$ref": _REF.format(model=names.get(name, name))}
        case dict():
            renamed = {names.get(key, key): _renamed(value, names) for key, value in told.items()}
            title = renamed.get("title")
            if isinstance(title, str):  # and not a field that is called so
                renamed["title"] = names.get(title, title)
            return renamed
        case list():
            return [_renamed(one, names) for one in told]
    return told
