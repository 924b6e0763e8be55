"""The list of routes for programs, from our own OpenAPI document; no script of others."""

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse, JSONResponse

from monitor.api.access import Reading
from monitor.api.strict import StrictRoute
from monitor.api.templating import render

router = APIRouter(include_in_schema=False, route_class=StrictRoute)


@router.get("/openapi.json")
def description(request: Request, _caller: Reading) -> JSONResponse:
    """The same for programs, for the same people."""
    return JSONResponse(request.app.openapi())


@router.get("/docs")
def docs_page(request: Request, _caller: Reading) -> HTMLResponse:
    """Every route with its words, parameters and body."""
    document: dict[str, Any] = request.app.openapi()
    groups: dict[str, list[dict[str, Any]]] = {}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            body = (
                operation.get("requestBody", {})
                .get("content", {})
                .get("application/json", {})
                .get("schema")
            )
            groups.setdefault((operation.get("tags") or ["other"])[0], []).append(
                {
                    "path": path,
                    "method": method.upper(),
                    "summary": operation.get("summary", ""),
                    "text": operation.get("description", ""),
                    "parameters": operation.get("parameters", []),
                    "body": _fields(body, document) if body else [],
                }
            )
    return render(request, "docs.html", {"groups": groups, "title": document["info"]})


def _fields(schema: dict[str, Any], document: dict[str, Any]) -> list[dict[str, str]]:
    if "anyOf" in schema:
        schema = schema["anyOf"][0]
    if "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[-1]]
    needed = schema.get("required", [])
    return [
        {
            "name": name,
            "needed": "needed" if name in needed else "",
            "text": field.get("description", ""),
        }
        for name, field in schema.get("properties", {}).items()
    ]
