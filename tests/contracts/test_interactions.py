"""Pacts held against live exchanges: by interaction, with states that no log shows."""

import json
from dataclasses import replace
from typing import Any

import pytest

from monitor.contracts.check import check, check_payloads
from monitor.contracts.payloads import Payload
from monitor.contracts.read import examine, read_contract
from monitor.contracts.registry import InForce, Registry
from tests.contracts.examples import (
    ORDER,
    interaction,
    judged,
    live,
    matchers,
    pact,
    registry,
    revision,
    rules,
)

BROKEN = {"id": "seven", "state": "open", "lines": []}


def test_an_answer_of_the_expected_types_is_valid_and_is_evidence() -> None:
    checked = judged(
        live(path="/orders/1234", answer={"id": 1, "state": "paid", "lines": [], "more": True}),
        pact(interaction()),
    )
    assert (checked.outcome, checked.operation, checked.contract) == (
        "valid",
        "GET /orders/{id}",
        "pact-0",
    )
    assert [
        (evidence.contract, evidence.interaction, evidence.shown) for evidence in checked.evidence
    ] == [("pact-0", "an order", "kept")]


def test_an_answer_of_another_type_is_violated_and_named_without_its_value() -> None:
    checked = judged(live(answer=BROKEN), pact(interaction()))
    assert (checked.outcome, rules(checked)) == ("violated", [("type", "/id")])
    assert (
        checked.violations[0].expected,
        checked.violations[0].actual,
        checked.violations[0].side,
    ) == (
        "number",
        "string",
        "response",
    )
    assert checked.violations[0].clause == "/interactions/0/response/matchingRules/body/$"
    assert "seven" not in repr(checked)
    assert [evidence.shown for evidence in checked.evidence] == ["broken"]


def test_a_missing_key_another_status_and_a_missing_header_are_broken() -> None:
    assert rules(judged(live(answer={"id": 1, "state": "x"}), pact(interaction()))) == [
        ("missing_key", "/lines")
    ]
    assert rules(judged(live(status=404), pact(interaction()))) == [("status", "/status")]
    wanted = pact(
        interaction(answers={"headers": {"Content-Type": "application/json", "X-Trace": "a"}})
    )
    assert rules(judged(live(), wanted)) == [("missing_header", "/headers/x-trace")]


@pytest.mark.parametrize(
    "changes",
    [{"path": "/orders/seven"}, {"method": "DELETE"}, {"query": "page=2"}, {"path": "/other"}],
)
def test_traffic_that_no_interaction_asks_for_is_neither_valid_nor_violated(
    changes: dict[str, Any],
) -> None:
    checked = judged(live(answer=BROKEN, **changes), pact(interaction()))
    assert (checked.outcome, checked.reason, list(checked.evidence)) == (
        "not_checked",
        "no_interaction",
        [],
    )


def test_unexpected_keys_are_allowed_in_answers_and_not_in_requests() -> None:
    asks = {
        "method": "POST",
        "path": "/orders",
        "body": {"sku": "a"},
        "matchingRules": {"body": {"$": matchers({"match": "type"})}},
    }
    held = pact(interaction("a new order", asks=asks, answers={"status": 201}))
    post = {
        "method": "POST",
        "path": "/orders",
        "status": 201,
        "request_headers": {"content-type": "application/json"},
    }
    assert (
        judged(live(asked={"sku": "b"}, answer=ORDER | {"more": 1}, **post), held).outcome
        == "valid"
    )
    assert judged(live(asked={"sku": "b", "more": 1}, **post), held).reason == "no_interaction"
    assert judged(live(asked={"sku": 3}, **post), held).reason == "no_interaction"


def test_where_several_fit_one_that_is_kept_makes_it_valid() -> None:
    there = interaction("an order", "it is there")
    gone = interaction(
        "an order", "it is not there", answers={"status": 404, "body": {"error": "x"}}
    )
    held = pact(there, gone)
    assert judged(live(), held).outcome == "valid"
    checked = judged(live(status=404, answer={"error": "gone"}), held)
    assert (checked.outcome, [evidence.interaction for evidence in checked.evidence]) == (
        "valid",
        ["an order given it is not there"],
    )


