"""Each planted fault is found at its place; what cannot be checked says why; nothing of a payload
is told.
"""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.contracts.check import check
from monitor.contracts.registry import Registry
from tests.contracts.examples import interaction, pact
from tests.contracts.promises import AT_NS, GOOD, JSON, PAYMENTS, exchange, registry, revision

POST: dict[str, Any] = {
    "method": "POST",
    "path": "/api/payments",
    "status": 201,
    "request_headers": {**JSON, "x-tenant": "t"},
    "asked": {"amount": 1, "currency": "EUR", "state": "open", "secret": "s"},
}
LIST: dict[str, Any] = {
    "path": "/api/payments",
    "query": "limit=5",
    "request_headers": {"x-tenant": "t"},
    "answer": [GOOD],
    "query_known": True,
}


def without(field: str) -> dict[str, Any]:
    return {name: value for name, value in GOOD.items() if name != field}


@pytest.mark.parametrize(
    "changes",
    [{}, POST, LIST, {"path": "/payments/7/"}, {"method": "HEAD", "response_body": None}],
    ids=str,
)
def test_an_exchange_that_keeps_the_contract_is_valid(changes: dict[str, Any]) -> None:
    checked = check(exchange(**changes), registry())
    assert (
        checked.outcome,
        checked.reason,
        list(checked.violations),
        list(checked.unchecked),
    ) == ("valid", "", [], [])


@pytest.mark.parametrize(
    ("route", "name", "marked"),
    [("/refs/{ref}", "ref", {"x-multi-segment": True}), ("/refs/{proxy+}", "proxy", {})],
)
def test_a_parameter_of_several_segments_is_judged_as_one_text(
    route: str, name: str, marked: dict[str, Any]
) -> None:
    """As GitHub's document marks it, and as API Gateway writes it."""
    schema = {"type": "string", "maxLength": 14}
    parameter = {"name": name, "in": "path", "required": True, "schema": schema, **marked}
    answers = {"200": {"content": {"application/json": {"schema": {"type": "object"}}}}}
    document = {
        "openapi": "3.0.3",
        "paths": {route: {"get": {"parameters": [parameter], "responses": answers}}},
    }
    held = registry(revision(json.dumps(document)))
    for path, outcome in {
        "/refs/main": "valid",
        "/refs/heads/x/y": "valid",
        "/refs": "no",
    }.items():
        checked = check(exchange(path=path, answer={}), held)
        assert (checked.outcome == "valid") is (outcome == "valid"), (path, checked)
    checked = check(exchange(path="/refs/heads/far/too/long", answer={}), held)
    assert [(broken.rule, broken.clause) for broken in checked.violations] == [
        ("maxLength", f"/paths/{route.replace('/', '~1')}/get/parameters/0/schema/maxLength")
    ]


