"""Spring Cloud Contract, WireMock and Mountebank: read into examples, and held against live
exchanges.
"""

import json
from typing import Any

import orjson
import pytest

from monitor.contracts.form import Promise
from monitor.contracts.read import kind_of, read_contract
from monitor.contracts.text import parse
from monitor.errors import ContractError
from monitor.model.exchanges import Checked, Exchange
from tests.contracts.examples import judged, live, rules

CONTRACT = """
description: an order by its number
name: shows_an_order
priority: 3
request:
  method: GET
  urlPath: /orders/7
  queryParameters: {detail: full}
  headers: {X-Tenant: a}
  matchers:
    headers: [{key: X-Tenant, regex: "[a-z]+"}]
response:
  status: 200
  fixedDelayMilliseconds: 250
  headers: {Content-Type: application/json}
  body: {id: 7, state: open, day: "2024-01-31", lines: [{sku: a, count: 2}], note: null}
  matchers:
    body:
      - {path: $.state, type: by_regex, value: "open|paid"}
      - {path: $.day, type: by_date}
      - {path: $.lines, type: by_type, minOccurrence: 1}
      - {path: "$.lines[*].count", type: by_regex, predefined: number}
"""
BODY = {
    "id": 7,
    "state": "paid",
    "day": "2026-11-28",
    "lines": [{"sku": "b", "count": 5}],
    "note": None,
    "more": 1,
}


def read(document: Any, form: str) -> Promise:
    text = document if isinstance(document, str) else json.dumps(document)
    assert kind_of(parse(text, where="x")) == form
    return read_contract(form, text, where="test")


def scc(call: Exchange, document: str = CONTRACT) -> Checked:
    return judged(call, document, form="spring-cloud-contract")


def asked(**changes: Any) -> Exchange:
    fields = {
        "query": "detail=full&page=1",
        "request_headers": {"x-tenant": "zz", "accept": "*/*"},
        "answer": BODY,
    }
    return live(**(fields | changes))


def test_a_spring_cloud_contract_is_an_example_with_matchers() -> None:
    example = read(CONTRACT, "spring-cloud-contract").interactions[0]
    assert (
        example.name,
        example.priority,
        example.delay and example.delay.median,
        example.path,
    ) == ("shows_an_order", 3, 250.0, "/orders/7")
    assert scc(asked()).outcome == "valid"
    wrong = BODY | {"state": "gone", "day": "today", "lines": [], "id": 8}
    assert rules(scc(asked(answer=wrong))) == [
        ("equality", "/id"),
        ("regex", "/state"),
        ("regex", "/day"),
        ("type", "/lines"),
    ]
    for changes in (
        {"query": "detail=no"},
        {"request_headers": {"x-tenant": "A1"}},
        {"path": "/orders/8"},
    ):
        assert scc(asked(**changes)).reason == "no_interaction"


def test_contracts_that_are_ignored_or_in_progress_hold_nobody() -> None:
    left = read(CONTRACT + "ignored: true\n", "spring-cloud-contract").left
    assert [remark.pointer for remark in left] == ["/ignored"]
    checked = scc(asked(answer=BODY | {"id": 8}), CONTRACT + "inProgress: true\n")
    assert (checked.outcome, checked.reason) == ("not_checked", "pending")


def test_several_contracts_in_one_file_and_their_messages() -> None:
    message = """
name: tells_of_orders
label: some_order
input: {triggeredBy: placed()}
outputMessage:
  sentTo: orders
  headers: {contentType: application/json}
  body: {id: 7}
  matchers: {body: [{path: $.id, type: by_type}]}
"""
    held = read(f"{CONTRACT}---\n{message}", "spring-cloud-contract")
    assert (
        [entry.name for entry in held.interactions],
        [(entry.name, entry.topic) for entry in held.messages],
    ) == (
        ["shows_an_order"],
        [("some_order", "orders")],
    )
    listed = read(json.dumps([parse(CONTRACT, where="x")]), "spring-cloud-contract")
    assert len(listed.interactions) == 1


def test_contracts_that_say_no_more_than_a_call_and_a_status_are_told_by_their_list() -> None:
    calls = ("name: n\nrequest: {method: POST, url: /a}\n", "request: {method: GET, url: /b}\n")
    text = "---\n".join(f"{call}response: {{status: 200}}\n" for call in calls)
    document = parse(text, where="x")
    assert kind_of(document) == "spring-cloud-contract"
    assert [it.name for it in read(text, "spring-cloud-contract").interactions] == ["n", "GET /b"]
    # a mapping of WireMock among them makes it none
    document["contracts"].append({"request": {"url": "/c"}, "response": {"jsonBody": {}}})
    assert kind_of(document) != "spring-cloud-contract"


def test_a_url_by_a_pattern_shows_only_the_shape_of_what_has_no_matcher() -> None:
    document = """
request: {method: GET, url: /orders/7, matchers: {url: {regex: "/orders/[0-9]+"}}}
response: {status: 200, headers: {Content-Type: application/json}, body: {id: 7, state: open}, matchers: {body: [{path: $.state, type: by_equality}]}}
"""
    assert (
        scc(live(path="/orders/99", answer={"id": 99, "state": "open"}), document).outcome
        == "valid"
    )
    assert rules(scc(live(path="/orders/99", answer={"id": "99", "state": "paid"}), document)) == [
        ("type", "/id"),
        ("equality", "/state"),
    ]


