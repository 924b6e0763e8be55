"""Where two contracts of one provider cannot both be kept: a pact that expects what the OpenAPI document forbids.

Each of a pact's examples is judged by the document as if it were an exchange. A pact names what its consumer needs and no more, so
that what an answer's example lacks is no contradiction.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from monitor.contracts.check import check_payloads
from monitor.contracts.form import Promise
from monitor.contracts.payloads import Payload
from monitor.contracts.registry import InForce
from monitor.model.exchanges import Exchange, Violation

MOST = 100
_MOST_EXAMPLES = 2_000
_LACKS = frozenset(
    "required missing_header missing_body minItems minProperties contains minContains dependentRequired anyOf oneOf if then else "
    "not unevaluatedProperties".split()
)
"""Rules that an answer may break because its example does not tell all of it."""


@dataclass(frozen=True, slots=True)
class Contradiction:
    """One clause that an example breaks: `clause` points into the document named by `contract`, `example_clause` into the pact.

    `expected` and `actual` are types or names and never values.
    """

    pact: str
    example: str
    example_clause: str
    contract: str
    operation: str
    side: str
    rule: str
    pointer: str
    clause: str
    expected: str
    actual: str


def contradictions(pact: str, document: Mapping[str, Any], contract: str, promise: Promise) -> list[Contradiction]:
    """What of a pact's examples an OpenAPI document forbids, in their order, at most 100; nothing where either is another thing."""
    if promise.by_example or not promise.operations:
        return []
    held = InForce(contract, 0, promise, 0, 0)
    found: list[Contradiction] = []
    for name, clause, exchange in _examples(document):
        request = Payload(exchange.request_body, exchange.request_headers)
        response = Payload(exchange.response_body, exchange.response_headers)
        checked = check_payloads(exchange, request, response, [held], str)
        found += [_told(pact, name, clause, one) for one in checked.violations if one.side == "request" or one.rule not in _LACKS]
        if len(found) >= MOST:
            break
    return found[:MOST]


def _told(pact: str, name: str, clause: str, broken: Violation) -> Contradiction:
    return Contradiction(
        *(pact, name, f"{clause}/{broken.side}", broken.contract, broken.operation, broken.side, broken.rule),
        *(broken.pointer, broken.clause, broken.expected, broken.actual),
    )


def _examples(document: Mapping[str, Any]) -> Iterator[tuple[str, str, Exchange]]:
    interactions = document.get("interactions")
    for index, one in enumerate(interactions[:_MOST_EXAMPLES] if isinstance(interactions, list) else ()):
        if not isinstance(one, dict) or one.get("type", "Synchronous/HTTP") != "Synchronous/HTTP":
            continue
        if isinstance(one.get("request"), dict) and isinstance(one.get("response"), dict):
            yield str(one.get("description", "")), f"/interactions/{index}", _exchange(one["request"], one["response"])


def _exchange(request: Mapping[str, Any], response: Mapping[str, Any]) -> Exchange:
    asked, answered = _headers(request), _headers(response)
    status = response.get("status", 200)
    return Exchange(
        source_id="",
        partition=0,
        offset=0,
        index=0,
        end_ns=0,
        duration_ns=None,
        method=str(request.get("method", "GET")).upper(),
        path=str(request.get("path", "/")),
        route="",
        query=_query(request.get("query")),
        status=status if isinstance(status, int) else 200,
        caller="",
        caller_version="",
        callee="",
        callee_version="",
        callee_namespace="",
        environment="",
        trace_id=b"",
        span_id=b"",
        request_headers=asked,
        response_headers=answered,
        request_body=_body(request, asked),
        response_body=_body(response, answered),
        query_known=True,
        headers_whole=False,
    )


def _headers(part: Mapping[str, Any]) -> dict[str, str]:
    held = part.get("headers")
    pairs = held.items() if isinstance(held, dict) else ()
    return {str(name).lower(): ", ".join(map(str, value)) if isinstance(value, list) else str(value) for name, value in pairs}


def _body(part: Mapping[str, Any], headers: dict[str, str]) -> bytes | str | None:
    """The example's body, its media type told in the headers; None for what is no JSON. Of version 4 the content stands one deeper."""
    body = part.get("body")
    if isinstance(body, dict) and "content" in body and ("contentType" in body or "encoded" in body):
        headers.setdefault("content-type", str(body.get("contentType", "application/json")))
        if body.get("encoded") not in (None, False, "json", "JSON"):
            return None
        body = body["content"]
    if body is None:
        return None
    kind = headers.setdefault("content-type", "application/json" if not isinstance(body, str) else "text/plain")
    return body if isinstance(body, str) and "json" not in kind.lower() else json.dumps(body)


def _query(query: object) -> str:
    if isinstance(query, dict):
        return urlencode([(name, one) for name, held in query.items() for one in (held if isinstance(held, list) else [held])])
    return query if isinstance(query, str) else ""
