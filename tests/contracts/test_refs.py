"""A document is surveyed by a look that costs little; it sees the very objects that the closer
look sees.
"""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.contracts.limits import ContractLimits
from monitor.contracts.refs import _looked_at, _passes, _refuse, objects
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
]
LEAVES = st.sampled_from([None, 1, "#/a", "http://elsewhere", "[a-z]+" * 4, "#", []])
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
    assert sorted(id(node) for node, _ in objects(document)) == sorted(
        map(id, _looked_at(document))
    )
    limits = ContractLimits(schemas=6, patterns=2, pattern_chars=20)
    if _passes(document, limits, allowed):
        _refuse(document, "here", limits, allowed)
    else:
        with pytest.raises(ContractError):
            _refuse(document, "here", limits, allowed)
