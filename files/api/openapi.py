"""The schema of the API (OpenAPI 3.1), made of the views: docs/api.md says the same in words."""

from functools import cache
from typing import Any, Final

from ninja import NinjaAPI
from ninja.operation import Operation

from .documents import Problem
from .errors import PROBLEM

PREFIX: Final = "/api/v1/"
_REF: Final = "#/components/schemas/{model}"


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
        for operation in path.values():
            operation["responses"]["default"] = wrong
            for parameter in operation["parameters"]:
                # There OpenAPI has a map; the schema of the parameter has them as a list.
                parameter.pop("examples", None)
    return schema
