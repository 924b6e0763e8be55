"""One look over a document sees what closer looks see, and the native walks what Python's see."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.contracts.limits import ContractLimits
from monitor.contracts.looks import (
    DATA,
    NAMES,
    every_object,
    excess,
    held_in,
    holding,
    look_at,
    looked_at,
    measured,
    references,
    referred,
)
from monitor.contracts.refs import _passes, _refuse, objects, survey
from monitor.contracts.work import allowed_depth, depth_of
from monitor.errors import ContractError

KEYS = [
    "components",
    "schemas",
    "links",
    "x-a",
    "properties",
    "example",
    "callbacks",
    "$ref",
    "pattern",
    "patternProperties",
    "paths",
    "a",
    "format",
    "allOf",
    "not",
    "items",
    "dependencies",
    "\ud800",
    "ä",
]
LEAVES = st.sampled_from(
    [
        *(None, 1, "#/a", "http://elsewhere", "[a-z]+" * 4, "#", [], "int64", "\ud800"),
        *("#/a/0", "#/components/schemas/a", "#/%61", "#//", "#/ä", "#/a/properties/a"),
    ]
)
DOCUMENTS = st.dictionaries(
    st.sampled_from(KEYS),
    st.recursive(
        LEAVES,
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4)
        ),
    ),
)


@given(DOCUMENTS, st.sampled_from([frozenset[str](), frozenset({"http://elsewhere"})]))
def test_what_passes_at_first_sight_is_what_a_closer_look_refuses_nothing_of(
    document: dict[str, Any], allowed: frozenset[str]
) -> None:
    limits = ContractLimits(schemas=6, patterns=2, pattern_chars=20)
    look = look_at(document)
    assert look.schemas == len(list(objects(document)))
    assert look.words == {key for node in every_object(document) for key in node}
    if _passes(look, limits, allowed):
        _refuse([(document, "")], "here", limits, allowed)
        survey(document, "here", limits, allowed)
    else:
        with pytest.raises(ContractError):
            survey(document, "here", limits, allowed)


@given(DOCUMENTS, st.integers(1, 30), st.integers(0, 6), st.integers(1, 12))
def test_a_walk_tells_the_same_natively_and_by_its_reference(
    document: dict[str, Any], nodes: int, depth: int, work: int
) -> None:
    assert look_at(document) == looked_at(document)
    assert excess(document, nodes, depth) == measured(document, nodes, depth)
    assert allowed_depth(document, work) == depth_of(document, work)
    assert references(document, nodes) == referred(document, nodes)
    for words, formats in (["pattern", "not"], []), (["a"], ["int64"]):
        ids = [id(node) for node in every_object(document) if "ä" in node]
        held = holding(document, words, formats, ids)
        assert held == held_in(document, words, formats, ids)


def test_whatever_holds_a_wanted_key_is_told_and_nothing_else() -> None:
    inner: dict[str, Any] = {"nullable": True}
    listed = [inner]
    other = {"type": "string", "example": {"nullable": True}, "properties": {"nullable": {}}}
    document = {"a": listed, "b": other}
    assert holding(document, ["nullable"]) == {id(document), id(listed), id(inner)}
    assert "example" in DATA
    assert "properties" in NAMES


@pytest.mark.parametrize(("length", "depth"), [(700, 128), (900, 0)])
def test_a_chain_of_schemas_is_followed_to_a_bound_alike(length: int, depth: int) -> None:
    """It stands so that the first one that is looked at leads through all others."""
    links = {f"s{at}": {"$ref": f"#/$defs/s{at - 1}"} for at in range(1, length)}
    document = {"$defs": {"s0": {"type": "string"}, **links}}
    assert allowed_depth(document, 10_000) == depth_of(document, 10_000) == depth