FAULTS: list[tuple[dict[str, Any], str, str, str]] = [
    ({"answer": {**GOOD, "amount": "12.50"}}, "response", "type", "/amount"),
    ({"answer": {**GOOD, "amount": -1}}, "response", "minimum", "/amount"),
    ({"answer": without("state")}, "response", "required", "/state"),
    ({"answer": {**GOOD, "state": "gone"}}, "response", "enum", "/state"),
    ({"answer": {**GOOD, "currency": "eur"}}, "response", "pattern", "/currency"),
    ({"answer": {**GOOD, "created": "yesterday"}}, "response", "format", "/created"),
    ({"answer": {**GOOD, "note": "too long"}}, "response", "maxLength", "/note"),
    ({"answer": {**GOOD, "surplus": 1}}, "response", "additionalProperties", "/*"),
    ({"answer": {**GOOD, "id": None}}, "response", "type", "/id"),
    ({"answer": {**GOOD, "payer": {}}}, "response", "required", "/payer/name"),
    (
        {"answer": {**GOOD, "lines": [{"sku": "a"}, {"sku": "b", "qty": "2"}]}},
        "response",
        "type",
        "/lines/*/qty",
    ),
    ({"answer": {**GOOD, "lines": [{}] * 2}}, "response", "required", "/lines/*/sku"),
    ({"answer": {**GOOD, "lines": [{"sku": "a"}] * 4}}, "response", "maxItems", "/lines"),
    ({"answer": {**GOOD, "labels": {"alice": 1}}}, "response", "type", "/labels/*"),
    (
        {"answer": {**GOOD, "method": {"kind": "bank", "iban": 4}}},
        "response",
        "type",
        "/method/iban",
    ),
    ({"answer": [GOOD]}, "response", "type", ""),
    ({**LIST, "answer": [GOOD, without("id")]}, "response", "required", "/*/id"),
    ({"response_body": '{"id": NaN}'}, "response", "not_json", ""),
    (
        {"response_body": '{"id":7,"amount":1,"amount":2,"currency":"EUR","state":"open"}'},
        "response",
        "duplicate_key",
        "",
    ),
    (
        {"response_headers": {"content-type": "text/html"}, "response_body": "<p>"},
        "response",
        "undocumented_media_type",
        "",
    ),
    (
        {"response_headers": {**JSON, "content-length": "0"}, "response_body": ""},
        "response",
        "missing_body",
        "",
    ),
    ({**LIST, "status": 202}, "response", "undocumented_status", ""),
    ({"method": "DELETE"}, "request", "undocumented_method", ""),
    ({"path": "/api/refunds/7"}, "request", "undocumented_operation", ""),
    (
        {**POST, "asked": {"currency": "EUR", "state": "open", "secret": "s"}},
        "request",
        "required",
        "/amount",
    ),
    ({**POST, "asked": {**GOOD, "secret": 5}}, "request", "type", "/secret"),
    ({**LIST, "query": ""}, "request", "missing_parameter", "/query/limit"),
    ({**LIST, "query": "limit=many"}, "request", "type", "/query/limit"),
    ({**LIST, "query": "limit=500"}, "request", "maximum", "/query/limit"),
    ({**LIST, "query": "limit=5&state=lost"}, "request", "enum", "/query/state"),
    (
        {**LIST, "request_headers": {"accept": "*/*"}},
        "request",
        "missing_parameter",
        "/header/x-tenant",
    ),
    ({"path": "/api/payments/seven"}, "request", "type", "/path/id"),
]


@pytest.mark.parametrize(
    ("changes", "side", "rule", "pointer"),
    FAULTS,
    ids=[f"{rule}-{place}" for _, _, rule, place in FAULTS],
)
def test_each_planted_fault_is_found_at_its_place(
    changes: dict[str, Any], side: str, rule: str, pointer: str
) -> None:
    checked = check(exchange(**changes), registry(), "GET /fallback")
    assert checked.outcome == "violated"
    assert [
        (violation.side, violation.rule, violation.pointer) for violation in checked.violations
    ] == [(side, rule, pointer)]


UNCHECKED: list[tuple[dict[str, Any], str]] = [
    ({"response_body": None}, "no_body"),
    ({"response_body": ""}, "no_body"),
    ({"response_truncated": True}, "truncated"),
    ({"response_body": '{"id": 7, "amo'}, "truncated"),
    (
        {"response_body": '{"id": 7]', "response_headers": {**JSON, "content-length": "4000"}},
        "truncated",
    ),
    ({"response_body": "[" * 2000 + "]" * 2000}, "too_deep"),
    ({"response_body": "[" * 200 + "]" * 200}, "too_deep"),
    ({"response_body": '"' + "x" * 1_000_001 + '"'}, "too_large"),
    ({"response_headers": {}, "response_body": "hello"}, "media_type"),
    ({"callee": "stranger"}, "no_contract"),
    ({"status": 0}, "no_response"),
    ({"status": 499}, "no_response"),
    ({"method": "OPTIONS"}, "preflight"),
    ({"path": "/.env", "status": 404}, "not_offered"),
    ({**POST, "asked": None, "request_body": None}, "no_body"),
]


