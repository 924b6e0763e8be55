"""Every matching rule of Pact on one value, the weights of their paths, and what they do to lists
and maps.
"""

from typing import Any

import pytest

from monitor.contracts.formats.pact import read_pact
from monitor.contracts.matching.dates import pattern_of
from monitor.contracts.matching.mismatches import Mismatches
from monitor.contracts.matching.paths import root
from monitor.contracts.matching.rules import read_rules
from monitor.contracts.matching.values import compile_json
from monitor.contracts.matching.work import Work
from monitor.errors import ContractError
from tests.contracts.examples import interaction, judged, live, matchers, pact, rules


def broken(
    expected: Any, by_path: dict[str, Any], actual: Any, *, strict: bool = False
) -> list[tuple[str, str]]:
    """What a value breaks of an example with rules by path."""
    held = {
        path: rule
        for path, document in by_path.items()
        if (rule := read_rules(document, f"/{path}")) is not None
    }
    seen = Mismatches()
    compile_json(expected, held, strict=strict, clause="/body", work=Work("test"))(actual, seen)
    assert not seen.left
    return [(mismatch.rule, mismatch.pointer) for mismatch in seen.broken]


def holds(rule: dict[str, Any], expected: Any, actual: Any) -> bool:
    return not broken({"it": expected}, {"$.it": matchers(rule)}, {"it": actual})


@pytest.mark.parametrize(
    ("rule", "good", "bad"),
    [
        ({"match": "regex", "regex": r"\d{4}"}, ["2024", 2024], ["20245", "x2024", None, []]),
        ({"match": "type"}, ["any"], [1, None, True, {}, []]),
        ({"match": "integer"}, [1, -7, 12345678901234567890], [1.5, "1", True, None]),
        ({"match": "decimal"}, [1.5, -0.25], [1, "1.5", True]),
        ({"match": "number"}, [1, 1.5], ["1", True, None]),
        ({"match": "null"}, [None], [0, "", False]),
        ({"match": "boolean"}, [True, False, "true", "false"], [1, "yes", None]),
        ({"match": "include", "value": "needle"}, ["a needle here"], ["a haystack", None]),
        (
            {"match": "date", "format": "yyyy-MM-dd"},
            ["2024-02-29"],
            ["2024-13-01", "24-01-01", "2024-01-01T00:00", 5],
        ),
        ({"match": "date"}, ["2024-02-29"], ["29.02.2024"]),
        ({"match": "time", "format": "HH:mm"}, ["23:59"], ["24:00", "7:5"]),
        (
            {"match": "timestamp", "format": "yyyy-MM-dd'T'HH:mm:ss.SSSXXX"},
            ["2024-01-31T09:00:00.123+02:00"],
            ["2024-01-31 09:00:00"],
        ),
        (
            {"match": "datetime", "format": "EEE, d MMM yyyy"},
            ["Fri, 5 Jan 2024"],
            ["Friday 5 January 2024"],
        ),
        ({"match": "notEmpty"}, ["x", [1], {"a": 1}, 0, False], ["", [], {}, None]),
        ({"match": "semver"}, ["1.2.3", "1.0.0-rc.1+build.5"], ["1.2", "01.2.3", 1]),
        ({"match": "equality"}, ["any"], ["other", 1, None]),
        ({"regex": "[a-z]+"}, ["abc"], ["ABC"]),
    ],
)
def test_a_rule_asks_of_a_value_what_the_specification_says(
    rule: dict[str, Any], good: list[Any], bad: list[Any]
) -> None:
    example = "any"
    assert [value for value in good if not holds(rule, example, value)] == []
    assert [value for value in bad if holds(rule, example, value)] == []


def test_without_a_rule_values_are_equal_and_one_is_not_true() -> None:
    assert not broken({"a": 1, "b": None}, {}, {"a": 1.0, "b": None, "more": 2})
    assert broken({"a": 1}, {}, {"a": True}) == [("type", "/a")]
    assert broken({"a": None}, {}, {}) == [("missing_key", "/a")]
    assert broken({"a": 1}, {}, {"a": 1, "b": 2}, strict=True) == [("unexpected_key", "/*")]