def stub(
    asks: dict[str, Any], answers: dict[str, Any] | None = None, **more: Any
) -> dict[str, Any]:
    answered = {
        "status": 200,
        "jsonBody": {"id": 7},
        "headers": {"Content-Type": "application/json"},
    }
    return {
        "request": {"method": "GET"} | asks,
        "response": answered | (answers or {}),
        "id": "x",
        "uuid": "x",
    } | more


def wiremock(call: Exchange, *stubs: dict[str, Any]) -> Checked:
    return judged(
        call, stubs[0] if len(stubs) == 1 else {"mappings": list(stubs)}, form="wiremock"
    )


POST = {"method": "POST", "request_headers": {"content-type": "application/json", "cookie": "s=1"}}


@pytest.mark.parametrize(
    ("asks", "fits", "other"),
    [
        ({"url": "/orders/7"}, {}, {"query": "a=1"}),
        ({"url": "/orders/7?a=1&b=2"}, {"query": "a=1&b=2"}, {"query": "b=2&a=1"}),
        ({"urlPath": "/orders/7"}, {"query": "a=1"}, {"path": "/orders/8"}),
        ({"urlPattern": r"/orders/\d+\?a=.*"}, {"query": "a=x"}, {"query": ""}),
        ({"urlPathPattern": r"/orders/\d+"}, {"query": "a=x"}, {"path": "/orders/x"}),
        ({"urlPathTemplate": "/orders/{id}", "pathParameters": {"id": {"matches": "[0-9]+"}}}, {}, {"path": "/orders/x"}),
        ({"urlPath": "/orders/7", "queryParameters": {"a": {"equalTo": "1"}}}, {"query": "a=1&b=2"}, {"query": "a=2"}),
        ({"urlPath": "/orders/7", "queryParameters": {"a": {"absent": True}}}, {"query": "b=1"}, {"query": "a=1"}),
        ({"urlPath": "/orders/7", "headers": {"X-A": {"contains": "bc"}}}, {"request_headers": {"x-a": "abcd"}}, {"request_headers": {"x-a": "a"}}),
        (
            {"urlPath": "/orders/7", "headers": {"X-A": {"equalTo": "ab", "caseInsensitive": True}}},
            {"request_headers": {"x-a": "AB"}},
            {"request_headers": {"x-a": "AC"}},
        ),
        ({"urlPath": "/orders/7", "headers": {"X-A": {"not": {"matches": "a.*"}}}}, {"request_headers": {"x-a": "b"}}, {"request_headers": {"x-a": "ab"}}),
        (
            {"urlPath": "/orders/7", "headers": {"X-A": {"or": [{"equalTo": "1"}, {"equalTo": "2"}]}}},
            {"request_headers": {"x-a": "2"}},
            {"request_headers": {"x-a": "3"}},
        ),
        (
            {"urlPath": "/orders/7", "headers": {"X-A": {"and": [{"contains": "1"}, {"doesNotContain": "2"}]}}},
            {"request_headers": {"x-a": "13"}},
            {"request_headers": {"x-a": "12"}},
        ),
        ({"method": "ANY", "urlPath": "/orders/7"}, {"method": "DELETE"}, {"path": "/x"}),
        ({"method": "POST", "urlPath": "/orders/7", "cookies": {"s": {"equalTo": "1"}}}, POST, POST | {"request_headers": {"cookie": "s=2"}}),
        (
            {"method": "POST", "bodyPatterns": [{"equalToJson": {"a": "${json-unit.any-number}", "b": [1, 2]}}]},
            POST | {"asked": {"a": 5, "b": [1, 2]}},
            POST | {"asked": {"a": 5, "b": [2, 1]}},
        ),
        (
            {"method": "POST", "bodyPatterns": [{"equalToJson": '{"b": [1, 2]}', "ignoreArrayOrder": True, "ignoreExtraElements": True}]},
            POST | {"asked": {"a": 5, "b": [2, 1]}},
            POST | {"asked": {"b": [2]}},
        ),
        (
            {"method": "POST", "bodyPatterns": [{"matchesJsonPath": "$.items[?(@.n > 2)]"}]},
            POST | {"asked": {"items": [{"n": 1}, {"n": 3}]}},
            POST | {"asked": {"items": [{"n": 1}]}},
        ),
        (
            {"method": "POST", "bodyPatterns": [{"matchesJsonPath": {"expression": "$..name", "contains": "x"}}]},
            POST | {"asked": {"a": {"name": "axe"}}},
            POST | {"asked": {"a": {"name": "hoe"}}},
        ),
        (
            {"method": "POST", "bodyPatterns": [{"matchesJsonSchema": {"type": "object", "required": ["a"]}}]},
            POST | {"asked": {"a": 1}},
            POST | {"asked": {"b": 1}},
        ),
        ({"method": "POST", "bodyPatterns": [{"contains": "needle"}]}, POST | {"request_body": "a needle"}, POST | {"request_body": "hay"}),
    ],
)  # fmt: skip
def test_a_wiremock_request_fits_as_its_matchers_say(
    asks: dict[str, Any], fits: dict[str, Any], other: dict[str, Any]
) -> None:
    held = stub(asks)
    checked = wiremock(live(**({"answer": {"id": 7}} | fits)), held)
    assert (checked.outcome, checked.reason) == ("valid", "")
    assert wiremock(live(**({"answer": {"id": "broken"}} | fits)), held).outcome == "violated"
    assert (
        wiremock(live(**({"answer": {"id": "broken"}} | other)), held).reason == "no_interaction"
    )