@pytest.mark.parametrize(
    ("changes", "reason"),
    UNCHECKED,
    ids=[f"{reason}-{at}" for at, (_, reason) in enumerate(UNCHECKED)],
)
def test_what_cannot_be_checked_says_why(changes: dict[str, Any], reason: str) -> None:
    changes = {
        name: value for name, value in changes.items() if not (name == "asked" and value is None)
    }
    checked = check(exchange(**changes), registry())
    assert (checked.outcome, checked.reason) == ("not_checked", reason)


def test_a_request_that_the_provider_refused_is_not_held_against_it() -> None:
    changes = {
        **POST,
        "asked": {},
        "status": 422,
        "response_headers": {"content-type": "application/problem+json"},
        "answer": {"title": "no"},
    }
    assert check(exchange(**changes), registry()).outcome == "valid"


def test_a_range_and_a_default_document_a_status() -> None:
    assert check(exchange(status=503, answer={"code": 1}), registry()).outcome == "valid"
    assert check(exchange(status=503, answer={}), registry()).violations[0].pointer == "/code"
    assert check(exchange(status=204, response_body=None), registry()).outcome == "valid"


def test_not_modified_needs_no_documenting() -> None:
    assert (
        check(exchange(**{**LIST, "status": 304, "response_body": None}), registry()).outcome
        == "valid"
    )


def test_integers_beyond_64_bits_are_judged_as_numbers() -> None:
    assert (
        check(
            exchange(
                answer={**GOOD},
                response_body=b'{"id":18446744073709551616,"amount":1,"currency":"EUR","state":"open"}',
            ),
            registry(),
        ).outcome
        == "valid"
    )


def test_a_redacted_payload_is_checked_for_presence_and_types_only() -> None:
    masked = {**GOOD, "amount": "***", "currency": "[REDACTED]", "state": "xxx"}
    kept = check(exchange(answer=masked, redacted=True), registry())
    assert (kept.outcome, kept.reason) == ("valid", "shape_only")
    broken = check(exchange(answer={**without("state"), "currency": 5}, redacted=True), registry())
    assert {(violation.rule, violation.pointer) for violation in broken.violations} == {
        ("required", "/state"),
        ("type", "/currency"),
    }


def test_names_come_from_the_contract_with_the_base_that_was_called() -> None:
    assert check(exchange(), registry()).operation == "GET /api/payments/{id}"
    assert check(exchange(path="/payments/7"), registry()).operation == "GET /payments/{id}"
    assert check(exchange(path="/nowhere"), registry(), "GET /nowhere").operation == "GET /nowhere"


def test_a_fingerprint_outlives_revisions_versions_and_array_positions() -> None:
    first = check(exchange(answer={**GOOD, "lines": [{}]}), registry()).violations[0]
    later = check(
        exchange(answer={**GOOD, "lines": [{"sku": "a"}, {}]}, callee_version="9"),
        registry(revision(number=4)),
    ).violations[0]
    assert first.fingerprint == later.fingerprint
    assert (first.revision, later.revision) == (1, 4)
    other = check(exchange(answer=without("amount")), registry()).violations[0]
    assert other.fingerprint != first.fingerprint


def test_undocumented_statuses_have_a_fingerprint_each() -> None:
    marks = {
        check(exchange(**{**LIST, "status": status}), registry()).violations[0].fingerprint
        for status in (201, 202, 203)
    }
    assert len(marks) == 3


def test_one_type_change_is_one_violation() -> None:
    checked = check(exchange(answer={**GOOD, "state": 3}), registry())
    assert [
        (violation.rule, violation.expected, violation.actual) for violation in checked.violations
    ] == [("type", "string", "integer")]


