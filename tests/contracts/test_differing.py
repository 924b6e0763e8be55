"""What both of two schemas say is left out before they are held against each other: the answer is
that of the wholes.
"""

import json
from typing import Any

import jsonschema_rs as engine
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.contracts.containment import held_against
from monitor.contracts.differing import bare, differing
from monitor.contracts.read import read_contract

_NAMES = ("a", "b", "c")
_WORDS = {
    engine.canonical.Containment.YES: "yes",
    engine.canonical.Containment.NO: "no",
}


def _objects(below: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.fixed_dictionaries(
        {"type": st.just("object"), "properties": st.dictionaries(st.sampled_from(_NAMES), below)},
        optional={
            "required": st.lists(st.sampled_from(_NAMES), unique=True, min_size=1),
            "additionalProperties": st.booleans(),
            "description": st.text(max_size=3),
        },
    ).map(_fillable)


def _fillable(schema: dict[str, Any]) -> dict[str, Any]:
    """It demands no field that it forbids: what nothing can fill makes all else of no account."""
    if schema.get("additionalProperties") is not False or "required" not in schema:
        return schema
    wanted = [name for name in schema["required"] if name in schema["properties"]]
    rest = {word: part for word, part in schema.items() if word != "required"}
    return rest | ({"required": wanted} if wanted else {})


_LEAVES: st.SearchStrategy[Any] = st.sampled_from(
    [
        {"type": "string"},
        {"type": "string", "maxLength": 3},
        {"type": "integer", "minimum": 0},
        {"type": ["integer", "null"]},
        {"enum": ["x", "y"]},
        {"$ref": "#/$defs/shared"},
        {"$ref": "#/$defs/other"},
    ]
)
_SCHEMAS = st.recursive(
    _LEAVES,
    lambda below: (
        _objects(below) | st.fixed_dictionaries({"type": st.just("array"), "items": below})
    ),
    max_leaves=6,
)
_DOCUMENTS = st.builds(
    lambda root, other: root | {"$defs": {"shared": {"type": "boolean"}, "other": other}},
    _objects(_SCHEMAS),
    st.sampled_from([{"type": "number"}, {"type": "integer"}]),
)


@settings(max_examples=150, deadline=None)
@given(_DOCUMENTS, _DOCUMENTS)
def test_the_answer_is_that_of_the_whole_schemas(older: Any, newer: Any) -> None:
    parts = differing((older, _root(older)), (newer, _root(newer)))
    left = [
        part | {"$defs": whole["$defs"]} for part, whole in zip(parts, (older, newer), strict=True)
    ]
    for ours, theirs in ((left, (older, newer)), (left[::-1], (newer, older))):
        told, whole = (_answer(*pair) for pair in (ours, theirs))
        assert told == whole or "open" in (told, whole), (ours, theirs)


def _root(document: Any) -> Any:
    return {word: part for word, part in document.items() if word != "$defs"}


def _answer(narrow: Any, wide: Any) -> str:
    left, right = (
        engine.canonicalize(schema, draft=engine.Draft202012) for schema in (narrow, wide)
    )
    return _WORDS.get(right.covers(left), "open")


def test_only_what_differs_is_left() -> None:
    def document(most: int) -> dict[str, Any]:
        return {
            "Order": {
                "type": "object",
                "required": ["id", "lines"],
                "properties": {
                    "id": {"type": "string", "description": f"as of {most}"},
                    "buyer": {"$ref": "#/Buyer"},
                    "lines": {"type": "array", "items": {"$ref": "#/Line"}},
                },
            },
            "Buyer": {"type": "object", "properties": {"friend": {"$ref": "#/Buyer"}}},
            "Line": {
                "type": "object",
                "properties": {
                    "count": {"type": "integer", "maximum": most},
                    "of": {"$ref": "#/Order"},
                },
            },
        }

    was, now = (bare({"properties": document(most)})["properties"] for most in (5, 9))
    older, newer = differing((was, {"$ref": "#/Order"}), (now, {"$ref": "#/Order"}))
    counts = {"count": {"type": "integer", "maximum": 5}, "of": {"$ref": "#/Order"}}
    lines = {"type": "array", "items": {"type": "object", "properties": counts}}
    assert older == {"type": "object", "required": ["lines"], "properties": {"lines": lines}}
    assert newer["properties"]["lines"]["items"]["properties"]["count"]["maximum"] == 9


def test_prose_goes_and_names_that_read_like_it_stay() -> None:
    schema = {
        "title": "an order",
        "properties": {"title": {"type": "string", "description": "of it"}},
        "dependentRequired": {"description": ["title"]},
        "enum": [{"title": "x"}],
        "x-team": "shop",
    }
    assert bare(schema) == {
        "properties": {"title": {"type": "string"}},
        "dependentRequired": {"description": ["title"]},
        "enum": [{"title": "x"}],
    }


@pytest.mark.parametrize(
    ("was", "now"),
    [
        ({"minProperties": 1}, {"minProperties": 2}),
        ({"patternProperties": {"^a": {}}}, {"patternProperties": {"^b": {}}}),
        ({"allOf": [{"required": ["a"]}]}, {"allOf": [{"required": ["b"]}]}),
    ],
)
def test_where_all_fields_bear_on_each_other_none_is_left_out(was: Any, now: Any) -> None:
    fields = {"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "number"}}}
    documents = [fields | part for part in (was, now)]
    pairs = [(document, document) for document in documents]
    assert list(differing(pairs[0], pairs[1])) == documents


def test_a_wide_object_is_told_for_what_changed_in_it() -> None:
    """With 300 fields of some length a comparison of wholes was left open."""
    schemas = []
    for most in (100, 50):
        fields: dict[str, Any] = {
            f"field_{at}": {"enum": [f"word {at} {word}" for word in range(20)]}
            for at in range(300)
        }
        fields["page"] = {"type": "integer", "maximum": most}
        text = json.dumps(
            {
                "openapi": "3.1.0",
                "info": {"title": "wide", "version": "1"},
                "paths": {
                    "/a": {
                        "post": {
                            "requestBody": {"content": {"application/json": {"schema": {
                                "type": "object", "properties": fields,
                            }}}},
                            "responses": {"204": {"description": "done"}},
                        }
                    }
                },
            }
        )  # fmt: skip
        promise = read_contract("openapi", text, where="d")
        (operation,) = promise.operations
        assert operation.request is not None
        schema = operation.request.media["application/json"]
        assert schema is not None
        schemas.append(schema)
    held = held_against(*schemas)
    assert (held.newer_allows_all, held.older_allowed_all) == ("no", "yes")
    assert "page" in held.lost
    assert "field_7" not in held.lost