def asked_json(matcher: dict[str, Any], body: Any) -> bool:
    """Whether a stub's one body pattern takes a body: its answer is judged then."""
    held = stub({"method": "POST", "bodyPatterns": [matcher]})
    checked = wiremock(live(**POST | {"asked": body, "answer": {"id": "broken"}}), held)
    assert checked.outcome == "violated" or checked.reason == "no_interaction"
    return checked.outcome == "violated"


@pytest.mark.parametrize(
    ("matcher", "taken", "refused"),
    [
        # a filter asks an object itself, as Jayway has it, and a number is the text it is written as
        ({"matchesJsonPath": "$[?(@.a == 1)]"}, [{"a": 1}, {"a": "1"}, [{"a": 1}]], [{"a": 2}, {"b": 1}, {"c": {"a": 1}}]),
        ({"matchesJsonPath": "$[?(@.a == '1')]"}, [{"a": "1"}, {"a": 1}], [{"a": True}, {"a": "2"}]),
        ({"matchesJsonPath": "$[?(@.a && @.b)]"}, [{"a": 1, "b": 2}], [{"a": 1}]),
        # as Spring Cloud Contract writes each of its stubs: a point before the bracket
        ({"matchesJsonPath": "$[?(@.['a'] =~ /[0-1][0-9]/)]"}, [{"a": "17"}], [{"a": "27"}, {"a": "171"}, {}]),
        ({"matchesJsonPath": "$[?(@.['a'] =~ /-?(\\d*\\.\\d+|\\d+)/)]"}, [{"a": 99999}, {"a": -1.5}, {"a": "7"}], [{"a": True}, {"a": None}, {}]),
        ({"matchesJsonPath": "$[?(@.a =~ /(true|false)?/)]"}, [{"a": True}, {"a": None}, {}], [{"a": "yes"}, {"a": 1}]),
        ({"matchesJsonPath": "$.['x'][?(@.['a'].['b'] == 99)]"}, [{"x": {"a": {"b": 99}}}], [{"x": {"a": {"b": 9}}}]),
        ({"matchesJsonPath": "$[?(@.[\"a\"] in ['1', '2'])]"}, [{"a": "2"}], [{"a": "3"}]),
        ({"matchesJsonPath": "$[?(!@.b)]"}, [{"a": 1}, {}], [{"b": 1}]),
        ({"matchesJsonPath": "$.a.length()"}, [{"a": [1]}], [{"a": "text"}]),
        # what is not there fits no inner matcher but `absent`, whatever that matcher forbids
        ({"matchesJsonPath": {"expression": "$.a", "doesNotContain": "b"}}, [{"a": "c"}], [{"a": "b"}, {"c": 1}, {"a": None}]),
        ({"matchesJsonPath": {"expression": "$.a", "not": {"equalTo": "1"}}}, [{"a": 2}], [{"a": 1}, {}]),
        ({"matchesJsonPath": {"expression": "$.a", "absent": True}}, [{}, {"a": None}, {"a": []}], [{"a": 0}]),
        ({"matchesJsonPath": {"expression": "$.a", "absent": False}}, [{}], [{"a": 0}]),
        ({"matchesJsonPath": {"expression": "$.a", "equalTo": "1"}}, [{"a": 1}, {"a": [2, 1]}], [{"a": [2]}]),
        ({"matchesJsonPath": {"expression": "$.a[*].x", "equalToJson": "[1, 2]"}}, [{"a": [{"x": 1}, {"x": 2}]}], [{"a": [{"x": 1}]}]),
        ({"equalToJson": {"a": "#{json-unit.any-string}"}}, [{"a": "x"}], [{"a": 1}]),
        ({"equalToJson": {"a": "${json-unit.ignore}"}}, [{"a": 1}, {"a": None}], [{}]),
        # formats are asserted by the drafts that assert them
        ({"matchesJsonSchema": {"properties": {"a": {"format": "date"}}}}, [{"a": "x"}], []),
        ({"matchesJsonSchema": {"properties": {"a": {"format": "date"}}}, "schemaVersion": "V7"}, [{"a": "2024-05-01"}], [{"a": "x"}]),
        ({"matchesJsonSchema": "true"}, [{"a": 1}], []),
        ({"anything": "(always)"}, [{"a": 1}], []),
    ],
)  # fmt: skip
def test_bodies_are_matched_as_wiremock_3_matches_them(
    matcher: dict[str, Any], taken: list[Any], refused: list[Any]
) -> None:
    assert [asked_json(matcher, body) for body in taken] == [True] * len(taken)
    assert [asked_json(matcher, body) for body in refused] == [False] * len(refused)


