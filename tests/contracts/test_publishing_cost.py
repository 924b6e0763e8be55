"""What publishing tells natively, or without compiling, is what the longer way tells."""

import json
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.contracts.compiling import Draft
from monitor.contracts.formats.keywords import held_schemas, schemas_in, unknown_in_openapi
from monitor.contracts.formats.official import Version
from monitor.contracts.formats.overlooked import odd_in_openapi, overlooked_in_openapi
from monitor.contracts.lines import _in_text, _natively, lines_of
from monitor.contracts.looks import look_at
from monitor.contracts.read import examine
from monitor.contracts.refs import TELLING, objects, telling
from monitor.contracts.schemas import Schemas
from monitor.contracts.usable import unsure_of
from monitor.contracts.work import Cost
from monitor.errors import ContractError
from monitor.model.pointers import escaped
from monitor.native import BUILT
from tests.contracts.test_pieces import BODIES, POINTERS
from tests.contracts.test_pieces import DOCUMENTS as CUTTABLE
from tests.contracts.test_refs import DOCUMENTS

native = pytest.mark.skipif(BUILT is None, reason="the native readers are not built here")
FEW = settings(max_examples=25)


def _escaped(text: str) -> str:
    """With escapes for what lies beyond the basic plane, and for halves of pairs."""
    return re.sub(
        "[\ud800-\udfff\U00010000-\U0010ffff]", lambda sign: json.dumps(sign[0])[1:-1], text
    )


VALUES = st.recursive(
    st.sampled_from(
        [
            *(None, True, 7, -0.5, "", "a/b~c", 'a "quoted" \\ text', "ä\n", "{[,:"),
            *("a \N{THUMBS UP SIGN} b", "\ud83d", "\udc4d\ud83d\ud83d\udc4d"),
        ]
    ),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["a", "b/c~d", "0", "", "ä"]), inner, max_size=4)
    ),
)
TEXTS = st.builds(
    lambda value, indent, before: (
        before + _escaped(json.dumps({"root": value}, indent=indent, ensure_ascii=False))
    ),
    VALUES,
    st.sampled_from([None, 0, 2, "\t"]),
    st.sampled_from(["", "\n\n", "\ufeff \r\n"]),
)
WORDS: list[dict[str, Any]] = [
    {"type": "sting"},
    {"type": ["string", "string"]},
    {"minimum": True, "type": "number"},
    {"exclusiveMinimum": True, "minimum": 1},
    {"exclusiveMinimum": 1},
    {"required": []},
    {"required": ["a", "a"]},
    {"enum": []},
    {"minLength": -1},
    {"maxLength": 2.0},
    {"multipleOf": 0},
    {"multipleOf": 0.01, "uniqueItems": 1},
    {"allOf": []},
    {"not": True},
    {"if": {"const": None}, "then": False},
    {"items": [{"type": "string"}]},
    {"items": {}, "prefixItems": [{}]},
    {"properties": {"id": {"type": "string"}}},
    {"patternProperties": {"^x-": {}, "(": {}}},
    {"dependencies": {"a": ["b"]}},
    {"contentEncoding": "base64", "format": "byte"},
    {"id": "http://a/b", "$ref": "#/components/schemas/a"},
    {"maximum": 10**400},
    {"maximum": float("inf")},
]
PLACED = st.builds(
    lambda held, at: {
        "components": {"schemas": {"a": held[0], "b": {"anyOf": held}, "c": at}},
    },
    st.lists(st.sampled_from(WORDS), min_size=1, max_size=3),
    st.sampled_from([{"$ref": target} for target in ("#/components/schemas/b", "#/none", "#", 1)]),
)


@native
@FEW
@given(TEXTS, st.lists(st.sampled_from(["/root", "/root/a", "/root/0", "/a", "", "x"])))
def test_a_place_in_json_has_the_line_that_the_reference_tells(
    text: str, others: list[str]
) -> None:
    text = text.removeprefix("\ufeff")
    wanted = {
        "",
        *others,
        *_every_place(json.loads(text)),
    }
    assert _natively(text, wanted) == _in_text(text, wanted)


@native
@pytest.mark.parametrize(
    ("written", "alike"),
    [
        (r"\ud83d\udc4d", True),
        (r"\uD83D\uDC4D", True),
        (r"\ud83d", False),
        (r"\udc4d", False),
        (r"\ud83d\ud83d\udc4d", False),
        (r"\ud83d\u0041", False),
        (r"\ud83dudc4d", False),
        (r"\ud83d\u", False),
        (r"\ud83d\udc4", False),
    ],
)
def test_a_pair_of_surrogates_is_read_alike_and_a_half_is_not(written: str, alike: bool) -> None:
    assert BUILT is not None
    text = f'{{"a": "{written}",\n"b": 1}}'
    assert BUILT.read_alike(text, 9) is alike
    try:
        json.loads(text)
    except ValueError:
        assert _natively(text, {"/b"}) is None
    else:
        assert _natively(text, {"/b"}) == {"/b": 2}