def test_nothing_of_a_payload_is_told() -> None:
    canary = "canary-7f3a"
    payload = {
        canary: canary, "id": canary, "amount": canary, "currency": canary, "state": canary, "created": canary, "note": canary,
        "lines": [{"qty": canary, canary: canary}], "labels": {canary: 1}, "method": {"kind": canary}, "payer": canary,
    }  # fmt: skip
    spied = exchange(
        **{
            **POST,
            "asked": payload,
            "answer": payload,
            "query": f"limit={canary}",
            "path": "/api/payments",
        }
    )
    checked = check(spied, registry())
    assert len(checked.violations) >= 10
    assert canary not in repr(checked)
    listed = check(
        exchange(
            **{**LIST, "query": f"limit={canary}&state={canary}&{canary}=1", "answer": [payload]}
        ),
        registry(),
    )
    assert listed.violations
    assert canary not in repr(listed)


def test_openapi_knows_all_operations_and_a_bound_schema_only_its_own() -> None:
    bound = '{"x-seamwatch": {"operation": "GET /api/extra/{id}", "side": "response"}, "type": "object", "required": ["a"]}'
    both = registry(revision(), revision(bound, name="extra", format="jsonschema"))
    assert check(exchange(path="/api/extra/1", answer={}), both).violations[0].contract == "extra"
    assert check(exchange(path="/api/extra/1", answer={"a": 1}), both).outcome == "valid"
    alone = registry(revision(bound, name="extra", format="jsonschema"))
    assert check(exchange(path="/api/other"), alone).reason == "no_contract"
    assert check(exchange(path="/api/extra/1", status=500, answer={}), alone).outcome == "valid"


def test_a_contract_is_read_when_its_provider_is_first_asked_for() -> None:
    made = Registry([revision(), revision("openapi: 2.0", name="other", provider="other")])
    assert check(exchange(), made).outcome == "valid"
    assert made.met_broken == {}  # nobody asked for the other
    again = Registry([revision(), revision("openapi: 2.0", name="other", provider="other")], previous=made)  # fmt: skip
    (known,) = made.find("payment", "", "", "", 0)
    (same,) = again.find("payment", "", "", "", 0)
    assert known.promise is same.promise  # what was read is not read again
    assert list(again.broken) == [("other", 1)]


def test_an_unreadable_contract_is_no_green() -> None:
    made = Registry([revision("openapi: 2.0")])
    assert "2.0" in made.broken["payments", 1]
    assert check(exchange(), made).reason == "contract_unreadable"


MARCH, JUNE = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 6, 1, tzinfo=UTC)


def ns(moment: datetime) -> int:
    return int(moment.timestamp()) * 10**9


@pytest.mark.parametrize(
    ("found_at", "version", "environment", "caller", "number"),
    [
        (ns(MARCH), "1.0", "production", "web", 2),
        (ns(MARCH) - 1, "1.0", "production", "web", 1),
        (ns(JUNE), "1.0", "production", "web", 1),
        (ns(MARCH), "3.0", "production", "web", 3),
        (ns(MARCH), "1.0", "staging", "web", 4),
        (ns(MARCH), "1.0", "production", "till", 5),
    ],
)
def test_the_revision_in_force_depends_on_time_version_environment_and_consumer(
    found_at: int, version: str, environment: str, caller: str, number: int
) -> None:
    made = registry(
        revision(number=1),
        revision(number=2, effective_from=MARCH, effective_to=JUNE),
        revision(number=3, provider_version="3.0"),
        revision(number=4, environment="staging"),
        revision(number=5, consumer="till"),
    )
    assert [
        held.number for held in made.find("payment", environment, version, caller, found_at)
    ] == [number]


def test_a_version_that_never_published_keeps_the_promise_made_before() -> None:
    made = registry(revision(number=1, provider_version="1.0"))
    assert [held.number for held in made.find("payment", "production", "2.0", "web", AT_NS)] == [1]