@pytest.mark.parametrize(
    ("matcher", "taken", "refused"),
    [
        # of several values one must fit the whole matcher, also where it forbids something
        ({"doesNotContain": "b"}, ["k=b&k=c", "k=c", ""], ["k=b"]),
        ({"not": {"contains": "b"}}, ["k=b&k=c", ""], ["k=b&k=bb"]),
        ({"and": [{"contains": "a"}, {"contains": "c"}]}, ["k=ac&k=x"], ["k=a&k=c"]),
        ({"absent": False}, ["", "j=1"], ["k=1"]),
        ({"matches": "a.*"}, ["k=a%0Ab"], ["k=%0Aa"]),
        ({"matches": r"\Qa.b\E+"}, ["k=a.bb"], ["k=axb"]),
    ],
)
def test_queries_are_matched_as_wiremock_3_matches_them(
    matcher: dict[str, Any], taken: list[str], refused: list[str]
) -> None:
    held = stub({"urlPath": "/orders/7", "queryParameters": {"k": matcher}})
    answers = [
        wiremock(live(query=query, answer={"id": "broken"}), held).outcome
        for query in (*taken, *refused)
    ]
    assert answers == ["violated"] * len(taken) + ["not_checked"] * len(refused)


def test_the_stub_of_the_lowest_priority_counts() -> None:
    special = stub(
        {"urlPath": "/orders/7"}, {"status": 404, "jsonBody": {"error": "x"}}, priority=1
    )
    general = stub({"urlPathPattern": "/orders/.*"})
    assert wiremock(live(answer={"id": 7}), special, general).outcome == "violated"
    assert wiremock(live(path="/orders/8", answer={"id": 8}), special, general).outcome == "valid"


def test_templates_stand_for_a_shape() -> None:
    text = '{"id": {{request.path.[1]}}, "name": "{{randomValue}}", "kind": "order"}'
    held = stub({"urlPath": "/orders/7"}, {"body": text, "transformers": ["response-template"]})
    held["response"].pop("jsonBody")
    assert wiremock(live(answer={"id": 9, "name": "x", "kind": "other"}), held).outcome == "valid"
    assert rules(wiremock(live(answer={"id": 9, "name": 5}), held)) == [
        ("type", "/name"),
        ("missing_key", "/kind"),
    ]


def test_a_static_answer_counts_by_value_where_one_request_is_meant_and_by_shape_else() -> None:
    assert rules(wiremock(live(answer={"id": 8}), stub({"urlPath": "/orders/7"}))) == [
        ("equality", "/id")
    ]
    assert (
        wiremock(live(answer={"id": 8}), stub({"urlPathPattern": "/orders/.*"})).outcome == "valid"
    )


def test_delays_are_timing() -> None:
    def delayed(**answers: Any) -> Any:
        delay = read(stub({"urlPath": "/orders/7"}, answers), "wiremock").interactions[0].delay
        return delay and (delay.least, delay.median, delay.most)

    assert delayed(fixedDelayMilliseconds=300) == (300.0, 300.0, None)
    assert delayed(delayDistribution={"type": "uniform", "lower": 10, "upper": 50}) == (
        10.0,
        None,
        50.0,
    )
    assert delayed(delayDistribution={"type": "lognormal", "median": 80, "sigma": 0.4}) == (
        0.0,
        80.0,
        None,
    )
    assert delayed() is None
    both = {"type": "lognormal", "median": 80, "maxValue": 200}
    dribble = {"numberOfChunks": 5, "totalDuration": 50}
    assert delayed(fixedDelayMilliseconds=300, chunkedDribbleDelay=dribble) == (350, 350, None)
    assert delayed(fixedDelayMilliseconds=300, delayDistribution=both) == (300, 380, 500)


def test_what_a_stub_cannot_show_is_told() -> None:
    for answers, pointer in (
        ({"proxyBaseUrl": "http://x"}, "/response/proxyBaseUrl"),
        ({"fault": "EMPTY_RESPONSE"}, "/response/fault"),
    ):
        held = read(stub({"urlPath": "/a"}, answers), "wiremock")
        assert (len(held.interactions), [remark.pointer for remark in held.left]) == (0, [pointer])
    held = read(stub({"bodyPatterns": [{"matchesXPath": "//a"}]}), "wiremock")
    assert "matchesXPath is not judged" in held.left[0].said
    with pytest.raises(ContractError, match="customMatcher"):
        read(stub({"customMatcher": {"name": "x"}}), "wiremock")


def imposter(
    *predicates: dict[str, Any], responses: list[dict[str, Any]] | None = None
) -> dict[str, Any]:
    answer = {
        "is": {
            "statusCode": 200,
            "headers": {"Content-Type": "application/json"},
            "body": {"id": 7},
        }
    }
    return {
        "port": 4545,
        "protocol": "http",
        "name": "orders",
        "stubs": [{"predicates": list(predicates), "responses": responses or [answer]}],
    }


