"""What the native prover takes for kept, the engine takes for kept too, and its text is read alike
by everybody.
"""

import json
import random
from typing import Any, get_args

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.contracts.compiling import Draft
from monitor.contracts.matching import patterns
from monitor.contracts.matching.mismatches import Mismatches
from monitor.contracts.matching.rules import Rule, Rules
from monitor.contracts.matching.values import compile_json
from monitor.contracts.matching.work import Work
from monitor.contracts.patterns import ecma
from monitor.contracts.payloads import Payload
from monitor.contracts.schemas import OPENAPI_FORMATS, Schemas
from monitor.errors import ContractError
from monitor.native import BUILT

pytestmark = pytest.mark.skipif(BUILT is None, reason="no native readers are built here")
TEXTS = [
    *("", "a", "ab", "AB-123", "é", "a\nb", 'say "a"', "2026-02-29", "2024-02-29", "2026-09-21T14:13:20.123Z", "2026-13-01T00:00:00Z"),
    *("2026-09-21T24:00:00+01:00", "a@b.example", "a@b", "a..b@c.de", "10.0.0.256", "10.0.0.1", "http://a.example/b?c=d", "http://[", "x y"),
    *("a.example", "-a.example", "11111111-1111-4222-8333-123456789abc", "11111111-1111-4222-8333-123456789abg", "999999999999999999999"),
]  # fmt: skip
FORMATS = "date date-time email hostname ipv4 uri uuid int32 time".split()
PATTERNS = [
    *("^[A-Z]{2,4}-[0-9]{3,6}$", "a", "^a|b$", r"^\d+$", r"^(?:a|bc)*$", "[^a-z]", r"^\w[\w.-]*$", "a.b", "^$", "x{2}", "(ab)+?", r"^\S+$", "^a^"),
    *(r"[\d-]", r"\.", "^[a-]$", "b??", "(?=a)", "[]", "[^]", "a{,2}", "^(a|)$", "a$|^b"),
]  # fmt: skip
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 12),
    st.sampled_from([1.0, 2.5, -0.5, 2**53 + 1, 2**70, 1e300]),
    st.sampled_from(TEXTS),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["a", "b", "c", 'd"', "é"]), inner, max_size=4)
    ),
    max_leaves=12,
)
SIZES = st.integers(0, 3)
NUMBERS = st.sampled_from([0, 1, 2, 3, 10, 0.5, 2.0, -1, 2**53 + 1, 2**63])
KINDS = st.sampled_from(["null", "boolean", "integer", "number", "string", "array", "object"])


def nodes(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """A schema of some keywords, over other schemas."""
    some = st.lists(inner, min_size=1, max_size=3)
    return st.fixed_dictionaries(
        {},
        optional={
            "type": KINDS | st.lists(KINDS, min_size=1, max_size=3, unique=True),
            "enum": st.lists(SCALARS | st.just([1]) | st.just({"a": 1}), min_size=1, max_size=4),
            "const": SCALARS, "minimum": NUMBERS, "maximum": NUMBERS, "exclusiveMinimum": NUMBERS | st.booleans(),
            "multipleOf": st.sampled_from([1, 2, 0.5]), "minLength": SIZES, "maxLength": SIZES, "pattern": st.sampled_from(PATTERNS),
            "format": st.sampled_from(FORMATS), "items": inner | some, "minItems": SIZES, "maxItems": SIZES, "uniqueItems": st.booleans(),
            "properties": st.dictionaries(st.sampled_from(["a", "b", "é"]), inner, max_size=3),
            "required": st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, max_size=2, unique=True),
            "additionalProperties": inner | st.booleans(), "minProperties": SIZES, "maxProperties": SIZES,
            "allOf": some, "anyOf": some, "oneOf": some, "not": inner, "if": inner, "then": inner, "else": inner,
            "$ref": st.sampled_from(["#", "#/$defs/one", "#/$defs/two", "#/nowhere"]),
            "patternProperties": st.just({"^a": {"type": "integer"}}), "dependentRequired": st.just({"a": ["b"]}),
            "contains": st.just({"type": "string"}), "unevaluatedProperties": st.just(False),
            "prefixItems": some, "additionalItems": inner,
        },
    )  # fmt: skip


SCHEMAS = st.recursive(st.booleans() | nodes(st.just({})), nodes, max_leaves=6).filter(
    lambda held: isinstance(held, dict)
)


def compiled(document: dict[str, Any], draft: Draft) -> Schemas | None:
    """None for what the engine does not take."""
    schemas = Schemas(
        document, draft, where="here", formats=OPENAPI_FORMATS if draft == "4" else {}
    )
    try:
        schemas.lazily("").compiled()
    except ContractError:
        return None
    return schemas


def unsound(schemas: Schemas, text: str) -> str:
    """Why a proof of this text would be wrong; "" when it may be."""
    payload = Payload(text, {})
    if payload.problem:
        return payload.problem
    if payload.repeats_a_key():
        return "a key twice"
    return "" if schemas.lazily("").fits(payload.value) else "broken"


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_whatever_is_proven_is_kept(data: st.DataObject) -> None:
    draft: Draft = data.draw(st.sampled_from(get_args(Draft)))
    document = data.draw(SCHEMAS) | {
        "$defs": {"one": data.draw(SCHEMAS), "two": {"type": "string", "minLength": 2}}
    }
    schemas = compiled(document, draft)
    if schemas is None:
        return
    for value in data.draw(st.lists(VALUES, min_size=1, max_size=5)):
        text = json.dumps(
            value,
            indent=data.draw(st.sampled_from([None, 1])),
            ensure_ascii=data.draw(st.booleans()),
        )
        if schemas.lazily("").proves(text):
            assert unsound(schemas, text) == "", text


