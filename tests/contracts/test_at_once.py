"""The short way to a verdict says what the long way says, whatever an exchange holds."""

import json
from typing import Any

import orjson
from hypothesis import given
from hypothesis import strategies as st

from monitor.contracts.check import _one, check
from monitor.contracts.limits import PAYLOAD_LIMITS
from monitor.contracts.payloads import Payload
from monitor.contracts.schemas import whole_numbers
from monitor.model.exchanges import Checked, Exchange
from tests.contracts.promises import AT_NS, GOOD, JSON, PAYMENTS, exchange, registry, revision

PLAIN = """
openapi: 3.1.0
info: {title: Payments, version: "1"}
security: [{key: []}]
paths:
  /payments/{id}/{part}:
    get:
      parameters: [{name: id, in: path, required: true, schema: {type: integer, maximum: 99}}, {name: part, in: path, required: true, schema: {type: string, minLength: 2}}]
      responses: {"200": {description: one, content: {application/json: {schema: {type: object, required: [id], properties: {id: {type: integer}, name: {type: string, maxLength: 4}}}}}}}
  /payments/{id}:
    get:
      parameters: [{name: id, in: path, required: true, schema: {type: [integer, boolean]}}, {name: limit, in: query, schema: {type: integer}}, {name: x-tenant, in: header, schema: {type: string, maxLength: 3}}]
      responses:
        "200": {description: one, headers: {x-left: {schema: {type: integer}}}, content: {"application/*": {schema: {type: object, required: [id]}}}}
        "404": {description: none}
    put:
      deprecated: true
      requestBody: {required: true, content: {application/json: {schema: {type: object, required: [id]}}}}
      responses: {"200": {description: made}, default: {description: other, content: {application/json: {schema: {type: object}}}}}
components: {securitySchemes: {key: {type: apiKey, in: header, name: x-key}}}
"""
KNOWN = [
    registry(),
    registry(revision(PLAIN)),
    registry(
        revision(
            PLAIN.replace(
                "security: [{key: []}]", 'servers: [{url: "/api"}, {url: "/{tenant}/v1"}]'
            )
        )
    ),
]
VALUES = st.sampled_from(
    [
        GOOD,
        {**GOOD, "amount": "***"},
        {**GOOD, "note": None, "payer": None},
        {**GOOD, "surplus": 1},
        {"id": 7},
        {"id": 1.0, "name": "abcde"},
        {"code": 1},
        [GOOD],
        [],
        7,
        {"id": 10**22},
        {"id": 0.1234567890123456789},
    ]
)
TEXTS = [
    "",
    "{",
    '{"id":1,"id":2}',
    '{"id":7,"amount":1,"amount":2,"currency":"EUR","state":"open"}',
    '\ufeff{"id":7}',
    '{"id":18446744073709551616}',
    '{"i\\u003ad":1,"id":2}',
    "[" * 200 + "]" * 200,
    "NaN",
    "<p>",
]
BODIES = st.one_of(
    st.none(),
    VALUES.map(json.dumps),
    VALUES.map(lambda held: json.dumps(held, indent=1)),
    VALUES.map(lambda held: json.dumps(held, separators=(",", ":"))),
    VALUES.map(lambda held: json.dumps(held).encode()),
    st.sampled_from(TEXTS),
)
HEADERS = st.fixed_dictionaries(
    {},
    optional={
        "content-type": st.sampled_from([JSON["content-type"], "application/json", "text/html", "application/xml", "APPLICATION/JSON"]),
        "content-length": st.sampled_from(["0", "4000"]), "content-encoding": st.just("gzip"), "sunset": st.just("Sat, 31 Dec 2022 23:59:59 GMT"),
        "x-left": st.sampled_from(["5", "many"]), "x-tenant": st.sampled_from(["ab", "abcd", "[redacted]"]), "x-key": st.just("[redacted]"),
        "x-forwarded-proto": st.sampled_from(["http", "https"]),
    },
)  # fmt: skip
CHANGES = st.fixed_dictionaries(
    {"response_body": BODIES, "response_headers": HEADERS},
    optional={
        "request_body": BODIES, "request_headers": HEADERS, "method": st.sampled_from(["GET", "PUT", "POST", "HEAD", "OPTIONS", "get"]),
        "path": st.sampled_from(["/api/payments/7", "/payments/7", "/payments/true", "/payments/7/ab", "/payments/100/a-b", "/payments/x/ab", "/api/payments", "/eu/v1/payments/7", "/payments/{id}", "/payments/", "/payments/%37", "/nowhere"]),
        "query": st.sampled_from(["", "limit=5", "limit=x", "other=1", "state=open"]), "query_known": st.booleans(), "status": st.sampled_from([0, 200, 201, 204, 304, 404, 499, 503]),
        "redacted": st.booleans(), "proxy_answer": st.booleans(), "headers_whole": st.booleans(), "response_truncated": st.booleans(), "route": st.just("/payments/{id}"),
    },
)  # fmt: skip