@pytest.mark.parametrize(
    ("predicate", "fits", "other"),
    [
        ({"equals": {"method": "get", "path": "/ORDERS/7"}}, {}, {"path": "/orders/8"}),
        ({"equals": {"path": "/orders/7", "query": {"A": "1"}}}, {"query": "a=1&b=2"}, {"query": "a=2"}),
        ({"equals": {"path": "/ORDERS/7"}, "caseSensitive": True}, {"path": "/ORDERS/7"}, {"path": "/orders/7"}),
        ({"deepEquals": {"query": {"a": "1"}}}, {"query": "a=1"}, {"query": "a=1&b=2"}),
        ({"contains": {"path": "RDERS"}}, {}, {"path": "/x"}),
        ({"startsWith": {"path": "/ord"}}, {}, {"path": "/x"}),
        ({"endsWith": {"path": "/7"}}, {}, {"path": "/orders/8"}),
        ({"matches": {"path": r"^/orders/\d+$"}}, {}, {"path": "/orders/x"}),
        ({"exists": {"query": {"q": True, "r": False}}}, {"query": "q=1"}, {"query": "q=1&r=2"}),
        ({"not": {"equals": {"method": "POST"}}}, {}, {"method": "POST"}),
        ({"or": [{"endsWith": {"path": "/9"}}, {"endsWith": {"path": "/7"}}]}, {}, {"path": "/orders/8"}),
        ({"and": [{"contains": {"path": "ord"}}, {"equals": {"headers": {"Accept": "application/json"}}}]}, {}, {"path": "/x"}),
        ({"equals": {"path": "/orders/7"}, "except": r"\?.*$|[0-9]+$"}, {"path": "/orders/7"}, {"path": "/items/7"}),
        ({"equals": {"body": {"a": {"b": 1}}}}, POST | {"asked": {"a": {"b": 1, "c": 2}}}, POST | {"asked": {"a": {"b": 2}}}),
        ({"deepEquals": {"body": {"a": 1}}}, POST | {"asked": {"a": 1}}, POST | {"asked": {"a": 1, "b": 2}}),
        ({"equals": {"body": "x"}, "jsonpath": {"selector": "$..n"}}, POST | {"asked": {"k": {"n": "X"}}}, POST | {"asked": {"k": {"n": "y"}}}),
        ({"contains": {"body": "needle"}}, POST | {"request_body": "a Needle"}, POST | {"request_body": "hay"}),
        # what is not there is the empty text, but to `exists` and `deepEquals`
        ({"equals": {"headers": {"x-a": ""}}}, {}, {"request_headers": {"x-a": "b"}}),
        ({"matches": {"query": {"page": r"^\d*$"}}}, {}, {"query": "page=x"}),
        ({"not": {"deepEquals": {"query": {"page": ""}}}}, {}, {"query": "page="}),
        # of several values any; of a list all, and one value is no list
        ({"equals": {"query": {"k": "a"}}}, {"query": "k=b&k=a"}, {"query": "k=b"}),
        ({"equals": {"query": {"k": ["b", "a"]}}}, {"query": "k=a&k=b&k=c"}, {"query": "k=a&k=c"}),
        ({"deepEquals": {"query": {"k": ["b", "a"]}}}, {"query": "k=a&k=b"}, {"query": "k=a&k=b&k=c"}),
        ({"deepEquals": {"query": {"k": "a"}}}, {"query": "k=a"}, {"query": "k=a&k=b"}),
        ({"not": {"equals": {"query": {"k": ["aa"]}}}}, {"query": "k=aa"}, {"query": "k=aa&k=b"}),
        # `except` is by case where the pattern is
        ({"matches": {"path": "^/orders/7$"}, "except": "ORDERS"}, {}, {"path": "/8"}),
    ],
)  # fmt: skip
def test_a_mountebank_request_fits_as_its_predicates_say(
    predicate: dict[str, Any], fits: dict[str, Any], other: dict[str, Any]
) -> None:
    held = imposter(predicate)
    assert (
        judged(live(**({"answer": {"id": 7}} | fits)), held, form="mountebank").outcome == "valid"
    )
    assert (
        judged(live(**({"answer": {"id": "broken"}} | fits)), held, form="mountebank").outcome
        == "violated"
    )
    assert (
        judged(live(**({"answer": {"id": "broken"}} | other)), held, form="mountebank").reason
        == "no_interaction"
    )