def test_nothing_is_in_force_before_its_time() -> None:
    made = registry(revision(effective_from=datetime(2027, 1, 1, tzinfo=UTC)))
    assert check(exchange(), made).reason == "no_contract"


def test_a_new_snapshot_keeps_what_was_compiled() -> None:
    first = registry()
    second = Registry([revision(), revision(name="more", provider="other")], previous=first)
    assert (
        second.find("payment", "", "", "", AT_NS)[0].promise
        is first.find("payment", "", "", "", AT_NS)[0].promise
    )


TEXTS = st.text(max_size=12)
HEADERS = st.dictionaries(
    st.sampled_from(["content-type", "content-length", "x-tenant"]),
    st.sampled_from(["application/json", "a/b; c", "0", "77"]) | TEXTS,
)
PAYLOADS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*GOOD, "lines", "labels", "method", "payer", "note"]) | TEXTS, inner, max_size=5),
    max_leaves=12,
)  # fmt: skip


@given(
    method=st.sampled_from(["GET", "POST", "HEAD", "OPTIONS"]) | TEXTS,
    path=st.sampled_from(["/api/payments", "/api/payments/7", "/payments/newest"]) | TEXTS,
    query=st.sampled_from(["limit=5", "limit=5&limit=6", "limit[]=&%zz=%ff"]) | TEXTS,
    status=st.integers(0, 999),
    asked=HEADERS,
    answered=HEADERS,
    body=PAYLOADS.map(json.dumps) | st.binary(max_size=40) | st.none(),
    redacted=st.booleans(),
)
def test_nothing_in_an_exchange_raises(
    method: str,
    path: str,
    query: str,
    status: int,
    asked: dict[str, str],
    answered: dict[str, str],
    body: Any,
    redacted: bool,
) -> None:
    call = exchange(
        method=method, path=path, query=query, status=status, request_headers=asked, response_headers=answered, request_body=body,
        response_body=body, redacted=redacted, query_known=True,
    )  # fmt: skip
    checked = check(call, KNOWN)
    assert (checked.outcome == "violated") == bool(checked.violations)
    assert (checked.outcome == "not_checked") <= bool(checked.reason)


KNOWN = registry()


def test_what_breaks_an_observed_contract_is_told_and_is_no_violation() -> None:
    wrong = exchange(answer={**GOOD, "amount": "12.50"})
    observed = revision(role="observed")
    told = check(wrong, registry(observed))
    assert (told.outcome, told.reason) == ("not_checked", "observed")
    assert [broken.pointer for broken in told.violations] == ["/amount"]
    assert check(exchange(), registry(observed)).outcome == "valid"
    # beside one that counts, that one decides
    loose = PAYMENTS.replace("amount: {type: number, minimum: 0}", "amount: {}")
    enforced = revision(loose, name="other")
    told = check(wrong, registry(observed, enforced))
    assert (told.outcome, told.reason) == ("valid", "")
    assert [broken.contract for broken in told.violations] == ["payments"]
    strict = revision(name="other")
    told = check(wrong, registry(revision(loose, role="observed"), strict))
    assert (told.outcome, told.contract) == ("violated", "other")


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"path": "/api/refunds/7"}, ("violated", "", "payments")),
        ({"method": "DELETE"}, ("violated", "", "payments")),
        ({"path": "/api/refunds/7", "status": 404}, ("not_checked", "not_offered", "payments")),
        ({"path": "/orders/7"}, ("violated", "", "web-orders")),
    ],
)
def test_examples_do_not_hide_that_an_operation_is_documented_nowhere(
    changes: dict[str, Any], told: tuple[str, str, str]
) -> None:
    """A consumer's pact comes before a document for all, and knows its own examples alone."""
    shown = revision(
        json.dumps(pact(interaction(), provider="payment")),
        name="web-orders",
        format="pact",
        consumer="web",
    )
    for revisions in ([revision(), shown], [shown, revision()]):
        checked = check(exchange(**changes), registry(*revisions), "GET /x")
        assert (checked.outcome, checked.reason, checked.contract) == told


