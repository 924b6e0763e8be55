"""What was seen of a provider's payloads, as one JSON Schema for each operation, status and side,
bound by our own keyword.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from monitor.contracts.formats.jsonschema import BINDING, MAY_BE_TEXT
from monitor.contracts.inferring.gathered import Media, Seen, as_told, may_be_text
from monitor.contracts.inferring.paths import Route
from monitor.contracts.inferring.schemas import SURE, whole_schema
from monitor.contracts.payloads import is_json_type
from monitor.contracts.routes import Router

DIALECT = "https://json-schema.org/draft/2020-12/schema"
Document = dict[str, Any]


def schemas_of(
    routes: Mapping[Route, Seen], topics: Mapping[str, Seen], sure: float = SURE
) -> Iterator[tuple[str, Document]]:
    """A name and a schema for each kind of JSON payload that was seen, and that always had a
    body: a schema alone cannot say that there may be none.
    """
    for (method, path), seen in routes.items():
        operation = f"{method} {path}"
        others = _others(method, path, routes)
        schema = _told(seen.requests, sure)
        if schema is not None:
            bound = {"operation": operation, "side": "request"} | others
            yield f"{operation} request", _bound(f"{operation} request", bound, schema)
        for status, media in sorted(seen.responses.items()):
            schema = _told(media, sure)
            if schema is not None and method != "HEAD":
                bound = {"operation": operation, "side": "response", "status": str(status)}
                bound |= others
                yield f"{operation} {status}", _bound(f"{operation} {status}", bound, schema)
    for topic, seen in sorted(topics.items()):
        schema = _told(seen.requests, sure)
        if schema is not None:
            yield topic, _bound(topic, {"topic": topic}, schema)


def _others(method: str, path: str, routes: Mapping[Route, Seen]) -> Document:
    """Paths that this template fits, and that were told apart: of a schema alone nobody knows that
    there are others.
    """
    if "{" not in path:
        return {}
    template: Router[str] = Router()
    template.add(method, path, path)
    paths = [
        other
        for word, other in routes
        if word == method and other != path and template.match(method, other) is not None
    ]
    return {"except": paths} if paths else {}


def _told(media: Media, sure: float) -> Document | None:
    """None where something else than JSON, or nothing, was there, too."""
    sides = list(as_told(media))
    if len(sides) != 1 or any(side.empty for side in media.values()):
        return None
    ((name, side),) = sides
    if not is_json_type(name) or not side.held.payloads:
        return None
    schema = whole_schema(side.held, side.marks, side.unseen, sure)
    return schema | ({MAY_BE_TEXT: True} if may_be_text(side, sure) else {})


def _bound(title: str, bound: Document, schema: Document) -> Document:
    return {"$schema": DIALECT, "title": title, BINDING: bound, **schema}
