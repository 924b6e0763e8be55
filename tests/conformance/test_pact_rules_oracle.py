"""Each matching rule on values, lists and maps drawn at random: our matcher and Pact's own library
judge alike.
"""

import json
from random import Random
from typing import Any

import pytest

from monitor.contracts.matching.mismatches import Mismatches
from monitor.contracts.matching.rules import read_rules
from monitor.contracts.matching.values import compile_json
from monitor.contracts.matching.work import Work

pact_ffi = pytest.importorskip("pact_ffi", reason="pact-python-ffi has no wheel for this machine")

Case = tuple[Any, dict[str, Any], Any]
TYPE = {"match": "type"}
SCALARS: tuple[Any, ...] = (
    1,
    2.5,
    "abc",
    "12",
    "2024-01-31",
    True,
    None,
    0,
    -3,
    "",
    1.0,
    "true",
    "1.2.3",
)
VALUES: tuple[Any, ...] = (*SCALARS, [], {}, [1], {"a": 1})
RULES: tuple[dict[str, Any], ...] = (
    TYPE, {"match": "integer"}, {"match": "decimal"}, {"match": "number"}, {"match": "equality"}, {"match": "regex", "regex": "[a-z]+"},
    {"match": "regex", "regex": r"\d+"}, {"match": "include", "value": "b"}, {"match": "null"}, {"match": "boolean"}, {"match": "notEmpty"},
    {"match": "date", "format": "yyyy-MM-dd"}, {"match": "time", "format": "HH:mm"}, {"match": "timestamp", "format": "yyyy-MM-dd"},
    {"match": "semver"}, {"match": "type", "min": 1}, {"match": "type", "max": 1},
)  # fmt: skip
OF_LISTS = (
    TYPE, {"match": "type", "min": 2}, {"match": "type", "max": 2}, {"match": "equality"}, {"match": "notEmpty"}, {"match": "eachValue", "rules": [TYPE]},
    {"match": "arrayContains", "variants": [{"index": 0, "rules": {"$": {"combine": "AND", "matchers": [TYPE]}}}]},
)  # fmt: skip
OF_MAPS = (
    TYPE, {"match": "type", "min": 2}, {"match": "values"}, {"match": "equality"}, {"match": "notEmpty"}, {"match": "eachValue", "rules": [TYPE]},
    {"match": "eachValue", "rules": [{"match": "integer"}]}, {"match": "eachKey", "rules": [{"match": "regex", "regex": "[a-z]"}]},
)  # fmt: skip


def rules_of(*rules: dict[str, Any], combine: str = "AND") -> dict[str, Any]:
    return {"combine": combine, "matchers": list(rules)}


def scalar(chance: Random) -> Case:
    rules = [chance.choice(RULES) for _ in range(chance.choice((1, 1, 2)))]
    return (
        {"it": chance.choice(SCALARS)},
        {"$.it": rules_of(*rules, combine=chance.choice(("AND", "OR")))},
        {"it": chance.choice(VALUES)},
    )


def listed(chance: Random) -> Case:
    expected = [chance.choice((1, "a", {"n": 1})) for _ in range(chance.randint(0, 3))]
    actual = [
        chance.choice((1, 5, "a", "b", {"n": 2}, {"n": "x"})) for _ in range(chance.randint(0, 4))
    ]
    below = {"$.l[*]": rules_of(chance.choice(RULES[:6]))} if chance.random() < 0.4 else {}
    return {"l": expected}, {"$.l": rules_of(chance.choice(OF_LISTS)), **below}, {"l": actual}


def mapped(chance: Random) -> Case:
    expected = {chance.choice("abc"): chance.choice((1, "x")) for _ in range(chance.randint(0, 2))}
    actual = {
        chance.choice("abcD"): chance.choice((1, 2, "x", "y")) for _ in range(chance.randint(0, 3))
    }
    below = {"$.m.*": rules_of(chance.choice(RULES[:6]))} if chance.random() < 0.4 else {}
    return {"m": expected}, {"$.m": rules_of(chance.choice(OF_MAPS)), **below}, {"m": actual}


def nested(chance: Random) -> Case:
    """Rules of several weights over one tree."""

    def tree() -> Any:
        return {
            "a": [
                {"b": chance.choice(SCALARS[:4]), "c": {"d": chance.choice(SCALARS[:4])}}
                for _ in range(chance.randint(1, 2))
            ],
            "e": chance.choice(SCALARS[:4]),
        }

    paths = (
        "$",
        "$.a",
        "$.a[*]",
        "$.a[*].b",
        "$.a[0].b",
        "$.a[*].c",
        "$.a[*].c.d",
        "$.*",
        "$.a[*].*",
        "$.e",
        "$.a[1].c.*",
    )
    chosen = chance.sample(paths, chance.randint(1, 4))
    return (
        tree(),
        {
            path: rules_of(
                chance.choice((TYPE, {"match": "equality"}, {"match": "type", "min": 1}))
            )
            for path in chosen
        },
        tree(),
    )


def theirs(expected: Any, rules: dict[str, Any], actual: Any) -> bool | None:
    part = pact_ffi.InteractionPart.RESPONSE
    pact = pact_ffi.new_pact("a", "b")
    pact_ffi.with_specification(pact, pact_ffi.PactSpecification.V4)
    held = pact_ffi.new_sync_message_interaction(pact, "it")
    pact_ffi.with_body(held, part, "application/json", json.dumps(expected))
    pact_ffi.with_matching_rules(held, part, json.dumps({"body": rules}))
    try:
        return not pact_ffi.sync_message_match_response_contents(
            held, 0, "application/json", json.dumps(actual)
        )
    except RuntimeError:
        return None


def ours(expected: Any, rules: dict[str, Any], actual: Any) -> bool | None:
    held = {
        path: rule
        for path, matchers in rules.items()
        if (rule := read_rules(matchers, f"/{path}")) is not None
    }
    mismatches = Mismatches()
    compile_json(expected, held, strict=False, clause="/body", work=Work("test"))(
        actual, mismatches
    )
    return None if mismatches.left else not mismatches


@pytest.mark.parametrize("draw", [scalar, listed, mapped, nested])
@pytest.mark.parametrize("cases", [200, pytest.param(1_000, marks=pytest.mark.long)])
def test_every_rule_is_judged_as_by_pacts_own_library(draw: Any, cases: int) -> None:
    chance, asked, differing = Random(draw.__name__), 0, []
    for _ in range(cases):
        case = draw(chance)
        told = theirs(*case)
        if told is not None:
            asked += 1
            differing += [f"{case}: theirs {told}"] if told != ours(*case) else []
    assert asked > 0.9 * cases
    assert not differing, f"{len(differing)} of {asked}:\n" + "\n".join(differing[:20])