def long_way(asked: Exchange, which: int) -> Checked | None:
    (contract,) = KNOWN[which].find(
        "payment", asked.environment, asked.callee_version, asked.caller, AT_NS
    )
    request = Payload(asked.request_body, asked.request_headers, truncated=asked.request_truncated)
    response = Payload(
        asked.response_body, asked.response_headers, truncated=asked.response_truncated
    )
    return _one(asked, request, response, contract, lambda: "GET /fallback", PAYLOAD_LIMITS)


@given(CHANGES, st.sampled_from(range(len(KNOWN))))
def test_both_ways_say_the_same(changes: dict[str, Any], which: int) -> None:
    asked = exchange(**changes)
    assert check(asked, KNOWN[which], "GET /fallback") == long_way(asked, which)


def test_what_most_exchanges_are_takes_the_short_way() -> None:
    assert PAYMENTS
    for which, changes in (
        (0, {}),
        (
            1,
            {
                "path": "/payments/7/ab",
                "request_headers": {"x-key": "[redacted]"},
                "answer": {"id": 1},
            },
        ),
    ):
        asked = exchange(**changes)
        check(asked, KNOWN[which])
        (contract,) = KNOWN[which].find(
            "payment", asked.environment, asked.callee_version, asked.caller, AT_NS
        )
        assert any(plan is not None for plan in contract.plans.values())


@given(VALUES, st.sampled_from([(",", ":"), (", ", ": ")]), st.booleans())
def test_a_body_says_the_same_however_it_is_written(
    value: Any, separators: tuple[str, str], escaped: bool
) -> None:
    text = json.dumps({"held": value, "é": "é"}, separators=separators, ensure_ascii=escaped)
    held = Payload(text, {})
    assert (held.problem, held.value, held.repeats_a_key()) == ("", json.loads(text), False)
    twice = Payload(text[:-1] + ',"held":1}', {})
    assert (twice.problem, twice.repeats_a_key()) == ("", True)
    assert Payload(orjson.dumps(GOOD), {}).repeats_a_key() is False


class Counted:
    """Clauses that count how often a body is held against them."""

    def __init__(self) -> None:
        self.asked = 0

    def fits(self, instance: Any) -> bool:
        self.asked += 1
        return "id" in instance


def test_a_body_that_is_asked_about_twice_is_held_against_its_clauses_once() -> None:
    payload, clauses, others = Payload('{"id": 7}', JSON), Counted(), Counted()
    assert payload.problem == ""
    assert [payload.keeps(clauses), payload.keeps(clauses), payload.keeps(others)] == [True] * 3
    assert (clauses.asked, others.asked) == (1, 1)


FLOATS = st.floats(allow_nan=False) | st.sampled_from([1.0, -0.0, 2.0**53, 2.0**54, 1e300])
NESTED = st.recursive(
    FLOATS | st.integers() | st.booleans() | st.none() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=2), inner),
    max_leaves=12,
)


def written_in_whole_numbers(held: Any) -> Any:
    """What `whole_numbers` is to give, said shortly."""
    if isinstance(held, dict):
        return {name: written_in_whole_numbers(part) for name, part in held.items()}
    if isinstance(held, list):
        return [written_in_whole_numbers(part) for part in held]
    whole = isinstance(held, float) and held.is_integer() and abs(held) <= 2.0**53
    return int(held) if whole else held


@given(NESTED)
def test_whole_numbers_are_told_as_such_and_nothing_else_changes(held: Any) -> None:
    before, wanted = repr(held), written_in_whole_numbers(held)
    made = whole_numbers(held)
    assert (repr(made), repr(held)) == (repr(wanted), before)
    assert (made is held) == (repr(wanted) == before)
