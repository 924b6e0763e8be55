"""A small contract and exchanges against it, for the tests of this folder and its neighbours."""

from datetime import UTC, datetime
from typing import Any

import orjson

from monitor.contracts.registry import Registry
from monitor.model.contracts import Revision
from monitor.model.exchanges import Exchange

ALWAYS = datetime(1970, 1, 1, tzinfo=UTC)
AT_NS = 1_795_252_229_000_000_000
JSON = {"content-type": "application/json; charset=utf-8"}

PAYMENTS = """
openapi: 3.0.3
info: {title: Payments, version: "1"}
servers: [{url: "https://pay.example/api"}]
paths:
  /payments:
    parameters: [{name: x-tenant, in: header, required: true, schema: {type: string}}]
    get:
      parameters:
        - {name: limit, in: query, required: true, schema: {type: integer, maximum: 100}}
        - {name: state, in: query, schema: {type: string, enum: [open, done]}}
      responses:
        "200": {description: all, content: {application/json: {schema: {type: array, items: {$ref: "#/components/schemas/Payment"}}}}}
    post:
      requestBody:
        required: true
        content: {application/json: {schema: {$ref: "#/components/schemas/Payment"}}}
      responses:
        "201": {description: made, content: {application/json: {schema: {$ref: "#/components/schemas/Payment"}}}}
        "4XX": {description: refused, content: {application/problem+json: {schema: {type: object, required: [title]}}}}
  /payments/{id}:
    get:
      parameters: [{name: id, in: path, required: true, schema: {type: integer}}]
      responses:
        "200": {description: one, content: {application/json: {schema: {$ref: "#/components/schemas/Payment"}}}}
        "204": {description: none}
        default: {description: error, content: {application/json: {schema: {type: object, required: [code]}}}}
  /payments/newest:
    get:
      responses: {"200": {description: text, content: {text/plain: {schema: {type: string}}}}}
components:
  schemas:
    Payment:
      type: object
      required: [id, amount, currency, state, secret]
      additionalProperties: false
      properties:
        id: {type: integer, readOnly: true}
        secret: {type: string, writeOnly: true}
        amount: {type: number, minimum: 0}
        currency: {type: string, pattern: "^[A-Z]{3}$"}
        state: {type: string, enum: [open, done]}
        created: {type: string, format: date-time}
        note: {type: string, nullable: true, maxLength: 5}
        payer: {nullable: true, allOf: [{$ref: "#/components/schemas/Payer"}]}
        lines: {type: array, maxItems: 3, items: {type: object, required: [sku], properties: {sku: {type: string}, qty: {type: integer}}}}
        labels: {type: object, additionalProperties: {type: string}}
        method:
          oneOf:
            - {type: object, required: [kind, iban], properties: {kind: {enum: [bank]}, iban: {type: string}}}
            - {type: object, required: [kind, last4], properties: {kind: {enum: [card]}, last4: {type: string}}}
    Payer: {type: object, required: [name], properties: {name: {type: string}}}
"""

GOOD: dict[str, Any] = {"id": 7, "amount": 12.5, "currency": "EUR", "state": "open"}


def revision(document: str = PAYMENTS, **changes: Any) -> Revision:
    fields: dict[str, Any] = {
        "name": "payments",
        "number": 1,
        "format": "openapi",
        "provider": "payment",
        "provider_version": "",
        "consumer": "",
        "environment": "",
        "effective_from": ALWAYS,
        "effective_to": None,
        "document": document,
        "content_hash": str(hash(document)),
        "published_at": ALWAYS,
    }
    return Revision(**(fields | changes))


def registry(*revisions: Revision) -> Registry:
    made = Registry(revisions or [revision()])
    assert made.broken == {}
    return made


def exchange(**changes: Any) -> Exchange:
    """GET of one good payment, changed as told; `answer` and `asked` are payloads to be dumped as
    JSON.
    """
    for word, field in (("answer", "response_body"), ("asked", "request_body")):
        if word in changes:
            changes[field] = orjson.dumps(changes.pop(word))
    fields: dict[str, Any] = {
        "source_id": "ab" * 8,
        "partition": 0,
        "offset": 0,
        "index": 0,
        "end_ns": AT_NS,
        "duration_ns": 1_000,
        "method": "GET",
        "path": "/api/payments/7",
        "route": "",
        "query": "",
        "status": 200,
        "caller": "web",
        "caller_version": "1.0",
        "callee": "payment",
        "callee_version": "2.0",
        "callee_namespace": "",
        "environment": "production",
        "trace_id": b"",
        "span_id": b"",
        "request_headers": {},
        "response_headers": JSON,
        "response_body": orjson.dumps(GOOD),
    }
    return Exchange(**(fields | changes))