@pytest.mark.parametrize(
    ("combine", "value", "fits"),
    [("AND", 5, False), ("OR", 5, True), ("OR", None, True), ("OR", "x", False)],
)
def test_rules_of_one_place_combine(combine: str, value: Any, fits: bool) -> None:
    both = matchers({"match": "integer"}, {"match": "null"}, combine=combine)
    assert (not broken({"it": 1}, {"$.it": both}, {"it": value})) == fits


def test_the_heavier_path_counts_and_a_rule_holds_for_all_below() -> None:
    by_path = {
        "$.a[*].b": matchers({"match": "integer"}),
        "$.a[0].b": matchers({"match": "regex", "regex": "x+"}),
        "$.*": matchers({"match": "type"}),
    }
    assert not broken({"a": [{"b": 1}, {"b": 1}]}, by_path, {"a": [{"b": "xx"}, {"b": 5}]})
    assert broken({"a": [{"b": 1}, {"b": 1}]}, by_path, {"a": [{"b": 5}, {"b": "x"}]}) == [
        ("regex", "/a/*/b"),
        ("integer", "/a/*/b"),
    ]
    below = {"$.a": matchers({"match": "type"})}
    assert not broken({"a": {"b": {"c": 1}}}, below, {"a": {"b": {"c": 9}}})
    assert broken({"a": {"b": {"c": 1}}}, below, {"a": {"b": {"c": "9"}}}) == [("type", "/a/b/c")]


def test_lists_are_bounded_and_each_item_is_like_the_first() -> None:
    by_path = {"$.l": matchers({"match": "type", "min": 2, "max": 3})}
    assert not broken({"l": [{"n": 1}]}, by_path, {"l": [{"n": 5}, {"n": 6, "m": 1}]})
    assert broken({"l": [{"n": 1}]}, by_path, {"l": [{"n": 5}]}) == [("type", "/l")]
    assert broken({"l": [{"n": 1}]}, by_path, {"l": [{"n": 5}] * 4}) == [("type", "/l")]
    assert broken({"l": [{"n": 1}]}, by_path, {"l": [{"n": 5}, {"n": "6"}]}) == [
        ("type", "/l/*/n")
    ]
    assert broken({"l": [1, 2]}, {}, {"l": [1]}) == [("missing_item", "/l/*")]
    assert broken({"l": [1, 2]}, {}, {"l": [1, 2, 3]}) == [("unexpected_item", "/l/*")]
    assert broken({"l": []}, {}, {"l": [1]}) == [("unexpected_item", "/l/*")]
    assert not broken({"l": []}, by_path, {"l": [1, 2, 3, 4]})


def test_maps_whose_keys_are_data() -> None:
    each = {"$.m": matchers({"match": "values"}), "$.m.*": matchers({"match": "type"})}
    assert not broken({"m": {"a": {"n": 1}}}, each, {"m": {"x": {"n": 5}, "y": {"n": 6}}})
    assert broken({"m": {"a": {"n": 1}}}, each, {"m": {"x": {"n": "5"}}}) == [("type", "/m/*/n")]
    assert not broken({"m": {"a": 1}}, each, {"m": {}}, strict=True)
    value = {
        "$.m": matchers({"match": "eachValue", "rules": [{"match": "regex", "regex": "v.*"}]})
    }
    assert not broken({"m": {"a": "v"}}, value, {"m": {"b": "v2", "c": "v3"}})
    assert broken({"m": {"a": "v"}}, value, {"m": {"b": "w"}}) == [("regex", "/m/*")]
    key = {"$.m": matchers({"match": "eachKey", "rules": [{"match": "regex", "regex": "[a-z]+"}]})}
    assert not broken({"m": {"a": 1}}, key, {"m": {"b": 2}})
    assert broken({"m": {"a": 1}}, key, {"m": {"B": 2}}) == [("eachKey", "/m/*")]