def test_where_several_of_different_states_fit_and_none_is_kept_nobody_knows() -> None:
    held = pact(interaction("a", "one state"), interaction("b", "another"))
    checked = judged(live(answer=BROKEN), held)
    assert (checked.outcome, checked.reason) == ("not_checked", "ambiguous_state")
    assert [evidence.shown for evidence in checked.evidence] == ["open", "open"]


@pytest.mark.parametrize("given", ["", "the same state"])
def test_where_several_of_one_state_fit_and_none_is_kept_it_is_violated(given: str) -> None:
    other = interaction("b", given, answers={"body": {"id": 1, "total": 2}})
    checked = judged(live(answer=BROKEN), pact(interaction("a", given), other))
    assert (checked.outcome, rules(checked)) == ("violated", [("type", "/id")])


def test_a_log_that_tells_no_query_had_none_where_none_is_expected() -> None:
    assert (
        judged(live(query_known=False, answer=BROKEN), pact(interaction())).outcome == "violated"
    )


def test_states_with_other_parameters_are_other_states() -> None:
    first, second = interaction("a"), interaction("b")
    first["providerStates"] = [{"name": "an order", "params": {"id": 1}}]
    second["providerStates"] = [{"name": "an order", "params": {"id": 2}}]
    assert judged(live(answer=BROKEN), pact(first, second)).reason == "ambiguous_state"


def test_what_of_the_request_cannot_be_seen_makes_no_violation() -> None:
    asks = {"headers": {"X-Tenant": "a"}}
    held = pact(interaction(asks=asks))
    unseen = live(request_headers={}, answer=BROKEN)
    assert (judged(unseen, held).outcome, judged(unseen, held).reason) == (
        "not_checked",
        "ambiguous_request",
    )
    assert judged(live(request_headers={}), held).outcome == "valid"
    paged = pact(interaction(asks={"query": "page=1"}))
    assert judged(live(query_known=False, answer=BROKEN), paged).reason == "ambiguous_request"
    assert judged(live(request_headers={"x-tenant": "b"}), held).reason == "no_interaction"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"response_body": None}, "no_body"),
        ({"response_truncated": True}, "truncated"),
        (
            {
                "response_body": "\x1f\x8bzz",
                "response_headers": {
                    "content-type": "application/json",
                    "content-encoding": "gzip",
                },
            },
            "encoded",
        ),
        ({"status": 0}, "no_response"),
        ({"proxy_answer": True, "status": 503}, "proxy_answer"),
    ],
)
def test_an_answer_that_cannot_be_seen_is_not_checked(
    changes: dict[str, Any], reason: str
) -> None:
    checked = judged(live(**changes), pact(interaction()))
    assert (checked.outcome, checked.reason) == ("not_checked", reason)


def test_masked_values_are_not_held_against_the_provider_and_types_are() -> None:
    exact = pact(interaction(answers={"matchingRules": {}}))
    masked = {"id": 7, "state": "*****", "lines": [{"sku": "***", "count": 2}]}
    checked = judged(live(answer=masked, redacted=True), exact)
    assert (checked.outcome, checked.reason) == ("valid", "shape_only")
    assert rules(judged(live(answer=masked | {"lines": {}}, redacted=True), exact)) == [
        ("type", "/lines")
    ]


def test_a_pending_interaction_is_seen_and_held_against_nobody() -> None:
    checked = judged(live(answer=BROKEN), pact(interaction(pending=True), version="4.0"))
    assert (checked.outcome, checked.reason) == ("not_checked", "pending")
    assert judged(live(), pact(interaction(pending=True), version="4.0")).outcome == "valid"


def test_a_path_logged_as_its_template_may_be_the_literal_one() -> None:
    literal = pact(interaction(asks={"path": "/orders/7", "matchingRules": {}}))
    assert judged(live(path="/orders/{id}"), literal).outcome == "valid"
    assert judged(live(path="/orders/{id}", answer=BROKEN), literal).reason == "ambiguous_request"