@pytest.mark.parametrize(
    ("predicate", "taken", "refused"),
    [
        # selectors, keys and values in any case, unless the predicate says otherwise
        ({"equals": {"body": 1}, "jsonpath": {"selector": "$.Items[0].Id"}}, [{"items": [{"id": 1}]}], [{"items": [{"id": 2}]}]),
        ({"equals": {"body": 1}, "jsonpath": {"selector": "$.A"}, "keyCaseSensitive": True}, [{"A": 1}], [{"a": 1}]),
        ({"equals": {"body": {"A": "x"}}}, [{"a": "X"}], [{"a": "y"}]),
        ({"equals": {"body": {"A": "x"}}, "caseSensitive": True}, [{"A": "x"}], [{"a": "x"}, {"A": "X"}]),
        # a list that a selector finds alone is its items; deepEquals wants all of them
        ({"equals": {"body": 1}, "jsonpath": {"selector": "$.a"}}, [{"a": 1}, {"a": [2, 1]}], [{"a": [2]}]),
        ({"deepEquals": {"body": "1"}, "jsonpath": {"selector": "$[*].a"}}, [[{"a": 1}]], [[{"a": 1}, {"a": 2}]]),
        ({"exists": {"body": True}, "jsonpath": {"selector": "$.a"}}, [{"a": []}, {"a": 0}], [{"b": 1}]),
        ({"deepEquals": {"body": {"a": 1}}}, [{"a": 1}, {"A": 1}], [[{"a": 1}], {"a": 1, "b": 2}]),
        ({"contains": {"body": "x"}, "jsonpath": {"selector": "$.a"}}, [{"a": "xy"}], [{"a": {"x": "x"}}]),
        ({"equals": {"body": {"n": 1}}}, [{"n": 1.0}], [{"n": 1.5}]),
        # a list as the whole body: sorted as it is expected, and place by place as it came
        ({"equals": {"body": [2, 1]}}, [[1, 2], [1, 2, 3]], [[2, 1], [3, 1, 2], [1], {"a": 1}]),
        ({"contains": {"body": ["b", "A"]}}, [["xa", "Bx"]], [["Bx", "xa"]]),
        ({"equals": {"body": [{"b": 1}, {"a": 1}]}}, [[{"a": 1}, {"b": 1, "c": 2}]], [[{"b": 1}, {"a": 1}]]),
        ({"equals": {"body": []}}, [[], [1]], [{}]),
    ],
)  # fmt: skip
def test_bodies_are_matched_as_mountebank_matches_them(
    predicate: dict[str, Any], taken: list[Any], refused: list[Any]
) -> None:
    held = imposter(predicate)
    answers = [
        judged(live(**POST | {"asked": body, "answer": {"id": "broken"}}), held, form="mountebank")
        for body in (*taken, *refused)
    ]
    assert [told.outcome for told in answers[: len(taken)]] == ["violated"] * len(taken)
    assert {told.reason for told in answers[len(taken) :]} == {"no_interaction"}


def test_unlike_items_of_an_expected_list_have_no_order_that_is_known() -> None:
    held = imposter({"equals": {"body": ["b", 1, {"a": 1}]}})
    call = live(**POST | {"asked": ["b", 1, {"a": 1}], "answer": {"id": "broken"}})
    assert judged(call, held, form="mountebank").reason == "ambiguous_request"


@pytest.mark.parametrize(
    ("predicate", "body", "told"),
    [
        ({"equals": {"form": {"Tool": "mb"}}}, "tool=MB&more=1", "valid"),
        ({"equals": {"form": {"tool": "mb"}}}, "tool=other", "no_interaction"),
        (
            {"equals": {"form": {"Tool": "mb"}}, "keyCaseSensitive": True},
            "tool=mb",
            "no_interaction",
        ),
        ({"exists": {"form": {"tool": True}}}, "tool=x", "valid"),
        ({"deepEquals": {"form": {"tool": "mb"}}}, "tool=other", "valid"),
    ],
)
def test_fields_of_a_form_tell_whether_an_imposters_request_is_meant(
    predicate: dict[str, Any], body: str, told: str
) -> None:
    headers = {"content-type": "application/x-www-form-urlencoded"}
    call = live(method="POST", request_headers=headers, request_body=body, answer={"id": 7})
    result = judged(call, imposter(predicate), form="mountebank")
    assert told in (result.outcome, result.reason)


def test_an_imposter_answers_in_turn_and_waits() -> None:
    first = {"is": {"statusCode": 200, "body": '{"id": 7}'}, "_behaviors": {"wait": 500}}
    second = {"is": {"statusCode": 404}, "behaviors": [{"wait": 20}, {"wait": 30}]}
    held = imposter({"equals": {"path": "/orders/7"}}, responses=[first, second])
    promise = read({"imposters": [held]}, "mountebank")
    assert [
        (example.name, example.delay and example.delay.median) for example in promise.interactions
    ] == [
        ("orders: /orders/7, answer 1", 500.0),
        ("orders: /orders/7, answer 2", 50.0),
    ]
    assert judged(live(answer={"id": 7}), held, form="mountebank").outcome == "valid"
    assert judged(live(status=404, answer={}), held, form="mountebank").outcome == "valid"
    assert judged(live(status=500, answer={}), held, form="mountebank").outcome == "violated"