def test_a_list_contains_every_variant_in_any_order() -> None:
    by_path = {
        "$.l": matchers(
            {
                "match": "arrayContains",
                "variants": [
                    {
                        "index": 0,
                        "rules": {"$.href": matchers({"match": "regex", "regex": "http.*"})},
                    },
                    {"index": 1, "rules": {"$.n": matchers({"match": "integer"})}},
                ],
            }
        )
    }
    example = {"l": [{"rel": "self", "href": "http://a"}, {"n": 1}]}
    assert not broken(
        example,
        by_path,
        {"l": [{"n": 9}, {"other": 1}, {"rel": "self", "href": "http://b", "more": 1}]},
    )
    assert broken(example, by_path, {"l": [{"n": 9}, {"rel": "next", "href": "http://b"}]}) == [
        ("arrayContains", "/l/*")
    ]


def test_names_with_dots_and_quotes_are_named_in_brackets() -> None:
    by_path = {"$['a.b'][0]['c d']": matchers({"match": "integer"})}
    assert not broken({"a.b": [{"c d": 1}]}, by_path, {"a.b": [{"c d": 5}]})
    assert broken({"a.b": [{"c d": 1}]}, by_path, {"a.b": [{"c d": "5"}]}) == [
        ("integer", "/a.b/*/c d")
    ]


@pytest.mark.parametrize("path", ["$.a[", "$.a..b[x", "$.['"])
def test_a_path_that_cannot_be_read_is_refused(path: str) -> None:
    with pytest.raises(ContractError, match="cannot be read"):
        root({path: 1})


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ("dd/MM/yyyy", "31/12/2024"), ("yyyyMMddHHmmss", "20241231235959"), ("h:mm a", "9:05 PM"), ("yyyy-MM-dd'T'HH:mm:ssZ", "2024-12-31T00:00:00+0100"),
        ("EEEE", "Monday"), ("yyyy-MM-dd['T'HH:mm]", "2024-12-31"), ("yyyy-MM-dd'T'HH:mm:ss.SSSSSSX", "2024-12-31T00:00:00.123456Z"),
    ],
)  # fmt: skip
def test_formats_in_the_letters_of_java(form: str, text: str) -> None:
    by_path = {"$.it": matchers({"match": "timestamp", "format": form})}
    assert pattern_of(form) is not None
    assert not broken({"it": "x"}, by_path, {"it": text})
    assert broken({"it": "x"}, by_path, {"it": text + "x"})


def test_status_codes_by_class_and_a_header_by_a_pattern() -> None:
    answers = {
        "matchingRules": {
            "status": matchers({"match": "statusCode", "status": "success"}),
            "header": {
                "Content-Type": matchers({"match": "regex", "regex": "application/.*json.*"})
            },
            "body": {"$": matchers({"match": "type"})},
        }
    }
    held = pact(interaction(answers=answers), version="4.0")
    assert judged(live(status=204), held).outcome == "valid"
    assert rules(judged(live(status=302), held)) == [("status", "/status")]
    other = live(response_headers={"content-type": "text/html"}, response_body="<p>")
    assert ("regex", "/headers/content-type") in rules(judged(other, held))