def test_each_consumer_is_bound_by_its_own_pact_only() -> None:
    strict = pact(interaction(answers={"body": {"total": 1}}), consumer="billing")
    held = Registry(
        [
            revision(pact(interaction()), name="web-orders", consumer="web"),
            revision(strict, name="billing-orders", consumer="billing"),
        ]
    )
    assert check(live(caller="web"), held).outcome == "valid"
    checked = check(live(caller="billing"), held)
    assert (checked.outcome, checked.contract, rules(checked)) == (
        "violated",
        "billing-orders",
        [("missing_key", "/total")],
    )
    assert check(live(caller="nobody"), held).reason == "no_contract"


def test_an_openapi_document_beside_a_pact_decides_what_the_pact_does_not_know() -> None:
    openapi = {
        "openapi": "3.0.3",
        "info": {"title": "x", "version": "1"},
        "paths": {"/other": {"get": {"responses": {"200": {"description": "x"}}}}},
    }
    held = Registry([revision(pact(interaction())), revision(openapi, "openapi")])
    assert check(live(path="/other"), held).outcome == "valid"
    both = check(live(answer=BROKEN), held)
    assert (both.outcome, both.contract) == ("violated", "pact")


def test_a_mock_is_nobodys_promise() -> None:
    held = Registry([revision(pact(interaction()), role="mock")])
    assert check(live(answer=BROKEN), held).reason == "no_contract"


def test_interactions_described_alike_keep_their_own_names() -> None:
    held = registry(pact(interaction("same"), interaction("same", answers={"status": 404})))
    promise = held.find("orders", "", "", "web", 10)[0].promise
    assert promise is not None
    assert [example.name for example in promise.interactions] == ["same", "same (2)"]


def test_a_body_that_only_a_plugin_can_read_is_not_held_against_the_bytes_of_its_example() -> None:
    """https://github.com/pact-foundation/pact-plugins: the configuration stands at the
    interaction, not at the request.
    """
    packed = {
        "content": "EgoNAABAQBUAAIBA",
        "contentType": "application/protobuf;message=Shape",
        "encoded": "base64",
    }
    asks = {"method": "GET", "path": "/shape"}
    answers = {
        "status": 200,
        "headers": {"content-type": ["application/protobuf;message=Shape"]},
        "body": packed,
    }
    entry = {
        "type": "Synchronous/HTTP",
        "description": "a shape",
        "request": asks,
        "response": answers,
    }
    meta = {"pactSpecification": {"version": "4.0"}}
    for config, outcome in (
        ({"pluginConfiguration": {"protobuf": {"message": "Shape"}}}, "not_checked"),
        ({}, "violated"),
    ):
        document = {
            "consumer": {"name": "web"},
            "provider": {"name": "shop"},
            "interactions": [entry | config],
            "metadata": meta,
        }
        promise = read_contract("pact", json.dumps(document), where="x")
        exchange = replace(
            live(path="/shape"),
            response_body=b"\x0a\x01x",
            response_headers={"content-type": "application/protobuf;message=Shape"},
        )
        held = InForce("a", 1, promise, 0, 2**63 - 1, "shop")
        answer = Payload(exchange.response_body, exchange.response_headers)
        checked = check_payloads(exchange, Payload(None, {}), answer, [held], str)
        assert (checked.outcome, checked.reason) == (outcome, "media_type" if config else ""), (
            config
        )
        assert [remark.pointer for remark in promise.left] == (
            ["/interactions/0/response/body"] if config else []
        )


@pytest.mark.parametrize(
    ("body", "broken"),
    [
        (b'{"id": 7, "state": "x", "lines": [{"sku": "a", "count": 2, "count": 3}]}', True),
        (b'{"id": 7, "state": "x", "lines": [{"sku": "a", "count": 2}]}', False),
    ],
)
def test_a_key_that_stands_twice_is_read_differently_by_consumers(
    body: bytes, *, broken: bool
) -> None:
    checked = judged(live(response_body=body), pact(interaction()))
    assert rules(checked) == ([("duplicate_key", "")] if broken else [])


