"""Contract files bind an exchange as what is published does."""

import json
import random
from pathlib import Path
from typing import Any

import pytest

from monitor.cli.contract_documents import Bound, documents_of
from monitor.contracts.check import check_payloads
from monitor.contracts.payloads import Payload
from monitor.contracts.registry import InForce, Registry
from monitor.model.contracts import ContractFormat, Revision
from monitor.model.exchanges import Checked, Exchange
from tests.contracts.examples import ALWAYS, ORDER, interaction, pact
from tests.contracts.promises import exchange

ANSWER = {"type": "object", "required": ["id"], "properties": {"id": {"type": "integer"}}}
ID = {"name": "id", "in": "path", "required": True, "schema": {"type": "integer"}}
OPENAPI: dict[str, Any] = {
    "openapi": "3.0.3",
    "info": {"title": "t", "version": "1"},
    "paths": {
        "/orders/{id}": {
            "parameters": [ID],
            "get": {
                "responses": {
                    "200": {
                        "description": "d",
                        "content": {"application/json": {"schema": ANSWER}},
                    }
                }
            },
        }
    },
}
STUB = {
    "request": {"method": "GET", "urlPathPattern": "/orders/.*"},
    "response": {"status": 200, "jsonBody": {"id": 1}},
}
HELD: list[tuple[str, ContractFormat, Any, str]] = [
    ("o", "openapi", OPENAPI, ""),
    ("p", "pact", pact(interaction()), "web"),
    ("w", "wiremock", STUB, ""),
]
BODIES: list[Any] = [ORDER, {"id": 7}, {"id": "x"}, {"id": 7.0}, {}, ORDER | {"lines": "no"}, []]


def said(call: Exchange, contracts: list[InForce]) -> tuple[Any, ...]:
    request = Payload(call.request_body, call.request_headers)
    response = Payload(call.response_body, call.response_headers)
    checked: Checked = check_payloads(call, request, response, contracts, lambda: "an operation")
    broken = sorted((it.contract, it.rule, it.pointer) for it in checked.violations)
    return checked.outcome, checked.reason, checked.operation, broken


@pytest.mark.parametrize("provider", ["", "orders="])
def test_files_say_of_an_exchange_what_published_contracts_say(
    tmp_path: Path, provider: str
) -> None:
    words, revisions = [], []
    for name, kind, document, consumer in HELD:
        text = json.dumps(document)
        (tmp_path / f"{name}.json").write_text(text)
        words.append(f"{provider}{tmp_path}/{name}.json")
        revisions.append(
            Revision(name, 1, kind, "orders", "", consumer, "", ALWAYS, None, text, name, ALWAYS)
        )
    live = Registry(revisions)
    offline = Bound(documents_of(words, lenient_nullable=True))
    chance, outcomes = random.Random(5), set()
    for _ in range(500):
        call = exchange(
            path=chance.choice(["/orders/7", "/orders/x", "/orders/7/items", "/other"]),
            method=chance.choice(["GET", "GET", "POST"]),
            callee="orders",
            caller=chance.choice(["web", "till", "unknown", ""]),
            status=chance.choice([200, 200, 200, 404, 503, 401, 429, 304, 201]),
            response_body=json.dumps(chance.choice(BODIES)),
        )
        found = live.find(
            call.callee, call.environment, call.callee_version, call.caller, call.end_ns
        )
        by_files = said(call, offline.of_call(call))
        assert by_files == said(call, found), call
        outcomes.add(by_files[0])
    assert outcomes == {"valid", "violated", "not_checked"}