def test_bodies_by_content_type() -> None:
    def answered(body: Any, media: str, **more: Any) -> dict[str, Any]:
        return pact(
            interaction(
                answers={"headers": {"Content-Type": media}, "body": body, "matchingRules": {}}
                | more
            )
        )

    xml = answered("<order id='7'><state>open</state></order>", "application/xml")
    headers = {"response_headers": {"content-type": "application/xml"}}
    assert (
        judged(
            live(
                response_body="<order id='7' x='1'><state>open</state><more/></order>", **headers
            ),
            xml,
        ).outcome
        == "valid"
    )
    assert rules(
        judged(live(response_body="<order id='7'><state>paid</state></order>", **headers), xml)
    ) == [("equality", "/order/state/#text")]
    bomb = "<!DOCTYPE a [<!ENTITY x 'xxxx'>]><order id='7'><state>&x;</state></order>"
    assert judged(live(response_body=bomb, **headers), xml).reason == "undecidable"
    text = answered(
        "plain",
        "text/plain",
        matchingRules={"body": {"$": matchers({"match": "regex", "regex": "pl.*"})}},
    )
    headers = {"response_headers": {"content-type": "text/plain"}}
    assert judged(live(response_body="play", **headers), text).outcome == "valid"
    assert rules(judged(live(response_body="no", **headers), text)) == [("regex", "")]
    form = answered("a=1&b=2", "application/x-www-form-urlencoded")
    headers = {"response_headers": {"content-type": "application/x-www-form-urlencoded"}}
    assert judged(live(response_body="b=2&a=1", **headers), form).outcome == "valid"
    assert rules(judged(live(response_body="b=3&a=1", **headers), form)) == [("equality", "/b")]
    assert rules(judged(live(), xml))[0] == ("header", "/headers/content-type")


def test_bodies_of_version_4_are_decoded() -> None:
    held = {"contentType": "text/plain", "encoded": "base64", "content": "aGVsbG8="}
    answers = {"headers": {"Content-Type": "text/plain"}, "body": held, "matchingRules": {}}
    document = pact(interaction(answers=answers), version="4.0")
    headers = {"response_headers": {"content-type": "text/plain"}}
    assert judged(live(response_body="hello", **headers), document).outcome == "valid"
    assert judged(live(response_body="hallo", **headers), document).outcome == "violated"


def test_rules_of_version_2_name_their_place_in_their_path() -> None:
    asks = {
        "path": "/orders/1",
        "matchingRules": {"$.path": {"match": "regex", "regex": r"/orders/\d+"}},
    }
    answers = {
        "matchingRules": {
            "$.body.lines": {"min": 1, "match": "type"},
            "$.body.id": {"match": "type"},
            "$.body.state": {"match": "regex", "regex": "open|paid"},
        }
    }
    held = pact(interaction("x", "", asks=asks, answers=answers), version="2.0.0")
    assert (
        judged(
            live(answer={"id": 1, "state": "paid", "lines": [{"sku": "z", "count": 1}]}), held
        ).outcome
        == "valid"
    )
    assert rules(judged(live(answer={"id": 1, "state": "gone", "lines": []}), held)) == [
        ("regex", "/state"),
        ("type", "/lines"),
    ]


def test_queries_by_name_and_by_rule() -> None:
    asks = {
        "query": {"page": ["1"], "tag": ["a", "b"]},
        "matchingRules": {
            "path": matchers({"match": "regex", "regex": r"/orders/\d+"}),
            "query": {"page": matchers({"match": "integer"})},
        },
    }
    held = pact(interaction(asks=asks))
    assert judged(live(query="tag=a&page=12&tag=b"), held).outcome == "valid"
    for query in (
        "tag=b&tag=a&page=1",
        "tag=a&tag=b&page=x",
        "tag=a&tag=b",
        "tag=a&tag=b&page=1&more=1",
    ):
        assert judged(live(query=query), held).reason == "no_interaction", query


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"matchingRules": {"body": {"$.x": matchers({"magic": 1})}}}, "does not say"),
        ({"matchingRules": {"body": {"$.x": matchers({"match": "regex"})}}}, "does not say"),
        ({"matchingRules": {"body": {"$.x[": matchers({"match": "type"})}}}, "cannot be read"),
        ({"matchingRules": []}, "no object"),
        ({"status": "many"}, "no number"),
    ],
)
def test_a_pact_that_cannot_be_used_is_refused_with_its_place(
    changes: dict[str, Any], said: str
) -> None:
    with pytest.raises(ContractError, match=said) as refused:
        read_pact(pact(interaction(answers=changes)), where="test")
    assert refused.value.pointer is not None
    assert refused.value.pointer.startswith("/interactions/0/response")


