"""What the OpenAPI document says of every operation: the version's header and the one shape of errors."""

from __future__ import annotations

from typing import Any

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter

from promos.api import versions

ERROR = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "message", "fields"],
            "properties": {
                "code": {"type": "string", "description": "For programs."},
                "message": {"type": "string", "description": "For people."},
                "fields": {
                    "type": "object",
                    "additionalProperties": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "required": ["code", "message"],
                            "properties": {"code": {"type": "string"}, "message": {"type": "string"}},
                        },
                    },
                },
            },
        }
    },
}


class Schema(AutoSchema):
    def get_override_parameters(self) -> list[Any]:
        version = OpenApiParameter(
            versions.HEADER,
            str,
            OpenApiParameter.HEADER,
            enum=versions.KNOWN,
            description="The newest, when it is not given.",
        )
        return [version]


def close_requests(result: dict[str, Any], generator: Any, request: Any, public: Any) -> dict[str, Any]:
    """Document that a body holds nothing but what its operation takes (promos.api.sent)."""
    for name, schema in result["components"]["schemas"].items():
        if name.endswith("Request"):
            schema["additionalProperties"] = False
    return result


def add_errors(result: dict[str, Any], generator: Any, request: Any, public: Any) -> dict[str, Any]:
    """Document the error that any operation may answer."""
    result["components"].setdefault("schemas", {})["Error"] = ERROR
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    for path in result["paths"].values():
        for operation in path.values():
            operation["responses"]["default"] = {"description": "What went wrong.", "content": content}
    return result
