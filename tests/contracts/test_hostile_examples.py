"""Pacts and stubs that mean harm are refused, or do none, whoever reads them."""

import json
from typing import Any

import pytest

from monitor.contracts.check import check_payloads
from monitor.contracts.form import by_judge
from monitor.contracts.payloads import Payload
from monitor.contracts.read import examine
from monitor.contracts.registry import InForce
from monitor.errors import ContractError
from tests.contracts.examples import ORDER, interaction, judged, live, matchers, pact
from tests.contracts.test_stubs import POST, imposter, stub, wiremock
from tests.fixtures.effort import Effort


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = {"a": value}
    return value


def lists(depth: int, width: int = 1, value: Any = 0) -> Any:
    """Lists of objects of lists."""
    held: Any = {"l": [value]}
    for _ in range(depth):
        held = {"l": [held] * width}
    return held


def contains(depth: int, width: int) -> dict[str, Any]:
    """`arrayContains` inside `arrayContains`."""
    inner = {"$.l": matchers({"match": "type"})}
    for _ in range(depth):
        inner = {
            "$.l": matchers(
                {"match": "arrayContains", "variants": [{"index": 0, "rules": inner}] * width}
            )
        }
    return inner


HOSTILE = {
    "an example too deep": lambda: pact(
        interaction(answers={"body": nested(150), "matchingRules": {}})
    ),
    "more work than one contract may ask for": lambda: pact(
        interaction(
            answers={
                "body": {"l": [{f"n{number}": 1 for number in range(5_000)}]},
                "matchingRules": {"body": contains(1, 99)},
            }
        )
    ),
    "more rules than one may have": lambda: pact(
        interaction(
            answers={
                "matchingRules": {
                    "body": {
                        f"$.k{number}": matchers({"match": "type"}) for number in range(30_000)
                    }
                }
            }
        )
    ),
    "more variants than one may have": lambda: pact(
        interaction(answers={"matchingRules": {"body": contains(1, 101)}})
    ),
    "more interactions than one may have": lambda: pact(*[interaction()] * 10_001),
    "an entity bomb": lambda: pact(
        interaction(
            answers={
                "headers": {"Content-Type": "application/xml"},
                "body": "<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>",
            }
        )
    ),
    "a remote schema": lambda: stub(
        {"bodyPatterns": [{"matchesJsonSchema": {"$ref": "http://x.example/s.json"}}]}
    ),
    "matchers too deep": lambda: stub({"headers": {"a": nested_not(40)}}),
    "predicates too deep": lambda: imposter(nested_not(40)),
}


def nested_not(depth: int) -> Any:
    value: Any = {"equals": {"path": "/a"}, "equalTo": "x"}
    for _ in range(depth):
        value = {"not": value}
    return value


@pytest.mark.parametrize("name", HOSTILE)
def test_it_is_refused(name: str) -> None:
    with pytest.raises(ContractError):
        examine("", json.dumps(HOSTILE[name]()), where="test")


def test_reading_the_worst_that_is_allowed_takes_seconds_of_cpu_at_most() -> None:
    for document in (
        pact(
            interaction(
                answers={"body": [ORDER] * 2_000, "matchingRules": {"body": contains(1, 2)}}
            )
        ),
        pact(*[interaction()] * 2_000),
    ):
        effort = Effort()
        examine("", json.dumps(document), where="test")
        assert effort.seconds() < 10  # two on an idle machine


def test_a_search_through_lists_of_lists_ends() -> None:
    held = pact(interaction(answers={"body": lists(4), "matchingRules": {"body": contains(4, 6)}}))
    answer = lists(4, 12, "x")
    effort = Effort()
    checked = judged(live(answer=answer), held)
    assert effort.seconds() < 20
    assert checked.outcome in ("not_checked", "violated")


def test_a_comparison_in_any_order_ends() -> None:
    items = [{"a": number} for number in range(2_000)]
    held = stub(
        {
            "method": "POST",
            "bodyPatterns": [{"equalToJson": {"l": items}, "ignoreArrayOrder": True}],
        }
    )
    checked = wiremock(live(**POST, asked={"l": items[::-1]}, answer={"id": "x"}), held)
    assert (checked.outcome, checked.reason) == ("not_checked", "ambiguous_request")


@pytest.mark.parametrize(
    "pattern", ["(a+)+$", "(.*)*x", "^(([a-z])+.)+[A-Z]([a-z])+$", "(?=(a+)+$)b"]
)
def test_no_pattern_runs_for_long(pattern: str) -> None:
    held = pact(
        interaction(
            answers={
                "body": {"it": "a"},
                "matchingRules": {
                    "body": {"$.it": matchers({"match": "regex", "regex": pattern})}
                },
            }
        )
    )
    effort = Effort()
    judged(live(answer={"it": "a" * 100_000 + "!"}), held)
    assert effort.seconds() < 10


@pytest.mark.parametrize("depth", [50, 127, 200])
def test_a_deep_answer_does_no_harm(depth: int) -> None:
    held = pact(
        interaction(
            answers={
                "body": {"a": {}},
                "matchingRules": {"body": {"$": matchers({"match": "type"})}},
            }
        )
    )
    assert judged(live(answer=nested(depth)), held).reason in ("", "too_deep")


@pytest.mark.parametrize(
    "rule", [{"match": "regex", "regex": r"\d+"}, {"match": "include", "value": "11"}]
)
def test_an_integer_of_any_length_is_looked_at_as_text(rule: dict[str, Any]) -> None:
    """It raised, and so would its record each time that it was read."""
    body = {"matchingRules": {"body": {"$.id": matchers(rule)}}, "body": {"id": 11}}
    for digits, outcome in (
        ("1" * 300, "valid"),
        ('"x"', "violated"),
        ("1" * 5_000, "not_checked"),
    ):
        answered = live(response_body=f'{{"id": {digits}}}')
        assert judged(answered, pact(interaction(answers=body))).outcome == outcome


def test_what_nobody_foresaw_is_left_open_and_told() -> None:
    class Raises:
        def judge(self, *_: object) -> None:
            raise TypeError("as a library may")

    held = InForce("x", 3, by_judge(Raises(), (), ()), 0, 2**63 - 1, "orders")
    checked = check_payloads(live(), Payload(None, {}), Payload(None, {}), [held], lambda: "GET /")
    assert (checked.outcome, checked.reason, checked.revision) == ("not_checked", "unforeseen", 3)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("request: {method: GET, url: /a}\nresponse: {status: 200, bodyMatchers: 3, body: {a: 1}}", "no list of matchers"),
        ('{"openapi": "3.1.0", "info": {"title": "x", "version": "1"}, "paths": {}, "components": "\\ud800"}', "half of a pair"),
    ],
)  # fmt: skip
def test_a_form_that_nobody_expects_is_a_refusal_and_no_crash(text: str, said: str) -> None:
    with pytest.raises(ContractError, match=said):
        examine("", text, where="x")


def test_a_name_that_no_store_takes_is_written_so_that_each_does() -> None:
    examined = examine("", json.dumps(pact(interaction("\ud800 x"))), where="x")
    assert [part.name for part in examined.promise.interactions] == ["? x"]
