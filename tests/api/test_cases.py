"""Violations and live interactions without a contract become tests, by shapes: each form can be read,
fails while the provider breaks the clause, and holds no value that was seen.
"""

import json
import xml.etree.ElementTree as ET
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from openapi_spec_validator import validate
from playwright.sync_api import Browser

from monitor.cli.contract_cases import exported, listed
from monitor.contracts.cases import CASE_FORMS, Case, lacking
from monitor.contracts.check import check
from monitor.contracts.registry import Registry
from monitor.decode.topic_records import Parties
from monitor.model.contracts import ContractFormat, Revision
from monitor.model.edges import Edge, EdgeCell
from monitor.model.policy import ByHand, Criticality
from pipelines.messages import MessageSettings, messages
from tests.api.test_mocks import There
from tests.api.test_publishing import GOOD, publish, recorded
from tests.contracts.promises import exchange, revision
from tests.contracts.test_messages import ORDER, held, message
from tests.contracts.test_messages import pact as message_pact
from tests.fixtures.api import LOCAL_TOKEN, Asked
from tests.fixtures.http_file import failures
from tests.fixtures.receiver import HttpReceiver, answering
from tests.fixtures.shop_day import NOON
from tests.fixtures.spans import T0
from tests.pipelines.test_topic_records import batch
from tests.pipelines.written import Given, write_cells

FORMS = ("pact", "openapi-example", "wiremock", "junit", "http")


def called(at: datetime, version: str, calls: int, *edge: str) -> EdgeCell:
    return EdgeCell(
        at, Edge("production", *edge), "", version, "", calls, float(calls), 0, {"ok": calls}, {}, {},
        {"both": calls}, "none", calls, calls, 1.0, 1.0, {}, {}, {}, {},
    )  # fmt: skip


def outcome(kind: ContractFormat, document: str, answer: Any) -> str:
    held: Revision = revision(document, format=kind)
    asked = exchange(
        path="/payments/1", answer=answer, request_headers={"x-tenant": "a"}, query_known=True
    )
    return check(asked, Registry([held])).outcome