@pytest.mark.parametrize(
    ("document", "said"),
    [
        (imposter({"inject": "function () {}"}), "inject"),
        (imposter({"equals": {"body": "x"}, "xpath": {"selector": "//a"}}), "xpath"),
        (imposter(responses=[{"inject": "function () {}"}]), "inject"),
        (
            imposter(responses=[{"is": {}, "_behaviors": {"shellTransform": ["node x"]}}]),
            "shellTransform",
        ),
        (imposter(responses=[{"is": {}, "behaviors": [{"decorate": "x"}]}]), "decorate"),
        (imposter({"equals": {"path": "/a"}, "except": "(a+)+$"}), "except"),
    ],
)
def test_what_runs_code_is_refused_with_its_place(document: dict[str, Any], said: str) -> None:
    with pytest.raises(ContractError, match=said) as refused:
        read(document, "mountebank")
    assert refused.value.pointer


def test_the_first_stub_that_fits_answers() -> None:
    held = imposter({"equals": {"path": "/orders/7"}})
    held["stubs"].append({"predicates": [], "responses": [{"is": {"statusCode": 500}}]})
    assert judged(live(answer={"id": 7}), held, form="mountebank").outcome == "valid"
    assert judged(live(status=500, answer={}), held, form="mountebank").outcome == "violated"
    assert (
        judged(live(path="/x", status=500, answer={}), held, form="mountebank").outcome == "valid"
    )


def test_what_a_behavior_fills_in_is_judged_by_its_kind_and_no_value_is() -> None:
    answer = {
        "is": {
            "statusCode": "${row}['status']",
            "headers": {"X-Id": "$ID"},
            "body": {"id": "$ID[1]", "name": "${row}['name']", "kind": "a"},
        },
        "_behaviors": {
            "copy": [{"from": "path", "into": "$ID", "using": {"method": "regex"}}],
            "lookup": {"into": "${row}"},
        },
    }
    held = imposter({"equals": {"path": "/orders/7"}}, responses=[answer])
    filled = {"id": "7", "name": "Ann", "kind": "a"}
    headers = {"content-type": "application/json", "x-id": "7"}
    for status in (200, 404):
        kept = live(answer=filled, status=status, response_headers=headers)
        assert judged(kept, held, form="mountebank").outcome == "valid"
    for broken in ({"kind": "b"}, {"id": 7}):
        other = live(answer=filled | broken, response_headers=headers)
        told = judged(other, held, form="mountebank")
        assert told.outcome == "violated"
    left = read({"imposters": [held]}, "mountebank").left
    assert [clause.pointer for clause in left] == [
        "/imposters/0/stubs/0/responses/0/is/statusCode"
    ]


def test_an_answer_takes_from_the_imposters_own_what_it_does_not_say() -> None:
    held = imposter({"equals": {"path": "/orders/7"}}, responses=[{"is": {"body": {"id": 7}}}])
    held["defaultResponse"] = {"statusCode": 404, "body": "none", "headers": {"x-a": "1"}}
    kept = live(status=404, answer={"id": 7}, response_headers={"x-a": "1"})
    assert judged(kept, held, form="mountebank").outcome == "valid"
    assert judged(live(answer={"id": 7}), held, form="mountebank").outcome == "violated"


def test_a_text_that_is_called_json_is_judged_as_it_stands() -> None:
    """As WireMock and Mountebank serve it: without quotes."""
    answer = {"status": 200, "body": "none left", "headers": {"Content-Type": "application/json"}}
    held = {"request": {"method": "GET", "url": "/orders/7"}, "response": answer}
    outcomes = [
        judged(live(response_body=body), held, form="wiremock").outcome
        for body in ("none left", '"none left"', '{"none": 1}')
    ]
    assert outcomes == ["valid", "violated", "violated"]


def test_a_content_type_that_a_template_makes_asks_for_none() -> None:
    answer = {
        "status": 200,
        "headers": {"Content-Type": "{{request.headers.Accept}}"},
        "jsonBody": {"id": 7},
    }
    held = {"request": {"method": "GET", "url": "/orders/7"}, "response": answer}
    outcomes = [
        judged(live(answer=body), held, form="wiremock").outcome
        for body in ({"id": 7}, {"id": "7"})
    ]
    assert outcomes == ["valid", "violated"]


def test_a_text_that_is_not_judged_is_told() -> None:
    held = imposter({"matches": {"path": "^/stock"}}, responses=[{"is": {"body": "54"}}])
    left = read({"imposters": [held]}, "mountebank").left
    assert [clause.pointer for clause in left] == ["/imposters/0/stubs/0/responses/0/is/body"]


def test_a_template_of_imposters_is_refused_as_one() -> None:
    with pytest.raises(ContractError, match="mb save"):
        read({"imposters": ["<% include a.ejs %>"]}, "mountebank")


def test_other_protocols_are_told_and_not_judged() -> None:
    held = read({"imposters": [{"port": 1, "protocol": "tcp", "stubs": []}]}, "mountebank")
    assert held.left[0].said == "imposters of 'tcp' are not judged"


def test_binary_and_large_numbers_do_no_harm() -> None:
    held = stub({"method": "POST", "bodyPatterns": [{"equalToJson": {"n": 12345678901234567890}}]})
    assert (
        wiremock(live(**POST, request_body=orjson.dumps({"n": 1}), answer={"id": 7}), held).reason
        == "no_interaction"
    )
    assert (
        wiremock(live(**POST, request_body=b"\xff\xfe", answer={"id": 7}), held).outcome
        == "not_checked"
    )


