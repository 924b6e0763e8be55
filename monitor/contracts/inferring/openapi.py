"""What was seen of a provider's calls, as an OpenAPI document. https://spec.openapis.org/oas/v3.1.0"""

import re
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any

from monitor.contracts.formats.jsonschema import MAY_BE_TEXT
from monitor.contracts.formats.openapi import MAY_BE_EMPTY, OPERATIONS, STATUSES
from monitor.contracts.formats.timing import LATENCY
from monitor.contracts.inferring.gathered import (
    Media,
    Seen,
    Side,
    as_told,
    may_be_text,
    media_known,
)
from monitor.contracts.inferring.held import at_most
from monitor.contracts.inferring.paths import Route
from monitor.contracts.inferring.schemas import (
    EVIDENCE,
    SURE,
    evidence_of,
    schema_of,
    whole_schema,
)
from monitor.contracts.payloads import is_json_type
from monitor.model.exchanges import BODILESS

VERSION = "3.1.0"
_PARAMETER = re.compile(r"\{([^{}]+)\}")
# Headers of what stands before a service, or of each call anew: no promise of the service.
_OTHERS = re.compile(
    r"(?:x-envoy-|x-amz|x-amzn|cf-|x-cache|x-served-by|x-timer|x-kong-|x-b3-|x-cloud-|x-goog-|x-ms-|x-azure-"
    r"|x-varnish|x-request-id|x-correlation-id|x-runtime|x-response-time|traceparent|tracestate|server-timing"
    r"|alt-svc|nel|report-to|strict-transport-security|content-security-policy|x-frame-options"
    r"|x-content-type-options|x-xss-protection|referrer-policy|permissions-policy|access-control-|vary|warning"
    r"|expires|pragma|etag|last-modified|trailer|upgrade|sunset|deprecation|content-).*"
)
ANY_MEDIA = "*/*"
"""Stands where too few bodies were seen to say that there is no other media type."""
Document = dict[str, Any]


def openapi_of(
    title: str,
    routes: Mapping[Route, Seen],
    latencies: Mapping[Route, Mapping[str, str]],
    sure: float = SURE,
    *,
    partial: bool = False,
) -> Document:
    """A document that all these calls keep. `latencies`: quantiles of a route as `300ms`.
    `partial`: the provider serves more than these routes.
    """
    paths: Document = {}
    for (method, path), seen in routes.items():
        item = paths.setdefault(path, _path(path))
        item[method.lower()] = _operation(method, seen, latencies.get((method, path), {}), sure)
    return {
        "openapi": VERSION,
        "info": {"title": title, "version": "0"},
        **({OPERATIONS: "partial"} if partial else {}),
        "paths": paths,
    }


def _path(path: str) -> Document:
    names = _PARAMETER.findall(path)
    texts = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in names
    ]
    return {"parameters": texts} if texts else {}


def _operation(method: str, seen: Seen, latency: Mapping[str, str], sure: float) -> Document:
    operation: Document = {}
    parameters = list(_query(seen.query, sure))
    if parameters:
        operation["parameters"] = parameters
    asked = _content(seen.requests, sure)
    if asked:
        operation["requestBody"] = {
            "required": _surely_sent(seen.requests, sure),
            "content": asked,
        }
    statuses = seen.statuses
    operation["responses"] = {
        str(status): _response(status, seen, sure, bodiless=method == "HEAD")
        for status in statuses
    } or {"default": {"description": "no answer was seen"}}
    if statuses and not seen.answers_known(sure):
        operation[STATUSES] = "partial"
    if latency:
        operation[LATENCY] = dict(latency)
    calls = sum(seen.calls.values())
    if calls:
        operation[EVIDENCE] = {"calls": calls}
    return operation


def _surely_sent(media: Media, sure: float) -> bool:
    """Whether each request had a body, in requests enough to say so, all of them looked at."""
    sides = media.values()
    if any(side.empty or side.unseen for side in sides):
        return False
    return at_most(sum(side.held.payloads for side in sides)) <= sure


def _query(side: Side, sure: float) -> Iterator[Document]:
    """Parameters of queries. A text of digits may be a text all the same: any other type than text
    is told only where it surely was the type of all.
    """
    whole = schema_of(side.held, side.marks, sure)
    for name, schema in sorted(whole.get("properties", {}).items()):
        noted = schema.pop(EVIDENCE)
        if schema.get("type") == ["string", "null"]:  # no query holds null
            schema["type"] = "string"
        surely = schema.get("type") == "string" or noted["otherwise_at_most"] <= sure
        yield {
            "name": name,
            "in": "query",
            "required": name in whole.get("required", ()) and not side.unseen,
            "schema": schema if surely else {},
            EVIDENCE: noted,
        }


def _response(status: int, seen: Seen, sure: float, *, bodiless: bool) -> Document:
    response: Document = {"description": _described(status)}
    headers = dict(_headers(seen.headers.get(status, Side()), sure))
    if headers:
        response["headers"] = headers
    media = {} if bodiless or status in BODILESS else seen.responses.get(status, {})
    content = _content(media, sure)
    if content:
        response["content"] = content
        if any(side.empty for side in media.values()):
            response[MAY_BE_EMPTY] = True
    return response


def _described(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return f"status {status}"


def _headers(side: Side, sure: float) -> Iterator[tuple[str, Document]]:
    held = side.held
    for name, below in sorted(held.fields.items()):
        if not _OTHERS.fullmatch(name):
            surely = held.always(name) and at_most(held.kinds["o"]) <= sure
            noted = evidence_of(below, held.kinds["o"])
            yield name, {"required": surely, "schema": {"type": "string"}, EVIDENCE: noted}


def _content(media: Media, sure: float) -> Document:
    content: Document = {}
    for name, side in as_told(media):
        if not is_json_type(name) or side.held.payloads <= side.empty:
            content[name] = {}
        else:
            content[name] = {"schema": whole_schema(side.held, side.marks, side.unseen, sure)}
        if is_json_type(name) and may_be_text(side, sure):
            content[name][MAY_BE_TEXT] = True
    if content and not media_known(media, sure):
        content[ANY_MEDIA] = {}
    return content