def test_a_violation_becomes_a_test_in_each_form(
    api: Asked, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    publish(api)
    seen = GOOD | {"created": "2026-03-04T05:06:07Z"}
    bad = seen | {"amount": "13.75 of Grace"}
    recorded(
        api, *[{"response_body": json.dumps(seen)}] * 3, *[{"response_body": json.dumps(bad)}] * 2
    )
    (broken,) = api.get("/v1/violations").json()
    told = {}
    for form in FORMS:
        exported(There(api), broken["fingerprint"], form, tmp_path)  # type: ignore[arg-type]
        title = f"payment-{broken['fingerprint']}"
        (file,) = tmp_path.glob(f"{title}*")
        told[form] = file.read_text()
        file.unlink()
    assert "response /amount type" in capsys.readouterr().err
    assert not any(
        word in text for word in ("13.75", "Grace", "EUR", "2026-03-04") for text in told.values()
    )
    # fails while it is broken, and passes once it is not
    pact = json.loads(told["pact"])["interactions"][0]
    assert pact["response"]["body"]["created"] == "2000-01-01T00:00:00Z"
    assert outcome("pact", told["pact"], bad) == "violated"
    assert outcome("pact", told["pact"], seen) == "valid"
    # a consumer meets what the provider does now
    stub = json.loads(told["wiremock"])
    assert (stub["request"]["urlPathTemplate"], stub["response"]["status"]) == (
        "/payments/{id}",
        200,
    )
    assert isinstance(stub["response"]["jsonBody"]["amount"], str)
    assert outcome("wiremock", told["wiremock"], bad) == "valid"
    assert outcome("wiremock", told["wiremock"], seen) == "violated"
    operation = json.loads(told["openapi-example"])["paths"]["/payments/{id}"]["get"]
    (example,) = operation["responses"]["200"]["content"]["application/json"]["examples"].values()
    assert not isinstance(example["value"]["amount"], str)
    assert "2 live exchanges break payments revision 1" in example["summary"]
    validate(json.loads(told["openapi-example"]))
    # a whole document, which tells the broken from the kept alone
    assert outcome("openapi", told["openapi-example"], bad) == "violated"
    assert outcome("openapi", told["openapi-example"], seen) == "valid"
    assert ET.fromstring(told["junit"]).attrib["failures"] == "1"
    assert "GET {{host}}/payments/1" in told["http"]
    assert (
        'response.body["amount"] === undefined || typeof response.body["amount"] ==='
        in (told["http"])
    )
    assert api.get("/v1/cases/0123456789abcdef").status_code == 404


LISTED = {
    "openapi": "3.1.0", "info": {"title": "a", "version": "1"},
    "paths": {"/carts/{id}": {"get": {"responses": {"200": {"description": "a", "content": {"application/json": {"schema": {
        "type": "object", "required": ["lines", "state"],
        "properties": {
            "state": {"type": ["string", "null"], "enum": ["open", None]},
            "lines": {"type": "array", "items": {"type": "object", "required": ["sku"], "properties": {"sku": {"type": "string"}, "count": {"type": "integer"}}}},
        }}}}}}}}},
}  # fmt: skip
CART = {"state": "open", "lines": [{"sku": "a", "count": 1}, {"sku": "b"}]}


@pytest.mark.parametrize(
    ("bad", "rule", "told"),
    [
        ({"lines": [{"sku": "a", "count": "1"}]}, "type", True),
        ({"lines": [{"sku": "a"}, {"count": 2}]}, "required", True),
        ({"lines": {}}, "type", True),
        ({"state": "shut"}, "enum", False),
    ],
)
def test_a_case_as_http_passes_against_a_true_server_and_fails_against_a_violating_one(
    api: Asked,
    http_receiver: HttpReceiver,
    chromium: Browser,
    bad: dict[str, Any],
    rule: str,
    *,
    told: bool,
) -> None:
    """The file is sent, and its script run by a browser's own JavaScript. What hangs on values is
    named as not asserted.
    """
    body = {"name": "carts", "provider": "carts", "format": "openapi"}
    document = json.dumps(LISTED)
    assert api.post("/v1/contracts", body | {"document": document}, LOCAL_TOKEN).status_code == 201
    seen = {"path": "/carts/7", "callee": "carts"}
    recorded(
        api,
        *[seen | {"response_body": json.dumps(CART)}] * 3,
        *[seen | {"response_body": json.dumps(CART | bad)}] * 2,
    )
    rows = [row for row in api.get("/v1/violations").json() if row["rule"] == rule]
    case = api.get(f"/v1/cases/{rows[0]['fingerprint']}", params={"as": "http"}).json()["text"]
    assert ("is not asserted here" in case) is not told

    def ran(status: int, answer: object) -> list[str]:
        text = json.dumps(answer).encode()
        http_receiver.answer = answering(status, text, content_type="application/json")
        return failures(case, http_receiver.url, chromium)

    assert ran(200, CART) == []
    assert ran(200, CART | {"state": None, "lines": []}) == []
    assert bool(ran(200, CART | bad)) is told
    assert ran(500, CART)
    assert all(taken.path == "/carts/1" for taken in http_receiver.taken)


def test_what_no_contract_covers_is_listed_by_risk_and_becomes_a_test(
    api: Asked, capsys: pytest.CaptureFixture[str]
) -> None:
    publish(api)
    at = NOON - timedelta(hours=1)
    write_cells(
        api.parts.store,
        [
            called(at, "1", 100, "web", "payment", "http", "GET /payments/{id}"),
            called(at, "1", 100, "web", "payment", "http", "GET /refunds/{id}"),
            called(at, "1", 100, "ios", "payment", "http", "GET /refunds/{id}"),
            called(at, "2", 100, "ios", "payment", "http", "GET /refunds/{id}"),
            called(at, "1", 900, "web", "cart", "http", "GET /cart"),
            called(at, "1", 10, "web", "ledger", "http", "GET /ledger"),
            called(at, "", 900, "cart", "carts", "database", "SELECT carts"),
        ],
    )
    critical = Criticality(by_hand=(ByHand(services=("ledger",), level="high"),))
    labelled = api.over(criticality=critical)
    assert listed(There(labelled), 7, None, None, "json") == 1
    printed = capsys.readouterr()
    rows = json.loads(printed.out)
    assert [row["operation"] for row in rows] == ["GET /refunds/{id}", "GET /cart", "GET /ledger"]
    refunds, _, ledger = rows
    assert (refunds["callers"], refunds["changes"], refunds["calls"]) == (["ios", "web"], 1, 300)
    assert refunds["named"]  # its provider has a contract, which does not speak of it
    assert (ledger["criticality"], ledger["told"], ledger["risk"]) == ("high", True, 2.083)
    assert "1 of 4 live interactions are covered; 900 calls of databases" in printed.err
    page = labelled.get("/uncovered").text
    assert "1 of 4 live interactions of the last 7 days are covered" in page
    assert page.index("GET /refunds/{id}") < page.index("GET /cart")
    assert ledger["id"] in page

    recorded(api, {"path": "/refunds/3", "response_body": '{"id": 3, "reason": "Grace"}'})
    exported(There(api), refunds["id"], "pact", None)
    text = capsys.readouterr().out
    (interaction,) = json.loads(text)["interactions"]
    assert interaction["response"]["body"] == {"id": 1, "reason": "text"}
    assert interaction["request"]["path"] == "/refunds/1"
    assert "no contract covers it" in interaction["description"]
    assert listed(There(api), 7, "nowhere", None, "table") == 2


def test_a_call_that_its_providers_contract_does_not_know_is_covered_by_none(api: Asked) -> None:
    publish(api)
    known = GOOD | {"amount": "x"}
    recorded(api, {"path": "/nowhere/7"}, {"response_body": json.dumps(known)})
    at = NOON - timedelta(hours=1)
    cells = [
        replace(
            called(at, "1", 1, "web", "payment", "http", operation), conformance={"violated": 1}
        )
        for operation in ("GET /payments/{id}", "GET /nowhere/{id}")
    ]
    write_cells(api.parts.store, cells)
    (broken,) = [
        row for row in api.get("/v1/violations").json() if row["rule"] == "undocumented_operation"
    ]
    told = api.get("/v1/uncovered").json()
    assert [row["operation"] for row in told["uncovered"]] == [broken["operation"]]


def test_a_broken_message_becomes_a_pact_of_its_topic(
    api: Asked, capsys: pytest.CaptureFixture[str]
) -> None:
    known = Registry([held(message_pact(message()))])
    told = MessageSettings(Parties({"orders": "till"}, {"orders": "mail"}))
    sent = batch(
        ORDER, {"id": 8, "total": "Grace"}, at=(NOON - timedelta(hours=1)).timestamp() - T0
    )
    for _ in messages(Given(sent), api.parts.store, lambda: known, told, api.clock):
        pass
    (broken,) = api.get("/v1/violations").json()
    exported(There(api), broken["fingerprint"], "pact", None)
    text = capsys.readouterr().out
    assert "Grace" not in text
    document = json.loads(text)
    assert (document["provider"], document["consumer"]) == ({"name": "till"}, {"name": "mail"})
    (one,) = document["messages"]
    assert one["metadata"]["topic"] == "orders"
    assert {type(value) for value in one["contents"].values()} <= {int, float}
    answer = api.get(f"/v1/cases/{broken['fingerprint']}", params={"as": "http"})
    assert (answer.status_code, "choose pact or junit" in answer.text) == (422, True)


def test_a_call_that_no_path_tells_becomes_a_case_by_its_name(api: Asked) -> None:
    """Of gRPC and GraphQL no request is kept that could be made again: junit alone shows them."""
    at = NOON - timedelta(hours=1)
    calls = (("grpc", "pay.v1.Pay/Charge"), ("graphql", "query cart"))
    write_cells(
        api.parts.store,
        [called(at, "1.0", 90, "web", "ledger", protocol, name) for protocol, name in calls],
    )
    rows = {row["operation"]: row["id"] for row in api.get("/v1/uncovered").json()["uncovered"]}
    for protocol, name in calls:
        told = api.get(f"/v1/cases/{rows[name]}?as=junit").json()
        assert told["title"] == f"{protocol} {name}: no contract covers it"
        suite = ET.fromstring(told["text"])
        assert (suite.attrib.get("skipped"), suite[0].get("skipped")) == (None, "1")
        assert suite[0][0].get("time") == "0"
        code = "frames_not_kept" if protocol == "grpc" else "query_not_kept"
        assert told["lacking"] == dict.fromkeys(
            ("pact", "openapi-example", "wiremock", "http"), code
        )
        refused = api.get(f"/v1/cases/{rows[name]}?as=http")
        assert refused.status_code == 422
        assert f"({code})" in refused.text
        assert "choose junit" in refused.text


def test_of_a_topic_of_which_only_spans_tell_no_payload_is_made_up() -> None:
    """It was told as a call of GraphQL."""
    case = Case(
        "id", "mail", "", "production", "", "shop.orders", {}, None, "", 0, None, None, "", None
    )
    told = {form: lacking(case, form) for form in CASE_FORMS}
    assert told.pop("junit") is None
    assert told.pop("pact") == "payload_not_seen"
    assert set(told.values()) == {"form_without_messages"}
    assert lacking(replace(case, request={"id": 1}), "pact") is None


SEEN_FREE = {
    "id": 7, "amount": 5, "note": None, "gone": None, "odd name's": None, "by_day": {"2026-11-20": 1, "2026-11-21": 2},
    "lines": [{"sku": "a", "left": None}],
}  # fmt: skip
STILL_TRUE: list[dict[str, Any]] = [
    {"note": "said"},
    {"gone": {"at": 1}},
    {"odd name's": "text"},
    {"by_day": {"2026-12-01": 9}},
    {"by_day": {}},
    {"lines": [{"sku": "b", "left": "text"}, {"sku": None, "left": None}]},
]


def test_a_case_demands_nothing_of_what_was_null_alone_or_of_keys_that_are_data(
    api: Asked,
) -> None:
    """A provider that sends text where null alone was seen keeps its contract."""
    ok = {"type": "object", "required": ["amount"], "properties": {"amount": {"type": "integer"}}}
    answer = {"description": "a", "content": {"application/json": {"schema": ok}}}
    paths = {"/sums/{id}": {"get": {"responses": {"200": answer}}}}
    document = json.dumps(
        {"openapi": "3.1.0", "info": {"title": "a", "version": "1"}, "paths": paths}
    )
    body = {"name": "sums", "provider": "sums", "format": "openapi", "document": document}
    assert api.post("/v1/contracts", body, LOCAL_TOKEN).status_code == 201
    answers = [
        SEEN_FREE,
        SEEN_FREE | {"lines": [{"sku": None, "left": None}]},
        SEEN_FREE | {"amount": "5"},
    ]
    recorded(
        api,
        *[
            {"path": "/sums/7", "callee": "sums", "response_body": json.dumps(answer)}
            for answer in answers
        ],
    )
    (broken,) = api.get("/v1/violations").json()
    for form, kind in (("pact", "pact"), ("openapi-example", "openapi")):
        text = api.get(f"/v1/cases/{broken['fingerprint']}", params={"as": form}).json()["text"]

        def verdict(answer: Any, kind: Any = kind, text: str = text) -> str:
            asked = exchange(
                path="/sums/1", answer=answer, request_headers={"x-tenant": "a"}, query_known=True
            )
            return check(asked, Registry([revision(text, format=kind)])).outcome

        for more in ({}, *STILL_TRUE):
            assert verdict(SEEN_FREE | more) == "valid", (form, more, text)
        for bad in ({"amount": "5"}, {"id": "x"}, {"lines": [{"sku": 1}]}, {"by_day": {"a": "x"}}):
            assert verdict(SEEN_FREE | bad) == "violated", (form, bad, text)
        lacks = {name: value for name, value in SEEN_FREE.items() if name != "amount"}
        assert verdict(lacks) == "violated"


NESTED = {
    "type": "object",
    "properties": {
        "by_day": {"type": "object", "additionalProperties": {"type": "integer"}},
        "left": {
            "type": ["object", "null"],
            "required": ["count"],
            "properties": {"count": {"type": "integer"}},
        },
    },
}
KEPT = {"by_day": {"2026-11-20": 1, "2026-11-21": 2}, "left": {"count": 1}}


def broken_by(api: Asked, schema: dict[str, Any], *answers: dict[str, Any]) -> dict[str, Any]:
    """The one clause of a schema of answers that these break."""
    answer = {"description": "a", "content": {"application/json": {"schema": schema}}}
    paths = {"/sums/{id}": {"get": {"responses": {"200": answer}}}}
    document = json.dumps(
        {"openapi": "3.1.0", "info": {"title": "a", "version": "1"}, "paths": paths}
    )
    body = {"name": "sums", "provider": "sums", "format": "openapi", "document": document}
    assert api.post("/v1/contracts", body, LOCAL_TOKEN).status_code == 201
    seen = {"path": "/sums/7", "callee": "sums"}
    recorded(api, *[seen | {"response_body": json.dumps(it)} for it in answers])
    (broken,) = api.get("/v1/violations").json()
    clause: dict[str, Any] = broken
    return clause


@pytest.mark.parametrize(
    "bad",
    [{"by_day": {"2026-11-20": 1, "2026-11-21": "x"}}, {"left": {"count": "x"}}, {"left": {}}],
)
def test_a_check_of_what_lies_deep_allows_that_what_holds_it_is_null_or_missing(
    api: Asked, http_receiver: HttpReceiver, chromium: Browser, bad: dict[str, Any]
) -> None:
    """Keys that are data are each looked at; it was asserted of none."""
    broken = broken_by(api, NESTED, KEPT, KEPT, KEPT | bad)
    case = api.get(f"/v1/cases/{broken['fingerprint']}", params={"as": "http"}).json()["text"]

    def ran(answer: object) -> list[str]:
        text = json.dumps(answer).encode()
        http_receiver.answer = answering(200, text, content_type="application/json")
        return failures(case, http_receiver.url, chromium)

    for good in (KEPT, KEPT | {"left": None}, {}, {"by_day": {}}):
        assert ran(good) == [], (good, case)
    assert ran(KEPT | bad), case


def test_a_clause_that_allows_several_types_allows_each_in_its_test(api: Asked) -> None:
    either = {"properties": {"amount": {"type": ["integer", "string", "null"]}}}
    broken = broken_by(api, either, *({"amount": it} for it in (1, "a", True)))
    for form, kind in (("pact", "pact"), ("openapi-example", "openapi")):
        text = api.get(f"/v1/cases/{broken['fingerprint']}", params={"as": form}).json()["text"]
        for value, verdict in ((5, "valid"), ("b", "valid"), (None, "valid"), (True, "violated")):
            asked = exchange(
                path="/sums/1",
                answer={"amount": value},
                request_headers={"x-tenant": "a"},
                query_known=True,
            )
            held: Any = kind
            told = check(asked, Registry([revision(text, format=held)])).outcome
            assert told == verdict, (form, value, text)