def test_what_servers_say_anew_with_each_answer_is_no_promise_of_a_recorded_stub() -> None:
    """https://wiremock.org/docs/record-playback/: a recording holds all headers of its answer."""
    recorded = {
        "X-RateLimit-Remaining": "41", "Age": "12", "Via": "1.1 a", "CF-Ray": "8f", "X-Runtime": "0.2",
        "Expires": "Mon, 30 Nov 2026 05:00:00 GMT", "X-Correlation-Id": "a", "traceparent": "00-1-2-01",
    }  # fmt: skip
    stub = {
        "request": {"method": "GET", "url": "/orders/7"},
        "response": {"headers": {**recorded, "X-Api": "2"}, "jsonBody": {"id": 7}},
    }
    kept = {"content-type": "application/json", "x-api": "2", "age": "3"}
    assert wiremock(live(answer={"id": 7}, response_headers=kept), stub).outcome == "valid"
    checked = wiremock(live(answer={"id": 7}, response_headers=kept | {"x-api": "3"}), stub)
    assert [broken.pointer for broken in checked.violations] == ["/headers/x-api"]


def test_an_answer_that_other_code_makes_is_judged_by_its_shape() -> None:
    """https://wiremock.org/docs/extensibility/transforming-responses/"""
    stub = {
        "request": {"method": "GET", "url": "/orders/7"},
        "response": {
            "jsonBody": {"name": "$(name)", "n": 1},
            "transformers": ["body-transformer"],
        },
    }
    assert wiremock(live(answer={"name": "Ann", "n": 2}), stub).outcome == "valid"
    checked = wiremock(live(answer={"name": "Ann", "n": "2"}), stub)
    assert [broken.pointer for broken in checked.violations] == ["/n"]
    (left,) = read(stub, "wiremock").left
    assert left.pointer == "/response/transformers"
    of_ours = stub | {"response": stub["response"] | {"transformers": ["response-template"]}}
    assert wiremock(live(answer={"name": "Ann", "n": 1}), of_ours).outcome == "violated"


def form_of(*parts: tuple[str, str], end: str = "--b--\r\n") -> dict[str, Any]:
    """A call with parts: what stands behind `name=` in their first header, and their content."""
    lines = [
        f"--b\r\nContent-Disposition: form-data; name={name}\r\n\r\n{text}\r\n"
        for name, text in parts
    ]
    headers = {"content-type": "multipart/form-data; boundary=b"}
    return {"method": "POST", "request_headers": headers, "request_body": "".join(lines) + end}


UPLOAD = """
request:
  method: POST
  url: /orders/7
  multipart:
    params: {kind: csv, big: true}
    named: [{paramName: file, fileName: a.csv, fileContent: x}]
  matchers:
    multipart:
      params: [{key: big, predefined: any_boolean}]
      named: [{paramName: file, fileContent: {predefined: non_empty}}]
response: {status: 200, body: {id: 7}}
"""
FILE = 'file; filename="a.csv"'


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (form_of(("kind", "csv"), ("big", "false"), (FILE, "1;2")), "violated"),
        (form_of(("kind", "xml"), ("big", "true"), (FILE, "1;2")), "no_interaction"),
        (form_of(("kind", "csv"), ("big", "no"), (FILE, "1;2")), "no_interaction"),
        (form_of(("kind", "csv"), ("big", "true"), (FILE, "")), "no_interaction"),
        (form_of(("kind", "csv"), ("big", "true"), ("file; filename=b", "1")), "no_interaction"),
        (form_of(("kind", "csv"), ("big", "true")), "no_interaction"),
        (form_of(("kind", "csv"), end=""), "ambiguous_request"),
    ],
)
def test_parts_of_a_spring_request_tell_whether_it_is_meant(
    call: dict[str, Any], told: str
) -> None:
    contract = parse(UPLOAD, where="x")
    result = judged(live(**call, answer={"id": "x"}), contract, form="spring-cloud-contract")
    assert told in (result.outcome, result.reason)


def test_a_request_whose_body_is_elsewhere_is_not_surely_meant() -> None:
    request = {"method": "POST", "url": "/orders/7", "bodyFromFile": "request.json"}
    contract = {"request": request, "response": {"status": 400}, "label": "x"}
    call = live(method="POST", asked={"id": 1}, answer={"id": 7})
    result = judged(call, contract, form="spring-cloud-contract")
    assert (result.outcome, result.reason) == ("not_checked", "ambiguous_request")


def test_what_no_log_tells_of_a_request_leaves_open_whether_an_imposters_is_meant() -> None:
    held = imposter({"equals": {"path": "/orders/7", "requestFrom": "10.0.0.1"}})
    assert judged(live(answer={"id": 7}), held, form="mountebank").outcome == "valid"
    result = judged(live(answer={"id": "x"}), held, form="mountebank")
    assert (result.outcome, result.reason) == ("not_checked", "ambiguous_request")