def test_not_modified_is_no_other_answer_than_the_one_that_an_example_shows() -> None:
    """https://www.rfc-editor.org/rfc/rfc9110#name-304-not-modified"""
    unchanged = live(status=304, response_body=None, response_headers={})
    checked = judged(unchanged, pact(interaction()))
    assert (checked.outcome, checked.reason) == ("not_checked", "undocumented_status")
    assert [evidence.shown for evidence in checked.evidence] == ["open"]
    shows = interaction(answers={"status": 304, "body": None, "headers": {}})
    assert judged(unchanged, pact(interaction(), shows)).outcome == "valid"


def test_rules_of_a_body_that_speak_of_no_place_of_its_example_are_named() -> None:
    rule = matchers({"match": "type"})
    shown = [
        "$",
        "$.a",
        "$['a'].b",
        "$.list[*].c",
        "$.list[1].c",
        "$.*.b",
        "$.none[*].d",
        "$.map.*",
    ]
    unshown = ["$.z", "$.a.z", "$.list[2]", "$.list[*].z", "$.a[0]"]
    body = {"a": {"b": 1}, "list": [{"x": 1}, {"c": 2}], "none": [], "map": {}}
    answers = {"body": body, "matchingRules": {"body": dict.fromkeys([*shown, *unshown], rule)}}
    document = pact(interaction(answers=answers))
    remarks = examine("pact", json.dumps(document), where="x").remarks
    assert [remark.pointer.rpartition("/")[2] for remark in remarks] == unshown


def test_rules_of_what_an_example_does_not_show_are_named() -> None:
    rule = matchers({"match": "regex", "regex": "a.*"})
    asks = {"query": {"a": ["a"], "b[]": ["a"]}, "headers": {"Accept": "a"}}
    asks["matchingRules"] = {
        "query": {"a": rule, "b[]": rule, "$.a[0]": rule, "z": rule},
        "header": {"accept": rule, "X-Z": rule},
    }
    answers = {"matchingRules": {"header": {"Content-Type": rule, "$.X-Y": rule}}}
    document = pact(interaction(asks=asks, answers=answers))
    remarks = examine("pact", json.dumps(document), where="x").remarks
    assert [remark.pointer.removeprefix("/interactions/0/") for remark in remarks] == [
        "request/matchingRules/query/z",
        "request/matchingRules/header/X-Z",
        "response/matchingRules/header/$.X-Y",
    ]


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_provider_that_is_down_or_busy_breaks_no_pact(status: int) -> None:
    checked = judged(live(status=status, answer={"error": 1}), pact(interaction()))
    assert (checked.outcome, checked.reason) == ("not_checked", "provider_failed")
    assert [evidence.shown for evidence in checked.evidence] == ["open"]
    shown = interaction("refused", answers={"status": status, "body": {"error": 1}})
    checked = judged(live(status=status, answer={"error": 1}), pact(interaction(), shown))
    assert checked.outcome == "valid", "what an example shows is held against it"
    checked = judged(live(status=status, answer={"why": 1}), pact(interaction(), shown))
    assert checked.outcome == "violated"


@pytest.mark.parametrize(
    ("given", "status", "outcome"),
    [
        ("it is there", 404, "not_checked"),
        ("it is there", 410, "not_checked"),
        *(("it is there", status, "violated") for status in (202, 302, 400, 401, 409, 500)),
        ("", 404, "violated"),
        ("", 500, "violated"),
    ],
)
def test_what_is_not_there_breaks_no_pact_of_a_state_and_another_answer_does(
    given: str, status: int, outcome: str
) -> None:
    checked = judged(live(status=status), pact(interaction(given=given)))
    assert checked.outcome == outcome
    assert outcome == "violated" or checked.reason == "ambiguous_state"


def test_a_wrong_status_is_one_violation_for_each_operation_and_status() -> None:
    held = pact(interaction())
    marks = [
        judged(live(status=status), held).violations[0].fingerprint for status in (404, 404, 400)
    ]
    assert marks[0] == marks[1] != marks[2]