def _every_place(value: object, pointer: str = "") -> list[str]:
    below = (
        [(str(name), child) for name, child in value.items()]
        if isinstance(value, dict)
        else [(str(index), child) for index, child in enumerate(value)]
        if isinstance(value, list)
        else []
    )
    places = [pointer]
    for name, child in below:
        places += _every_place(child, f"{pointer}/{escaped(name)}")
    return places


@FEW
@given(DOCUMENTS)
def test_what_is_marked_in_a_document_is_told_in_the_order_of_all_objects(
    document: dict[str, Any],
) -> None:
    marked = telling(document)
    every = [placed for placed in objects(document) if not TELLING.isdisjoint(placed[0])]
    assert [(id(node), place) for node, place in marked] == [
        (id(node), place) for node, place in every
    ]


@FEW
@given(DOCUMENTS, st.sampled_from(["3.0", "3.1"]))
def test_odd_keywords_are_told_alike_of_few_schemas_and_of_all(
    document: dict[str, Any], version: Version
) -> None:
    marked = telling(document)
    schemas = [part for held in held_schemas(document, marked) for part in schemas_in(*held)]
    odd = odd_in_openapi(document, marked, version)
    assert unknown_in_openapi(odd) == unknown_in_openapi(schemas)
    assert overlooked_in_openapi(odd, version) == overlooked_in_openapi(schemas, version)


@FEW
@given(CUTTABLE, st.lists(BODIES, max_size=3), st.integers(1, 40))
def test_the_work_of_many_payloads_is_told_as_that_of_each(
    document: dict[str, Any], bodies: list[Any], most: int
) -> None:
    pairs = [(pointer, body) for pointer in POINTERS for body in bodies]
    cost = Cost(document, 10_000)
    assert cost.within_each(pairs, most) == [cost.within(*pair, most) for pair in pairs]


@FEW
@given(st.sampled_from(["4", "6", "7", "2020-12"]), PLACED | CUTTABLE)
def test_what_is_surely_usable_is_compiled(draft: Draft, document: dict[str, Any]) -> None:
    sure, compiled = (Schemas(document, draft, where="here") for _ in range(2))
    for name in document["components"]["schemas"]:
        pointer = f"/components/schemas/{escaped(name)}"
        sure.lazily(pointer)
        compiled.lazily(pointer)
    try:
        _ = compiled.whole().tight
    except ContractError:
        with pytest.raises(ContractError):
            sure.compiled()
    else:
        sure.compiled()


@native
def test_a_plain_document_is_usable_without_being_compiled_and_a_broken_one_is_not() -> None:
    plain = {"$defs": {"a": {"type": "object", "properties": {"b": {"$ref": "#/$defs/a"}}}}}
    broken = {"$defs": {"a": {"properties": {"b": {"$ref": "#/$defs/c"}}}}}
    words = look_at(plain).words
    assert unsure_of(plain, ["/$defs/a"], "2020-12", words, []) == []
    assert unsure_of(broken, ["/$defs/a"], "2020-12", words, []) == ["/$defs/a"]
    assert unsure_of(plain, ["/$defs/b", "/$defs/a"], "2020-12", words, []) == ["/$defs/b"]


@native
def test_of_a_document_with_an_odd_schema_only_that_is_compiled() -> None:
    fine = {f"f{number}": {"type": "object", "maxProperties": number} for number in range(20)}
    odd = {"type": "string", "dependencies": {"a": ["b"]}}
    for rest, usable in (({"odd": odd}, True), ({"odd": odd | {"type": "sting"}}, False)):
        schemas = Schemas({"$defs": fine | rest}, "2020-12", where="here")
        for name in fine | rest:
            schemas.lazily(f"/$defs/{name}")
        if usable:
            schemas.compiled()
            assert schemas._whole is None
        else:
            with pytest.raises(ContractError, match="/\\$defs/odd"):
                schemas.compiled()


def test_an_example_beside_a_schema_that_nobody_can_use_is_looked_at() -> None:
    document = {
        "openapi": "3.1.0",
        "info": {"title": "t", "version": "1"},
        "paths": {},
        "components": {
            "schemas": {
                "Broken": {"$ref": "#/components/schemas/Nowhere", "example": 1},
                "Fine": {"type": "string", "example": 2},
            }
        },
    }
    document["paths"] = {
        "/a": {
            "get": {
                "responses": {
                    "200": {
                        "description": "a",
                        "content": {
                            "application/json": {"schema": {"$ref": "#/components/schemas/Fine"}}
                        },
                    }
                }
            }
        }
    }
    examined = examine("openapi", json.dumps(document), where="here")
    assert [remark.pointer for remark in examined.remarks if remark.kind == "example"] == [
        "/components/schemas/Fine/example"
    ]


def test_lines_of_a_document_in_one_line_are_not_looked_for() -> None:
    text = '\n\n{"a":{"b":[1,2]},"c":"\\ud83d\\udc4d"}\n'
    assert lines_of(text, {"", "/a/b/1", "/c", "/none"}) == dict.fromkeys(
        ("", "/a/b/1", "/c", "/none"), 3
    )
    assert lines_of(text.replace(',"c"', ',\n"c"'), {"/a/b/1", "/c"}) == {"/a/b/1": 3, "/c": 4}