ORDER = {
    "type": "object", "required": ["id", "items"], "additionalProperties": False,
    "properties": {
        "id": {"type": "string", "format": "uuid"}, "at": {"type": "string", "format": "date-time"}, "state": {"enum": ["open", None, 1]},
        "mail": {"type": "string", "format": "email", "maxLength": 40}, "by": {"oneOf": [{"type": "string", "pattern": "^[a-z]+$"}, {"$ref": "#/$defs/who"}]},
        "items": {"type": "array", "minItems": 1, "uniqueItems": False, "items": {"$ref": "#/$defs/item"}},
    },
    "$defs": {
        "who": {"type": "object", "required": ["name"], "not": {"required": ["nick"]}, "properties": {"name": {"type": "string"}}},
        "item": {"allOf": [{"required": ["sku"]}, {"properties": {"sku": {"type": "string", "pattern": "^[A-Z]{2}-[0-9]{3,6}$"}, "price": {"anyOf": [{"type": "integer"}, {"type": "number", "minimum": 0.5}]}}}]},
    },
}  # fmt: skip
HELD = {
    "id": "11111111-1111-4222-8333-123456789abc", "at": "2026-09-21T14:13:20.123Z", "state": None, "mail": "a@b.example", "by": {"name": 'é \\ "'},
    "items": [{"sku": "AB-1234", "price": 12.5}, {"sku": "AB-123", "price": 7, "more": {"a": [1, {"b": None}], "c": "d"}}],
}  # fmt: skip


def test_a_plain_body_is_proven_and_a_changed_one_only_where_it_still_is_kept() -> None:
    schemas = Schemas(ORDER, "2020-12", where="here").lazily("")
    assert schemas.proves(json.dumps(HELD))
    assert schemas.proves(orjson.dumps(HELD))
    assert not any(
        map(schemas.proves, ["", "{", "\ufeff{}", b"\xff", "\ud800", "[" * 10**6, '{"id":' * 9999])
    )
    own, chance, whole = (
        Schemas(ORDER, "2020-12", where="here"),
        random.Random(11),
        json.dumps(HELD),
    )
    proof = own.provers.at("") if own.provers else None
    assert proof is not None
    proven = 0
    for _ in range(4_000):
        text = list(whole)
        for _ in range(chance.randrange(1, 3)):
            at = chance.randrange(len(text))
            match chance.randrange(4):
                case 0:
                    text[at] = chance.choice('aZ09-_/@:"{}[],. \\u\né')
                case 1:
                    del text[at : at + chance.randrange(1, 4)]
                case 2:
                    text[at:at] = text[at : at + chance.randrange(1, 30)]
                case _:
                    begin = chance.randrange(len(whole))
                    text[at:at] = whole[begin : begin + chance.randrange(20)]
        mutant = "".join(text)
        if proof(mutant):
            proven += 1
            assert unsound(own, mutant) == "", mutant
    assert proven > 200


def test_a_key_that_stands_twice_anywhere_is_not_proven() -> None:
    free = Schemas({"properties": {"a": {"type": "integer"}}}, "2020-12", where="here").lazily("")
    assert free.proves('{"a":1,"b":{"c":1,"d":[{}]},"e":{"c":1}}')
    many = ",".join(f'"{number}":0' for number in range(40))
    assert free.proves(f"{{{many}}}")
    twice = [
        '{"a":1,"a":1}',
        '{"b":1,"b":2}',
        '{"x":{"c":1,"c":1}}',
        '{"x":[{"c":1,"c":1}]}',
        f'{{{many},"7":1}}',
        '{"a":1,"\\u0061":1}',
    ]
    assert [text for text in twice if free.proves(text)] == []


def test_what_bodies_seldom_prove_is_not_tried_for_ever() -> None:
    schema = Schemas({"type": "array", "contains": {}}, "2020-12", where="here").lazily("")
    assert not any(schema.proves("[1]") for _ in range(1_000))
    assert schema._proof is None
    assert not schema.proves("[1]")


@settings(max_examples=60, deadline=None)
@given(
    st.text("ab1-_.x", max_size=8) | st.sampled_from(TEXTS),
    st.sampled_from([*PATTERNS, "(?i)^A-?[^bX]", "^[+-]?[0-9]+(?:[.][0-9]{1,2})?$"]),
)
def test_a_pattern_of_ours_is_found_where_the_engine_finds_it(text: str, pattern: str) -> None:
    plainly = patterns._plainly(ecma(pattern))
    answer = None if plainly is None else plainly(text)
    engine = patterns._compiled(ecma(pattern))
    assert answer is None or (engine is not None and engine.is_valid(text) is answer)


RULES = [
    {}, {"$": Rules((Rule("type"),), "")}, {"$.a": Rules((Rule("regex", "[a-c]+"),), ""), "$": Rules((Rule("type"),), "")},
    {"$.b": Rules((Rule("type", least=1),), "")}, {"$.b[*]": Rules((Rule("integer"),), ""), "$.b": Rules((Rule("type"),), "")}, {"$.a": Rules((Rule("decimal"),), "")},
]  # fmt: skip


@settings(max_examples=100, deadline=None)
@given(VALUES, VALUES, st.sampled_from(RULES), st.booleans())
def test_a_body_that_proves_an_example_breaks_nothing_of_it(
    example: Any, other: Any, rules: dict[str, Rules], strict: bool
) -> None:
    asked = compile_json(example, rules, strict=strict, clause="", work=Work("here"))
    for value in (example, other):
        if asked.proves is not None and asked.proves(json.dumps(value)):
            mismatches = Mismatches()
            asked._slowly(value, mismatches)
            assert not mismatches
            assert not mismatches.left
