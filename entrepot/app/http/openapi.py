"""The document that describes the API: the framework's, with our one shape of errors and what the guard demands."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from entrepot.app.http.guard import OPEN_PATHS
from entrepot.app.http.problems import MEDIA_TYPE

ERRORS = {
    "400": "The request asks for something that cannot be done.",
    "401": "There is no token, or it does not count.",
    "404": "There is nothing of that name.",
    "405": "This address does not take this method.",
    "408": "The body did not arrive in time.",
    "409": "It stands in the way of what is there, or of somebody else.",
    "413": "The body is too large.",
    "422": "The request does not have the documented shape, or holds a text that cannot be understood.",
    "429": "Too much at once; `Retry-After` says when to ask again.",
    "500": "A mistake of ours, or damage that was found.",
    "503": "That part of the platform is not running here, or something outside is missing.",
}
_PROBLEM: dict[str, Any] = {
    "title": "Problem",
    "description": "Every error, after RFC 9457.",
    "type": "object",
    "required": ["type", "title", "status", "code", "instance", "request_id"],
    "properties": {
        "type": {"type": "string", "format": "uri"},
        "title": {"type": "string", "description": "The same for every occurrence of a code."},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "What failed and where: what came, what is allowed."},
        "code": {"type": "string", "description": "Stable, for programs: `not_found`, `lease.busy`."},
        "hint": {"type": "string", "description": "What to do next."},
        "instance": {"type": "string", "format": "uri"},
        "request_id": {"type": "string", "description": "Also in the header `X-Request-Id`, and in the server's log."},
        "first": {"type": "string", "description": "With a conflict: what has the reference already."},
        "errors": {
            "type": "array",
            "description": "What is wrong, one by one.",
            "items": {
                "type": "object",
                "required": ["at", "message"],
                "properties": {"at": {"type": "string"}, "message": {"type": "string"}},
            },
        },
    },
}


def describe(app: FastAPI) -> dict[str, Any]:
    """The document; made once."""
    if app.openapi_schema is None:
        found = get_openapi(title=app.title, version=app.version, summary=app.summary, routes=app.routes)
        app.openapi_schema = _completed(found)
    return app.openapi_schema


def _completed(document: dict[str, Any]) -> dict[str, Any]:
    components = document.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    schemas["Problem"] = _PROBLEM
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    components["responses"] = {
        f"Error{code}": {"description": said, "content": content} for code, said in ERRORS.items()
    }
    components["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
    document["security"] = [{"token": []}]
    for path, item in document["paths"].items():
        for operation in item.values():
            responses = operation["responses"]
            for code in ERRORS:
                responses[code] = {"$ref": f"#/components/responses/Error{code}"}
            if path in OPEN_PATHS:
                operation["security"] = []
    return document
