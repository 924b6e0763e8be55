"""Where two contracts of one provider cannot both be kept: examples (a pact, Spring contracts, stubs) that show what the OpenAPI document forbids.

Each example is judged by the document as if it were an exchange. A pact names what its consumer needs and no more, so that what an
answer's example lacks is no contradiction. A stub's request is a pattern: what it lacks is none either.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from monitor.contracts.carried import Carried
from monitor.contracts.check import check_payloads
from monitor.contracts.form import Promise
from monitor.contracts.matching.mismatches import Mismatches
from monitor.contracts.payloads import Payload
from monitor.contracts.registry import InForce
from monitor.contracts.shown import messages_in, shown_in
from monitor.model.exchanges import MESSAGING, Exchange, Violation

MOST = 100
_PATTERNS = frozenset({"wiremock", "mountebank"})
_LACKS = frozenset(
    "required missing_header missing_body missing_parameter minItems minProperties contains minContains dependentRequired anyOf oneOf if then else "
    "not unevaluatedProperties".split()
)
"""Rules that an example may break because it does not tell all of what it stands for."""


@dataclass(frozen=True, slots=True)
class Contradiction:
    """One clause that an example breaks: `clause` points into the document named by `contract`, `example_clause` into the contract of
    examples, which `pact` names, whatever its format.

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


def contradictions(
    pact: str,
    document: Mapping[str, Any],
    contract: str,
    promise: Promise,
    kind: str = "pact",
) -> list[Contradiction]:
    """What of the examples of a document of that format an OpenAPI document forbids, in their order, at most 100; nothing where either is
    another thing.
    """
    if promise.by_example or not promise.operations:
        return []
    held = InForce(contract, 0, promise, 0, 0)
    found: list[Contradiction] = []
    patterns = kind in _PATTERNS
    for shown in shown_in(kind, document):
        name, clause, exchange = shown.name, shown.clause, _exchange(shown.request, shown.response)
        request = Payload(exchange.request_body, exchange.request_headers)
        response = Payload(exchange.response_body, exchange.response_headers)
        checked = check_payloads(exchange, request, response, [held], str)
        found += [
            _told(pact, name, clause, one)
            for one in checked.violations
            if one.rule not in _LACKS or (one.side == "request" and not patterns)
        ]
        if len(found) >= MOST:
            break
    return found[:MOST]


def message_contradictions(
    shows: str, kind: str, document: Mapping[str, Any], promise: Promise, contract: str, other: Promise
) -> list[Contradiction]:
    """What of the messages that a document shows another contract forbids for their topic, at most 100: an AsyncAPI document, or a JSON Schema that
    is bound to the topic.
    """
    held = InForce(contract, 0, other, 0, 0)
    found: list[Contradiction] = []
    for name, clause, topic, payload in messages_in(kind, document, promise):
        headers = {"content-type": "application/json"}
        body = json.dumps(payload)
        record = replace(
            _exchange({"method": "", "path": topic, "headers": headers}, {}), protocol=MESSAGING, request_body=body, path=topic
        )
        found += [
            Contradiction(shows, name, clause, contract, topic, "request", *told) for told in _in_binary(other, topic, payload)
        ]
        checked = check_payloads(record, Carried(topic, body, headers), Payload(None, {}), [held], str)
        found += [
            Contradiction(
                shows, name, clause, one.contract, topic, one.side, one.rule, one.pointer, one.clause, one.expected, one.actual
            )
            for one in checked.violations
            if one.rule not in _LACKS and not one.rule.startswith("not_")
        ]
        if len(found) >= MOST:
            break
    return found[:MOST]


def _in_binary(other: Promise, topic: str, payload: Any) -> list[tuple[str, str, str, str, str]]:
    """What an example breaks of the one message of a topic that has a schema of Avro or Protobuf; nothing where it fits one of several."""
    kinds = [one.example for one in other.of_topic(topic) if one.topic and one.example is not None]
    best: list[tuple[str, str, str, str, str]] = []
    for at, judge in enumerate(kinds):
        said = Mismatches()
        judge(payload, said)
        told = [(one.rule, one.pointer, one.clause, one.expected, one.actual) for one in said.broken]
        best = told if at == 0 or len(told) < len(best) else best
    return best


def _told(pact: str, name: str, clause: str, broken: Violation) -> Contradiction:
    return Contradiction(
        *(pact, name, f"{clause}/{broken.side}", broken.contract, broken.operation, broken.side, broken.rule),
        *(broken.pointer, broken.clause, broken.expected, broken.actual),
    )


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
