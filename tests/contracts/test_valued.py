"""What marks say of a clause about values is what the values themselves say, wherever it is said."""

from collections import Counter
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.contracts.skeleton import Skeleton
from monitor.contracts.valued import Valued, clause_at, valued

TEXTS = st.sampled_from(
    ["", "open", "paid", "shipped", "2026-11-21", "2026-11-21T10:00:00Z", "a b", "x" * 20, "7", "é" * 40,
     "0b2c7a90-1111-4222-8333-444455556666", "ada@example.org", "https://a.example/x", "10.0.0.1"]
)  # fmt: skip
NUMBERS = st.one_of(
    st.integers(-40, 40),
    st.sampled_from([2**40, -(2**40), 0.5, -0.5, 1.5, 2.25, 31.99, 1e300, 5.0, 1e-300]),
)
VALUES = st.one_of(
    TEXTS, NUMBERS, st.none(), st.booleans(), st.lists(st.integers(0, 9), max_size=20)
)
BOUNDS = st.sampled_from([0, 1, 2, 3, 4, 8, 16, 17, 31, 32, -4, 0.5, 1.5])
CLAUSES = st.one_of(
    st.tuples(st.just("enum"), st.lists(st.one_of(TEXTS, NUMBERS, st.none(), st.booleans()), min_size=1, max_size=6)),
    st.tuples(st.just("const"), st.one_of(TEXTS, NUMBERS, st.none(), st.booleans())),
    st.tuples(st.sampled_from(["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"]), BOUNDS),
    st.tuples(st.sampled_from(["minLength", "maxLength", "minItems", "maxItems"]), st.integers(0, 40)),
    st.tuples(st.just("format"), st.sampled_from(["date-time", "date", "uuid", "email", "uri", "ipv4", "time"])),
    st.tuples(st.sampled_from(["pattern", "multipleOf"]), st.just(None)),
)  # fmt: skip


def marks_of(*payloads: Any) -> dict[str, dict[str, int]]:
    counts: dict[str, Counter[str]] = {}
    for payload in payloads:
        marks = Skeleton(payload).marks
        assert marks is not None
        for place, mark in marks:
            counts.setdefault(place, Counter())[mark] += 1
    return {place: dict(told) for place, told in counts.items()}


@given(VALUES, CLAUSES)
def test_what_is_said_of_a_value_is_so(value: Any, clause: tuple[str, Any]) -> None:
    rule, held = clause
    told = valued(marks_of({"it": value}), "/it", rule, held)
    assert told.shown == 1
    assert told.broken + told.open <= 1
    if rule in ("pattern", "multipleOf"):
        assert told.broken == 0
        return
    schema = {rule: held}
    keeps = jsonschema_rs.validator_for(
        {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema},
        validate_formats=True,
    ).is_valid(value)
    if not told.open:
        assert (told.broken == 0) == keeps, told


@pytest.mark.parametrize(
    ("values", "rule", "clause", "told"),
    [
        (["open"] * 6 + ["gone"] * 4, "enum", ["open", "paid"], Valued(10, 4, 0)),
        ([1, 5, 40], "maximum", 31, Valued(3, 1, 0)),
        ([1, 5, 40], "maximum", 39, Valued(3, 0, 1)),  # 32 to 63 are one mark
        (["abc", "x" * 20], "maxLength", 16, Valued(2, 1, 0)),
        ([{}, [1, 2]], "maxItems", 1, Valued(2, 1, 0)),
        (["2026-11-21", "never"], "format", "date", Valued(2, 0, 1)),
        (["2026-11-21", "10.0.0.1"], "format", "date", Valued(2, 1, 0)),
        ([1, 1.5], "type", None, Valued(2, 1, 0)),
        (["a"], "pattern", "^b$", Valued(1, 1, 0)),  # a list of one word
        (["a"], "pattern", "^b", Valued(1, 0, 1)),
    ],
)
def test_how_many_payloads_break_a_clause_and_of_how_many_it_is_open(
    values: list[Any], rule: str, clause: Any, told: Valued
) -> None:
    assert valued(marks_of(*({"it": value} for value in values)), "/it", rule, clause) == told


def test_items_beyond_the_first_are_told_by_numbers_and_formats_alone() -> None:
    marks = marks_of({"it": [1, 99]}, {"it": [2]})
    assert valued(marks, "/it/*", "maximum", 7) == Valued(2, 1, 0)
    words = marks_of({"it": ["open", "gone"]}, {"it": ["open"]})
    assert valued(words, "/it/*", "enum", ["open"]) == Valued(2, 0, 1)
    # a query's number may be a text to its contract
    assert valued(marks_of({"it": 7}), "/it", "enum", ["7"], of_query=True) == Valued(1, 0, 1)
    assert valued(marks_of({"it": 7}), "/it", "maxLength", 3, of_query=True) == Valued(1, 0, 1)


def test_a_clause_is_found_through_references_and_parts() -> None:
    document = {
        "s": {"allOf": [{"$ref": "#/named"}, {"properties": {"b": {"items": {"maximum": 3}}}}]},
        "named": {"properties": {"a": {"enum": [1]}, "m": {"additionalProperties": {"const": 2}}}},
    }
    assert clause_at(document, "/s", "/a", "enum") == [[1]]
    assert clause_at(document, "/s", "/b/*", "maximum") == [3]
    assert clause_at(document, "/s", "/m/*", "const") == [2]
    assert clause_at(document, "/s", "/x", "enum") == []
    document["named"]["$ref"] = "#/named"  # type: ignore[assignment]  # a circle ends
    assert [1] in clause_at(document, "/s", "/a", "enum")