def test_a_rule_that_nobody_knows_asks_for_equality_and_is_told() -> None:
    """Public pacts have `{"match": "value"}`, and Pact for the JVM verifies them so."""
    ruled = {"body": {"$.it": matchers({"match": "value"})}}
    held = pact(interaction(answers={"body": {"it": "a"}, "matchingRules": ruled}))
    assert judged(live(answer={"it": "a"}), held).outcome == "valid"
    assert rules(judged(live(answer={"it": "b"}), held)) == [("equality", "/it")]
    (left,) = read_pact(held, where="x").left
    assert left.pointer == "/interactions/0/response/matchingRules/body/$.it"
    assert left.said == "the matching rule 'value' is unknown, and equality is asked for"


def test_of_several_rules_the_broken_one_is_named() -> None:
    both = {"$.it": matchers({"match": "type"}, {"match": "regex", "regex": "[0-9]{1,3}"})}
    assert broken({"it": 318}, both, {"it": 31899}) == [("regex", "/it")]
    assert broken({"it": 318}, both, {"it": "318"}) == [("type", "/it")]
    assert not broken({"it": 318}, both, {"it": 7})


@pytest.mark.parametrize(
    ("seconds", "fits"),
    [("17.021Z", True), ("17.1Z", True), ("17.123456Z", True), ("17.1234567Z", False), ("17Z", False)],
)  # fmt: skip
def test_fractions_of_a_second_may_have_fewer_digits(seconds: str, fits: bool) -> None:
    rule = {"match": "timestamp", "format": "yyyy-MM-dd'T'HH:mm:ss.SSSSSS'Z'"}
    assert holds(rule, "x", f"2023-06-20T11:07:{seconds}") is fits


def test_a_pattern_that_runs_for_long_leaves_its_clause_open() -> None:
    held = pact(
        interaction(
            answers={
                "body": {"it": "a"},
                "matchingRules": {
                    "body": {"$.it": matchers({"match": "regex", "regex": r"(?=(a+)+$)(a|a)*\1b"})}
                },
            }
        )
    )
    assert judged(live(answer={"it": "a" * 5000}), held).outcome in ("not_checked", "violated")


def test_a_pattern_that_cannot_be_compiled_is_told_and_not_judged() -> None:
    held = pact(
        interaction(
            answers={
                "body": {"it": "a"},
                "matchingRules": {
                    "body": {"$.it": matchers({"match": "regex", "regex": "(unclosed"})}
                },
            }
        )
    )
    checked = judged(live(answer={"it": "b"}), held)
    assert (checked.outcome, checked.reason) == ("not_checked", "undecidable")
    assert [remark.pointer for remark in read_pact(held, where="x").left] == [
        "/interactions/0/response/matchingRules/body/$.it"
    ]


def test_messages_of_both_versions_are_read() -> None:
    message = {
        "description": "an event",
        "contents": {"n": 1},
        "metaData": {"contentType": "application/json", "topic": "orders"},
    }
    old = read_pact(
        {
            "consumer": {"name": "a"},
            "provider": {"name": "b"},
            "messages": [message],
            "metadata": {"pactSpecification": {"version": "3.0.0"}},
        },
        where="x",
    )
    assert [(message.name, message.topic, len(message.sides)) for message in old.messages] == [
        ("an event", "orders", 1)
    ]
    body = {"contents": {"contentType": "application/json", "encoded": False, "content": {"n": 1}}}
    entries = [
        {"type": "Asynchronous/Messages", "description": "one"} | body,
        {
            "type": "Synchronous/Messages",
            "description": "both",
            "request": body,
            "response": [body, body],
        },
    ]
    new = read_pact(pact(*entries, version="4.0"), where="x")
    assert [(message.name, len(message.sides)) for message in new.messages] == [
        ("one", 1),
        ("both", 3),
    ]
    assert not new.interactions