def test_an_enforced_document_decides_before_one_that_is_observed() -> None:
    observed = revision(name="a", role="observed")
    checked = check(exchange(path="/api/refunds/7"), registry(observed, revision()))
    assert (checked.outcome, checked.contract) == ("violated", "payments")


def test_what_a_proxy_answered_is_told_of_the_operation_that_a_document_names() -> None:
    shown = revision(
        json.dumps(pact(interaction(), provider="payment")),
        name="a-pact",
        format="pact",
        consumer="web",
    )
    lost = exchange(path="/api/payments/7.0", status=503, proxy_answer=True)
    checked = check(lost, registry(shown, revision()), "GET /api/payments/7.0")
    assert (checked.reason, checked.operation) == ("proxy_answer", "GET /api/payments/{id}")
    assert check(lost, registry(shown), "GET /x").operation == "GET /x"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("[REDACTED]", "no_body"), ("***", "no_body"), ("<omitted>", "no_body"), ('{"id": 7...', "truncated"),
        ('{"id": 7...[truncated]', "truncated"), (b'[{"id": 7}, (truncated 12 bytes)', "truncated"),
        ("Please wait...", ""), ("[x]", ""), ("stars ***", ""),
    ],
)  # fmt: skip
def test_what_a_log_puts_in_the_place_of_a_body_breaks_nothing(
    body: str | bytes, reason: str
) -> None:
    checked = check(exchange(response_body=body), registry())
    if reason:
        assert [left.code for left in checked.unchecked] == [reason]
    assert [broken.rule for broken in checked.violations] == ([] if reason else ["not_json"])


@pytest.mark.parametrize(
    ("caller", "told"),
    [
        ("", ("violated", "web-orders")),
        ("unknown", ("violated", "web-orders")),
        ("web", ("violated", "web-orders")),
        ("till", ("not_checked", "")),
    ],
)
def test_examples_for_one_consumer_bind_a_caller_that_nobody_names(
    caller: str, told: tuple[str, str]
) -> None:
    shown = revision(
        json.dumps(pact(interaction(), provider="payment")),
        name="web-orders",
        format="pact",
        consumer="web",
    )
    call = exchange(path="/orders/7", caller=caller)
    checked = check(call, registry(shown))
    assert (checked.outcome, checked.contract) == told
    document = revision(consumer="web")
    assert check(exchange(caller=caller), registry(document)).contract == (
        "payments" if caller == "web" else ""
    ), "a document for one consumer tells of no call whether it is meant"


@pytest.mark.parametrize(
    ("version", "body", "outcome"),
    [
        ("3.0.3", '{"n": 1.0}', "valid"),
        ("3.0.3", '{"n": [1, 2e2]}', "valid"),
        ("3.0.3", '{"n": 1.5}', "violated"),
        ("3.0.3", '{"n": 1.0, "m": 2}', "violated"),
        ("3.1.0", '{"n": 1.0}', "valid"),
    ],
)
def test_a_whole_number_is_an_integer_however_it_is_written(
    version: str, body: str, outcome: str
) -> None:
    number = {
        "anyOf": [
            {"type": "integer", "enum": [1, 2]},
            {"type": "array", "items": {"type": "integer"}},
        ]
    }
    schema = {
        "type": "object",
        "properties": {"n": number, "m": {"type": "integer", "maximum": 1}},
    }
    answer = {"description": "d", "content": {"application/json": {"schema": schema}}}
    document = {
        "openapi": version,
        "info": {"title": "t", "version": "1"},
        "paths": {"/a": {"get": {"responses": {"200": answer}}}},
    }
    call = exchange(path="/a", method="GET", response_body=body)
    checked = check(call, registry(revision(json.dumps(document))))
    assert checked.outcome == outcome
    assert {broken.pointer for broken in checked.violations} <= {"/n", "/m"}
