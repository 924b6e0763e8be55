"""A schema that is met alone judges as it does among all others of its document, and a text that
is read quickly is what the exact reader reads.
"""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.contracts.compiling import Draft
from monitor.contracts.limits import CONTRACT_LIMITS
from monitor.contracts.pieces import cut
from monitor.contracts.schemas import Schemas
from monitor.contracts.text import _exactly, _json
from monitor.errors import ContractError

NAMES = ["a", "b~c", "d/e", "f%41", "ä"]
REFS = [
    "#/components/schemas/a",
    "#/components/schemas/b~0c",
    "#/components/schemas/d~1e/properties/a",
    "#/components/schemas/f%2541",
    "#/components/schemas/%C3%A4/allOf/0",
    "#/components/lists/0/1",
    "#/nowhere",
]
SCHEMAS = st.recursive(
    st.sampled_from(
        [
            *({"type": kind} for kind in ("string", "integer", "object", "array", "null")),
            *(True, False, {"pattern": "^a"}, {"pattern": "(?<x>a)\\k<y>("}, {"minimum": 3}),
            {"const": {"$ref": "#/nowhere"}},
        ]
    )
    | st.sampled_from(REFS).map(lambda target: {"$ref": target}),
    lambda inner: (
        st.dictionaries(st.sampled_from(NAMES), inner, max_size=3).map(
            lambda held: {"properties": held}
        )
        | st.lists(inner, min_size=1, max_size=2).map(lambda parts: {"allOf": parts})
        | st.lists(inner, min_size=1, max_size=2).map(lambda parts: {"anyOf": parts})
        | inner.map(lambda part: {"items": part, "additionalProperties": part, "id": "http://a/b"})
    ),
    max_leaves=6,
)
DOCUMENTS = st.builds(
    lambda schemas, listed: {"components": {"schemas": schemas, "lists": [[{}, listed]]}},
    st.fixed_dictionaries(dict.fromkeys(NAMES, SCHEMAS)),
    SCHEMAS,
)
BODIES = st.recursive(
    st.sampled_from([None, 1, 5, "a", "b", True]),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=3)
    ),
    max_leaves=5,
)
POINTERS = [f"/components/schemas/{name}" for name in ("a", "b~0c", "d~1e", "f%41", "ä")]


def outcome(schemas: Schemas, pointer: str, body: Any) -> object:
    """All that is told of a body."""
    schema = schemas.lazily(pointer)
    try:
        return schema.fits(body), schema.broken(body, 9), schema.broken_in_shape(body, 9)
    except ContractError:
        return "unusable"


@given(DOCUMENTS, BODIES, st.sampled_from(["4", "7", "2020-12"]))
def test_a_schema_met_alone_judges_as_among_all(
    document: dict[str, Any], body: Any, draft: Draft
) -> None:
    """Where one of the document cannot be used at all, those that do not reach it still judge."""
    alone, among = (Schemas(document, draft, where="here") for _ in range(2))
    for pointer in POINTERS:
        alone.lazily(pointer)
        among.lazily(pointer)
    try:
        among.whole().tight  # noqa: B018 - compiles
    except ContractError:
        return
    for pointer in POINTERS:
        assert outcome(alone, pointer, body) == outcome(among, pointer, body)


def test_only_what_a_schema_reaches_is_cut_out_of_its_document() -> None:
    schemas: dict[str, Any] = {
        "order": {"properties": {"item": {"$ref": "#/components/schemas/item"}}},
        "item": {"$ref": "#/paths/~1a/get/0"},
        "other": {"type": "string"},
    }
    listed = [{"type": "integer"}, {"$ref": "#/nowhere"}]
    document = {"components": {"schemas": schemas}, "paths": {"/a": {"get": listed, "put": {}}}}
    piece = cut(document, ["/components/schemas/order"], 99)
    del schemas["other"], document["paths"]["/a"]["put"]
    assert piece == (document, 6)
    assert cut(document, ["/components/schemas/order"], 5) is None
    assert cut({"a": {"$ref": "http://elsewhere"}}, ["/a"], 9) is None
    assert cut({"a": {"$ref": "#"}}, ["/a"], 9) is None


def test_where_many_are_met_all_are_compiled_into_one() -> None:
    names = [f"s{at}" for at in range(30)]
    document = {"s": {name: {"properties": {"a": {"$ref": "#/t"}}} for name in names}, "t": {}}
    schemas = Schemas(document, "2020-12", where="here")
    held = [schemas.lazily(f"/s/{name}") for name in names]
    assert all(schema.fits({}) for schema in held[:1])
    assert held[0].held != held[1].held
    assert all(schema.fits({}) for schema in held)
    assert len({id(schema.held[0]) for schema in held if schema.held}) == 1


TEXTS = st.recursive(
    st.sampled_from(
        [
            *("1", "-0", "1.5", "1e400", "1E2", "18446744073709551616", "9" * 50, "NaN", "01"),
            *('"a"', '"\\u0061"', '"\\ud800"', '"\t"', "true", "null", "nul", ""),
        ]
    ),
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda parts: f"[{','.join(parts)}]")
        | st.lists(
            st.tuples(st.sampled_from(['"a"', '"b"', '"\\u0061"', "c"]), inner), max_size=10
        ).map(lambda pairs: "{" + " ,\n".join(f"{key}: {value}" for key, value in pairs) + "}")
    ),
    max_leaves=12,
)


def read(reader: Any, text: str) -> object:
    """The value with the kinds of its numbers, or what is refused."""
    try:
        return repr(reader(text, "here", CONTRACT_LIMITS))
    except ContractError as error:
        return str(error)


@given(TEXTS)
def test_a_text_is_read_quickly_as_the_exact_reader_reads_it(text: str) -> None:
    assert read(_json, text) == read(_exactly, text)


@pytest.mark.parametrize("count", [2, 9, 40])
def test_a_key_that_stands_twice_is_found_in_objects_of_any_size(count: int) -> None:
    keys = [f"k{at}" for at in range(count)]
    whole = {"outer": [dict.fromkeys(keys, 1)]}
    text = json.dumps(whole)
    assert _json(text, "here", CONTRACT_LIMITS) == whole
    twice = text.replace(f'"{keys[-1]}"', f'"{keys[0]}"')
    with pytest.raises(ContractError, match="'k0' stands twice"):
        _json(twice, "here", CONTRACT_LIMITS)
